"""The bound of a VAE against float64, and what both autoencoders are as games."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

import ganjax as gx
from ganjax import Player
from ganjax.core import Labels
from ganjax.errors import UsageError
from ganjax.games import accumulated, autoencoder, vae
from ganjax.games.autoencoder import gaussian_kl
from ganjax.layers.autoencoders import LearnedScale, Posterior
from ganjax.likelihoods import discretized_logistic, fixed, gaussian
from ganjax.modalities import POINTS
from ganjax.models import mlp


RNG = np.random.default_rng(0)
LATENT = 3
X = RNG.uniform(-1, 1, (8, 4)).astype(np.float32)
E_WEIGHTS = RNG.normal(size=(4, LATENT)).astype(np.float32)
G_WEIGHTS = RNG.normal(size=(LATENT, 4)).astype(np.float32)
TURNS = gx.turns(X)
UNIT = fixed(gaussian(), 1.0)


def linear(weights, also=None):
    """A player whose network is a product with a matrix, and constants beside it."""
    init = lambda key, x, label: {"w": jnp.asarray(weights)}

    def apply(params, x, label):
        found = x @ params["w"]
        if also is None:
            return found
        return jnp.concatenate([found, jnp.full_like(found, also)], axis=-1)

    return Player(gx.from_functions(init, apply), optax.sgd(0.1))


def begun(game, turns=TURNS):
    return game.init(jax.random.key(0), turns)


def played(game, turns=TURNS):
    return jax.jit(game.step)(begun(game, turns), turns)


def log_density(x, mean):
    return stats.norm.logpdf(x.astype(float), mean).sum(1)


def test_the_bound_is_that_of_float64_where_the_posterior_is_narrow():
    """Without a variance to speak of, z is the mean, whatever the noise is."""
    game = vae(linear(E_WEIGHTS, -40.0), linear(G_WEIGHTS), UNIT, LATENT, POINTS)
    _, logs = played(game)
    mean = X.astype(float) @ E_WEIGHTS
    kl = 0.5 * (mean**2 + np.exp(-40) + 40 - 1).sum(1).mean()
    likelihood = log_density(X, mean @ G_WEIGHTS).mean()
    found = logs["g"]
    np.testing.assert_allclose(found["kl"], kl, rtol=1e-5)
    np.testing.assert_allclose(found["elbo"], likelihood - kl, rtol=1e-5)
    np.testing.assert_allclose(found["loss"], kl - likelihood, rtol=1e-5)
    assert found.keys() == {"loss", "elbo", "kl"}


def test_z_is_drawn_from_the_posterior():
    """Of x = 0, with q the prior and the decoder the identity, E log p is known."""
    n = 20_000
    same = linear(np.eye(LATENT, dtype=np.float32))
    q = linear(np.zeros((LATENT, LATENT), np.float32), 0.0)
    _, logs = played(
        vae(q, same, UNIT, LATENT, POINTS), gx.turns(np.zeros((n, LATENT), np.float32))
    )
    wanted = LATENT * (-0.5 * np.log(2 * np.pi) - 0.5)
    np.testing.assert_allclose(
        logs["g"]["elbo"], wanted, atol=4 * (LATENT / 2 / n) ** 0.5
    )
    np.testing.assert_allclose(logs["g"]["kl"], 0, atol=1e-6)


def test_the_closed_form_of_kl_is_what_draws_of_the_posterior_give():
    mean, log_variance = RNG.normal(size=(2, 4, LATENT))
    q = stats.norm(mean, np.exp(log_variance / 2))
    draws = q.rvs((200_000, 4, LATENT), random_state=1)
    terms = (q.logpdf(draws) - stats.norm.logpdf(draws)).sum(-1)
    error = terms.std(0) / len(terms) ** 0.5
    found = gaussian_kl(jnp.float32(mean), jnp.float32(log_variance))
    assert (np.abs(found - terms.mean(0)) < 4 * error).all()
    assert (found > 30 * error).all(), "so that the test can fail"


def test_the_weight_of_kl_may_be_a_schedule_and_leaves_the_logged_bound():
    weight = lambda step: 0.25 * (1.0 + step)
    make = partial(vae, linear(E_WEIGHTS, -2.0), linear(G_WEIGHTS), UNIT, LATENT)
    state, logs = played(make(POINTS, kl_weight=weight))
    found = {name: float(value) for name, value in logs["g"].items()}
    likelihood = found["elbo"] + found["kl"]
    np.testing.assert_allclose(
        found["loss"], 0.25 * found["kl"] - likelihood, rtol=1e-5
    )
    _, logs = make(POINTS, kl_weight=weight).step(state, TURNS)
    found = {name: float(value) for name, value in logs["g"].items()}
    likelihood = found["elbo"] + found["kl"]
    np.testing.assert_allclose(found["loss"], 0.5 * found["kl"] - likelihood, rtol=1e-5)


def test_a_bound_on_stored_values_is_also_in_bits_per_dimension():
    decoder = linear(G_WEIGHTS)
    g = Player(LearnedScale(decoder.net), decoder.optim)
    game = vae(linear(E_WEIGHTS, -2.0), g, discretized_logistic(), LATENT, POINTS)
    _, logs = played(game)
    bits = -float(logs["g"]["elbo"]) / (4 * np.log(2))
    np.testing.assert_allclose(logs["g"]["bits_per_dim"], bits, rtol=1e-6)


def test_a_plain_autoencoder_minimizes_half_the_squared_error():
    game = autoencoder(linear(E_WEIGHTS), linear(G_WEIGHTS), UNIT, LATENT, POINTS)
    _, logs = played(game)
    again = X.astype(float) @ E_WEIGHTS @ G_WEIGHTS
    wanted = 0.5 * ((X - again) ** 2).sum(1).mean() + 2 * np.log(2 * np.pi)
    np.testing.assert_allclose(logs["g"]["loss"], wanted, rtol=1e-5)
    assert logs.keys() == {"g"} and logs["g"].keys() == {"loss"}


def test_the_bound_of_a_linear_model_reaches_what_the_data_allows():
    """Of one-dimensional Gaussian data no ELBO exceeds the mean log-likelihood."""
    x = 2.0 * np.random.default_rng(1).normal(size=(512, 1)).astype(np.float32)
    adam = optax.adam(2e-2)
    one = np.full((1, 1), 0.5, np.float32)
    q = gx.from_functions(
        lambda key, x, label: {"w": jnp.asarray(one), "log_variance": jnp.zeros(1)},
        lambda params, x, label: jnp.concatenate(
            [x @ params["w"], jnp.broadcast_to(params["log_variance"], x.shape)], 1
        ),
    )
    e = Player(q, adam)
    g = Player(LearnedScale(linear(one).net, 1.0), adam)
    game, turns = vae(e, g, gaussian(), 1, POINTS), gx.turns(x)

    def step(state, _):
        state, logs = game.step(state, turns)
        return state, logs["g"]["elbo"]

    scan = jax.jit(lambda state: jax.lax.scan(step, state, length=400))
    state, bounds = scan(begun(game, turns))
    highest = stats.norm.logpdf(x.astype(float), 0, x.std()).mean()
    last = float(bounds[-200:].mean())
    np.testing.assert_allclose(last, highest, atol=0.03)
    assert float(bounds[0]) < highest - 0.1
    # Samples are of the mean, to which the learned noise of p(x | z) belongs.
    made = np.asarray(game.sample(state, jax.random.key(2), np.zeros(4_000, np.int32)))
    noise = float(jnp.exp(state.g.params["log_scale"]))
    spread = (made.var() + noise**2) ** 0.5
    np.testing.assert_allclose(spread, x.std(), rtol=0.1)


def test_both_players_move_and_samples_are_those_of_the_average():
    game = vae(
        linear(E_WEIGHTS, -2.0),
        linear(G_WEIGHTS),
        UNIT,
        LATENT,
        POINTS,
        ema=optax.constant_schedule(0.75),
    )
    before, (after, _) = begun(game), played(game)
    old, new, average = (
        np.asarray(x["weights"]["w"])
        for x in (before.g.params, after.g.params, after.ema["params"])
    )
    assert int(after.step) == 1 and (old != new).all()
    assert (np.asarray(after.e.params["weights"]["w"]) != E_WEIGHTS).all()
    np.testing.assert_allclose(average, 0.75 * old + 0.25 * new, rtol=1e-5)
    z = game.latents(jax.random.key(1), 5)
    made = game.generate(after, z, np.zeros(5, np.int32), jax.random.key(2))
    np.testing.assert_allclose(made, np.asarray(z) @ average, rtol=1e-5, atol=1e-6)


def test_microbatches_of_networks_that_treat_rows_alone_train_as_the_whole_batch():
    make = partial(vae, linear(E_WEIGHTS, -2.0), linear(G_WEIGHTS), UNIT, LATENT)
    whole, logs = played(make(POINTS))
    parts, other = played(accumulated(make(POINTS), 4))
    for a, b in zip(
        *map(jax.tree.leaves, (whole.g.params, parts.g.params)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logs["g"]["elbo"], other["g"]["elbo"], rtol=1e-5)


def images_game(make=vae, classes=0, **heads):
    adam = optax.adam(1e-3)
    e = mlp.Discriminator(4, 1, classes, head=partial(Posterior, latent=LATENT))
    return vae(
        Player(e, adam),
        Player(mlp.Generator((8, 8, 1), 4, 1, classes), adam),
        UNIT,
        LATENT,
    )


def test_reconstructions_are_decoded_from_the_mean_of_the_posterior():
    game = images_game()
    x = RNG.uniform(-1, 1, (5, 8, 8, 1)).astype(np.float32)
    state = begun(game, gx.turns(x))
    view = game.reconstruction
    assert view is not None and view.reconstruction is None
    made = view.sample(state, jax.random.key(0), x)
    again = view.sample(state, jax.random.key(1), x)
    np.testing.assert_array_equal(made, again)
    assert made.shape == x.shape and jnp.any(made[0] != made[1])
    shown = view.conditions.show(x, made)
    assert shown.shape == (5, 8, 16, 1) and view.conditions.columns
    np.testing.assert_array_equal(shown[:, :, :8], x)


def test_only_images_without_classes_are_shown_beside_their_reconstructions():
    assert images_game(classes=3).reconstruction is None
    assert images_game(classes=3).conditions == Labels(3)
    points = vae(linear(E_WEIGHTS, 0.0), linear(G_WEIGHTS), UNIT, LATENT, POINTS)
    assert points.reconstruction is None


def test_what_an_autoencoder_cannot_be_made_of_is_a_sentence():
    adam = optax.adam(1e-3)
    penalized = Player(mlp.Discriminator(), adam, {"r1": gx.regularizers.r1(1.0)})
    with pytest.raises(UsageError, match="'e' has regularizers"):
        autoencoder(penalized, linear(G_WEIGHTS), UNIT, LATENT, POINTS)
    game = vae(linear(E_WEIGHTS), linear(G_WEIGHTS), UNIT, LATENT, POINTS)
    with pytest.raises(UsageError, match="gives 3 numbers of an example"):
        played(game)
