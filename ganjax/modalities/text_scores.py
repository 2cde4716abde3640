"""The scores of texts: n-grams, BLEU and Self-BLEU, Fréchet distances, known probabilities.

Quality is whether the n-grams of samples occur in held-out text, diversity whether those of
held-out text occur in the samples and whether samples differ from one another. Texts of a
known distribution, as of the built-in grammar, are scored by their probabilities, too.
Nothing after the first padding is a part of a text.
"""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganjax.data import Source
from ganjax.data.source import ToReal, read_some
from ganjax.data.texts import Text, Vocabulary, up_to_padding
from ganjax.errors import UsageError
from ganjax.evaluation.bleu import bleu, self_bleu
from ganjax.evaluation.evaluator import Evaluator, in_memory_scoring
from ganjax.evaluation.features import Features
from ganjax.evaluation.frechet import frechet_distance
from ganjax.evaluation.metric import (
    higher_is_better,
    lower_is_better,
    neither_is_better,
)
from ganjax.evaluation.text_features import (
    TextFeatures,
    embedding_features,
    ngram_features,
)
from ganjax.ops.texts import PADDING


MAX_COMPARED = 2_000  # texts on either side of a comparison
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
BLEU = higher_is_better(
    "bleu", "Mean BLEU-4 of samples, with all held-out texts as references."
)
SELF_BLEU = neither_is_better(
    "self_bleu",
    "that of real text; above it samples are alike",
    "Mean BLEU-4 of samples, with all other samples as references.",
)
NGRAM_FRECHET = lower_is_better(
    "frechet/ngram", "Fréchet distance of texts by their n-grams (latent semantics)."
)
EMBEDDING_FRECHET = lower_is_better(
    "frechet/embedding", "Fréchet distance of texts by the mean vector of their tokens."
)
DISTINCT = neither_is_better(
    "distinct", "that of real text", "Fraction of samples that differ from all others."
)
COPIES = neither_is_better(
    "copies", "that of held-out text", "Fraction of samples that are lines trained on."
)
GRAMMATICAL = higher_is_better(
    "grammatical", "Fraction of texts that the known distribution can give."
)
NATS = neither_is_better(
    "nats",
    "that of real text",
    "Mean -log p of these by the known distribution, for a text (NLL_oracle).",
)
METRICS = (
    DIVERGENCE,
    PRECISION,
    RECALL,
    BLEU,
    SELF_BLEU,
    NGRAM_FRECHET,
    EMBEDDING_FRECHET,
    DISTINCT,
    COPIES,
)


class _Learned(NamedTuple):
    """Features that are learned from the training text."""

    ngram: TextFeatures
    embedding: TextFeatures


def evaluator(
    words: Vocabulary,
    text: Text,
    source: Source,
    held_out: Source | None,
    to_real: ToReal,
    *features: Features,
    scratch: Path | None = None,
) -> Evaluator:
    """Makes the evaluator of texts.

    Args:
        words: the vocabulary.
        text: the text, which knows whether probabilities are known.
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
    all_trained = source.read(np.arange(source.length)).x
    trained = {tuple(row) for row in up_to_padding(all_trained)}

    @cache
    def learned() -> _Learned:
        rows = up_to_padding(train)
        size = len(words.names)
        return _Learned(ngram_features(rows), embedding_features(rows, size))

    def compared(numbers: np.ndarray, real: np.ndarray) -> dict[str, float]:
        rows, real_rows = up_to_padding(numbers), up_to_padding(real)
        found = ngram_scores(numbers, real)
        found[BLEU.name] = bleu(rows, real_rows)
        found[SELF_BLEU.name] = self_bleu(rows)
        by_name = {
            NGRAM_FRECHET.name: learned().ngram,
            EMBEDDING_FRECHET.name: learned().embedding,
        }
        for name, compute in by_name.items():
            found[name] = frechet_distance(compute(real_rows), compute(rows))
        counts = Counter(map(tuple, rows))
        found[DISTINCT.name] = sum(n == 1 for n in counts.values()) / len(rows)
        found[COPIES.name] = sum(tuple(row) in trained for row in rows) / len(rows)
        if text.log_probabilities:
            sentences = [[words.names[i] for i in row] for row in rows]
            found |= _known_scores(text.log_probabilities(sentences))
        return found

    def score(samples: np.ndarray) -> dict[str, float]:
        found = np.asarray(samples)
        # Samples are one-hot vectors; real texts are numbers already.
        return compared(found.argmax(-1) if found.ndim == 3 else found, test)

    # Held-out text in place of samples is compared with other held-out text.
    half = len(test) // 2
    known = (GRAMMATICAL, NATS) if text.log_probabilities else ()
    return Evaluator(
        count=len(test),
        begin=in_memory_scoring(score),
        metrics=(*METRICS, *known),
        headline=DIVERGENCE,
        real_scores=lambda: compared(test[:half], test[half:]),
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


def _ngrams(numbers: np.ndarray, n: int) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for row in numbers.tolist():
        # The end of a text is a token of its n-grams; what follows it is not.
        end = row.index(PADDING) + 1 if PADDING in row else len(row)
        counts.update(tuple(row[i : i + n]) for i in range(end - n + 1))
    return counts


def _share(counts: Counter[Any], known: Counter[Any]) -> float:
    total = sum(counts.values())
    return sum(n for key, n in counts.items() if key in known) / max(1, total)


def _divergence(a: Counter[Any], b: Counter[Any]) -> float:
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


def _known_scores(log_p: np.ndarray) -> dict[str, float]:
    good = np.isfinite(log_p)
    nats = float(-log_p[good].mean()) if good.any() else 0.0
    return {GRAMMATICAL.name: float(good.mean()), NATS.name: nats}
