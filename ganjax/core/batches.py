"""The data of one step: makes `Turns` of a batch, and checks them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganjax.core.modality import dtype_of
from ganjax.core.types import Batch, Turns
from ganjax.errors import UsageError


def turns(batch: Any, d_turns: int = 1) -> Turns:
    """Returns the turns of one step on one batch, for a loop of one's own.

    D plays once on each of `d_turns` equal parts of the batch, and G on the last of them.
    `ganjax.train` draws separate batches for the two.

    Args:
        batch: a `Batch`, `(x, label)`, or x alone, [n, ...]. Examples are as networks see
            them: images in -1..1.
        d_turns: how many turns D has in a step.

    Raises:
        UsageError: the batch cannot be divided into as many parts.

    Example:
        >>> step = jax.jit(game.step)
        >>> state, logs = step(state, ganjax.turns((images, labels)))
    """
    batch = as_batch(batch)
    rows = np.shape(batch.label)
    if d_turns < 1 or len(rows) != 1 or rows[0] % d_turns or not rows[0]:
        raise UsageError(
            f"A batch with labels of shape {rows} cannot be divided into {d_turns} turns "
            "of D: give as many rows as are a multiple of it."
        )

    def divided(x):
        x = jnp.asarray(x)
        return x.reshape(d_turns, rows[0] // d_turns, *x.shape[1:])

    for leaf in jax.tree.leaves(batch.x):
        if np.shape(leaf)[:1] != rows:
            raise UsageError(
                f"A batch has examples of shape {np.shape(leaf)} and labels of shape "
                f"{rows}: give one label for each example."
            )
    parts = jax.tree.map(divided, batch)
    return Turns(d=parts, g=jax.tree.map(lambda x: x[-1], parts))


def as_turns(given: Any) -> Any:
    """Returns turns unchanged, and of anything else those that `turns` makes of it."""
    return given if hasattr(given, "g") else turns(given)


def as_batch(given: Any) -> Batch:
    """Returns a `Batch` of `(x, label)`, or of x alone, whose labels are then zeros."""
    if isinstance(given, Batch):
        return given
    if is_labeled(given):
        x, label = given
        return Batch(x, label if hasattr(label, "dtype") else np.asarray(label))
    leaves = jax.tree.leaves(given)
    if not leaves or not np.shape(leaves[0]):
        raise UsageError(
            f"A batch is given as {type(given).__name__}: give a Batch, (x, label) or "
            "examples [n, ...]."
        )
    return Batch(given, np.zeros(np.shape(leaves[0])[0], np.int32))


def is_labeled(given: Any) -> bool:
    """Returns whether this is (x, label): a tuple or list of two, but no NamedTuple."""
    if not isinstance(given, tuple | list) or hasattr(given, "_fields"):
        return False
    if len(given) != 2:
        return False
    x, label = given
    leaves = jax.tree.leaves(x)
    if not leaves or not all(hasattr(leaf, "dtype") for leaf in leaves):
        return False
    return hasattr(label, "dtype") or isinstance(label, list)


def check_turns(turns: Any, players: tuple[str, ...] = ("d", "g")) -> None:
    """Raises a `UsageError` unless these are the turns of one step, as `Turns` has them.

    Only types and shapes are looked at, when the step is traced, so that a compiled program
    does not pay for it.

    Args:
        turns: what a caller has given as the turns.
        players: whose data is checked.
    """
    wanted = (
        "a step takes Turns(d, g), where d is a Batch of [turns, rows, ...] with labels "
        "[turns, rows] and g one of [rows, ...] with labels [rows]"
    )
    for name in players:
        if not hasattr(turns, name):
            raise UsageError(f"This is a {type(turns).__name__}, and {wanted}.")
        # D plays on several batches in a step, G on one.
        batch, axes = getattr(turns, name), {"d": 2, "g": 1}[name]
        if not hasattr(batch, "label"):
            raise UsageError(f"Turns.{name} is a {type(batch).__name__}, and {wanted}.")
        rows = np.shape(batch.label)
        if len(rows) != axes:
            raise UsageError(
                f"The labels of Turns.{name} are of shape {rows}, and {wanted}."
            )
        if not np.issubdtype(dtype_of(batch.label), np.integer):
            raise UsageError(
                f"The labels of Turns.{name} are {dtype_of(batch.label)}: give the "
                "number of each example's class as an integer, or zeros where there are no "
                "classes."
            )
        for leaf in jax.tree.leaves(batch.x):
            if not jnp.issubdtype(dtype_of(leaf), jnp.floating):
                raise UsageError(
                    f"Turns.{name} has examples of {dtype_of(leaf)}, and a step takes them "
                    "as networks see them: `core.decoded(modality, turns)` makes them of "
                    "stored ones."
                )
            if np.shape(leaf)[:axes] != rows:
                raise UsageError(
                    f"Turns.{name} has examples of shape {np.shape(leaf)} and labels of "
                    f"shape {rows}: give one label for each example."
                )
