"""The prior of InfoGAN: noise, then choices, then numbers."""

import jax
import jax.numpy as jnp
import numpy as np

from ganjax.regularizers import coded_prior


def noise(key):
    return jax.random.uniform(key, (5,), minval=3.0, maxval=5.0)


def test_codes_are_choices_and_numbers_that_follow_the_noise():
    prior = coded_prior(noise, num_discrete=3, num_values=4, num_continuous=2)
    z = np.asarray(jax.vmap(prior)(jax.random.split(jax.random.key(0), 2000)))
    assert z.shape == (2000, 5 + 3 * 4 + 2)
    assert z[:, :5].min() > 3
    choices, numbers = z[:, 5:17].reshape(-1, 3, 4), z[:, 17:]
    assert set(np.unique(choices)) == {0, 1}
    np.testing.assert_array_equal(choices.sum(2), 1)
    np.testing.assert_allclose(choices.mean(0), 1 / 4, atol=0.04)
    assert -1 <= numbers.min() < -0.99 and 0.99 < numbers.max() < 1
    np.testing.assert_allclose(numbers.mean(0), 0, atol=0.05)


def test_noise_and_codes_tell_nothing_of_one_another():
    prior = coded_prior(noise, 3, 4, 2)
    z = np.asarray(jax.vmap(prior)(jax.random.split(jax.random.key(1), 2000)))
    which = z[:, 5:17].reshape(-1, 3, 4).argmax(2)
    parts = np.concatenate([z[:, :5], which, z[:, 17:]], axis=1)
    assert np.abs(np.corrcoef(parts.T) - np.eye(10)).max() < 0.1


def test_unasked_there_are_one_choice_of_ten_and_two_numbers():
    z = coded_prior(noise)(jax.random.key(2))
    assert z.shape == (5 + 10 + 2,)
    assert jnp.sum(z[5:15]) == 1
