"""Features of texts, learned from the training text, for Fréchet distances.

Language GANs are compared by the Fréchet distance of sentence embeddings (d'Autume et al.,
2019), which a pretrained network makes. These two need no network, and no more data than
the training text: `ngram_features` is latent semantic analysis (Deerwester et al., 1990) of
the n-grams of a text, which see its order; `embedding_features` is the mean of its tokens'
vectors (Levy & Goldberg, 2014), which stand for what tokens occur beside.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float


WIDTH = 32  # features of a text
NGRAM = 3  # tokens of the longest n-grams
MAX_NGRAMS = 2_000  # the most frequent ones are counted
WINDOW = 2  # tokens on either side that a token occurs beside

Rows = Sequence[Sequence[int]]  # texts as token numbers, of any lengths
TextFeatures = Callable[[Rows], Float[np.ndarray, "n f"]]


def ngram_features(train: Rows, width: int = WIDTH) -> TextFeatures:
    """Learns features that are combinations of n-grams of up to three tokens.

    N-grams are weighted by tf-idf, and the combinations are the singular vectors of the
    training texts.

    Args:
        train: texts to learn from.
        width: the number of features; fewer if there are fewer n-grams.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    analyzer: Any = _ngrams  # scikit-learn's types have names of analyzers alone
    counts = TfidfVectorizer(analyzer=analyzer, max_features=MAX_NGRAMS)
    weighted = counts.fit_transform(train)
    size = min(width, min(weighted.shape) - 1)
    svd = TruncatedSVD(size, algorithm="arpack", random_state=0).fit(weighted)
    return lambda rows: svd.transform(counts.transform(rows))


def embedding_features(
    train: Rows, vocabulary: int, width: int = WIDTH
) -> TextFeatures:
    """Learns a vector for each token; the features of a text are their mean.

    A token's vector is its row of a factorization of the positive pointwise mutual
    information of tokens that occur beside each other. The order of tokens does not count.

    Args:
        train: texts to learn from.
        vocabulary: the number of different tokens.
        width: the number of features; fewer if there are fewer tokens.
    """
    vectors = _token_vectors(train, vocabulary, min(width, vocabulary - 1))
    empty = np.zeros(vectors.shape[1])
    return lambda rows: np.array(
        [vectors[list(row)].mean(0) if len(row) else empty for row in rows]
    )


def _ngrams(row: Sequence[int]) -> list[tuple[int, ...]]:
    return [
        tuple(row[i : i + n])
        for n in range(1, NGRAM + 1)
        for i in range(len(row) - n + 1)
    ]


def _token_vectors(rows: Rows, vocabulary: int, width: int) -> Float[np.ndarray, "v f"]:
    from scipy.sparse import coo_array
    from sklearn.utils.extmath import randomized_svd

    beside: Counter[tuple[int, int]] = Counter()
    for row in rows:
        for gap in range(1, WINDOW + 1):
            beside.update(zip(row, row[gap:], strict=False))
    pairs = np.array(list(beside), np.int64).reshape(-1, 2)
    count = np.array(list(beside.values()), np.float64)
    # Each pair counts in both directions.
    first, second = np.concatenate([pairs, pairs[:, ::-1]]).T
    count = np.concatenate([count, count])
    shape = vocabulary, vocabulary
    joint = coo_array((count, (first, second)), shape).tocsr()
    joint.sum_duplicates()
    joint = joint.tocoo()
    total = joint.sum()
    marginal = np.asarray(joint.sum(1)).ravel()
    row, column = joint.coords
    information = np.log(joint.data * total / (marginal[row] * marginal[column]))
    positive = coo_array((np.maximum(information, 0), (row, column)), shape).tocsr()
    left, scale, _ = randomized_svd(positive, width, random_state=0)
    # The root of the scale, as either side of the product has one half of it.
    return left * np.sqrt(scale)
