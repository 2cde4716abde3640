"""Post-hoc EMA against quadrature, against what was tracked, and in runs."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ganjax
from ganjax.errors import UsageError
from ganjax.evaluation.evaluator import Evaluator
from ganjax.games import posthoc_ema
from ganjax.games.posthoc_ema import (
    fit_profile,
    profile_exponent,
    reconstruct,
    update_average,
)
from ganjax.modalities import POINTS
from ganjax.run import hooks
from ganjax.store import checkpoint
from tests.helpers import shaken as small
from tests.helpers.damage import flip, largest
from tests.helpers.runs import args, found, train
from tests.helpers.states import apart, same
from tests.helpers.two_generators import two_generators


SIGMA_RELS = (0.05, 0.1)
FLAGS = {
    "posthoc_ema": SIGMA_RELS,
    "keep_every": 2,
    "save_every": 4,
    "devices": "jit",
    "seed": 3,
}
UNJUDGED = Evaluator(0, dict, (), None, dict, "")
NODES, SHARES = np.polynomial.legendre.leggauss(40)


def plain():
    return ganjax.game(small.made(), POINTS)


def integral(of, until, pieces=400):
    """By Gauss and Legendre, in pieces that are shorter toward the end."""
    edges = until * (1 - np.linspace(1, 0, pieces + 1) ** 3)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    x = middle[:, None] + half[:, None] * NODES[None]
    return np.sum(half[:, None] * SHARES[None] * of(x))


def profile(gamma, until):
    """Of time, zero afterward (equation 121)."""
    gone = lambda x: np.minimum(x / until, 1.0)
    return lambda x: (x <= until) * (gamma + 1) * gone(x) ** gamma / until


@pytest.mark.parametrize("sigma_rel", [0.01, 0.05, 0.1, 0.25])
def test_a_profile_has_its_length_and_its_std(sigma_rel):
    p = profile(profile_exponent(sigma_rel), 3.0)
    moment = lambda k: integral(lambda x: x**k * p(x), 3.0)
    assert abs(moment(0) - 1) < 1e-10
    assert abs(np.sqrt(moment(2) - moment(1) ** 2) / 3.0 - sigma_rel) < 1e-10


def test_an_average_has_that_profile():
    """Of the weights after each step, one at a time."""
    t, sigma_rel = 40, 0.1
    weights = np.random.default_rng(0).normal(size=(t, 3))
    average = jnp.zeros(3)
    for i in range(t):
        now = jnp.int32(i + 1)
        average = update_average(
            jnp.asarray(weights[i]), now, profile_exponent(sigma_rel), average
        )
    edges = (np.arange(t + 1) / t) ** (profile_exponent(sigma_rel) + 1)
    np.testing.assert_allclose(average, np.diff(edges) @ weights, rtol=1e-5, atol=1e-6)


def test_an_average_of_what_stays_stays_however_long():
    """1 - beta is 2e-5 here, of which float32 would leave three digits beside 1."""
    t = jnp.int32(10**6)
    moved = update_average(jnp.ones(()), t, profile_exponent(0.05), jnp.zeros(()))
    wanted = -np.expm1((profile_exponent(0.05) + 1) * np.log1p(-1e-6))
    np.testing.assert_allclose(moved, wanted, rtol=1e-5)
    np.testing.assert_array_equal(
        update_average(jnp.full(3, 0.1), t, profile_exponent(0.05), jnp.full(3, 0.1)),
        np.float32(0.1),
    )


@pytest.mark.parametrize("sigma_rel", [0.03, 0.07, 0.2])
def test_coefficients_are_those_of_quadrature(sigma_rel):
    times, gammas = (
        np.repeat([1, 2, 3, 4], 2),
        np.tile([*map(profile_exponent, SIGMA_RELS)], 4),
    )
    sides = [(profile(g, t), t) for g, t in zip(gammas, times, strict=True)]
    wanted = profile(profile_exponent(sigma_rel), 4), 4
    inner = lambda a, b: integral(lambda x: a[0](x) * b[0](x), min(a[1], b[1]))
    right = [inner(a, wanted) for a in sides]
    weights = np.linalg.solve([[inner(a, b) for b in sides] for a in sides], right)
    weights /= weights.sum()
    found = fit_profile(times, gammas, 4, profile_exponent(sigma_rel))
    np.testing.assert_allclose(found.weights, weights, rtol=1e-7, atol=1e-9)

    def missed(x):
        made = sum(w * p(x) for w, (p, _) in zip(weights, sides, strict=True))
        return (wanted[0](x) - made) ** 2

    piece = lambda until: integral(lambda x: missed(x) * (x > until - 1), until)
    error = np.sqrt(sum(map(piece, (1, 2, 3, 4))) / inner(wanted, wanted))
    assert abs(found.error - error) < 1e-4


def test_what_was_tracked_is_reconstructed_from_the_others():
    """Far nearer than the nearest of them is."""
    made, data = posthoc_ema(plain(), (*SIGMA_RELS, 0.07)), small.turns()
    state, step, kept = made.init(jax.random.key(0), data), jax.jit(made.step), {}
    for t in range(1, 257):
        state, _ = step(state, data)
        if t == 1:
            for average in state.averages:
                same(average, state.game.g.params)
        if t % 8 == 0:
            averages = state.averages[:2]
            kept[t] = lambda averages=averages: averages
    kept[264] = lambda: pytest.fail("it is of a later time")
    truth = state.averages[2]
    gap = lambda tree: np.sqrt(sum(x**2 for x in apart(tree, truth).values()))
    two = state.replace(averages=state.averages[:2])
    found = reconstruct(two, kept, SIGMA_RELS, 0.07)
    assert gap(found.game.ema["params"]) < min(map(gap, two.averages)) / 20
    own = reconstruct(two, kept, SIGMA_RELS, 0.05).game.ema["params"]
    assert max(apart(own, state.averages[0]).values()) < 1e-5
    same(found.game.g, state.game.g)


@pytest.fixture(autouse=True, scope="module")
def quick_runs():
    """Nothing is scored, which takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hooks, "evaluator", lambda *_, **__: UNJUDGED)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with averages kept after 2, 4, 6 and 8 steps, and its last state."""
    folder = tmp_path_factory.mktemp("posthoc_ema") / "run"
    with pytest.MonkeyPatch.context() as patch:
        plainly = checkpoint.save

        def save(saves, step, *rest):
            if saves.folder.name == "checkpoints":
                assert (folder / "averages" / str(step)).is_dir(), "not yet on disk"
            plainly(saves, step, *rest)

        patch.setattr(checkpoint, "save", save)
        return folder, train(folder, plain(), **FLAGS)


def load(folder, **options):
    return ganjax.load(folder, game=plain(), **options)


def kept(folder):
    """What is kept, by the digests of its arrays."""
    found = {}
    for path in (folder / "averages").glob("*/check/metadata"):
        found[int(path.parents[1].name)] = json.loads(path.read_text())["digests"]
    return found


@pytest.mark.slow
def test_a_run_is_loaded_with_an_average_of_any_length(run):
    folder, state = run
    same(load(folder).state, state)
    loaded = load(folder, sigma_rel=0.07)
    params = loaded.state.game.ema["params"]
    for average in state.averages:
        assert 0 < max(apart(params, average).values()) < 0.1
    assert np.abs(loaded.sample(8) - load(folder).sample(8)).max() > 0
    own = load(folder, sigma_rel=0.1).state.game.ema["params"]
    assert max(apart(own, state.averages[1]).values()) < 1e-6


@pytest.mark.slow
def test_a_resumed_run_keeps_the_same_averages(run, tmp_path):
    folder, state = run
    again = tmp_path / "run"
    shutil.copytree(folder, again)
    shutil.rmtree(again / "checkpoints" / "8")
    flip(largest(again / "averages" / "6"))
    same(train(again, plain(), **FLAGS), state)
    assert kept(again) == kept(folder) and sorted(kept(folder)) == [2, 4, 6, 8]
    same(load(again, sigma_rel=0.07).state, load(folder, sigma_rel=0.07).state)


def test_a_damaged_average_is_named_and_left_out(run, tmp_path, capsys):
    folder, state = run
    again = tmp_path / "run"
    shutil.copytree(folder, again)
    flip(largest(again / "averages" / "4"))
    found = load(again, sigma_rel=0.07).state
    said = capsys.readouterr().err.splitlines()
    assert len(set(said)) == 1 and str(again / "averages" / "4") in said[0]
    shutil.rmtree(again / "averages" / "4")
    same(load(again, sigma_rel=0.07).state, found)
    whole = load(folder, sigma_rel=0.07).state
    assert max(apart(whole.game.ema, found.game.ema).values()) > 0


@pytest.mark.slow
def test_each_seed_of_a_population_has_its_averages(run, tmp_path):
    train(tmp_path / "many", plain(), **FLAGS | {"seed": 0, "seeds": 8})
    member = load(tmp_path / "many", member=3, sigma_rel=0.08).state
    assert max(apart(member, load(run[0], sigma_rel=0.08).state).values()) <= 1e-5


@pytest.mark.slow
def test_a_run_starts_from_one_that_tracked_and_one_that_tracks_from_another(
    run, tmp_path
):
    folder, last = run
    begin = lambda name, start, **flags: found(
        args(tmp_path / name, init_from=str(start), **flags), plain()
    )
    state = begin("plain", folder)
    same(state.ema, last.game.ema)
    same(state.d.params, last.game.d.params)
    train(tmp_path / "other", plain(), steps=1)
    state, theirs = (
        begin("tracks", tmp_path / "other", posthoc_ema=SIGMA_RELS),
        load(tmp_path / "other"),
    )
    same(state.game.ema, theirs.state.ema)


def test_what_cannot_be_is_a_mistake(run, tmp_path):
    folder, _ = run
    with pytest.raises(UsageError, match="missed by"):
        load(folder, sigma_rel=0.001)
    for sigma_rel in (0.0, -1.0, 0.289, float("nan")):
        with pytest.raises(UsageError, match="less than 0.288"):
            train(tmp_path / "run", plain(), posthoc_ema=(0.1, sigma_rel))
    with pytest.raises(UsageError, match="one G"):
        train(tmp_path / "run", two_generators(), posthoc_ema=SIGMA_RELS)
    assert not (tmp_path / "run").exists()
    train(tmp_path / "run", plain(), steps=1)
    with pytest.raises(UsageError, match="without --posthoc-ema"):
        load(tmp_path / "run", sigma_rel=0.1)
