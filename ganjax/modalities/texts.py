"""The modality of texts: stored as token numbers, and one-hot vectors for networks.

`texts(where, length)` reads the text and makes its vocabulary, since a token number means
nothing without one. Samples are shown and written as lines. They are scored by n-grams:
whether those of the samples occur in held-out text (quality) and those of held-out text in
the samples (diversity). Sentences of the built-in grammar are scored by the grammar, too.
"""

from collections import Counter
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from PIL import Image, ImageDraw, ImageFont

from ganjax.core import ArrayLike, Modality
from ganjax.data import Source, Spec, grammar
from ganjax.data.source import ToReal, read_some
from ganjax.data.texts import (
    GRAMMAR,
    PADDING,
    WORDS,
    Text,
    Tokens,
    Vocabulary,
    read_text,
    text_source,
    vocabulary,
)
from ganjax.errors import UsageError
from ganjax.evaluation.evaluator import Evaluator, in_memory_scoring
from ganjax.evaluation.features import Features
from ganjax.evaluation.metric import (
    higher_is_better,
    lower_is_better,
    neither_is_better,
)
from ganjax.modalities.pictures import BACKGROUND, check_samples, save_arrays, save_png
from ganjax.store import write


PREVIEW = 24  # lines in a picture of a run
ROW = 18  # pixels, the height of a line
FONT = 13  # pixels
WIDTH = 760  # pixels of a picture
INK = (28, 32, 36)
MAX_COMPARED = 2_000  # texts on either side of a comparison
MAX_TEXTS = 100_000  # in one file
PAIRS = 2  # tokens of the n-grams whose distributions are compared
TRIPLES = 3  # tokens of the n-grams that have to occur

DIVERGENCE = lower_is_better(
    "ngram/divergence", "Jensen-Shannon divergence of pairs of tokens, in bits."
)
PRECISION = higher_is_better(
    "ngram/precision",
    "Fraction of the samples' triples of tokens that held-out text has.",
)
RECALL = higher_is_better(
    "ngram/recall", "Fraction of held-out triples of tokens that the samples have."
)
DISTINCT = neither_is_better(
    "distinct", "that of real text", "Fraction of samples that differ from all others."
)
COPIES = neither_is_better(
    "copies", "that of held-out text", "Fraction of samples that are lines trained on."
)
GRAMMATICAL = higher_is_better("grammatical", "Fraction of sentences of the grammar.")
ENTROPY = neither_is_better(
    "nats", "that of real text", "Mean -log p of grammatical sentences by the grammar."
)


def texts(
    where: str, length: int, tokens: Tokens = WORDS, size: int = 5_000
) -> Modality:
    """Makes the modality of the texts of one place.

    Args:
        where: a .txt, a folder of them, or "grammar"; see `data.texts.read_text`.
        length: tokens of every example.
        tokens: `data.texts.WORDS` or `CHARACTERS`, or another way to divide a line.
        size: the largest vocabulary.

    Returns:
        The modality. `vocabulary_size` tells networks how many tokens there are.

    Raises:
        UsageError: there is no such text.

    Example:
        >>> game = ganjax.game(gan, modalities.texts("grammar", 16))
    """
    if length < TRIPLES:
        raise UsageError(f"Texts of {length} tokens cannot be had: give {TRIPLES}.")
    text = read_text(where)
    words = vocabulary(text, tokens, size)
    lines = partial(_lines, words)
    return Modality(
        name="texts",
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
        evaluator=partial(evaluator, words, where == GRAMMAR),
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


def evaluator(
    words: Vocabulary,
    is_grammar: bool,
    source: Source,
    held_out: Source | None,
    to_real: ToReal,
    *features: Features,
    scratch: Path | None = None,
) -> Evaluator:
    """Makes the evaluator of texts, which compares n-grams.

    Args:
        words: the vocabulary.
        is_grammar: whether the texts are of the built-in grammar.
        source: the training data; it and the others are those of `Modality.evaluator`.
        held_out: its held-out split.
        to_real: not used, as texts are compared by their tokens.
        *features: refused.
        scratch: not used.

    Raises:
        UsageError: if features are given.
    """
    if features:
        raise UsageError("Texts are compared by their n-grams: remove --features.")
    train = read_some(source, MAX_COMPARED).x
    test = train if held_out is None else read_some(held_out, MAX_COMPARED).x
    trained = {tuple(row) for row in source.read(np.arange(source.length)).x.tolist()}

    def score(samples: np.ndarray) -> dict[str, float]:
        found = np.asarray(samples)
        # Samples are one-hot vectors; real texts are numbers already.
        return scores(found.argmax(-1) if found.ndim == 3 else found)

    def scores(numbers: np.ndarray) -> dict[str, float]:
        rows = [tuple(row) for row in numbers.tolist()]
        result = ngram_scores(numbers, test)
        result[DISTINCT.name] = sum(n == 1 for n in Counter(rows).values()) / len(rows)
        result[COPIES.name] = sum(row in trained for row in rows) / len(rows)
        if is_grammar:
            result |= _grammar_scores(words, numbers)
        return result

    metrics = (DIVERGENCE, PRECISION, RECALL, DISTINCT, COPIES)
    if is_grammar:
        metrics += (GRAMMATICAL, ENTROPY)
    # Held-out text in place of samples is compared with other held-out text.
    half = len(test) // 2

    def real_scores() -> dict[str, float]:
        found = scores(test[:half]) | ngram_scores(test[:half], test[half:])
        return found

    return Evaluator(
        count=len(test),
        begin=in_memory_scoring(score),
        metrics=metrics,
        headline=DIVERGENCE,
        real_scores=real_scores,
        reference="the training text" if held_out is None else "held-out text",
        shape=(source.shape[0], len(words.names)),
    )


def ngram_scores(samples: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Compares the n-grams of token numbers [n, t] with those of real text.

    Returns:
        `DIVERGENCE` of pairs, `PRECISION` and `RECALL` of triples; each n-gram counts as
        often as it occurs.
    """
    pairs, real_pairs = _ngrams(samples, PAIRS), _ngrams(real, PAIRS)
    triples, real_triples = _ngrams(samples, TRIPLES), _ngrams(real, TRIPLES)
    return {
        DIVERGENCE.name: _divergence(pairs, real_pairs),
        PRECISION.name: _share(triples, real_triples),
        RECALL.name: _share(real_triples, triples),
    }


def _ngrams(numbers: np.ndarray, n: int) -> Counter:
    counts: Counter = Counter()
    for row in numbers.tolist():
        # The end of a text is a token of its n-grams; what follows it is not.
        end = row.index(PADDING) + 1 if PADDING in row else len(row)
        counts.update(tuple(row[i : i + n]) for i in range(end - n + 1))
    return counts


def _share(counts: Counter, known: Counter) -> float:
    total = sum(counts.values())
    return sum(n for key, n in counts.items() if key in known) / max(1, total)


def _divergence(a: Counter, b: Counter) -> float:
    """Returns the Jensen-Shannon divergence in bits, 0 to 1."""
    if not a or not b:
        return 1.0
    keys = [*{*a, *b}]
    p, q = (np.array([each[key] for key in keys], np.float64) for each in (a, b))
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2

    def entropy(x: np.ndarray) -> float:
        x = x[x > 0]
        return float(-(x * np.log2(x)).sum())

    return max(0.0, entropy(middle) - (entropy(p) + entropy(q)) / 2)


def _grammar_scores(words: Vocabulary, numbers: np.ndarray) -> dict[str, float]:
    found = np.array(
        [
            grammar.log_probability([words.names[i] for i in row if i != PADDING])
            for row in numbers.tolist()
        ]
    )
    good = np.isfinite(found)
    nats = float(-found[good].mean()) if good.any() else 0.0
    return {GRAMMATICAL.name: float(good.mean()), ENTROPY.name: nats}


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
        f"{source.length:,} texts of up to {source.shape[0]} {words.tokens.name}, "
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
