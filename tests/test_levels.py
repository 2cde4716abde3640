"""What `experiments/gat.py` puts in front of D: images of several levels, with noise."""

import importlib.util
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax import augment
from ganjax.gan import Batch, Turns
from tests.support import ROOT


spec = importlib.util.spec_from_file_location("levels", ROOT / "experiments" / "gat.py")
gat = importlib.util.module_from_spec(spec)
sys.modules["levels"] = gat
spec.loader.exec_module(gat)

KEY = jax.random.key(0)
IMAGE = jax.random.normal(KEY, (4, 4, 6))  # of three levels


def test_shares_of_noise_are_the_published_ones():
    """1 - (1/8)^(1 - i/3) and a hundredth more."""
    np.testing.assert_allclose(gat.shares(4), [0.885, 0.76, 0.51, 0.01], atol=1e-12)
    np.testing.assert_allclose(gat.shares(1), [0.01], atol=1e-12)


def test_all_levels_are_moved_alike():
    moved = gat.each_level(augment.translation(0.5), channels=2)
    same = jnp.concatenate([IMAGE[..., :2]] * 3, axis=-1)
    parts = jnp.split(jax.jit(moved)(KEY, same, 1.0), 3, axis=-1)
    for part in parts:
        np.testing.assert_array_equal(part, parts[0])
    assert jnp.any(parts[0] != IMAGE[..., :2])


@pytest.fixture(scope="module")
def seen():
    """What 20,000 draws of noise make of a pixel of one level, [n, level]."""
    transform = lambda key: gat.noise(1, 4)(key, jnp.full((1, 1, 1), 3.0), 1.0)
    drawn = jax.jit(jax.vmap(transform))(jax.random.split(KEY, 20_000))
    return np.asarray(drawn, np.float64).reshape(20_000, 4)


def test_an_image_is_seen_through_its_share_of_noise(seen):
    shares = gat.shares(4)
    np.testing.assert_allclose(seen.mean(0), 3 * (1 - shares), atol=0.03)
    np.testing.assert_allclose(seen.std(0), shares, rtol=0.03)


def test_the_noise_of_a_level_goes_on_in_the_ones_before(seen):
    """Diluted by k = (1 - s_j) / (1 - s_i), so that it correlates by k s_i / s_j."""
    s, found = gat.shares(4), np.corrcoef(seen.T)
    for i, j in ((3, 2), (2, 1), (2, 0)):
        wanted = (1 - s[j]) / (1 - s[i]) * s[i] / s[j]
        assert found[i, j] == pytest.approx(wanted, abs=0.03)


def test_a_sample_is_the_last_level_alone():
    game, label = gat.make(gat.TINY), jnp.zeros(4, jnp.int32)
    batch = Batch(jnp.zeros((4, 8, 8, 1), jnp.uint8), label)
    turns = Turns(jax.tree.map(lambda x: x[None], batch), batch)
    state = jax.eval_shape(game.init, KEY, turns)
    assert jax.eval_shape(game.sample, state, KEY, label).shape == (4, 8, 8, 1)
