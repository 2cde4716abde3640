"""Data sets of texts: the lines of files or of a set of TFDS, as numbered tokens.

A `Vocabulary` divides a line into tokens and says which token has which number; a `Tokens`,
such as `WORDS`, makes one. It is made of the training text alone, so that a held-out text
may have tokens that are not in it (`UNKNOWN`). Every example has the same number of tokens:
longer lines are cut, and after the end of a shorter one there is `PADDING`.
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganjax.core import Batch
from ganjax.data import digest, grammar, oracle, splits
from ganjax.data.names import printable
from ganjax.data.source import (
    TFDS_PREFIX,
    LoadReport,
    Source,
    Spec,
    example_struct,
    report_held_out,
)
from ganjax.errors import UsageError
from ganjax.ops.texts import PADDING
from ganjax.store.hashing import sha256


UNKNOWN = 1
SPECIAL = ("", "�")  # how those two are written
HELD_OUT_OF = 10  # of a file without splits, one line in so many is held out
MIN_LINES = 20
ENCODINGS = ("utf-8-sig", "utf-16")
WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


class Vocabulary(NamedTuple):
    """Numbered tokens, and how lines are divided into them.

    Attributes:
        names: the tokens by their numbers, `SPECIAL` first.
        kind: what messages call them, such as "words".
        divide: a line -> its tokens.
        join: tokens -> the line.
    """

    names: tuple[str, ...]
    kind: str
    divide: Callable[[str], list[str]]
    join: Callable[[list[str]], str]

    def encode(self, lines: list[str], length: int) -> Int[np.ndarray, "n t"]:
        """Returns lines as token numbers [n, length]."""
        number = {name: i for i, name in enumerate(self.names)}
        found = np.full((len(lines), length), PADDING, np.int32)
        for row, line in zip(found, lines, strict=True):
            tokens = self.divide(line)[:length]
            row[: len(tokens)] = [number.get(token, UNKNOWN) for token in tokens]
        return found

    def decode(self, numbers: Int[np.ndarray, "n t"]) -> list[str]:
        """Returns lines, each up to its first `PADDING`."""
        return [
            self.join([self.names[i] for i in row])
            for row in up_to_padding(np.asarray(numbers))
        ]


# A way to make the vocabulary of a text: (training lines, the largest number of tokens).
# Tokens that are left out are `UNKNOWN`; of words and characters these are the rarest.
Tokens = Callable[[list[str], int], Vocabulary]


def _join_words(words: list[str]) -> str:
    return re.sub(r"\s+([.,;:!?)\]])", r"\1", " ".join(words))


def _most_frequent(
    kind: str,
    divide: Callable[[str], list[str]],
    join: Callable[[list[str]], str],
    lines: list[str],
    size: int,
) -> Vocabulary:
    counts = Counter(token for line in lines for token in divide(line))
    # Of equally frequent tokens the order is that of the alphabet, on every machine.
    order = sorted(counts, key=lambda token: (-counts[token], token))
    names = (*SPECIAL, *order[: max(0, size - len(SPECIAL))])
    return Vocabulary(names, kind, divide, join)


def _byte_pairs(lines: list[str], size: int) -> Vocabulary:
    # Its package is an extra, which is needed for this kind of tokens alone.
    from ganjax.data.byte_pairs import byte_pairs

    divided = byte_pairs(lines, size - len(SPECIAL))
    names = (*SPECIAL, *divided.names)
    return Vocabulary(names, "byte pairs", divided.divide, divided.join)


CHARACTERS: Tokens = partial(_most_frequent, "characters", list, "".join)
WORDS: Tokens = partial(_most_frequent, "words", WORD.findall, _join_words)
# Frequent parts of words, merged from bytes pair by pair (Sennrich et al., 2016).
BYTE_PAIRS: Tokens = _byte_pairs


class BuiltIn(NamedTuple):
    """A built-in text, of which the probabilities are known.

    Attributes:
        sentences: a split -> its sentences as lists of words.
        log_probabilities: sentences -> the log-probability of each, -inf for those that
            cannot occur.
    """

    sentences: Callable[[str], list[list[str]]]
    log_probabilities: Callable[[list[list[str]]], Float[np.ndarray, " n"]]


BUILT_IN = {
    "grammar": BuiltIn(grammar.sentences, grammar.log_probabilities),
    "oracle": BuiltIn(oracle.sentences, oracle.log_probabilities),
}


class Text(NamedTuple):
    """The lines of a data set.

    Attributes:
        train: those to train on.
        held_out: the others.
        log_probabilities: that of `BuiltIn`; None where the probabilities are not known.
    """

    train: list[str]
    held_out: list[str]
    log_probabilities: Callable[[list[list[str]]], Float[np.ndarray, " n"]] | None = (
        None
    )


def read_text(where: str) -> Text:
    """Reads the lines of a data set.

    Args:
        where: a .txt, of which one line in ten is held out, by a hash of it; a folder with
            `train.txt` and `test.txt`, or of any .txt files, which are taken as one;
            'tfds:NAME[:config]' for the feature `text` of a set of TFDS; "grammar" for the
            sentences of `ganjax.data.grammar`, or "oracle" for those of
            `ganjax.data.oracle`.

    Raises:
        UsageError: there is no such text, it is not text, or it has too few lines.
    """
    if where in BUILT_IN:
        sentences, log_probabilities = BUILT_IN[where]
        train, test = (
            [" ".join(words) for words in sentences(split)]
            for split in ("train", "test")
        )
        return Text(train, test, log_probabilities)
    if where.startswith(TFDS_PREFIX):
        return _checked(_of_tfds(where), where)
    path = Path(where).expanduser()
    if path.is_dir():
        files = sorted(each for each in path.rglob("*.txt") if each.is_file())
        if not files:
            raise UsageError(
                f"{printable(where)} holds no .txt: give a folder of texts."
            )
        by_name = {each.name: each for each in files}
        if {"train.txt", "test.txt"} <= {*by_name}:
            found = Text(_lines(by_name["train.txt"]), _lines(by_name["test.txt"]))
            return _checked(found, where)
        return _checked(
            _divided([line for file in files for line in _lines(file)]), where
        )
    if not path.is_file():
        raise UsageError(
            f"There is no text {printable(where)}: give a .txt, a folder of them, "
            f"tfds:NAME, or one of {', '.join(BUILT_IN)}."
        )
    return _checked(_divided(_lines(path)), where)


def up_to_padding(numbers: Int[np.ndarray, "n t"]) -> list[list[int]]:
    """Returns each text without its first `PADDING` and what follows it."""
    rows = np.asarray(numbers).tolist()
    return [row[: row.index(PADDING)] if PADDING in row else row for row in rows]


def text_source(spec: Spec, text: Text, words: Vocabulary, length: int) -> Source:
    """Returns a split of a text as a source of token numbers int32 [length].

    Raises:
        NoSplit: there is no such split.
    """
    lines = {"train": text.train, "test": text.held_out}
    splits.check_exists(spec.split, lines, printable(spec.where))
    # One token more, by which the lines are known that are too long.
    token = words.encode(lines[spec.split], length + 1)
    cut = int((token[:, length] != PADDING).sum())
    token = np.ascontiguousarray(token[:, :length])
    notes = []
    if cut:
        notes.append(f"{cut:,} of {len(token):,} lines are cut to {length} tokens.")
    unknown = float((token == UNKNOWN).sum() / max(1, (token != PADDING).sum()))
    if unknown > 0.01:
        notes.append(f"{unknown:.0%} of the {words.kind} are not in the vocabulary.")
    report = report_held_out(spec, len(text.held_out))
    return Source(
        spec=spec,
        length=len(token),
        example=example_struct((length,), np.int32),
        classes=(),
        read=lambda rows: Batch(token[rows], np.zeros(len(rows), np.int32)),
        report=LoadReport(report.held_out, report.held_out_name, notes=tuple(notes)),
        inventory=lambda: {"tokens": digest.array(token)},
    )


def _of_tfds(where: str) -> Text:
    # TFDS takes a second to import, which other texts do not need.
    from ganjax.data import tfds

    train, held_out = (
        [line for text in texts for line in _stripped(text)]
        for texts in tfds.read_texts(where)
    )
    return Text(train, held_out) if held_out else _divided(train)


def _stripped(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if line]


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeError:
            continue
        if "\0" not in text:
            return _stripped(text)
    raise UsageError(
        f"{printable(str(path))} is not text in UTF-8: save it as such, or leave it out."
    )


def _divided(lines: list[str]) -> Text:
    # By a hash of the line, so that equal lines are all on one side.
    is_held_out = [int(sha256(line)[:8], 16) % HELD_OUT_OF == 0 for line in lines]
    pairs = list(zip(lines, is_held_out, strict=True))
    return Text(
        [line for line, out in pairs if not out], [line for line, out in pairs if out]
    )


def _checked(text: Text, where: str) -> Text:
    if len(text.train) < MIN_LINES:
        raise UsageError(
            f"{printable(where)} has {len(text.train)} lines to train on, and at least "
            f"{MIN_LINES} are needed: give a longer text."
        )
    return text
