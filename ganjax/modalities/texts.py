"""The modality of texts: stored as token numbers, and one-hot vectors for networks.

`texts(where, length)` reads the text and makes its vocabulary, since a token number means
nothing without one. Samples are shown and written as lines. `text_scores` has their scores.
"""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from PIL import Image, ImageDraw, ImageFont

from ganjax.core import ArrayLike, Modality
from ganjax.data import Source, Spec
from ganjax.data.texts import (
    WORDS,
    Text,
    Tokens,
    Vocabulary,
    read_text,
    text_source,
)
from ganjax.errors import UsageError
from ganjax.modalities import text_scores
from ganjax.modalities.pictures import BACKGROUND, check_samples, save_arrays, save_png
from ganjax.store import write


PREVIEW = 24  # lines in a picture of a run
ROW = 18  # pixels, the height of a line
FONT = 13  # pixels
WIDTH = 760  # pixels of a picture
INK = (28, 32, 36)
MAX_TEXTS = 100_000  # in one file


def texts(
    where: str, length: int, tokens: Tokens = WORDS, size: int = 5_000
) -> Modality:
    """Makes the modality of the texts of one place.

    Args:
        where: a .txt, a folder of them, tfds:NAME or the name of a built-in text; see
            `data.texts.read_text`.
        length: tokens of every example.
        tokens: `data.texts.WORDS`, `CHARACTERS`, `BYTE_PAIRS`, or another way to divide a
            line.
        size: the largest vocabulary.

    Returns:
        The modality. `vocabulary_size` tells networks how many tokens there are.

    Raises:
        UsageError: there is no such text.

    Example:
        >>> game = ganjax.game(gan, modalities.texts("grammar", 16))
    """
    if length < text_scores.TRIPLES:
        raise UsageError(
            f"Texts of {length} tokens cannot be had: give {text_scores.TRIPLES}."
        )
    text = read_text(where)
    words = tokens(text.train, size)
    lines = partial(_lines, words)
    return Modality(
        name="texts",
        unit="texts",
        load=partial(_load, where, text, words, length),
        decode=partial(decode, len(words.names)),
        summary=partial(_summary, words),
        describe=_describe,
        remedy=_remedy,
        preview=lambda classes: PREVIEW,
        render=partial(render, words),
        files={
            ".txt": lambda path, samples, labels: write(
                path, "\n".join(lines(samples)) + "\n", parents=True
            ),
            ".png": lambda path, samples, labels: save_png(
                render(words, samples), path
            ),
            ".npz": _save_arrays,
        },
        max_samples={".png": PREVIEW, ".txt": MAX_TEXTS},
        evaluator=partial(text_scores.evaluator, words, text),
    )


def vocabulary_size(modality: Modality) -> int:
    """Returns how many different tokens the texts of a modality have."""
    one = jax.ShapeDtypeStruct((1,), np.int32)
    return jax.eval_shape(modality.decode, one).shape[-1]


def decode(size: int, stored: ArrayLike) -> Float[Array, "*b n v"]:
    """Returns token numbers as one-hot vectors.

    Args:
        size: the number of different tokens.
        stored: the numbers.
    """
    return jax.nn.one_hot(jnp.asarray(stored), size)


def render(
    words: Vocabulary,
    samples: np.ndarray,
    classes: int = 0,
    real: np.ndarray | None = None,
) -> Image.Image:
    """Draws texts as lines; those that are too long are cut at the edge.

    Args:
        words: the vocabulary.
        samples: texts [n, length, vocabulary].
        classes: not used, as texts have no classes.
        real: not used.
    """
    check_samples(np.asarray(samples))
    lines = _lines(words, samples)[:PREVIEW]
    page = Image.new("RGB", (WIDTH, ROW * len(lines) + 8), BACKGROUND)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(FONT)
    for i, line in enumerate(lines):
        draw.text((8, ROW * i + 4), line or "(empty)", fill=INK, font=font)
    return page


def _lines(words: Vocabulary, samples: np.ndarray) -> list[str]:
    found = np.asarray(samples)
    return words.decode(found.argmax(-1) if found.ndim == 3 else found)


def _load(where: str, text: Text, words: Vocabulary, length: int, spec: Spec) -> Source:
    if spec.where != where:
        raise UsageError(
            f"This game is made for the text {where}, whose vocabulary it has: give the "
            "same --data."
        )
    return text_source(spec, text, words, length)


def _summary(words: Vocabulary, source: Source) -> str:
    return (
        f"{source.length:,} texts of up to {source.shape[0]} {words.kind}, "
        f"{len(words.names):,} different ones"
    )


def _describe(shape: tuple[int, ...]) -> str:
    if len(shape) != 2:
        return f"examples of shape {shape}"
    return f"texts of {shape[0]} tokens of {shape[1]}"


def _remedy(generated: tuple[int, ...], real: tuple[int, ...]) -> str:
    return "change --length, or what the networks are made for, so that both are alike"


def _save_arrays(path: Path, samples: np.ndarray, labels: np.ndarray) -> None:
    save_arrays(path, np.asarray(samples).argmax(-1).astype(np.int32), labels, "token")
