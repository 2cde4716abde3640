"""Whether a game and its data fit each other, found out before anything is compiled.

All is computed on shapes alone (`jax.eval_shape`): the state at first, what G makes of it,
and what the data is once decoded. Networks that know which sizes they can have say so by
themselves (`models/sizes.py`); what is here also holds for anybody's own.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flax.errors
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import TypeCheckError

from ganjax.data import Source
from ganjax.errors import Mistake
from ganjax.gan import Game, Turns


ROWS = 1  # how many samples are imagined
QUOTED = 200  # characters of an error that a sentence quotes

# What JAX, Flax and NumPy say of shapes that do not go together, all in errors of two plain
# types. Python's own errors of these types are of how a function was called, and JAX's of
# values that a program cannot know: these are bugs of a network and stay as they are.
OF_SHAPES = re.compile(
    r"\bshapes?\b|broadcast|\bdimensions?\b|\breshape\b|concatenat|contract|out of bounds"
    r"|equal division|inconsistent sizes|size of label|not aligned",
    re.IGNORECASE,
)
OF_BUGS = re.compile(
    r"keyword|positional argument|takes \d+|not callable|unsupported operand|\btrace[dr]"
    r"|concrete|has no attribute|invalid literal",
    re.IGNORECASE,
)


def check_fit(game: Game, source: Source, shapes: Turns) -> None:
    """Raises a `Mistake` where a game cannot be trained on the data, nothing compiled.

    Args:
        game: what is to be trained.
        source: the data; of it no example is read.
        shapes: the turns of a step, as `Stream.shapes` has them.
    """
    check_classes(game, source)
    with shapes_explained(source):
        made, real = _made(game, source, shapes), _decoded(game, source)
    if made != real:
        raise Mistake(
            f"G makes {_told(made)}, and {_named(source)} has {_told(real)}: change "
            f"{_flags(made, real)}, so that both are alike."
        )


def check_classes(game: Game, source: Source) -> None:
    """Raises a `Mistake` where the data has other classes than the networks can tell.

    Networks may know of more classes than the data has, but not of fewer; those that heed
    none, and those that do not say, are trained on any.
    """
    known, there = game.classes, len(source.classes)
    if not known or known >= there > 0:
        return
    if not there:
        raise Mistake(
            f"The networks are made for {known} classes, and {_named(source)} has none: "
            "give --classes 0, or data that has classes."
        )
    raise Mistake(
        f"The networks are made for {known} classes, and {_named(source)} has {there}: "
        f"give --classes {there}."
    )


def traced(game: Game, source: Source, shapes: Turns) -> str:
    """Traces one step, nothing compiled, and gives the SHA-256 of what it computes.

    By it a run notices that its game has changed, also in a notebook, which has no file, or
    by code that no file of the experiment names. Raises a `Mistake` where shapes do not go
    together or where something other than numbers is logged.
    """
    turns = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    with shapes_explained(source):
        state = jax.eval_shape(lambda: game.init(jax.random.key(0), turns))
        _, logs = jax.eval_shape(game.step, state, shapes)
        _check_logs(logs)
        program = jax.make_jaxpr(game.step)(state, shapes)
    # Functions in memory have addresses, which are not what they compute.
    made = hashlib.sha256(re.sub(r" at 0x[0-9a-f]+", "", str(program.jaxpr)).encode())
    for array in program.consts:
        made.update(np.asarray(array).tobytes())
    return made.hexdigest()


def _check_logs(logs: Any) -> None:
    for path, x in jax.tree_util.tree_leaves_with_path(logs):
        name = jax.tree_util.keystr(path, simple=True, separator="/") or "a value"
        real = any(
            jnp.issubdtype(x.dtype, kind) for kind in (jnp.floating, jnp.integer)
        )
        if x.shape:
            raise Mistake(
                f"The step logs {name} as an array {list(x.shape)}: log numbers, such as "
                "its mean."
            )
        if not real and x.dtype != bool:
            raise Mistake(f"The step logs {name} as {x.dtype}: log real numbers.")


@contextmanager
def shapes_explained(source: Source) -> Iterator[None]:
    """Errors of shapes that do not go together become a `Mistake` that quotes them.

    Every other error, as of a bug in a network, leaves as it came.
    """
    try:
        yield
    except Exception as error:
        if not _of_shapes(error):
            raise
        raise Mistake(
            f"The networks cannot be given {_named(source)}, {_told(source.shape)} "
            f"({_quoted(error)}): change --size or --channels, or what the networks are "
            "made for."
        ) from error


def _made(game: Game, source: Source, shapes: Turns) -> Any:
    """The shapes of what G makes of one request."""

    def init():
        turns = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        return game.init(jax.random.key(0), turns)

    def sample(state, asked):
        return game.sample(state, jax.random.key(0), asked)

    images = lambda n: np.zeros((n, *source.shape), source.dtype)
    asked = game.ask(ROWS, len(source.classes), images)
    return _shapes(jax.eval_shape(sample, jax.eval_shape(init), asked))


def _decoded(game: Game, source: Source) -> Any:
    """The shapes of one example as the networks see it."""
    stored = jax.ShapeDtypeStruct((ROWS, *source.shape), source.dtype)
    return _shapes(jax.eval_shape(game.decode, stored))


def _shapes(tree: Any) -> Any:
    shapes = [leaf.shape[1:] for leaf in jax.tree.leaves(tree)]
    return shapes[0] if len(shapes) == 1 else tuple(shapes)


def _of_shapes(error: Exception) -> bool:
    """Whether an error says that shapes do not go together."""
    if isinstance(error, flax.errors.ScopeParamShapeError | ZeroDivisionError):
        return True
    said = str(error)
    if isinstance(error, jax.errors.JaxRuntimeError):
        return said.startswith("INVALID_ARGUMENT") and bool(OF_SHAPES.search(said))
    if isinstance(error, TypeCheckError):  # where someone checks annotations of arrays
        return bool(re.search(r"Expected type: .*\bArray\b", said))
    # Subclasses of these types are of other things, such as values that must be concrete.
    plain = type(error) in (TypeError, ValueError)
    return plain and bool(OF_SHAPES.search(said)) and not OF_BUGS.search(said)


def _quoted(error: Exception) -> str:
    """The first line of an error, or what a checker of types expected and was given."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    checked = [
        line for line in lines if line.startswith(("Actual value", "Expected type"))
    ]
    if isinstance(error, TypeCheckError) and checked:
        lines = [" ".join([lines[0], *checked])]
    return lines[0][:QUOTED].rstrip(".: ")


def _named(source: Source) -> str:
    where = source.spec.where
    return f"the data ({where})" if where else "the data"


def _told(shape: tuple) -> str:
    """One example in words: images, points, or anything else."""
    if len(shape) == 3 and all(isinstance(n, int) for n in shape):
        height, width, channels = shape
        return f"images of {height}x{width} pixels and {_count(channels, 'channel')}"
    if len(shape) == 1 and isinstance(shape[0], int):
        return f"points of {_count(shape[0], 'number')}"
    return f"examples of shape {shape}"


def _flags(made: tuple, real: tuple) -> str:
    """What a person can change to make the two alike."""
    if len(made) != 3 or len(real) != 3:
        return "the data or the networks"
    flags = ["--size"] * (made[:2] != real[:2]) + ["--channels"] * (made[2] != real[2])
    return " and ".join(flags) + ", or what the networks are made for"


def _count(number: int, of: str) -> str:
    return f"{number} {of}{'s' * (number != 1)}"
