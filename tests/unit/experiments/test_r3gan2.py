"""What R3GAN2's experiment brings along: an average by a power, and a filled hole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import r3gan2

from ganjax.errors import UsageError


KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def experiment():
    return r3gan2


@pytest.mark.parametrize("deviation", [0.01, 0.05, 0.1, 12**-0.5])
def test_the_average_is_of_steps_of_the_deviation_asked_for(experiment, deviation):
    """Exactly so in a long run: its weights are 1 - decay, times all later decays."""
    step = np.arange(20_000)
    decay = np.float64(experiment.power(deviation)(jnp.asarray(step)))
    later = np.append(np.cumprod(decay[:0:-1])[::-1], 1.0)
    weight = (1 - decay) * later
    assert weight.sum() == pytest.approx(1, abs=1e-9)
    mean = np.sum(weight * step)
    spread = np.sqrt(np.sum(weight * (step - mean) ** 2)) / len(step)
    assert spread == pytest.approx(deviation, rel=1e-2)


@pytest.mark.parametrize("deviation", [0.0, 0.3])
def test_a_deviation_that_no_power_has_is_named(experiment, deviation):
    with pytest.raises(UsageError, match="deviation of"):
        experiment.power(deviation)


def test_a_hole_is_filled_with_noise_as_bright_and_as_rough_as_the_image(experiment):
    rough = jnp.array([0.1, 0.2, 0.0]).reshape(1, 1, 3)
    image = 0.3 + rough * jax.random.normal(KEY, (64, 64, 3))
    fill = lambda key, p: experiment.filled(key, image, p)
    np.testing.assert_array_equal(fill(KEY, 0.0), image)
    made = np.asarray(jax.vmap(fill, (0, None))(jax.random.split(KEY, 20), 1.0))
    hole = (made != np.asarray(image)).any(axis=-1)
    assert 0.05 < hole.mean() <= 0.25
    for channel, deviation in enumerate((0.1, 0.2, 0.0)):
        inside = made[..., channel][hole]
        assert inside.mean() == pytest.approx(0.3, abs=0.01)
        assert inside.std() == pytest.approx(deviation, rel=0.05, abs=1e-3)


def test_the_slope_of_a_filled_image_is_finite_where_a_channel_is_constant(experiment):
    value = lambda image: experiment.filled(KEY, image, 1.0).sum()
    assert jnp.isfinite(jax.grad(value)(jnp.ones((8, 8, 3)))).all()
