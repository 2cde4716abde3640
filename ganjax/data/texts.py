"""Data sets of texts: the lines of a file or of a folder of files, as numbered tokens.

A `Vocabulary` says which token has which number. It is made of the training text alone, so
that a held-out text may have tokens that are not in it (`UNKNOWN`). Every example has the
same number of tokens: longer lines are cut, and after the end of a shorter one there is
`PADDING`.
"""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from ganjax.core import Batch
from ganjax.data import digest, grammar, splits
from ganjax.data.names import printable
from ganjax.data.source import LoadReport, Source, Spec, example_struct, report_held_out
from ganjax.errors import UsageError
from ganjax.store.hashing import sha256


GRAMMAR = "grammar"  # the name of the built-in set
PADDING, UNKNOWN = 0, 1
SPECIAL = ("", "�")  # how those two are written
HELD_OUT_OF = 10  # of a file without splits, one line in so many is held out
MIN_LINES = 20
ENCODINGS = ("utf-8-sig", "utf-16")
WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


class Tokens(NamedTuple):
    """How a line is divided into tokens.

    Attributes:
        name: what messages call them.
        divide: a line -> its tokens.
        join: tokens -> the line.
    """

    name: str
    divide: Callable[[str], list[str]]
    join: Callable[[list[str]], str]


def _join_words(words: list[str]) -> str:
    return re.sub(r"\s+([.,;:!?)\]])", r"\1", " ".join(words))


CHARACTERS = Tokens("characters", list, "".join)
WORDS = Tokens("words", WORD.findall, _join_words)


class Vocabulary(NamedTuple):
    """The tokens of a training text, the most frequent ones first, after `SPECIAL`."""

    names: tuple[str, ...]
    tokens: Tokens

    def encode(self, lines: list[str], length: int) -> Int[np.ndarray, "n t"]:
        """Returns lines as token numbers [n, length]."""
        number = {name: i for i, name in enumerate(self.names)}
        found = np.full((len(lines), length), PADDING, np.int32)
        for row, line in zip(found, lines, strict=True):
            tokens = self.tokens.divide(line)[:length]
            row[: len(tokens)] = [number.get(token, UNKNOWN) for token in tokens]
        return found

    def decode(self, numbers: Int[np.ndarray, "n t"]) -> list[str]:
        """Returns lines, each up to its first `PADDING`."""
        lines = []
        for row in np.asarray(numbers):
            ends = np.flatnonzero(row == PADDING)
            row = row[: ends[0]] if len(ends) else row
            lines.append(self.tokens.join([self.names[i] for i in row]))
        return lines


class Text(NamedTuple):
    """The lines of a data set.

    Attributes:
        train: those to train on.
        held_out: the others.
        notes: sentences about what was left out.
    """

    train: list[str]
    held_out: list[str]
    notes: tuple[str, ...] = ()


def read_text(where: str) -> Text:
    """Reads the lines of a data set.

    Args:
        where: a .txt, of which one line in ten is held out, by a hash of it; a folder with
            `train.txt` and `test.txt`, or of any .txt files, which are taken as one; or
            "grammar" for the sentences of `ganjax.data.grammar`.

    Raises:
        UsageError: there is no such text, it is not text, or it has too few lines.
    """
    if where == GRAMMAR:
        joined = {
            split: [" ".join(x) for x in grammar.sentences(split)]
            for split in ("train", "test")
        }
        return Text(joined["train"], joined["test"])
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
            f"There is no text {printable(where)}: give a .txt, a folder of them, or "
            f"{GRAMMAR}."
        )
    return _checked(_divided(_lines(path)), where)


def vocabulary(text: Text, tokens: Tokens, size: int) -> Vocabulary:
    """Makes the vocabulary of a training text.

    Args:
        text: the text.
        tokens: how lines are divided.
        size: the largest number of tokens; the rarest are left out, and are `UNKNOWN`.
    """
    counts = Counter(token for line in text.train for token in tokens.divide(line))
    # Of equally frequent tokens the order is that of the alphabet, on every machine.
    order = sorted(counts, key=lambda token: (-counts[token], token))
    return Vocabulary((*SPECIAL, *order[: max(0, size - len(SPECIAL))]), tokens)


def text_source(spec: Spec, text: Text, words: Vocabulary, length: int) -> Source:
    """Returns a split of a text as a source of token numbers int32 [length].

    Raises:
        NoSplit: there is no such split.
    """
    lines = {"train": text.train, "test": text.held_out}
    splits.check_exists(spec.split, lines, printable(spec.where))
    token = words.encode(lines[spec.split], length)
    notes = list(text.notes)
    cut = sum(len(words.tokens.divide(line)) > length for line in lines[spec.split])
    if cut:
        notes.append(f"{cut:,} of {len(token):,} lines are cut to {length} tokens.")
    unknown = float((token == UNKNOWN).sum() / max(1, (token != PADDING).sum()))
    if unknown > 0.01:
        notes.append(
            f"{unknown:.0%} of the {words.tokens.name} are not in the vocabulary."
        )
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


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeError:
            continue
        if "\0" not in text:
            return [line for line in map(str.strip, text.splitlines()) if line]
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
