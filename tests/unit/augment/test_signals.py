import jax
import jax.numpy as jnp
import numpy as np

from ganjax.augment import jitter


KEYS = jax.random.split(jax.random.key(0), 2_000)
SIGNAL = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)), jnp.float32)


def changed(transform, p):
    return np.asarray(
        jax.vmap(transform, (0, None, None))(KEYS, SIGNAL, jnp.float32(p))
    )


def test_nothing_changes_with_a_probability_of_0():
    np.testing.assert_array_equal(
        changed(jitter(), 0.0), np.broadcast_to(SIGNAL, (2_000, 6, 3))
    )


def test_noise_and_loudness_have_their_deviations_and_act_as_often_as_p_says():
    noisy = changed(jitter(0.3, 0.0), 1.0) - np.asarray(SIGNAL)
    np.testing.assert_allclose(noisy.std(), 0.3, rtol=0.02)
    factor = changed(jitter(0.0, 0.1), 1.0) / np.asarray(SIGNAL)
    # All of a signal has one factor.
    assert np.abs(factor - factor[:, :1, :1]).max() < 1e-4
    np.testing.assert_allclose(factor[:, 0, 0].std(), 0.1, rtol=0.07)
    for transform in (jitter(0.3, 0.0), jitter(0.0, 0.1)):
        share = (changed(transform, 0.25) != np.asarray(SIGNAL)).any((1, 2)).mean()
        assert abs(share - 0.25) < 4 * (0.1875 / 2_000) ** 0.5
