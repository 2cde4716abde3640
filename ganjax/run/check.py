"""Which saves of a run are whole, and what can be done about those that are not."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ganjax import readback
from ganjax.run import folder as folders


ASIDE = re.compile(
    r"damaged-(\d+)(-again)*"
)  # how a save that was passed over is named


class Verdict(NamedTuple):
    """What became of one save."""

    kind: str  # the folder that it lies in, `checkpoints` or `averages`
    step: int
    problem: str  # '' if it is whole
    done: str  # what was done about it, in words


def check(folder: Path) -> list[Verdict]:
    """Reads every save of a run to the last bit, and mends what can be mended.

    Parts that were never joined, as in a folder with a [ in its path, are joined; a save
    that had been put aside and is whole gets its place back. Nothing is deleted, and where
    a process trains in the folder nothing is changed. Raises a `Mistake` if it is no run.
    """
    folders.read(folder, whole=False)
    mend = not folders.is_held(folder)
    return [
        _verdict(path, step, kind, mend)
        for kind in (folders.CHECKPOINTS, folders.AVERAGES)
        for step, path in _saves(folder / kind)
    ]


def _verdict(path: Path, step: int, kind: str, mend: bool) -> Verdict:
    try:
        problem, done = readback.problem(path), []
    except OSError as error:
        return Verdict(kind, step, f"it cannot be read now ({error.strerror})", "")
    if problem == readback.APART and mend:
        try:
            readback.join(path)
        except (OSError, ValueError) as error:
            return Verdict(kind, step, f"{problem}, and cannot be ({error})", "")
        problem = readback.problem(path)
        done.append("joined what each process wrote")
    home = path.with_name(str(step))
    if not problem and path != home and not home.exists() and mend:
        os.replace(path, home)
        done.append("put back in its place")
    return Verdict(kind, step, problem, ", ".join(done))


def _saves(folder: Path) -> Iterator[tuple[int, Path]]:
    """The saves in a folder, in the order of their steps; of one step its own first."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        aside = ASIDE.fullmatch(path.name)
        if path.is_dir() and (path.name.isdecimal() or aside):
            found.append((int(aside[1] if aside else path.name), bool(aside), path))
    for step, _, path in sorted(found):
        yield step, path


def standing(folder: Path) -> str:
    """How a run stands, in a sentence; also of one that was killed, which cannot say so."""
    steps = folders.read(folder, whole=False).get("steps", "?")
    status = folders.status(folder)
    state, step = status.get("state", "unknown"), status.get("step", 0)
    if folders.is_held(folder):
        return f"{folder} is being trained now."
    if state == "running":
        return (
            f"{folder} was killed after step {step} of {steps}: the same command goes on "
            "from its newest whole save."
        )
    said = f"{folder} is {state} at step {step} of {steps}."
    return " ".join(filter(None, [said, str(status.get("sentence", ""))]))


def advice(folder: Path, found: list[Verdict]) -> list[str]:
    """What is to be done, a sentence each."""
    said = []
    bad = readback.unsafe(folder)
    if bad:
        said.append(
            f"Move {folder} to a path without {' '.join(bad)}: no save could be read back "
            "from here, so nothing can be trained here."
        )
    whole = [x.step for x in found if x.kind == folders.CHECKPOINTS and not x.problem]
    if whole:
        said.append(f"The newest whole save is that of step {max(whole)}.")
    return said


def leftovers(folder: Path) -> list[Path]:
    """What saves that were killed have left; the next start takes it away."""
    with suppress(OSError):
        return sorted(
            path
            for kind in (folders.CHECKPOINTS, folders.AVERAGES)
            if (folder / kind).is_dir()
            for path in (folder / kind).iterdir()
            if "orbax-checkpoint-tmp" in path.name
        )
    return []
