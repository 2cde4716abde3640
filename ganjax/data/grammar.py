"""Built-in text: sentences of a small grammar, whose probabilities are known.

The grammar is a deterministic automaton: from each state a word leads to one other state.
So the probability of a sentence is exact, and a sentence is either of the grammar or not.
The verb agrees with its noun over a clause in between ("the dogs that see the cat sleep"),
which a model has to remember.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


SEEDS = {"train": 0, "test": 1}
COUNTS = {"train": 10_000, "test": 2_000}
END = "."


class Arc(NamedTuple):
    """A word that may come next.

    Attributes:
        word: the word.
        probability: how probable it is in this state.
        to: the state that it leads to; "" ends the sentence.
    """

    word: str
    probability: float
    to: str


NOUNS = {"one": ("dog", "cat", "bird", "child"), "many": ("dogs", "cats", "birds")}
VERBS = {"one": ("sleeps", "runs", "sings"), "many": ("sleep", "run", "sing")}
SEEING = {"one": ("sees", "likes"), "many": ("see", "like")}
ADJECTIVES = ("big", "small", "old")


def _automaton() -> dict[str, tuple[Arc, ...]]:
    """Returns the words that may follow each state."""
    arcs: dict[str, list[Arc]] = {
        "begin": [
            Arc("the", 0.6, "the"),
            Arc("a", 0.25, "a"),
            Arc("some", 0.15, "some"),
        ]
    }

    def choose(words: tuple[str, ...], share: float, to: str) -> list[Arc]:
        return [Arc(word, share / len(words), to) for word in words]

    # After an article: up to two adjectives, then a noun that gives the number.
    for article, numbers in (
        ("the", {"one": 0.5, "many": 0.5}),
        ("a", {"one": 1.0}),
        ("some", {"many": 1.0}),
    ):
        for place, share in (
            (article, 0.35),
            (f"{article}+", 0.2),
            (f"{article}++", 0.0),
        ):
            nouns = [
                arc
                for number, part in numbers.items()
                for arc in choose(NOUNS[number], part * (1 - share), number)
            ]
            arcs[place] = choose(ADJECTIVES, share, f"{place}+") if share else []
            arcs[place] += nouns
    for number in ("one", "many"):
        arcs[number] = [
            *choose(VERBS[number], 0.5, "end"),
            *choose(SEEING[number], 0.25, "object"),
            Arc("that", 0.25, f"that {number}"),
        ]
        # "that sees the cat": the clause has an object, and the number is kept.
        arcs[f"that {number}"] = choose(SEEING[number], 1.0, f"clause {number}")
        arcs[f"clause {number}"] = [Arc("the", 1.0, f"clause the {number}")]
        every = (*NOUNS["one"], *NOUNS["many"])
        arcs[f"clause the {number}"] = choose(every, 1.0, f"after {number}")
        arcs[f"after {number}"] = [
            *choose(VERBS[number], 0.7, "end"),
            *choose(SEEING[number], 0.3, "object"),
        ]
    arcs["object"] = [Arc("the", 1.0, "object the")]
    arcs["object the"] = choose((*NOUNS["one"], *NOUNS["many"]), 1.0, "end")
    arcs["end"] = [Arc(END, 1.0, "")]
    return {state: tuple(words) for state, words in arcs.items()}


AUTOMATON = _automaton()


def sentences(split: str) -> list[list[str]]:
    """Returns sentences as lists of words, the same ones at every call."""
    rng = np.random.default_rng(SEEDS[split])
    return [_sentence(rng) for _ in range(COUNTS[split])]


def log_probability(words: list[str]) -> float:
    """Returns the log-probability of a sentence, -inf if it is not of the grammar."""
    state, total = "begin", 0.0
    for word in words:
        arc = next((arc for arc in AUTOMATON.get(state, ()) if arc.word == word), None)
        if arc is None:
            return -np.inf
        state, total = arc.to, total + float(np.log(arc.probability))
    return total if state == "" else -np.inf


def log_probabilities(sentences: list[list[str]]) -> Float[np.ndarray, " n"]:
    """Returns the log-probability of each sentence, -inf if it is not of the grammar."""
    return np.array([log_probability(words) for words in sentences], np.float64)


def _sentence(rng: np.random.Generator) -> list[str]:
    words, state = [], "begin"
    while state:
        arcs = AUTOMATON[state]
        chosen = arcs[rng.choice(len(arcs), p=[arc.probability for arc in arcs])]
        words.append(chosen.word)
        state = chosen.to
    return words
