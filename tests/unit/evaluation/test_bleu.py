import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from ganjax.evaluation.bleu import bleu, self_bleu


RNG = np.random.default_rng(0)


def texts(count, tokens=6):
    """Texts of 0 to 9 tokens, which have n-grams in common."""
    sizes = RNG.integers(0, 10, count)
    return [RNG.integers(1, tokens, size).tolist() for size in sizes]


def by_nltk(row, references, order):
    smoothing = SmoothingFunction().method1
    return sentence_bleu(references, row, [1 / order] * order, smoothing)


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("tokens", [3, 6, 40])
def test_bleu_is_that_of_nltk(order, tokens):
    samples, references = texts(30, tokens), texts(12, tokens)
    each = [by_nltk(row, references, order) for row in samples]
    assert bleu(samples, references, order) == pytest.approx(np.mean(each))
    for row, one in zip(samples, each, strict=True):
        assert bleu([row], references, order) == pytest.approx(one)


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("tokens", [3, 6, 40])
def test_self_bleu_has_all_other_texts_as_references(order, tokens):
    samples = texts(30, tokens)
    each = [
        by_nltk(row, samples[:i] + samples[i + 1 :], order)
        for i, row in enumerate(samples)
    ]
    assert self_bleu(samples, order) == pytest.approx(np.mean(each))


def test_equal_texts_are_of_full_score_and_unlike_ones_of_none():
    row = [1, 2, 3, 4, 5]
    assert bleu([row], [row, [7, 7]]) == pytest.approx(1)
    assert self_bleu([row, row]) == pytest.approx(1)
    assert bleu([row], [[6, 7, 8]]) == self_bleu([row, [6, 7, 8, 9]]) == 0
    # Half of a reference is as precise, and is too short.
    assert bleu([row[:4]], [row + row[:3]]) == pytest.approx(np.exp(1 - 8 / 4))
