import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets

from ganjax.data import Spec, grammar, oracle
from ganjax.data.texts import (
    BYTE_PAIRS,
    CHARACTERS,
    UNKNOWN,
    WORDS,
    read_text,
    text_source,
)
from ganjax.errors import NoSplit, UsageError
from ganjax.ops.texts import PADDING


LINES = [f"line {i} of the text, with words." for i in range(400)]


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(LINES))
    return str(tmp_path / "a.txt")


def test_words_are_divided_and_joined_again():
    words, characters = WORDS([], 9), CHARACTERS([], 9)
    for line in ("The dog's bone, isn't it?", "a-b (c): 3.5!", "Ünïcode – wörd"):
        assert "".join(words.divide(line)) == line.replace(" ", "")
    assert words.divide("isn't it?") == ["isn't", "it", "?"]
    assert words.join(["so", ",", "it", "is", "."]) == "so, it is."
    assert characters.join(characters.divide("a b")) == "a b"


def test_one_line_in_ten_is_held_out_and_equal_lines_together(path):
    text = read_text(path)
    assert sorted(text.train + text.held_out) == sorted(LINES)
    assert 20 <= len(text.held_out) <= 65
    with open(path, "a") as file:
        file.write("\n" + "\n".join(LINES))
    again = read_text(path)
    assert not {*again.train} & {*again.held_out}
    assert {*again.held_out} == {*text.held_out}


def test_a_folder_has_splits_by_name_or_is_one_text(tmp_path):
    (tmp_path / "train.txt").write_text("\n".join(LINES[:50]))
    (tmp_path / "test.txt").write_text("\n".join(LINES[50:60]))
    text = read_text(str(tmp_path))
    assert (text.train, text.held_out) == (LINES[:50], LINES[50:60])
    (tmp_path / "test.txt").rename(tmp_path / "more.txt")
    text = read_text(str(tmp_path))
    assert sorted(text.train + text.held_out) == sorted(LINES[:60])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_common_encodings_are_read(encoding, tmp_path):
    lines = [f"größe {i}" for i in range(40)]
    (tmp_path / "a.txt").write_bytes("\r\n".join(lines).encode(encoding))
    text = read_text(str(tmp_path / "a.txt"))
    assert sorted(text.train + text.held_out) == sorted(lines)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "has 0 lines to train on"),
        (b"one line\n", "lines to train on, and at least 20"),
        (bytes(range(256)) * 9, "is not text in UTF-8"),
        ("ß".encode("latin-1") * 99, "is not text in UTF-8"),
    ],
)
def test_what_is_no_text_is_a_sentence(data, says, tmp_path):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(UsageError, match=says):
        read_text(str(tmp_path / "a.txt"))


def test_missing_texts_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"There is no text .*none\.txt"):
        read_text(str(tmp_path / "none.txt"))
    with pytest.raises(UsageError, match=r"holds no \.txt"):
        read_text(str(tmp_path))


def test_the_vocabulary_is_of_the_most_frequent_tokens_of_the_training_text(path):
    text = read_text(path)
    words = WORDS(text.train, 10)
    assert words.names[:2] == ("", "�") and len(words.names) == 10
    # All as frequent as one another, so in the order of their letters.
    assert words.names[2:] == (",", ".", "line", "of", "text", "the", "with", "words")
    assert WORDS(text.train, 10).names == words.names
    assert len(WORDS(text.train, 10_000).names) > 300


def test_lines_are_numbers_and_back(path):
    words = WORDS(["a a a", "b b", "."], 9)
    assert words.names == ("", "�", "a", "b", ".")
    token = words.encode(["a b .", "a c a b a", "a"], 4)
    np.testing.assert_array_equal(
        token, [[2, 3, 4, PADDING], [2, UNKNOWN, 2, 3], [2, PADDING, PADDING, PADDING]]
    )
    assert words.decode(token) == ["a b.", "a � a b", "a"]
    # What follows the end of a line is no part of it.
    assert words.decode(np.array([[2, PADDING, 3, 3]])) == ["a"]


def test_a_source_has_both_splits_and_notes_what_is_lost(path):
    text = read_text(path)
    words = WORDS(text.train, 9)
    train = text_source(Spec(path), text, words, 5)
    assert train.length == len(text.train) and train.shape == (5,)
    assert train.report.held_out == len(text.held_out)
    assert any("are cut to 5 tokens" in note for note in train.report.notes)
    assert any("are not in the vocabulary" in note for note in train.report.notes)
    batch = train.read(np.array([0, 3]))
    assert batch.x.dtype == np.int32 and batch.label.tolist() == [0, 0]
    held_out = text_source(Spec(path, split="test"), text, words, 5)
    assert held_out.length == len(text.held_out)
    with pytest.raises(NoSplit):
        text_source(Spec(path, split="val"), text, words, 5)


def test_the_grammar_knows_its_sentences_and_their_probabilities():
    sentences = grammar.sentences("train")
    assert sentences == grammar.sentences("train") != grammar.sentences("test")
    found = [grammar.log_probability(x) for x in sentences]
    assert np.isfinite(found).all()
    for wrong in ("the dog sleep .", "dog the runs .", "the dog runs", "a dogs run ."):
        assert grammar.log_probability(wrong.split()) == -np.inf
    assert grammar.log_probability("a dog sleeps .".split()) == pytest.approx(
        np.log(0.25 * 0.65 / 4 * 0.5 / 3)
    )
    for state, arcs in grammar.AUTOMATON.items():
        assert sum(arc.probability for arc in arcs) == pytest.approx(1), state
        assert len({arc.word for arc in arcs}) == len(arcs), state
    # As often as it is probable: 95 % of the sentences of one word more or less.
    share = np.mean([x == "a dog sleeps .".split() for x in sentences])
    assert (
        abs(share - np.exp(grammar.log_probability("a dog sleeps .".split()))) < 0.003
    )


def test_verbs_agree_over_a_clause():
    for good, bad in (
        ("the dogs that see the cat sleep .", "the dogs that see the cat sleeps ."),
        ("a bird that likes the dogs sings .", "a bird that likes the dogs sing ."),
    ):
        assert np.isfinite(grammar.log_probability(good.split()))
        assert grammar.log_probability(bad.split()) == -np.inf


def test_byte_pairs_merge_what_is_frequent_and_lose_nothing():
    lines = [f"the weather of day {i} is the weather of {i % 7}" for i in range(60)]
    pairs = BYTE_PAIRS(lines, 40)
    assert len(pairs.names) <= 40 and pairs.names[:2] == ("", "�")
    assert pairs.kind == "byte pairs"
    # A frequent word is one token, with the space before it, as a rare one is several.
    assert "Ġweather" in pairs.divide(lines[0])
    assert len(pairs.divide("heart")) > 1
    for line in (*lines, "the day", "weather  the", "weather, the"):
        numbers = pairs.encode([line], 99)
        known = "�" not in pairs.divide(line)
        assert (UNKNOWN in numbers) != known
        assert not known or pairs.decode(numbers) == [line]
    # A byte that the training text does not have is unknown, and no other is.
    numbers = pairs.encode(["the Z day"], 99)[0]
    assert (numbers == UNKNOWN).sum() == 1
    assert pairs.decode(numbers[None]) == ["the � day"]
    assert BYTE_PAIRS(lines, 40).names == pairs.names


def test_byte_pairs_of_a_letter_of_two_bytes_are_joined_again():
    pairs = BYTE_PAIRS(["größe über öl"] * 30, 100)
    assert pairs.decode(pairs.encode(["über größe"], 30)) == ["über größe"]


def test_byte_pairs_need_their_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'ganjax\[text\]'"):
        BYTE_PAIRS(["a line"], 40)


def test_the_oracle_writes_as_often_as_its_probabilities_say():
    tokens = oracle.tokens("train")
    assert tokens.shape == (10_000, 20) and tokens.max() < oracle.NUM_TOKENS
    assert not np.array_equal(tokens[:2_000], oracle.tokens("test"))
    # The first token has one distribution: that of texts of one token.
    every = np.arange(oracle.NUM_TOKENS)[:, None]
    p = np.exp(oracle.log_probability(every))
    assert p.sum() == pytest.approx(1)
    found = np.bincount(tokens[:, 0], minlength=oracle.NUM_TOKENS) / len(tokens)
    # Four standard deviations of a binomial share, and one count.
    assert (abs(found - p) < 4 * np.sqrt(p / len(tokens)) + 1e-4).all()
    # All texts of two tokens that begin alike have the probability of that beginning.
    pairs = np.concatenate([np.full_like(every, 7), every], 1)
    assert np.exp(oracle.log_probability(pairs)).sum() == pytest.approx(p[7])


def test_the_oracle_is_an_lstm_in_which_each_token_counts():
    """Computed again, by the equations of an LSTM, token by token."""
    row = oracle.tokens("test")[0]
    w = oracle.weights()
    h = c = np.zeros(oracle.UNITS)
    token, total = 0, 0.0
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    for following in row:
        x = np.concatenate([w["embedding"][token], h]) @ w["gates"] + w["gates_bias"]
        i, f, o, g = x.reshape(4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        logits = h @ w["out"] + w["out_bias"]
        total += logits[following] - np.log(np.exp(logits).sum())
        token = following
    words = [str(token) for token in row]
    found = oracle.log_probabilities([words, words[:-1], [*words[:-1], "x"]])
    assert found[0] == pytest.approx(total)
    assert found[1] == found[2] == -np.inf
    assert (oracle.log_probabilities([["the"]]) == -np.inf).all()
    assert oracle.sentences("test")[0] == words


class Plays(tensorflow_datasets.core.GeneratorBasedBuilder, skip_registration=True):
    """A text of many lines to train on, and one of few that is held out."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    pkg_dir_path = Path(__file__).parent
    SPLITS = {"train": LINES[:90], "validation": LINES[90:120]}

    def _info(self):
        features = {"text": tensorflow_datasets.features.Text()}
        return tensorflow_datasets.core.DatasetInfo(
            builder=self, features=tensorflow_datasets.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {name: self._of(lines) for name, lines in self.SPLITS.items()}

    def _of(self, lines):
        # Two examples, of which the second has an empty line.
        for i, part in enumerate((lines[:10], ["", *lines[10:]])):
            yield i, {"text": "\n".join(part)}

    def _generate_examples(self):
        raise NotImplementedError


class One(Plays, skip_registration=True):
    """A text without a split that is held out."""

    SPLITS = {"train": LINES[:200]}


class Pictures(Plays, skip_registration=True):
    """What has no text."""

    def _info(self):
        features = {"name": tensorflow_datasets.features.Text()}
        return tensorflow_datasets.core.DatasetInfo(
            builder=self, features=tensorflow_datasets.features.FeaturesDict(features)
        )

    def _of(self, lines):
        yield 0, {"name": "a"}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))

    def prepare(kind):
        kind(data_dir=tmp_path, file_format="array_record").download_and_prepare()
        return f"tfds:{kind.__name__.lower()}"

    return prepare


def test_a_text_of_tfds_is_its_lines_by_split(prepared):
    text = read_text(prepared(Plays))
    assert sorted(text.train) == sorted(LINES[:90])
    assert sorted(text.held_out) == sorted(LINES[90:120])
    assert text.log_probabilities is None


def test_of_a_text_of_tfds_without_another_split_a_part_is_held_out(prepared):
    text = read_text(prepared(One))
    assert sorted(text.train + text.held_out) == sorted(LINES[:200])
    assert 5 <= len(text.held_out) <= 40


def test_a_set_of_tfds_without_text_or_that_is_not_prepared_is_a_sentence(prepared):
    with pytest.raises(UsageError, match=r"no feature 'text' \(it has name\)"):
        read_text(prepared(Pictures))
    with pytest.raises(UsageError, match="run `ganjax prepare tfds:tiny_shakespeare"):
        read_text("tfds:tiny_shakespeare")
