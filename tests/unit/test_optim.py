"""Terms of the weights alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import optim


RNG = np.random.default_rng(0)
PARAMS = {
    "Conv_0": {
        "kernel": jnp.asarray(RNG.normal(size=(3, 3, 2, 4)), jnp.float32),
        "bias": jnp.asarray(RNG.normal(size=4), jnp.float32),
    },
    "Dense_0": {"kernel": jnp.asarray(RNG.normal(size=(5, 3)), jnp.float32)},
}
ZERO = jax.tree.map(jnp.zeros_like, PARAMS)
ONES = jax.tree.map(jnp.ones_like, PARAMS)


def run(transform, steps, grads=ONES, params=PARAMS):
    """Weights after each step."""
    state = transform.init(params)
    for _ in range(steps):
        updates, state = transform.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        yield params


def test_orthogonal_adds_the_slope_of_how_far_columns_are_from_orthogonal():
    def cost(w):
        matrix = np.float64(w).reshape(-1, w.shape[-1])
        gram = matrix.T @ matrix
        return 0.25 * (gram[~np.eye(len(gram), dtype=bool)] ** 2).sum()

    added, _ = optim.orthogonal(0.5).update(ONES, optax.EmptyState(), PARAMS)
    for layer in ("Conv_0", "Dense_0"):
        w = np.float64(PARAMS[layer]["kernel"])
        way = RNG.normal(size=w.shape)
        exact = (cost(w + 1e-5 * way) - cost(w - 1e-5 * way)) / 2e-5
        slope = np.sum((np.float64(added[layer]["kernel"]) - 1) * way)
        np.testing.assert_allclose(slope, exact, rtol=1e-5)
    np.testing.assert_array_equal(added["Conv_0"]["bias"], jnp.ones(4))


def test_orthogonal_asks_nothing_of_the_exempt_nor_of_orthogonal_columns():
    exempt = optim.orthogonal(0.5, lambda path: path == "Dense_0/kernel")
    added, _ = exempt.update(ZERO, optax.EmptyState(), PARAMS)
    assert not added["Dense_0"]["kernel"].any() and added["Conv_0"]["kernel"].any()
    square = {"kernel": jnp.diag(jnp.array([1.0, 3.0]))}
    added, _ = optim.orthogonal(0.5).update(square, optax.EmptyState(), square)
    np.testing.assert_array_equal(added["kernel"], square["kernel"])


def test_clipped_weights_stay_within_their_bound():
    chain = optax.chain(optax.sgd(0.1), optim.clip_weights(0.3))
    for params in run(chain, 5):
        assert max(jnp.abs(leaf).max() for leaf in jax.tree.leaves(params)) <= 0.3001
    assert min(jnp.max(leaf) for leaf in jax.tree.leaves(params)) < 0.3


def test_projected_weights_are_where_they_are_asked_to_be_and_others_where_they_go():
    def onto(path, w):
        return w / jnp.linalg.norm(w) if path == "Dense_0/kernel" else w

    ours = run(optax.chain(optax.adam(0.1), optim.project(onto)), 5)
    for own, free in zip(ours, run(optax.adam(0.1), 5), strict=True):
        assert jnp.linalg.norm(own["Dense_0"]["kernel"]) == pytest.approx(1, abs=1e-6)
        for name, leaf in own["Conv_0"].items():
            np.testing.assert_allclose(leaf, free["Conv_0"][name], atol=1e-6)


def test_a_projection_is_of_the_weights_after_the_step():
    turn = lambda path, w: jnp.round(w)
    (params,) = run(optax.chain(optax.sgd(0.7), optim.project(turn)), 1)
    for own, old in zip(*map(jax.tree.leaves, (params, PARAMS)), strict=True):
        np.testing.assert_allclose(own, jnp.round(old - 0.7), atol=1e-6)


def test_frozen_weights_do_not_move_and_others_do():
    chain = optax.chain(optax.adam(0.1), optim.freeze(lambda path: "Conv_0" in path))
    (params,) = run(chain, 1)
    for name, leaf in params["Conv_0"].items():
        np.testing.assert_array_equal(leaf, PARAMS["Conv_0"][name])
    assert (params["Dense_0"]["kernel"] != PARAMS["Dense_0"]["kernel"]).all()


def test_historical_averaging_pulls_toward_the_mean_of_all_past_weights():
    term = optim.historical_averaging(0.5)
    state, past = term.init(PARAMS), []
    for i in range(4):
        params = jax.tree.map(lambda w, i=i: w + i * i, PARAMS)
        grads, state = term.update(ZERO, state, params)
        past.append(np.float64(params["Dense_0"]["kernel"]))
        wanted = past[-1] - np.mean(past, axis=0)
        np.testing.assert_allclose(grads["Dense_0"]["kernel"], wanted, atol=1e-5)


@pytest.mark.parametrize("rate", [0.1, optax.linear_schedule(0.1, 0.0, 10)])
def test_lazy_adam_is_adam_with_rate_and_betas_for_fewer_steps(rate):
    c = 16 / 17
    slow = (lambda count: c * rate(count)) if callable(rate) else c * rate
    ours = run(optim.lazy_adam(rate, 0.5, 0.99, every=16), 3)
    for a, b in zip(ours, run(optax.adam(slow, 0.5**c, 0.99**c), 3), strict=True):
        np.testing.assert_array_equal(a["Dense_0"]["kernel"], b["Dense_0"]["kernel"])


def test_defaults_are_those_of_the_papers():
    """Brock et al.: 1e-4; Arjovsky et al.: 0.01; Salimans et al.: 1; StyleGAN2: 16."""
    pairs = [
        (optim.orthogonal(), optim.orthogonal(1e-4, lambda path: False)),
        (optim.clip_weights(), optim.clip_weights(0.01)),
        (optim.historical_averaging(), optim.historical_averaging(1.0)),
        (optim.lazy_adam(0.1), optim.lazy_adam(0.1, b1=0.0, b2=0.99, every=16)),
    ]
    for default, named in pairs:
        for a, b in zip(run(default, 2), run(named, 2), strict=True):
            jax.tree.map(np.testing.assert_array_equal, a, b)


def test_clipping_is_on_both_sides_and_leaves_what_is_between():
    w = {"w": jnp.array([-3.0, -0.25, 0.5, 3.0])}
    (params,) = run(optim.clip_weights(0.5), 1, {"w": jnp.array([1, 0, -0.25, 1])}, w)
    np.testing.assert_allclose(params["w"], [-0.5, -0.25, 0.25, 0.5])


@pytest.mark.parametrize("every", [1, 4])
def test_lazy_adam_follows_its_equations(every):
    """Kingma & Ba with rate, b1 and b2 of StyleGAN2's appendix B, in NumPy."""
    c = every / (every + 1)
    rate, b1, b2 = c * 0.2, 0.5**c, 0.9**c
    grads = np.array([[1.0, -2.0], [0.5, 3.0], [-4.0, 0.25]])
    transform = optim.lazy_adam(0.2, 0.5, 0.9, every)
    state = transform.init({"w": jnp.zeros(2)})
    m, v = np.zeros(2), np.zeros(2)
    for t, grad in enumerate(grads, start=1):
        update, state = transform.update({"w": jnp.asarray(grad, jnp.float32)}, state)
        m = b1 * m + (1 - b1) * grad
        v = b2 * v + (1 - b2) * grad**2
        wanted = -rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + 1e-8)
        np.testing.assert_allclose(update["w"], wanted, rtol=1e-4)


def test_vanishing_gradients_are_not_blown_up():
    """Adam's epsilon is 1e-8, as in the authors' program."""
    transform = optim.lazy_adam(1.0, every=1)
    w = {"w": jnp.zeros(1)}
    update, _ = transform.update({"w": jnp.array([1e-8])}, transform.init(w))
    np.testing.assert_allclose(update["w"], -0.25, rtol=1e-3)
