"""`ganjax check`: which saves of a run are intact, and how the others can be repaired."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ganjax.store import readback, set_aside
from ganjax.store.manifest import read_manifest
from ganjax.store.status import read_status
from ganjax.store.workdir import AVERAGES, CHECKPOINTS, is_locked


class CheckedSave(NamedTuple):
    """The result of checking one save."""

    folder: str  # the name of the folder that it lies in, `checkpoints` or `averages`
    step: int
    problem: str  # what is wrong with it, in words; '' if it is intact
    repairs: str  # what was repaired, in words; '' if nothing was


def check_saves(folder: Path) -> list[CheckedSave]:
    """Reads every save of a run to the last bit, and repairs what can be repaired.

    Parts that Orbax never joined (`readback.NOT_JOINED`) are joined. A save that had been
    set aside as damaged but is intact, for instance because a disk is back, gets its name
    back. Nothing is deleted, and while a process trains in the folder nothing is changed.

    Args:
        folder: the folder of the run.

    Returns:
        The result for each save: those of `checkpoints`, then those of `averages`, each in
        the order of their steps.

    Raises:
        UsageError: if `folder` is not a run.
    """
    read_manifest(folder, complete=False)
    # While the run is training, a save that is being written looks like a damaged one.
    may_repair = not is_locked(folder)
    return [
        _check_save(path, step, may_repair)
        for name in (CHECKPOINTS, AVERAGES)
        for step, path in _list_saves(folder / name)
    ]


def _check_save(path: Path, step: int, may_repair: bool) -> CheckedSave:
    folder = path.parent.name
    repairs = []
    try:
        problem = readback.find_problem(path)
        if problem == readback.NOT_JOINED and may_repair:
            try:
                readback.join_parts(path)
            except (OSError, ValueError) as error:
                problem = f"what each process wrote could not be joined ({error})"
                return CheckedSave(folder, step, problem, "")
            repairs.append("joined what each process wrote")
            problem = readback.find_problem(path)
    except OSError as error:
        problem = f"it cannot be read now ({error.strerror})"
    # A save that was set aside gets back the name of its step, unless the run has saved
    # that step again in the meantime.
    home = path.with_name(str(step))
    if not problem and path != home and not home.exists() and may_repair:
        os.replace(path, home)
        repairs.append("put back in its place")
    return CheckedSave(folder, step, problem, ", ".join(repairs))


def _list_saves(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yields the step and the path of each save in a folder, in the order of the steps.

    Of one step, the save that has its name comes before those that were set aside.
    """
    saves = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if not path.is_dir():
            continue
        if path.name.isdecimal():
            saves.append((int(path.name), False, path))
        elif (step := set_aside.step_of(path.name)) is not None:
            saves.append((step, True, path))
    for step, _, path in sorted(saves):
        yield step, path


def describe_state(folder: Path) -> str:
    """Returns a sentence that says whether a run is being trained, or how it ended.

    A run that was killed could not record that, so its status still says "running"; the
    lock of its folder distinguishes it from one that is being trained.

    Raises:
        UsageError: if `folder` is not a run.
    """
    steps = read_manifest(folder, complete=False).get("steps", "?")
    status = read_status(folder)
    state = status.get("state")
    step = status.get("step", 0)
    if is_locked(folder):
        return f"{folder} is being trained now."
    if state is None:
        return f"The state of {folder} is not recorded."
    if state == "running":
        # The step of this status is that with which the process began.
        return (
            f"{folder} was killed before step {steps}: the same command resumes it from "
            "its newest intact save."
        )
    reason = str(status.get("sentence", ""))
    return f"{folder} is {state} at step {step} of {steps}. {reason}".rstrip()


def advice(folder: Path, saves: list[CheckedSave]) -> list[str]:
    """Returns what the user of a run should know or do, in sentences.

    Args:
        folder: the folder of the run.
        saves: the result of `check_saves`.
    """
    sentences = []
    unsafe = readback.unsafe_characters(folder)
    if unsafe:
        sentences.append(
            f"Move {folder} to a path without {' '.join(unsafe)}: no save could be read "
            "back from here, so nothing can be trained here."
        )
    intact = [x.step for x in saves if x.folder == CHECKPOINTS and not x.problem]
    if intact:
        sentences.append(f"The newest intact save is that of step {max(intact)}.")
    return sentences


def leftovers(folder: Path) -> list[Path]:
    """Returns the temporary folders of saves that a kill interrupted.

    They are harmless, and are removed when the run is resumed.
    """
    with suppress(OSError):
        return sorted(
            path
            for name in (CHECKPOINTS, AVERAGES)
            if (folder / name).is_dir()
            for path in (folder / name).iterdir()
            if "orbax-checkpoint-tmp" in path.name
        )
    return []
