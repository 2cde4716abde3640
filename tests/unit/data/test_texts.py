import numpy as np
import pytest

from ganjax.data import Spec, grammar
from ganjax.data.texts import (
    CHARACTERS,
    PADDING,
    UNKNOWN,
    WORDS,
    Vocabulary,
    read_text,
    text_source,
    vocabulary,
)
from ganjax.errors import NoSplit, UsageError


LINES = [f"line {i} of the text, with words." for i in range(400)]


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(LINES))
    return str(tmp_path / "a.txt")


def test_words_are_divided_and_joined_again():
    for line in ("The dog's bone, isn't it?", "a-b (c): 3.5!", "Ünïcode – wörd"):
        words = WORDS.divide(line)
        assert "".join(words) == line.replace(" ", "")
    assert WORDS.divide("isn't it?") == ["isn't", "it", "?"]
    assert WORDS.join(["so", ",", "it", "is", "."]) == "so, it is."
    assert CHARACTERS.join(CHARACTERS.divide("a b")) == "a b"


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
    words = vocabulary(text, WORDS, 10)
    assert words.names[:2] == ("", "�") and len(words.names) == 10
    # All as frequent as one another, so in the order of their letters.
    assert words.names[2:] == (",", ".", "line", "of", "text", "the", "with", "words")
    assert vocabulary(text, WORDS, 10) == words
    assert len(vocabulary(text, WORDS, 10_000).names) > 300


def test_lines_are_numbers_and_back(path):
    words = Vocabulary(("", "�", "a", "b", "."), WORDS)
    token = words.encode(["a b .", "a c a b a", "a"], 4)
    np.testing.assert_array_equal(
        token, [[2, 3, 4, PADDING], [2, UNKNOWN, 2, 3], [2, PADDING, PADDING, PADDING]]
    )
    assert words.decode(token) == ["a b.", "a � a b", "a"]
    # What follows the end of a line is no part of it.
    assert words.decode(np.array([[2, PADDING, 3, 3]])) == ["a"]


def test_a_source_has_both_splits_and_notes_what_is_lost(path):
    text = read_text(path)
    words = vocabulary(text, WORDS, 9)
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
