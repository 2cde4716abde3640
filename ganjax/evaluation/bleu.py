"""BLEU of texts against many references, and against one another (Self-BLEU).

BLEU (Papineni et al., 2002) is the geometric mean of the fractions of n-grams that occur in
a reference, times a penalty for texts that are shorter than the references. For generated
texts the references are all held-out texts, and the BLEUs of single texts are averaged
(Yu et al., 2017). Self-BLEU (Zhu et al., 2018) takes each text with all others as its
references: it is low where texts are diverse.

The counts of all references are merged once, so that two sets of thousands of texts take a
second. The numbers are those of NLTK's `sentence_bleu` with its first smoothing method.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np


ORDER = 4  # tokens of the longest n-grams
EPSILON = 0.1  # counted in place of 0 (NLTK's `SmoothingFunction().method1`)

Rows = Sequence[Sequence[int]]  # texts as token numbers, of any lengths


def bleu(samples: Rows, references: Rows, order: int = ORDER) -> float:
    """Returns the mean BLEU of samples, with all references for each of them.

    Args:
        samples: the texts to score.
        references: real texts.
        order: tokens of the longest n-grams.
    """
    known = [_largest_counts(references, n) for n in range(1, order + 1)]
    lengths = np.unique([len(row) for row in references])
    scores = [
        _score(row, [_matches(row, counts, n) for n, counts in enumerate(known, 1)], at)
        for row, at in zip(samples, _closest(samples, lengths), strict=True)
    ]
    return float(np.mean(scores))


def self_bleu(samples: Rows, order: int = ORDER) -> float:
    """Returns the mean BLEU of samples, each with all others as references.

    Args:
        samples: the texts, at least two of them.
        order: tokens of the longest n-grams.
    """
    known = [_two_largest_counts(samples, n) for n in range(1, order + 1)]
    lengths = Counter(len(row) for row in samples)
    scores = []
    for i, row in enumerate(samples):
        matches = [
            _matches_elsewhere(row, i, each, n) for n, each in enumerate(known, 1)
        ]
        # A text's own length is a reference's only if another text has it, too.
        others = [size for size, n in lengths.items() if n > (size == len(row))]
        (at,) = _closest([row], np.sort(others))
        scores.append(_score(row, matches, at))
    return float(np.mean(scores))


def _ngrams(row: Sequence[int], n: int) -> Counter:
    return Counter(tuple(row[i : i + n]) for i in range(len(row) - n + 1))


def _largest_counts(rows: Rows, n: int) -> dict[tuple[int, ...], int]:
    """Returns how often each n-gram occurs in the text that has it most often."""
    largest: dict[tuple[int, ...], int] = {}
    for row in rows:
        for gram, count in _ngrams(row, n).items():
            largest[gram] = max(count, largest.get(gram, 0))
    return largest


# The largest count of an n-gram, the text that has it, and the next largest count.
Largest = tuple[int, int, int]


def _two_largest_counts(rows: Rows, n: int) -> dict[tuple[int, ...], Largest]:
    largest: dict[tuple[int, ...], Largest] = {}
    for i, row in enumerate(rows):
        for gram, count in _ngrams(row, n).items():
            first, where, second = largest.get(gram, (0, -1, 0))
            if count > first:
                largest[gram] = count, i, first
            elif count > second:
                largest[gram] = first, where, count
    return largest


def _matches(row: Sequence[int], known: dict[tuple[int, ...], int], n: int) -> int:
    grams = _ngrams(row, n).items()
    return sum(min(count, known.get(gram, 0)) for gram, count in grams)


def _matches_elsewhere(
    row: Sequence[int], i: int, known: dict[tuple[int, ...], Largest], n: int
) -> int:
    total = 0
    for gram, count in _ngrams(row, n).items():
        first, where, second = known[gram]
        total += min(count, second if where == i else first)
    return total


def _closest(rows: Rows, lengths: np.ndarray) -> list[int]:
    """Returns the reference length that is closest to each text, the shorter of two."""
    return [int(lengths[np.abs(lengths - len(row)).argmin()]) for row in rows]


def _score(row: Sequence[int], matches: list[int], closest: int) -> float:
    if not matches[0]:  # not a single token occurs
        return 0.0
    precisions = [
        (found or EPSILON) / max(1, len(row) - n + 1)
        for n, found in enumerate(matches, 1)
    ]
    penalty = min(1.0, np.exp(1 - closest / len(row)))
    return float(penalty * np.exp(np.log(precisions).mean()))
