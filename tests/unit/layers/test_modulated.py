"""StyleGAN2's layers that a style modulates, against their formulas."""

import jax
import jax.numpy as jnp
import numpy as np

from ganjax.layers import modulated


jax.config.update("jax_numpy_rank_promotion", "raise")

RNG = np.random.default_rng(0)
X, W = (RNG.normal(size=size).astype(np.float32) for size in ((2, 3, 4, 5), (2, 7)))


def drawn(layer):
    """Weights of a layer, nowhere zero."""
    shapes = jax.eval_shape(layer.init, jax.random.key(0), X, W)["params"]
    return jax.tree.map(lambda w: jnp.float32(RNG.normal(size=w.shape)), shapes)


def style(dense):
    return W @ np.asarray(dense["kernel"]) / np.sqrt(7) + np.asarray(dense["bias"])


def test_a_layer_modulates_adds_noise_and_a_bias_and_bends():
    params, key = drawn(modulated.StyledConv(3)), {"noise": jax.random.key(1)}

    @jax.jit
    def make(strength):
        given = {"params": {**params, "strength": strength}}
        return modulated.StyledConv(3, noise_scale=0.5).apply(
            given, jnp.asarray(X), jnp.asarray(W), rngs=key
        )

    s, wide = style(params["Dense_0"]), np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel, bias = np.asarray(params["kernel"]), np.asarray(params["bias"])
    wanted = np.zeros((2, 3, 4, 3))
    for b in range(2):
        own = kernel * s[b][:, None]
        own /= np.sqrt((own**2).sum((0, 1, 2)))
        for i, j in np.ndindex(3, 3):
            wanted[b] += wide[b, i : i + 3, j : j + 4] @ own[i, j]
    bend = lambda x: np.where(x > 0, x, 0.2 * x) * np.sqrt(2)
    np.testing.assert_allclose(make(0.0), bend(wanted + bias), atol=1e-5)
    unbend = lambda y: np.where(y > 0, y, y / 0.2) / np.sqrt(2) - bias
    once, twice = (unbend(np.asarray(make(s))) - wanted for s in (1.0, 2.0))
    np.testing.assert_allclose(twice, 2 * once, atol=1e-4)
    np.testing.assert_allclose(once, once[..., :1] * np.ones(3), atol=1e-4)
    noise = once[..., 0] / 0.5
    assert 0.6 < noise.std() < 1.4 and abs(noise.mean()) < 0.6


def test_to_pixels_the_kernel_is_modulated_and_no_more():
    params = drawn(modulated.ToRGB(2))
    ours = modulated.ToRGB(2).apply({"params": params}, jnp.asarray(X), jnp.asarray(W))
    conv = jax.tree.map(np.asarray, params["Conv_0"])
    wanted = (X * style(params["Dense_0"])[:, None, None]) @ conv["kernel"][0, 0]
    np.testing.assert_allclose(ours, wanted / np.sqrt(5) + conv["bias"], atol=1e-5)
