"""A state on disk, by Orbax. Arrays only: nothing here knows what a game is.

A save becomes visible when it is whole, so a kill at any moment leaves the last one.
A save is believed only once it was read back: see `confirm` and `ganjax.readback`.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental.multihost_utils import sync_global_devices
from jax.sharding import NamedSharding

from ganjax import parallel, readback
from ganjax.errors import Mistake
from ganjax.gan import PyTree


LATEST = 2  # how many of the newest saves are kept, beside the best
SCORES = "scores.json"  # in the folder of the saves: how good each of them is
TRIAL = ".trial"
SHARED = 2**20  # bytes of an array from which on its copies are written in parts

# Cut into parts, a state of many small arrays takes seconds to copy from the devices.
# Orbax has no other way to say so that keeps what tells keys from plain arrays.
_HANDLER: Any = ocp.type_handlers.get_type_handler(jax.Array)
_HANDLER._min_slice_bytes_for_replica_parallel = SHARED


class Saves(NamedTuple):
    """The saves of one run."""

    folder: Path
    orbax: ocp.CheckpointManager
    scores: dict[int, float]  # by step, lower being better, where they are known
    read_only: bool
    unconfirmed: list[int]  # steps of saves that were begun and not yet read back
    believed: list[int]  # those that were read back to the last bit


class NewestAndBest(NamedTuple):
    """Which saves Orbax keeps: the newest few, and the one with the lowest score."""

    scores: dict[int, float]

    def should_preserve(self, checkpoints: Sequence, *, context: object) -> list[bool]:
        """Whether each of the checkpoints, in the order of their steps, is kept."""
        steps = [checkpoint.step for checkpoint in checkpoints]
        kept = {*steps[-LATEST:], _lowest(self.scores, steps)}
        return [step in kept for step in steps]


def open_saves(
    folder: Path, *, read_only: bool = False, keep_all: bool = False
) -> Saves:
    """The saves in `folder`: the newest are kept, and the one with the lowest score.

    Or all of them, with `keep_all`.
    """
    folder = folder.absolute()
    _listen()
    scores = dict(_scores(folder))
    options = ocp.CheckpointManagerOptions(
        preservation_policy=None if keep_all else NewestAndBest(scores),
        create=not read_only,
        read_only=read_only,
        save_interval_steps=0 if read_only else 1,
        cleanup_tmp_directories=not read_only,
    )
    manager = ocp.CheckpointManager(folder, options=options)
    return Saves(folder, manager, scores, read_only, [], [])


def try_out(folder: Path) -> None:
    """Saves a small array in a run's folder and reads it back, before anything is played.

    Raises a `Mistake` where what is saved cannot be read again, for whatever reason: the
    characters of a path, a file system that cannot rename, rights, no room. Every process
    of a run takes part.
    """
    folder = folder.absolute()
    bad = readback.unsafe(folder)
    if bad:
        raise Mistake(
            f"No save could be read back from {folder}, because of the {' '.join(bad)} in "
            "its path: name another --workdir."
        )
    where = folder / TRIAL
    everywhere = NamedSharding(parallel.mesh(), parallel.WHOLE)
    array = jax.jit(lambda: jnp.arange(4.0), out_shardings=everywhere)()
    try:
        if jax.process_index() == 0:
            shutil.rmtree(where, ignore_errors=True)
        _together("what an earlier trial left is gone")
        saves = open_saves(where)
        save(saves, 0, {"trial": array})
        saves.orbax.close()
        _together("all have tried")
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or _first_line(error)
        raise Mistake(
            f"No save could be read back from {folder} ({why}): name another --workdir."
        ) from error
    finally:
        if jax.process_index() == 0:
            shutil.rmtree(where, ignore_errors=True)


def _together(what: str) -> None:
    if jax.process_count() > 1:
        sync_global_devices(what)


def save(saves: Saves, step: int, state: PyTree) -> None:
    """Begins a save; returns once the arrays are copied from the devices.

    The save before it is on disk by then, and was confirmed.
    """
    finish(saves)
    if jax.process_index() == 0:
        # Where no folder can be made, Orbax's threads would wait for it for minutes.
        os.rmdir(tempfile.mkdtemp(prefix=".", dir=saves.folder))
    check = {"contents": contents(state), "digests": digests(state)}
    args = ocp.args.Composite(
        state=ocp.args.StandardSave(state), check=ocp.args.JsonSave(check)
    )
    saves.scores.pop(step, None)
    saves.unconfirmed.append(step)
    with _writing(saves):
        saves.orbax.save(step, args=args, force=True)
    if not saves.believed:
        # What silently saves nothing is to be found now, not at the end of a week.
        confirm(saves)


def rate(saves: Saves, step: int, score: float) -> None:
    """Notes how good the save of a step is, lower being better."""
    saves.scores[step] = score
    known = {str(step): saves.scores[step] for step in sorted(saves.scores)}
    if jax.process_index() == 0 and saves.folder.is_dir():
        draft = saves.folder / f".{SCORES}.partial"
        draft.write_text(json.dumps(known) + "\n")
        os.replace(draft, saves.folder / SCORES)


def finish(saves: Saves) -> None:
    """Waits until every save that was begun is on disk, and confirms each.

    Raises an OSError where one could not be written.
    """
    with _writing(saves):
        saves.orbax.wait_until_finished()
    while saves.unconfirmed:
        _confirm(saves, saves.unconfirmed.pop())


def confirm(saves: Saves) -> None:
    """Waits for the saves that were begun, and reads them back to the last bit."""
    with _writing(saves):
        saves.orbax.wait_until_finished()
    steps, saves.unconfirmed[:] = [*saves.unconfirmed], []
    for step in steps:
        _confirm(saves, step, whole=True)
        saves.believed.append(step)


@contextlib.contextmanager
def _writing(saves: Saves) -> Iterator[None]:
    """Raises an OSError for whatever goes wrong while Orbax writes.

    Orbax and TensorStore pass on what the system said as text, in errors of many kinds.
    """
    try:
        yield
    except (OSError, Mistake):
        raise
    except Exception as error:
        for number in (
            errno.ENOSPC,
            errno.EDQUOT,
            errno.EFBIG,
            errno.EROFS,
            errno.EACCES,
        ):
            if os.strerror(number) in str(error):
                raise OSError(number, os.strerror(number), str(saves.folder)) from error
        raise OSError(
            f"A save in {saves.folder} could not be written ({_first_line(error)})"
        ) from error


def _confirm(saves: Saves, step: int, whole: bool = False) -> None:
    """Raises an OSError unless the save of a step is on the disk and can be opened."""
    if jax.process_index():
        return
    where = saves.folder / str(step)
    there = where.is_dir()
    why = readback.problem(where, arrays=whole) if there else "it is not there"
    if why:
        heard = f"; the checkpoint library said: {_HEARD[-1]}" if _HEARD else ""
        raise OSError(f"The save {where} cannot be read back: {why}{heard}")
    _HEARD.clear()


def restore(
    saves: Saves,
    like: PyTree,
    warn: Callable[[str], None],
    *,
    step: int | None = None,
    part: bool = False,
) -> PyTree | None:
    """The newest whole save, laid out as `like` is, or None where there is none.

    `like` is a state, or a tree of `jax.ShapeDtypeStruct`; with `part` it is dictionaries
    of some of a state's arrays, and only those are read. With `step` no newer save is
    considered. A damaged save is named in a sentence to `warn` and passed over; once an
    older one is found whole, it is put aside, unless these are only read. A save of other
    contents raises a `Mistake`, and one that cannot be read now, for want of memory or of
    rights or by a fault of the disk, an OSError: it may be whole.
    """
    steps = [s for s in saves.orbax.all_steps() if step is None or s <= step]
    passed_over = []
    for step in sorted(steps, reverse=True):
        found = read(saves, step, like, warn, part=part)
        if found is not None:
            for damaged in () if saves.read_only else passed_over:
                _put_aside(saves, damaged)
            return found
        passed_over.append(step)
    return None


def read(
    saves: Saves,
    step: int,
    like: PyTree,
    warn: Callable[[str], None],
    *,
    part: bool = False,
) -> PyTree | None:
    """The save of this step, or None where it is damaged; otherwise as `restore`."""
    where = saves.folder / str(step)
    why = readback.problem(where)
    if not why:
        try:
            return _read(saves, step, like, part)
        except (Mistake, MemoryError, OSError):
            raise
        except Exception as error:
            readback.raise_if_passing(error, where)
            why = _first_line(error)
    advice = " (`ganjax check` joins it)" if why == readback.APART else ""
    warn(f"The save {where} is damaged and passed over{advice}: {why}")
    return None


def forget(saves: Saves, step: int) -> None:
    """Deletes the saves after `step`, to which the run has gone back."""
    for later in saves.orbax.all_steps():
        if later > step:
            saves.orbax.delete(later)


def best_step(saves: Saves) -> int | None:
    """The step of the save with the lowest score, the newest if none has one, or None."""
    steps = saves.orbax.all_steps()
    best = _lowest(saves.scores, steps)
    return max(steps, default=None) if best is None else best


def contents(state: PyTree) -> dict[str, str]:
    """The type and shape of each array, by its path in the state."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    kind = lambda x: f"{x.dtype}[{','.join(map(str, x.shape))}]"
    return {_name(path): kind(leaf) for path, leaf in leaves}


def digests(state: PyTree) -> dict[str, str]:
    """The SHA-256 of each array, by its path; none of one split over processes."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {_name(path): _digest(leaf) for path, leaf in leaves}


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _lowest(scores: dict[int, float], steps: Sequence[int]) -> int | None:
    scored = [(scores[step], step) for step in steps if step in scores]
    return min(scored)[1] if scored else None


def _scores(folder: Path) -> Iterator[tuple[int, float]]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        # Runs that are older than `rate` noted the score inside of the save.
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


_HEARD: deque[str] = deque(maxlen=8)  # what Orbax warned of since the last whole save


def _hear(record: logging.LogRecord) -> bool:
    """Keeps Orbax's warnings, to be quoted if a save cannot be read back."""
    if "orbax" not in record.pathname:
        return True
    _HEARD.append(record.getMessage().splitlines()[0][:200])
    return False


def _listen() -> None:
    """Takes in what Orbax remarks, which is not for the person at the terminal.

    It logs by absl: reading back says whether a warning matters, and `_confirm` quotes it
    if it does. After a read or a save that failed, and was told, its threads go on to
    complain of a closed event loop, where nobody can catch it. All other remarks of these
    loggers and hooks go on as before; listening again changes nothing.
    """
    logging.getLogger("absl").addFilter(_hear)
    logging.getLogger("asyncio").addFilter(_is_news)
    if getattr(sys.unraisablehook, "__name__", "") != _LATE:
        told = sys.unraisablehook

        def hook(unraisable: Any) -> None:
            if _is_late(f"{unraisable.exc_value} {unraisable.err_msg}"):
                return
            told(unraisable)

        hook.__name__ = _LATE
        sys.unraisablehook = hook


_LATE = "without_late_remarks_of_orbax"


def _is_news(record: logging.LogRecord) -> bool:
    return "never retrieved" not in record.getMessage()


def _is_late(text: str) -> bool:
    late = "Event loop is closed", "never awaited", "Encountered error while reading"
    return any(words in text for words in late)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


def _digest(leaf: jax.Array) -> str:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if leaf.is_fully_replicated:
        leaf = leaf.addressable_data(0)
    if not leaf.is_fully_addressable:
        return ""
    return hashlib.sha256(np.ascontiguousarray(leaf).tobytes()).hexdigest()


def _read(saves: Saves, step: int, like: PyTree, part: bool) -> PyTree:
    args = ocp.args.Composite(check=ocp.args.JsonRestore())
    check = saves.orbax.restore(step, args=args)["check"]
    wanted = contents(like)
    of_interest = wanted.keys() if part else wanted.keys() | check["contents"].keys()
    for path in sorted(of_interest):
        here, there = wanted.get(path, "none"), check["contents"].get(path, "none")
        if here != there:
            raise Mistake(
                f"The save of step {step} in {saves.folder} is of another experiment: "
                f"{path} is {there} in it and {here} here; use the arguments and the "
                f"experiment file that it was made with."
            )
    abstract = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), like
    )
    how = _some(abstract) if part else ocp.args.StandardRestore(abstract)
    args = ocp.args.Composite(state=how)
    return saves.orbax.restore(step, args=args)["state"]


def _some(abstract: PyTree) -> ocp.args.PyTreeRestore:
    each = ocp.checkpoint_utils.construct_restore_args(abstract)
    return ocp.args.PyTreeRestore(abstract, restore_args=each, partial_restore=True)


def _put_aside(saves: Saves, step: int) -> None:
    aside = saves.folder / f"damaged-{step}"
    while aside.exists():
        aside = aside.with_name(aside.name + "-again")
    if jax.process_index() == 0:
        os.replace(saves.folder / str(step), aside)
    saves.orbax.reload()
