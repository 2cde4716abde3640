"""Losses: what each player's gradient does, and the values of the papers."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax import losses
from ganjax.core import Loss


MADE = {
    name: make()
    for name, make in inspect.getmembers(losses, inspect.isfunction)
    if make.__module__ == losses.__name__ and name[0] != "_"
    if name not in ("relativistic_average", "top_k", "weighted")
} | {
    "chi-square": losses.least_squares(-1.0, 1.0, 0.0),
    "relativistic hinge": losses.relativistic(lambda gap: jax.nn.relu(1 - gap)),
    "RaSGAN": losses.relativistic_average(losses.non_saturating()),
    "RaHingeGAN": losses.relativistic_average(losses.hinge()),
    "top 5 of 16": losses.top_k(losses.non_saturating(), 5 / 16),
    "weighted": losses.weighted(losses.least_squares(), 1.5, 2.0),
}
EACH = pytest.mark.parametrize("loss", MADE.values(), ids=MADE.keys())
N = 16
REAL, FAKE = np.random.default_rng(0).normal(size=(2, N)).astype(np.float32) * 2
sigmoid = lambda x: 1 / (1 + np.exp(-np.float64(x)))
log = np.log
MARGINS = 0.8 + 0.2 * (np.arange(10_000) + 0.5) / 10_000


def goodfellow(real, fake):
    """V(D, G), with D(x) the sigmoid of the logit (Goodfellow et al., 2014, eq. 1)."""
    return log(sigmoid(real)).mean() + log(1 - sigmoid(fake)).mean()


def averaged(cost, slope):
    """The four functions below of a cost of how far one is above the others' mean."""

    def value(high, low):
        return cost(high - low.mean()).mean() + cost(high.mean() - low).mean()

    def slopes(high, low):
        above, below = slope(high - low.mean()), slope(high.mean() - low)
        return above + below.mean(), -below - above.mean()

    swap = lambda f: lambda real, fake: f(fake, real)
    return value, slopes, swap(value), lambda *both: swap(slopes)(*both)[::-1]


# D's loss and G's in float64, and their gradients, as (of real, of fake), times N.
PAPERS = {
    "minimax": (
        lambda real, fake: -goodfellow(real, fake),
        lambda real, fake: (sigmoid(real) - 1, sigmoid(fake)),
        lambda real, fake: log(1 - sigmoid(fake)).mean(),
        lambda real, fake: (0 * real, -sigmoid(fake)),
    ),
    "non_saturating": (
        lambda real, fake: -goodfellow(real, fake),
        lambda real, fake: (sigmoid(real) - 1, sigmoid(fake)),
        lambda real, fake: -log(sigmoid(fake)).mean(),
        lambda real, fake: (0 * real, sigmoid(fake) - 1),
    ),
    "hinge": (
        lambda real, fake: -(np.minimum(0, real - 1) + np.minimum(0, -1 - fake)).mean(),
        lambda real, fake: (-1.0 * (real < 1), 1.0 * (fake > -1)),
        lambda real, fake: -fake.mean(),
        lambda real, fake: (0 * real, 0 * fake - 1),
    ),
    "smooth_hinge": (
        lambda real, fake: (
            np.maximum(0, [margin - real for margin in MARGINS]).mean()
            + np.maximum(0, [margin + fake for margin in MARGINS]).mean()
        ),
        lambda real, fake: (
            -np.clip((1 - real) / 0.2, 0, 1),
            np.clip((1 + fake) / 0.2, 0, 1),
        ),
        lambda real, fake: -fake.mean(),
        lambda real, fake: (0 * real, 0 * fake - 1),
    ),
    "wasserstein": (
        lambda real, fake: -(real.mean() - fake.mean()),
        lambda real, fake: (0 * real - 1, 0 * fake + 1),
        lambda real, fake: -fake.mean(),
        lambda real, fake: (0 * real, 0 * fake - 1),
    ),
    "least_squares": (
        lambda real, fake: ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2,
        lambda real, fake: (real - 1, fake),
        lambda real, fake: ((fake - 1) ** 2).mean() / 2,
        lambda real, fake: (0 * real, fake - 1),
    ),
    "relativistic": (
        lambda real, fake: -log(sigmoid(real - fake)).mean(),
        lambda real, fake: (-sigmoid(fake - real), sigmoid(fake - real)),
        lambda real, fake: -log(sigmoid(fake - real)).mean(),
        lambda real, fake: (sigmoid(real - fake), -sigmoid(real - fake)),
    ),
    "zero": (
        lambda real, fake: 0.0,
        lambda real, fake: (0 * real, 0 * fake),
        lambda real, fake: 0.0,
        lambda real, fake: (0 * real, 0 * fake),
    ),
    "energy": (
        lambda real, fake: (-real).mean() + np.maximum(0, 10 - -fake).mean(),
        lambda real, fake: (0 * real - 1, 1.0 * (fake > -10)),
        lambda real, fake: (-fake).mean(),
        lambda real, fake: (0 * real, 0 * fake - 1),
    ),
    "chi-square": (
        lambda real, fake: ((real - 1) ** 2).mean() / 2 + ((fake + 1) ** 2).mean() / 2,
        lambda real, fake: (real - 1, fake + 1),
        lambda real, fake: (fake**2).mean() / 2,
        lambda real, fake: (0 * real, fake),
    ),
    "relativistic hinge": (
        lambda real, fake: np.maximum(0, 1 - (real - fake)).mean(),
        lambda real, fake: (-1.0 * (real - fake < 1), 1.0 * (real - fake < 1)),
        lambda real, fake: np.maximum(0, 1 - (fake - real)).mean(),
        lambda real, fake: (1.0 * (fake - real < 1), -1.0 * (fake - real < 1)),
    ),
    "RaSGAN": averaged(lambda x: -log(sigmoid(x)), lambda x: sigmoid(x) - 1),
    "RaHingeGAN": averaged(lambda x: np.maximum(0, 1 - x), lambda x: -1.0 * (x < 1)),
    "top 5 of 16": (
        lambda real, fake: -goodfellow(real, fake),
        lambda real, fake: (sigmoid(real) - 1, sigmoid(fake)),
        lambda real, fake: -log(sigmoid(np.sort(fake)[-5:])).mean(),
        lambda real, fake: (
            0 * real,
            np.where(fake >= np.sort(fake)[-5], sigmoid(fake) - 1, 0) * len(fake) / 5,
        ),
    ),
    "weighted": (  # with D's share at three quarters
        lambda real, fake: 0.75 * (((real - 1) ** 2).mean() + (fake**2).mean()),
        lambda real, fake: (1.5 * (real - 1), 1.5 * fake),
        lambda real, fake: ((fake - 1) ** 2).mean(),
        lambda real, fake: (0 * real, 2 * (fake - 1)),
    ),
}


def values(loss: Loss, real, fake):
    """D's loss and G's, each with its gradient: [(value, (of real, of fake)), ...]."""
    both = lambda *logits: [jax.value_and_grad(f, (0, 1))(*logits) for f in loss]
    return jax.jit(both)(jnp.float32(real), jnp.float32(fake))


def test_every_loss_here_is_compared_with_its_paper():
    assert MADE.keys() == PAPERS.keys(), "write the paper's values of a new loss above"


@pytest.mark.parametrize(
    "name", sorted(MADE.keys() - {"zero", "chi-square", "top 5 of 16"})
)
def test_each_player_pulls_its_own_way(name):
    """Among logits where even the losses with a margin or a target ask for more."""
    loss = MADE[name]
    _, of_d = values(loss, np.linspace(-0.9, 0.9, N), np.linspace(0.1, 2, N))[0]
    assert (of_d[0] < 0).all() and (of_d[1] > 0).all()
    _, of_g = values(loss, np.linspace(-2, 2, N), np.linspace(-2, 0.9, N))[1]
    assert (of_g[1] < 0).all()


@EACH
def test_a_repeated_or_reordered_batch_costs_the_same(loss):
    once = [value for value, _ in values(loss, REAL, FAKE)]
    twice = [value for value, _ in values(loss, np.tile(REAL, 2), np.tile(FAKE, 2))]
    back = [value for value, _ in values(loss, REAL[::-1], FAKE[::-1])]
    np.testing.assert_allclose(twice, once, rtol=1e-6)
    np.testing.assert_allclose(back, once, rtol=1e-6)


@EACH
@pytest.mark.parametrize("sure", [1e4, -1e4])
def test_values_and_gradients_are_finite_however_sure_d_is(loss, sure):
    for leaf in jax.tree.leaves(values(loss, REAL + sure, FAKE - sure)):
        assert leaf.dtype == jnp.float32 and jnp.isfinite(leaf).all()


@pytest.mark.parametrize("name", PAPERS)
def test_values_and_gradients_are_the_paper_s(name):
    d, d_slopes, g, g_slopes = PAPERS[name]
    real, fake = np.float64(REAL), np.float64(FAKE)
    ours = values(MADE[name], REAL, FAKE)
    for (value, _), wanted in zip(ours, (d, g), strict=True):
        assert value.shape == ()
        np.testing.assert_allclose(value, wanted(real, fake), rtol=1e-6, atol=1e-6)
    for (_, slopes), wanted in zip(ours, (d_slopes, g_slopes), strict=True):
        exact = np.stack(wanted(real, fake)) / N
        np.testing.assert_allclose(np.stack(slopes), exact, rtol=1e-6, atol=1e-6)


def test_hinge_asks_nothing_beyond_the_margin():
    far = np.asarray([1.5, 3.0, 1e4])
    value, slopes = values(MADE["hinge"], far, -far)[0]
    assert value == 0 and not np.any(slopes)


def test_in_the_minimax_game_g_loses_what_d_wins():
    (_, of_d), (_, of_g) = values(MADE["minimax"], REAL, FAKE)
    np.testing.assert_array_equal(of_g[1], -of_d[1])


@pytest.mark.parametrize("name", PAPERS)
def test_only_relativistic_losses_pair_each_real_with_a_fake(name):
    once = [value for value, _ in values(MADE[name], REAL, FAKE)]
    moved = [value for value, _ in values(MADE[name], REAL, np.roll(FAKE, 1))]
    assert np.allclose(moved, once, rtol=1e-5) == (not name.startswith("relativistic"))


@pytest.mark.parametrize(("share", "kept"), [(1.0, N), (0.5, 8), (0.3, 4), (1e-3, 1)])
def test_the_top_k_are_the_whole_number_below_their_share(share, kept):
    top = losses.top_k(losses.wasserstein(), share)
    wanted = -np.sort(np.float64(FAKE))[-kept:].mean()
    np.testing.assert_allclose(top.g(REAL, FAKE), wanted, rtol=1e-6)
    traced = jax.jit(
        lambda share: losses.top_k(losses.wasserstein(), share).g(REAL, FAKE)
    )
    np.testing.assert_allclose(traced(share), wanted, rtol=1e-6)


def test_the_top_k_are_images_where_each_has_several_logits():
    fake = FAKE.reshape(-1, 2)
    top = losses.top_k(losses.wasserstein(), 2 / len(fake))
    wanted = -np.sort(np.float64(fake).mean(1))[-2:].mean()
    np.testing.assert_allclose(top.g(REAL.reshape(-1, 2), fake), wanted, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(MADE.keys() - {"top 5 of 16"}))
def test_logits_of_parts_of_an_image_count_as_those_of_images(name):
    parts = lambda x: jnp.asarray(x).reshape(2, 4, 2)
    for cost in MADE[name]:
        whole = cost(jnp.asarray(REAL), jnp.asarray(FAKE))
        np.testing.assert_allclose(cost(parts(REAL), parts(FAKE)), whole, rtol=1e-6)


def test_the_energy_of_fakes_beyond_the_margin_costs_nothing():
    loss = losses.energy(2.0)
    real, fake = jnp.array([-1.0, -4.0]), jnp.array([-3.0, -1.0, 0.5])
    np.testing.assert_allclose(loss.d(real, fake), 2.5 + (0 + 1 + 2.5) / 3, rtol=1e-6)


def test_the_softer_the_hinge_the_wider_its_margins():
    margins = 0.5 + 0.5 * (np.arange(10_000) + 0.5) / 10_000
    real, fake = np.float64(REAL)[:, None] / 2, np.float64(FAKE)[:, None] / 2
    wanted = np.maximum(0, margins - real).mean() + np.maximum(0, margins + fake).mean()
    ours = losses.smooth_hinge(0.5).d(jnp.asarray(REAL) / 2, jnp.asarray(FAKE) / 2)
    np.testing.assert_allclose(ours, wanted, rtol=1e-6)


def test_a_weight_that_is_not_given_changes_nothing():
    plain, both = losses.least_squares(), (jnp.asarray(REAL), jnp.asarray(FAKE))
    assert losses.weighted(plain, g=2.0).d(*both) == plain.d(*both)
    assert losses.weighted(plain, d=0.5).g(*both) == plain.g(*both)


def test_the_top_k_of_pairs_are_judged_with_the_reals_of_their_rows():
    top = losses.top_k(losses.relativistic(), 0.25)
    real, fake = np.float64(REAL), np.float64(FAKE)
    best = np.argsort(fake)[-4:]
    wanted = -log(sigmoid(fake - real))[best].mean()
    ours = top.g(jnp.asarray(REAL), jnp.asarray(FAKE))
    np.testing.assert_allclose(ours, wanted, rtol=1e-6)


def test_a_share_that_was_rounded_still_counts_its_whole_number():
    """In float32, 7 / 23 of 23 is a little below 7."""
    fake = jnp.arange(23.0)
    cost = jax.jit(
        lambda share: losses.top_k(losses.wasserstein(), share).g(fake, fake)
    )
    np.testing.assert_allclose(cost(7 / 23), -(16 + 22) / 2, rtol=1e-6)
