"""Checks that a game and its data fit each other, before anything is compiled.

Everything is computed on shapes alone (`jax.eval_shape`): the initial state, the samples of
G, and the decoded examples. The networks of `ganjax.models` check their sizes themselves
(`layers/sizes.py`); the checks here also hold for a user's own networks.
"""

import itertools
import re
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flax.errors
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import TypeCheckError

from ganjax.core import Game, Labels, PyTree, Turns, decoded
from ganjax.data import Source
from ganjax.data.source import batch_shapes
from ganjax.errors import MAX_QUOTED_CHARACTERS, PartNote, UsageError, first_line
from ganjax.run.evaluator import real_of
from ganjax.store.hashing import sha256


PROBE_ROWS = 1  # how many samples and examples the shapes are computed for

# JAX, Flax and NumPy raise a TypeError or a ValueError for shapes that do not go together,
# and these are the words of their messages. The same types are also raised for wrong calls
# (Python) and for concretization errors (JAX): those are bugs of the network and are not
# rewritten.
SHAPE_ERROR = re.compile(
    r"\bshapes?\b|broadcast|\bdimensions?\b|\breshape\b|concatenat|contract|out of bounds"
    r"|equal division|inconsistent sizes|size of label|not aligned",
    re.IGNORECASE,
)
# Files that are not of a user's own code: installed libraries, Python's own, this package.
PACKAGE = Path(__file__).parents[1]
LIBRARY = re.compile(
    rf"site-packages|{re.escape(sysconfig.get_path('stdlib'))}|{re.escape(str(PACKAGE))}"
)
BUG_ERROR = re.compile(
    r"keyword|positional argument|takes \d+|not callable|unsupported operand|\btrace[dr]"
    r"|concrete|has no attribute|invalid literal",
    re.IGNORECASE,
)


def check_fit(game: Game, source: Source, shapes: Turns) -> None:
    """Checks that a game can be trained on the data, without compiling anything.

    Args:
        game: what is to be trained.
        source: the data, of which no example is read.
        shapes: the shapes of the turns of a step, with examples as they are stored.

    Raises:
        UsageError: if the data has more classes than the networks, if shapes do not go
            together, or if G makes other shapes than the real examples have.
    """
    check_classes(game, source)
    modality = game.modality
    with explain_shape_errors(game, source):
        try:
            real = _real_shape(game, source)
        except UsageError as mistake:
            raise UsageError(_with_stored_types(mistake, source)) from None
        sample = _sample_shape(game, source, shapes)
    # A D that is fully convolutional takes any size. So a G of another size than the data
    # would train without an error, and fakes would never be comparable with real images.
    if sample != real:
        raise UsageError(
            f"G makes {modality.describe(sample)}, and {_name(source)} has "
            f"{modality.describe(real)}: {modality.remedy(sample, real)}."
        )


def check_classes(game: Game, source: Source) -> None:
    """Checks that the networks are made for all of the data's classes.

    They may be made for more classes than the data has, but not for fewer. Unconditional
    networks, and those that do not declare how many classes they are made for, take any
    data.

    Raises:
        UsageError: if the data has more classes than the networks, or none.
    """
    # JAX raises no error for an index out of range: a one-hot label is then all zeros, and
    # an embedding NaN.
    if not isinstance(game.conditions, Labels):
        return
    of_networks = game.conditions.classes
    of_data = len(source.classes)
    if not of_networks:
        return
    if not of_data:
        raise UsageError(
            f"The networks are made for {of_networks} classes, and {_name(source)} has "
            "none: give --classes 0, or data that has classes."
        )
    if of_networks < of_data:
        raise UsageError(
            f"The networks are made for {of_networks} classes, and {_name(source)} has "
            f"{of_data}: give --classes {of_data}."
        )


def step_digest(game: Game, source: Source, shapes: Turns) -> str:
    """Traces one step without compiling it, and returns the SHA-256 of its jaxpr.

    By this digest a resumed run notices that its game has changed, even if the change is in
    a notebook, which has no file, or outside of the experiment's own files.

    Args:
        game: the game.
        source: the data, by whose name an error is explained.
        shapes: the shapes of the turns of a step, with examples as networks see them.

    Raises:
        UsageError: if shapes do not go together, or if a step logs anything but numbers.
    """
    with explain_shape_errors(game, source):
        init = lambda: game.init(jax.random.key(0), _zeros(shapes))
        state = jax.eval_shape(init)
        _, logs = jax.eval_shape(game.step, state, shapes)
        _check_logs(logs)
        program = jax.make_jaxpr(game.step)(state, shapes)
    # The addresses of functions in memory differ from process to process.
    text = re.sub(r" at 0x[0-9a-f]+", "", str(program.jaxpr))
    # The jaxpr names captured arrays only by their shapes, so their contents are added.
    constants = (_array(constant).tobytes() for constant in program.consts)
    return sha256(itertools.chain([text], constants))


def _array(constant: Any) -> np.ndarray:
    """The contents of a constant; NumPy cannot hold typed PRNG keys."""
    if isinstance(constant, jax.Array) and jnp.issubdtype(
        constant.dtype, jax.dtypes.prng_key
    ):
        constant = jax.random.key_data(constant)
    return np.asarray(constant)


def _zeros(shapes: PyTree) -> PyTree:
    return jax.tree.map(lambda x: jnp.zeros(x.shape, _type_in_jax(x)), shapes)


def _type_in_jax(x: Any) -> np.dtype:
    """The type that an array has in JAX, which has no 64-bit numbers by default."""
    return jax.dtypes.canonicalize_dtype(x.dtype)


def _check_logs(logs: PyTree) -> None:
    """Raises a `UsageError` unless every log is a real number, which a file can hold."""
    for path, x in jax.tree_util.tree_leaves_with_path(logs):
        name = jax.tree_util.keystr(path, simple=True, separator="/") or "a value"
        is_real = any(
            jnp.issubdtype(x.dtype, kind) for kind in (jnp.floating, jnp.integer)
        )
        if x.shape:
            raise UsageError(
                f"The step logs {name} as an array {list(x.shape)}: log numbers, such as "
                "its mean."
            )
        if not is_real and x.dtype != bool:
            raise UsageError(f"The step logs {name} as {x.dtype}: log real numbers.")


@contextmanager
def explain_shape_errors(game: Game, source: Source) -> Iterator[None]:
    """Raises a `UsageError` in place of an error about shapes that do not go together.

    It quotes that error and names the part of the game that failed, such as its loss, or
    the data where that was given to the networks. Every other error, such as that of a bug
    in a network, is raised unchanged.

    Args:
        game: the game that is traced in the block.
        source: the data that it is given.
    """
    try:
        yield
    except Exception as error:
        if not _is_shape_error(error):
            raise
        for note in getattr(error, "__notes__", []):
            if isinstance(note, PartNote):
                raise UsageError(
                    f"{note} ({_quoted(error)}){_place(error)}: correct it."
                ) from error
        raise UsageError(
            f"The networks cannot be given {_name(source)}, {_stored(game, source)} "
            f"({_quoted(error)}){_place(error)}: change --size or --channels, or what the "
            "networks are made for."
        ) from error


def _sample_shape(game: Game, source: Source, shapes: Turns) -> Any:
    """The shape of one sample of G."""

    def init():
        turns = decoded(game.modality, _zeros(shapes))
        return game.init(jax.random.key(0), turns)

    def sample(state, stored):
        examples = lambda n: game.modality.decode(stored)
        condition = game.conditions.make(PROBE_ROWS, len(source.classes), examples)
        condition = jax.tree.map(jnp.asarray, condition)
        return game.sample(state, jax.random.key(0), condition)

    state = jax.eval_shape(init)
    stored = batch_shapes(source.example, PROBE_ROWS)
    return _without_rows(jax.eval_shape(sample, state, stored))


def _real_shape(game: Game, source: Source) -> Any:
    """The shape of one real example of the kind that G makes."""
    stored = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, _type_in_jax(x)),
        batch_shapes(source.example, PROBE_ROWS),
    )
    return _without_rows(jax.eval_shape(real_of(game), stored))


def _with_stored_types(mistake: UsageError, source: Source) -> str:
    """A sentence about the data, with the types that it has on the disk or in an array.

    A function that decodes examples never sees 64-bit numbers: JAX gives it 32-bit ones.
    """
    text = str(mistake.args[0])
    for leaf in jax.tree.leaves(source.example):
        text = re.sub(rf"\b{_type_in_jax(leaf)}\b", str(np.dtype(leaf.dtype)), text)
    return text


def _stored(game: Game, source: Source) -> str:
    """The stored examples in words; of pairs the shapes of both sides."""
    shapes = {tuple(x.shape) for x in jax.tree.leaves(source.example)}
    return " and ".join(map(game.modality.describe, sorted(shapes)))


def _without_rows(batch: PyTree) -> Any:
    """The shape of one row of a batch, or a tuple of shapes if it has several arrays."""
    shapes = [leaf.shape[1:] for leaf in jax.tree.leaves(batch)]
    return shapes[0] if len(shapes) == 1 else tuple(shapes)


def _is_shape_error(error: Exception) -> bool:
    """Whether an error says that shapes do not go together."""
    # Flax has an error of its own for parameters. Networks divide by sizes: if one is zero,
    # an image has shrunk to nothing on its way through the network.
    if isinstance(error, flax.errors.ScopeParamShapeError | ZeroDivisionError):
        return True
    text = str(error)
    if isinstance(error, jax.errors.JaxRuntimeError):
        return text.startswith("INVALID_ARGUMENT") and bool(SHAPE_ERROR.search(text))
    if isinstance(error, TypeCheckError):  # where someone checks annotations of arrays
        return bool(re.search(r"Expected type: .*\bArray\b", text))
    # Subclasses of these types are of other things, such as values that must be concrete.
    if type(error) not in (TypeError, ValueError):
        return False
    return bool(SHAPE_ERROR.search(text)) and not BUG_ERROR.search(text)


def _quoted(error: Exception) -> str:
    """The first line of an error, or what jaxtyping's checker expected and was given."""
    if not isinstance(error, TypeCheckError):
        return first_line(error)
    lines = str(error).strip().splitlines()
    values = [
        line for line in lines if line.startswith(("Actual value", "Expected type"))
    ]
    return " ".join([*lines[:1], *values])[:MAX_QUOTED_CHARACTERS].rstrip(".: ")


def _place(error: BaseException) -> str:
    """Where in one's own code an error arose: the innermost function outside libraries."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not LIBRARY.search(frame.filename)
    ]
    if not frames:
        return ""
    last = frames[-1]
    return f" in {last.name}, {Path(last.filename).name} line {last.lineno}"


def _name(source: Source) -> str:
    where = source.spec.where
    return f"the data ({where})" if where else "the data"
