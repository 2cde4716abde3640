"""Saves of a state (checkpoints), written and read by Orbax.

A state is any pytree of arrays: nothing here knows what a game is. The saves of a run lie
in one folder, each in a folder named by its step, which has two parts: `state/`, the
arrays, and `check/`, a list of their dtypes, shapes and SHA-256 digests.

Two checks are added to Orbax. Each save is opened once it is on the disk, and the first
save of each process is read back to the last bit before training goes on: a file system on
which saves silently fail should be found in the first minutes of a run, not at its end
(`verify`, and `ganjax.store.readback`). And a save that was damaged later is recognized by
its digests, so that `restore` skips it. Orbax itself makes a save visible only once it is
complete, so that a process that is killed at any moment leaves the previous one.

    saves = open_saves(folder)
    save(saves, step, state)                       # returns while it is being written
    finish(saves)                                  # waits until it is on the disk
    state = restore(saves, like=state, warn=print)
"""

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import NamedSharding

from ganjax import parallel
from ganjax.core import PyTree
from ganjax.errors import UsageError, brief_reason, first_line
from ganjax.store import readback, set_aside
from ganjax.store.atomic import write
from ganjax.store.hashing import sha256
from ganjax.store.orbax_workarounds import (
    clear_frames,
    forget_warnings,
    last_warning,
    quiet_orbax,
    unsliced_small_arrays,
)


# How many of the newest saves are kept: two, as the newest may turn out to be damaged. The
# one with the lowest score is kept as well.
NEWEST_KEPT = 2
SCORES = "scores.json"  # in the folder of the saves: their scores, by step
# The folder of a trial save. It begins with a dot, so that a run's folder that holds
# nothing else counts as empty.
TRIAL = ".trial"
# Errors of the operating system that mean a file cannot be written.
WRITE_ERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
)


class Saves(NamedTuple):
    """The saves of one run, opened by `open_saves`."""

    folder: Path
    orbax: ocp.CheckpointManager
    scores: dict[int, float]  # by step, lower is better; not every save has one
    read_only: bool
    pending: list[int]  # steps of saves that were begun and not yet checked
    verified: list[int]  # steps of saves that were read back to the last bit


class NewestAndBest(NamedTuple):
    """Orbax's policy of which saves are kept: the newest few, and the best."""

    scores: dict[int, float]

    def should_preserve(self, checkpoints: Sequence, *, context: object) -> list[bool]:
        """Returns, for each checkpoint in the order of steps, whether it is kept."""
        steps = [checkpoint.step for checkpoint in checkpoints]
        kept = {*steps[-NEWEST_KEPT:], _lowest(self.scores, steps)}
        return [step in kept for step in steps]


def open_saves(
    folder: Path, *, read_only: bool = False, keep_all: bool = False
) -> Saves:
    """Opens the folder of a run's saves.

    Args:
        folder: the folder; it is made unless `read_only`.
        read_only: whether the saves are only read. Nothing is changed on the disk then.
        keep_all: whether every save is kept. By default only the newest `NEWEST_KEPT` are,
            and the one with the lowest score.
    """
    folder = folder.absolute()
    # The policy and `Saves` share this dictionary: `record_score` changes what is kept.
    scores = dict(_read_scores(folder))
    # If read only, Orbax warns of each option that has no effect then, unless it is off.
    options = ocp.CheckpointManagerOptions(
        preservation_policy=None if keep_all else NewestAndBest(scores),
        create=not read_only,
        read_only=read_only,
        save_interval_steps=0 if read_only else 1,
        cleanup_tmp_directories=not read_only,
    )
    with quiet_orbax():
        manager = ocp.CheckpointManager(folder, options=options)
    return Saves(folder, manager, scores, read_only, [], [])


def check_folder(folder: Path) -> None:
    """Saves a small array in a run's folder and reads it back, before training begins.

    In a run of several processes, every process must call it.

    Raises:
        UsageError: if a save cannot be written there and read back, for example because of
            characters of the path, a file system without renaming, missing rights, or a
            full disk.
    """
    folder = folder.absolute()
    # The one cause that is known in advance has its own message; a trial finds all others.
    unsafe = readback.unsafe_characters(folder)
    if unsafe:
        raise UsageError(
            f"No save could be read back from {folder}, because of the {' '.join(unsafe)} "
            "in its path: name another --workdir."
        )
    trial = folder / TRIAL
    # On every device, as a state is, so that every process writes its part.
    everywhere = NamedSharding(parallel.mesh(), parallel.REPLICATED)
    array = jax.jit(lambda: jnp.arange(4.0), out_shardings=everywhere)()
    try:
        if jax.process_index() == 0:
            shutil.rmtree(trial, ignore_errors=True)
        parallel.barrier("an earlier trial is removed")
        # The first save through `saves` is read back before `save` returns.
        saves = open_saves(trial)
        save(saves, 0, {"trial": array})
        saves.orbax.close()
        parallel.barrier("the trial is saved")
    except (OSError, ValueError, RuntimeError) as error:
        why = brief_reason(error)
        raise UsageError(
            f"No save could be read back from {folder} ({why}): name another --workdir."
        ) from error
    finally:
        if jax.process_index() == 0:
            shutil.rmtree(trial, ignore_errors=True)


def save(saves: Saves, step: int, state: PyTree) -> None:
    """Begins to save a state; returns once its arrays are copied from the devices.

    The previous save is on the disk by then. The first save of a process is waited for and
    verified.

    Args:
        saves: the saves of a run, not opened to be read only.
        step: the step after which the state is saved.
        state: a pytree of arrays.

    Raises:
        OSError: if this save or the previous one could not be written.
    """
    finish(saves)
    if jax.process_index() == 0:
        # Fail now if no folder can be made here: Orbax's threads would wait for minutes.
        os.rmdir(tempfile.mkdtemp(prefix=".", dir=saves.folder))
    # Digests are taken of the state in memory, so that a comparison with the disk covers
    # everything that Orbax and the file system do in between.
    check = {"contents": describe_arrays(state), "digests": digests(state)}
    args = ocp.args.Composite(
        state=ocp.args.StandardSave(state), check=ocp.args.JsonSave(check)
    )
    # The run may have gone back and reached this step again: the old score is void.
    saves.scores.pop(step, None)
    saves.pending.append(step)
    # The outer block lasts until the save is verified: Orbax warns from its threads. With
    # `force` every save is made; without it Orbax refuses some, such as those of steps
    # before the latest one.
    with quiet_orbax():
        with _os_errors(saves), unsliced_small_arrays():
            saves.orbax.save(step, args=args, force=True)
        if not saves.verified:
            verify(saves)


def record_score(saves: Saves, step: int, score: float) -> None:
    """Records the score of the save of a step; lower is better."""
    saves.scores[step] = score
    by_step = {str(step): saves.scores[step] for step in sorted(saves.scores)}
    if jax.process_index() == 0 and saves.folder.is_dir():
        write(saves.folder / SCORES, json.dumps(by_step) + "\n")


def finish(saves: Saves) -> None:
    """Waits until every save that was begun is on the disk, and checks that each opens.

    Raises:
        OSError: if one could not be written, or cannot be opened.
    """
    # Orbax raises here what went wrong in its threads.
    with _os_errors(saves):
        saves.orbax.wait_until_finished()
    while saves.pending:
        _confirm(saves, saves.pending.pop())


def verify(saves: Saves) -> None:
    """Waits for the saves that were begun, and reads each back to the last bit.

    Raises:
        OSError: if one could not be written, or differs from what was saved.
    """
    with _os_errors(saves):
        saves.orbax.wait_until_finished()
    steps = [*saves.pending]
    saves.pending.clear()
    for step in steps:
        _confirm(saves, step, arrays=True)
        saves.verified.append(step)


@contextlib.contextmanager
def _os_errors(saves: Saves) -> Iterator[None]:
    """Turns every error that Orbax raises while it writes into an OSError.

    Orbax and TensorStore raise errors of many types, which have the message of the
    operating system in their text.
    """
    with quiet_orbax():
        try:
            yield
        except UsageError:
            raise
        except OSError as error:
            clear_frames(error)
            raise
        except Exception as error:
            clear_frames(error)
            # The error number tells callers which errors a person can fix, as a full disk.
            for number in WRITE_ERRORS:
                message = os.strerror(number)
                if message in str(error):
                    raise OSError(number, message, str(saves.folder)) from error
            raise OSError(
                f"A save in {saves.folder} could not be written ({first_line(error)})"
            ) from error


def _confirm(saves: Saves, step: int, arrays: bool = False) -> None:
    """Raises an OSError unless the save of a step is on the disk and can be opened.

    With `arrays` they are also read and compared with their digests.
    """
    # One process is enough: it checks the files of all.
    if jax.process_index():
        return
    path = saves.folder / str(step)
    if path.is_dir():
        problem = readback.find_problem(path, arrays=arrays)
    else:
        problem = "it is not there"
    if problem:
        warning = last_warning()
        remark = f"; the checkpoint library said: {warning}" if warning else ""
        raise OSError(f"The save {path} cannot be read back: {problem}{remark}")
    forget_warnings()


def restore(
    saves: Saves,
    like: PyTree,
    warn: Callable[[str], None],
    *,
    step: int | None = None,
    partial: bool = False,
) -> PyTree | None:
    """Returns the newest intact save, or None if there is none.

    Damaged saves are skipped. Once an older, intact one is found, they are renamed to
    `damaged-STEP`, unless the saves were opened to be read only.

    Args:
        saves: the saves of a run.
        like: a state, or a tree of `jax.ShapeDtypeStruct`, of the same structure as what
            was saved; the arrays are placed on the devices as its leaves are.
        warn: is called with a sentence for each damaged save.
        step: the newest step that is considered; all by default.
        partial: whether `like` consists of dictionaries of only some of a state's arrays.
            Only those are read.

    Returns:
        The state, with the structure of `like`.

    Raises:
        UsageError: if the arrays of a save are not those of `like`.
        OSError: if a save cannot be read now, because of too little memory, missing rights
            or a faulty disk; it may still be intact.
    """
    steps = [s for s in saves.orbax.all_steps() if step is None or s <= step]
    damaged = []
    for candidate in sorted(steps, reverse=True):
        state = restore_step(saves, candidate, like, warn, partial=partial)
        if state is not None:
            # The run will reach the steps of the damaged saves again, and needs their
            # names. If no save is intact, they stay in place for somebody to look at.
            if not saves.read_only:
                for damaged_step in damaged:
                    _set_aside(saves, damaged_step)
            return state
        damaged.append(candidate)
    return None


def restore_step(
    saves: Saves,
    step: int,
    like: PyTree,
    warn: Callable[[str], None],
    *,
    partial: bool = False,
) -> PyTree | None:
    """Returns the state saved at exactly this step, or None if the save is damaged.

    Arguments and errors are those of `restore`.
    """
    # Every array is compared with its digest before Orbax reads it: Orbax itself would
    # silently restore altered numbers.
    path = saves.folder / str(step)
    problem = readback.find_problem(path)
    if not problem:
        with quiet_orbax():
            try:
                return _read(saves, step, like, partial)
            except (UsageError, MemoryError, OSError) as error:
                clear_frames(error)
                raise
            except Exception as error:  # Orbax and TensorStore raise many types
                clear_frames(error)
                readback.raise_if_temporary(error, path)
                problem = first_line(error)
    advice = " (`ganjax check` joins it)" if problem == readback.NOT_JOINED else ""
    warn(f"The save {path} is damaged and skipped{advice}: {problem}")
    return None


def delete_after(saves: Saves, step: int) -> None:
    """Deletes all saves after `step`, from which the run is about to resume."""
    for later in saves.orbax.all_steps():
        if later > step:
            saves.orbax.delete(later)


def best_step(saves: Saves) -> int | None:
    """Returns the step of the save with the lowest score.

    If no save has a score, it is the newest step; if there are no saves, None.
    """
    steps = saves.orbax.all_steps()
    best = _lowest(saves.scores, steps)
    return max(steps, default=None) if best is None else best


def describe_arrays(state: PyTree) -> dict[str, str]:
    """Returns the dtype and shape of each array, as "float32[8,32]", by its path.

    The path joins keys by dots, as in "params.w".
    """
    arrays = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        arrays[_name(path)] = f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"
    return arrays


def digests(state: PyTree) -> dict[str, str]:
    """Returns the SHA-256 of each array by its path (see `describe_arrays`).

    It is '' for an array that is sharded over several processes, as no process has all of
    it.
    """
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {_name(path): _digest(leaf) for path, leaf in leaves}


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _lowest(scores: dict[int, float], steps: Sequence[int]) -> int | None:
    # Of equal scores, the earliest step wins.
    scored = [(scores[step], step) for step in steps if step in scores]
    return min(scored)[1] if scored else None


def _read_scores(folder: Path) -> Iterator[tuple[int, float]]:
    """Yields steps and scores; if a step comes twice, the later score counts."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        # Old versions of ganjax, without `SCORES`, recorded the score inside the save.
        with contextlib.suppress(
            OSError, ValueError, KeyError, TypeError, RecursionError
        ):
            listed = json.loads((path / "check" / "metadata").read_text())
            yield int(path.name), float(listed["score"])
    with contextlib.suppress(
        OSError, ValueError, TypeError, AttributeError, RecursionError
    ):
        for step, score in json.loads((folder / SCORES).read_text()).items():
            yield int(step), float(score)


def _digest(leaf: jax.Array) -> str:
    # Orbax saves the uint32 numbers of a typed random key.
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    # The copies of a replicated array are equal: one of this process's is enough.
    if leaf.is_fully_replicated:
        leaf = leaf.addressable_data(0)
    if not leaf.is_fully_addressable:
        return ""
    return sha256(np.ascontiguousarray(leaf).tobytes())


def _read(saves: Saves, step: int, like: PyTree, partial: bool) -> PyTree:
    # First compare with the list of what was saved: a save of another experiment is then
    # refused by a message that names an array, where Orbax's own would not.
    args = ocp.args.Composite(check=ocp.args.JsonRestore())
    saved = saves.orbax.restore(step, args=args)["check"]["contents"]
    wanted = describe_arrays(like)
    names = wanted.keys() if partial else wanted.keys() | saved.keys()
    for name in sorted(names):
        wanted_type = wanted.get(name, "none")
        saved_type = saved.get(name, "none")
        if wanted_type != saved_type:
            raise UsageError(
                f"The save of step {step} in {saves.folder} is of another game or "
                f"optimizer: {name} is {saved_type} in it and {wanted_type} here; use the "
                "arguments and the experiment file that it was made with."
            )
    abstract = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), like
    )
    # Orbax restores a part of a tree only by its older interface, which takes the sharding
    # of each array a second time.
    if partial:
        state_args = ocp.args.PyTreeRestore(
            abstract,
            restore_args=ocp.checkpoint_utils.construct_restore_args(abstract),
            partial_restore=True,
        )
    else:
        state_args = ocp.args.StandardRestore(abstract)
    return saves.orbax.restore(step, args=ocp.args.Composite(state=state_args))["state"]


def _set_aside(saves: Saves, step: int) -> None:
    """Renames a damaged save, so that it is neither found again nor lost."""
    aside = set_aside.new_path(saves.folder, step)
    if jax.process_index() == 0:
        os.replace(saves.folder / str(step), aside)
    # Orbax remembers the steps that it has seen.
    saves.orbax.reload()
