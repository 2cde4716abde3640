"""A state on disk, by Orbax. Arrays only: nothing here knows what a game is.

A save becomes visible when it is whole, so a kill at any moment leaves the last one.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from ganjax.errors import Mistake
from ganjax.gan import PyTree


LATEST = 2  # how many of the newest saves are kept, beside the best
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
    scores = dict(_scores(folder))
    options = ocp.CheckpointManagerOptions(
        preservation_policy=None if keep_all else NewestAndBest(scores),
        create=not read_only,
        read_only=read_only,
        save_interval_steps=0 if read_only else 1,
        cleanup_tmp_directories=not read_only,
    )
    return Saves(
        folder, ocp.CheckpointManager(folder, options=options), scores, read_only
    )


def save(saves: Saves, step: int, state: PyTree, score: float | None = None) -> None:
    """Begins a save; returns once the arrays are copied from the devices.

    `score` is how good the state is, lower being better, where that is known.
    """
    check = {"contents": contents(state), "digests": digests(state), "score": score}
    args = ocp.args.Composite(
        state=ocp.args.StandardSave(state), check=ocp.args.JsonSave(check)
    )
    saves.scores.pop(step, None)
    if score is not None:
        saves.scores[step] = score
    saves.orbax.save(step, args=args, force=True)


def finish(saves: Saves) -> None:
    """Waits until every save that was begun is on disk."""
    saves.orbax.wait_until_finished()


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
    considered. A damaged save is named in a sentence to `warn`, passed over and, unless
    only read, put aside. A save of other contents raises a `Mistake`.
    """
    steps = [s for s in saves.orbax.all_steps() if step is None or s <= step]
    for step in sorted(steps, reverse=True):
        found = read(saves, step, like, warn, part=part)
        if found is not None:
            return found
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
    try:
        return _read(saves, step, like, part)
    except (Mistake, MemoryError, PermissionError):
        raise
    except Exception as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:120]
        warn(f"The save {saves.folder / str(step)} is damaged and passed over: {why}")
        if not saves.read_only:
            _put_aside(saves, step)
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
    for path in folder.glob("*/check/metadata"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            yield (
                int(path.parents[1].name),
                float(json.loads(path.read_text())["score"]),
            )


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
    state = saves.orbax.restore(step, args=args)["state"]
    for path, found in digests(state).items():
        if found and check["digests"].get(path) not in ("", found):
            raise ValueError(f"{path} is not what was saved")
    return state


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
