from dataclasses import replace

import jax
import jax.numpy as jnp
import lstm
import numpy as np
import pytest
import relgan
import scratchgan
import transformer

import ganjax as gx
from ganjax import cli
from ganjax.data.texts import CHARACTERS
from ganjax.errors import UsageError
from ganjax.evaluation import pixels
from ganjax.modalities.text_scores import ngram_scores
from ganjax.modalities.texts import vocabulary_size
from tests.helpers.states import apart, same


TEXTS = gx.modalities.texts("grammar", 14)
SIZE = vocabulary_size(TEXTS)


def read(split="train"):
    return TEXTS.load(gx.Spec("grammar", split=split))


def test_numbers_are_one_hot_vectors_for_networks():
    x = read().read(np.arange(3)).x
    seen = np.asarray(jax.jit(TEXTS.decode)(jnp.asarray(x)))
    assert seen.shape == (3, 14, SIZE)
    np.testing.assert_array_equal(seen.argmax(-1), x)


def test_n_grams_of_the_same_text_have_full_scores_and_of_another_none():
    real = np.array([[2, 3, 4, 0], [2, 4, 3, 0]])
    same_text = ngram_scores(real, real)
    assert same_text == {"ngram/divergence": 0, "ngram/precision": 1, "ngram/recall": 1}
    other = ngram_scores(np.array([[5, 5, 5, 5]]), real)
    assert other["ngram/precision"] == other["ngram/recall"] == 0
    assert other["ngram/divergence"] == pytest.approx(1)
    # Of the triples (2 3 4), (3 4 end), (2 4 3), (4 3 end) the samples have the first two.
    part = ngram_scores(np.array([[2, 3, 4, 0], [2, 3, 4, 0]]), real)
    assert part["ngram/precision"] == 1 and part["ngram/recall"] == 0.5
    # Nothing after the end of a text counts.
    tail = ngram_scores(np.array([[2, 3, 4, 0, 5, 5], [2, 4, 3, 0, 0, 0]]), real)
    assert tail == same_text


def test_the_divergence_is_that_of_jensen_and_shannon():
    a, b = np.array([[2, 2, 2, 3]]), np.array([[2, 3, 2, 3]])
    p = {"22": 2 / 3, "23": 1 / 3}
    q = {"23": 2 / 3, "32": 1 / 3}
    middle = {k: (p.get(k, 0) + q.get(k, 0)) / 2 for k in {*p, *q}}
    gap = lambda x: sum(x[k] * np.log2(x[k] / middle[k]) for k in x)
    wanted = (gap(p) + gap(q)) / 2
    assert ngram_scores(a, b)["ngram/divergence"] == pytest.approx(wanted)


def test_what_follows_the_end_of_a_sample_changes_no_score():
    scoring = TEXTS.evaluator(read(), read("test"), TEXTS.decode)
    x = read("test").read(np.arange(scoring.count)).x
    once = scoring.score(x)
    ended = np.cumsum(x == 0, 1) > 1
    assert ended.any()
    noise = np.random.default_rng(0).integers(1, SIZE, x.shape)
    assert scoring.score(np.where(ended, noise, x)) == once


def test_scores_tell_repeated_and_missing_texts_apart():
    scoring = TEXTS.evaluator(read(), read("test"), TEXTS.decode)
    x = read().read(np.arange(scoring.count)).x
    usual, repeated = scoring.score(x), scoring.score(np.repeat(x[:20], 100, 0))
    assert repeated["bleu"] == pytest.approx(usual["bleu"], abs=0.1)
    # Of so small a grammar most n-grams of a sentence are in some other one.
    assert repeated["self_bleu"] == pytest.approx(1) and usual["self_bleu"] < 0.995
    for name in ("frechet/ngram", "frechet/embedding"):
        assert repeated[name] > 5 * usual[name]


@pytest.mark.slow
def test_texts_of_the_oracle_have_its_probability():
    texts = gx.modalities.texts("oracle", 20)
    source, held_out = (
        texts.load(gx.Spec("oracle", split=split)) for split in ("train", "test")
    )
    scoring = texts.evaluator(source, held_out, texts.decode)
    x = held_out.read(np.arange(scoring.count)).x
    found = scoring.score(x)
    assert found["grammatical"] == 1
    # A text of another order has the same tokens, and is less probable.
    shuffled = np.random.default_rng(0).permuted(x, axis=1)
    assert scoring.score(shuffled)["nats"] > found["nats"] + 10


def test_scores_know_sentences_from_shuffled_words():
    scoring = TEXTS.evaluator(read(), read("test"), TEXTS.decode)
    real = scoring.real_scores()
    assert real["grammatical"] == 1 and real["ngram/divergence"] < 0.05
    x = read("test").read(np.arange(scoring.count)).x
    shuffled = np.random.default_rng(0).permuted(x, axis=1)
    found = scoring.score(np.asarray(TEXTS.decode(jnp.asarray(shuffled))))
    assert found["grammatical"] < 0.05 and found["copies"] < real["copies"]
    assert found["ngram/precision"] < 0.5 < real["ngram/precision"]
    copied = read().read(np.arange(scoring.count)).x
    found = scoring.score(np.asarray(TEXTS.decode(jnp.asarray(copied))))
    assert found["copies"] == 1 and found["nats"] == pytest.approx(
        real["nats"], abs=0.4
    )
    assert {metric.name for metric in scoring.metrics} == found.keys()


def test_texts_are_written_as_lines_and_drawn(tmp_path):
    x = np.asarray(TEXTS.decode(jnp.asarray(read().read(np.arange(5)).x)))
    TEXTS.files[".txt"](tmp_path / "a.txt", x, np.zeros(5, int))
    lines = (tmp_path / "a.txt").read_text().splitlines()
    assert len(lines) == 5 and all(line.endswith(".") for line in lines)
    TEXTS.files[".npz"](tmp_path / "a.npz", x, np.zeros(5, int))
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["token"], x.argmax(-1))
    picture = np.asarray(TEXTS.render(x).convert("L"))
    assert picture.shape[0] == 5 * 18 + 8 and picture.min() < 100


def test_another_text_needs_another_game(tmp_path):
    with pytest.raises(UsageError, match="is made for the text grammar"):
        TEXTS.load(gx.Spec("other.txt"))
    with pytest.raises(UsageError, match="Texts of 2 tokens"):
        gx.modalities.texts("grammar", 2)
    with pytest.raises(UsageError, match="remove --features"):
        TEXTS.evaluator(read(), None, TEXTS.decode, pixels())


def test_characters_are_tokens_too(tmp_path):
    lines = "\n".join(f"number {i}" for i in range(99))
    (tmp_path / "a.txt").write_text(lines)
    texts = gx.modalities.texts(str(tmp_path / "a.txt"), 12, CHARACTERS)
    assert vocabulary_size(texts) == 2 + len({*"number 0123456789"})


def args(module, folder, **changes):
    run = replace(module.TINY.run, workdir=str(folder), save_every=2, **changes)
    return replace(module.TINY, run=run)


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [lstm, relgan, scratchgan, transformer],
    ids=lambda module: module.__name__,
)
def test_a_run_resumes_to_the_bit_shards_and_is_sampled(module, tmp_path):
    whole = module.main(args(module, tmp_path / "whole", devices="jit", scores=False))
    half = args(module, tmp_path / "half", devices="jit", scores=False, steps=2)
    module.main(half)
    same(module.main(replace(half, run=replace(half.run, steps=4))), whole)
    shared = module.main(
        args(module, tmp_path / "shard", devices="shard", scores=False)
    )
    assert max(apart(shared, whole).values()) <= 1e-5
    out = tmp_path / "a.txt"
    cli.main(["sample", str(tmp_path / "whole"), "--n", "7", "--out", str(out)])
    assert len(out.read_text().splitlines()) == 7


def test_adversarial_training_begins_with_the_likelihood_model(tmp_path):
    likely = lstm.main(args(lstm, tmp_path / "lstm", scores=False))
    run = args(relgan, tmp_path / "relgan", scores=False)
    run = replace(
        run,
        run=replace(
            run.run, init_from=str(tmp_path / "lstm"), init_parts=("g",), steps=1
        ),
        g_lr=1e-12,
    )
    state = relgan.main(run)
    gaps = apart(state.g.params, likely.g.params)
    assert max(gaps.values()) < 1e-6


def test_the_loss_is_the_mean_of_minus_log_p():
    game = lstm.make(lstm.TINY)
    x = jnp.asarray(read().read(np.arange(8)).x)
    turns = gx.turns(TEXTS.decode(x))
    state = game.init(jax.random.key(0), turns)
    texts = TEXTS.decode(x)
    net = gx.models.text.Generator(SIZE, 4, 3)
    log_p = net.apply(
        state.ema, texts, jnp.zeros(8, int), train=False, method="log_likelihood"
    )
    after, logs = game.step(state, turns)
    wanted = -np.asarray(log_p, np.float64).mean()
    np.testing.assert_allclose(logs["g"]["loss"], wanted, rtol=1e-5)
    # Adam's first step moves each weight by its rate, against the gradient.
    _, again = game.step(after, turns)
    assert again["g"]["loss"] < logs["g"]["loss"]
