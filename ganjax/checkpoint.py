"""A state on disk, by Orbax. Arrays only: nothing here knows what a game is.

A save becomes visible when it is whole, so a kill at any moment leaves the last one.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as policies

from ganjax.errors import Mistake
from ganjax.gan import PyTree


LATEST = 2  # how many of the newest saves are kept, beside the best


class Saves(NamedTuple):
    """The saves of one run."""

    folder: Path
    orbax: ocp.CheckpointManager


def open_saves(folder: Path, score: str = "", *, read_only: bool = False) -> Saves:
    """The saves in `folder`; the one with the lowest `score` is kept beside the newest.

    A save without that score does not compete.
    """
    newest = policies.LatestN(LATEST)
    best = policies.BestN(
        get_metric_fn=lambda scores: scores.get(score, float("inf")),
        reverse=True,
        n=1,
        keep_checkpoints_without_metrics=False,
    )
    options = ocp.CheckpointManagerOptions(
        preservation_policy=policies.AnyPreservationPolicy([newest, best]),
        create=not read_only,
        read_only=read_only,
        cleanup_tmp_directories=not read_only,
    )
    manager = ocp.CheckpointManager(folder.absolute(), options=options)
    return Saves(folder, manager)


def save(saves: Saves, step: int, state: PyTree, scores: Mapping[str, float]) -> None:
    """Begins a save; returns once the arrays are copied from the devices."""
    items = ocp.args.Composite(
        state=ocp.args.StandardSave(state),
        check=ocp.args.JsonSave(
            {"contents": contents(state), "digests": digests(state)}
        ),
    )
    saves.orbax.save(step, args=items, metrics=dict(scores) or None, force=True)


def finish(saves: Saves) -> None:
    """Waits until every save that was begun is on disk."""
    saves.orbax.wait_until_finished()


def restore(saves: Saves, like: PyTree, warn: Callable[[str], None]) -> PyTree | None:
    """The newest whole save, laid out as `like` is, or None where there is none.

    `like` is a state, or a tree of `jax.ShapeDtypeStruct`. A damaged save is named in a
    sentence to `warn`, put aside and passed over. A save of another shape is a Mistake.
    """
    for step in sorted(saves.orbax.all_steps(), reverse=True):
        try:
            return _read(saves, step, like)
        except Mistake:
            raise
        except Exception as error:
            aside = _put_aside(saves, step)
            why = str(error).splitlines()[0][:120]
            warn(
                f"The save of step {step} is damaged ({why}); it is put aside: {aside}"
            )
    return None


def best_step(saves: Saves, score: str) -> int:
    """The step of the save with the lowest `score`, or the newest if none has one."""
    steps = saves.orbax.all_steps()
    scores = {step: (saves.orbax.metrics(step) or {}).get(score) for step in steps}
    scored = [step for step in steps if scores[step] is not None]
    return min(scored, key=lambda step: scores[step]) if scored else max(steps)


def contents(state: PyTree) -> dict[str, str]:
    """The type and shape of each array, by its path in the state."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    kind = lambda x: f"{x.dtype}[{','.join(map(str, x.shape))}]"
    return {jax.tree_util.keystr(path): kind(leaf) for path, leaf in leaves}


def digests(state: PyTree) -> dict[str, str]:
    """The SHA-256 of each array, by its path; none of one split over processes."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {jax.tree_util.keystr(path): _digest(leaf) for path, leaf in leaves}


def _digest(leaf: jax.Array) -> str:
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if leaf.is_fully_replicated:
        leaf = leaf.addressable_data(0)
    if not leaf.is_fully_addressable:
        return ""
    return hashlib.sha256(np.ascontiguousarray(leaf).tobytes()).hexdigest()


def _read(saves: Saves, step: int, like: PyTree) -> PyTree:
    args = ocp.args.Composite(check=ocp.args.JsonRestore())
    check = saves.orbax.restore(step, args=args).check
    wanted = contents(like)
    for path in sorted(wanted.keys() | check["contents"].keys()):
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
    args = ocp.args.Composite(state=ocp.args.StandardRestore(abstract))
    state = saves.orbax.restore(step, args=args).state
    for path, found in digests(state).items():
        if found and check["digests"].get(path) not in ("", found):
            raise ValueError(f"{path} is not what was saved")
    return state


def _put_aside(saves: Saves, step: int) -> Path:
    aside = saves.folder / f"damaged-{step}"
    while aside.exists():
        aside = aside.with_name(aside.name + "-again")
    os.replace(saves.folder / str(step), aside)
    saves.orbax.reload()
    return aside
