"""Built-in text: SeqGAN's oracle, a random LSTM whose probabilities are exact.

Yu et al. (2017, section 5.1) train on texts that an LSTM with weights of N(0, 1) has
written. So the quality of a sample can be measured by the oracle itself: -log p of the
sample, NLL_oracle in their table. Theirs has 5,000 tokens; this one has 500, as a text is
made anew in each process. It is computed in float64, so that the texts are the same on
every machine.
"""

from functools import cache

import numpy as np
from jaxtyping import Float, Int


NUM_TOKENS = 500  # different ones
LENGTH = 20  # tokens of every text
UNITS = 32  # of the LSTM and of its embedding
SEEDS = {"weights": 88, "train": 0, "test": 1}
COUNTS = {"train": 10_000, "test": 2_000}


@cache
def weights() -> dict[str, Float[np.ndarray, "..."]]:
    """Returns the weights of the oracle, all of them drawn from N(0, 1)."""
    draw = np.random.default_rng(SEEDS["weights"]).standard_normal
    return {
        "embedding": draw((NUM_TOKENS, UNITS)),
        # The gates i, f, o and the candidate, of the token and of the state before.
        "gates": draw((2 * UNITS, 4 * UNITS)),
        "gates_bias": draw(4 * UNITS),
        "out": draw((UNITS, NUM_TOKENS)),
        "out_bias": draw(NUM_TOKENS),
    }


@cache
def tokens(split: str) -> Int[np.ndarray, "n t"]:
    """Returns texts as numbers 0..499, the same ones at every call."""
    rng = np.random.default_rng(SEEDS[split])
    count = COUNTS[split]
    written = np.zeros((count, LENGTH), np.int32)
    state = _begin(count)
    token = np.zeros(count, np.int32)
    for t in range(LENGTH):
        state, logits = _next(state, token)
        # The first token at which the cumulated probability is above a uniform number.
        cumulated = np.exp(logits - logits.max(1, keepdims=True)).cumsum(1)
        above = cumulated > rng.random((count, 1)) * cumulated[:, -1:]
        token = above.argmax(1).astype(np.int32)
        written[:, t] = token
    return written


def sentences(split: str) -> list[list[str]]:
    """Returns texts as lists of words, which are numbers."""
    return [[str(i) for i in row] for row in tokens(split).tolist()]


def log_probabilities(sentences: list[list[str]]) -> Float[np.ndarray, " n"]:
    """Returns the log-probability of each text, -inf for another length or other words."""
    known = {str(i): i for i in range(NUM_TOKENS)}
    found = np.full(len(sentences), -np.inf)
    possible = [
        i
        for i, words in enumerate(sentences)
        if len(words) == LENGTH and all(word in known for word in words)
    ]
    if not possible:
        return found
    given = np.array([[known[word] for word in sentences[i]] for i in possible])
    found[possible] = log_probability(given)
    return found


def log_probability(given: Int[np.ndarray, "n t"]) -> Float[np.ndarray, " n"]:
    """Returns the log-probability of texts of numbers."""
    total = np.zeros(len(given))
    state, token = _begin(len(given)), np.zeros(len(given), np.int32)
    for t in range(given.shape[1]):
        state, logits = _next(state, token)
        token = given[:, t]
        largest = logits.max(1)
        norm = largest + np.log(np.exp(logits - largest[:, None]).sum(1))
        total += logits[np.arange(len(given)), token] - norm
    return total


def _begin(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((count, UNITS)), np.zeros((count, UNITS))


def _next(
    state: tuple[np.ndarray, np.ndarray], token: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Returns the state after a token, and the logits of the next."""
    own = weights()
    hidden, cell = state
    inputs = np.concatenate([own["embedding"][token], hidden], 1)
    gates = inputs @ own["gates"] + own["gates_bias"]
    i, f, o, candidate = np.split(gates, 4, axis=1)
    cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(candidate)
    hidden = _sigmoid(o) * np.tanh(cell)
    return (hidden, cell), hidden @ own["out"] + own["out_bias"]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # Exact on either side, without an overflow.
    return 0.5 * (1 + np.tanh(0.5 * x))
