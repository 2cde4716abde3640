"""Losses, features and the image pool of image translation against the authors' programs.

The fixture `translation.npz` is written by `tools/fixtures_translation.py`.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from weights import drawn

from ganjax import losses
from ganjax.errors import UsageError
from ganjax.games import pool
from ganjax.models.patch_features import gather_features
from ganjax.pretrained import load
from ganjax.regularizers import patch_nce
from tests.helpers.processes import FIXTURES
from tests.helpers.released import CASES, weights


LABEL = jnp.zeros(4, jnp.int32)
LSGAN = losses.weighted(losses.least_squares(), g=2.0)
VANILLA = losses.weighted(losses.non_saturating(), d=0.5)


@pytest.fixture(scope="module")
def given():
    with np.load(FIXTURES / "translation.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def maps():
    """The feature maps of our G with the weights of the fixture."""
    released = CASES["cut_g"].released
    image = np.tanh(drawn("image", (4, 16, 16, 3)))
    run = partial(released.net.apply, train=False, method="features")
    return jax.jit(run)(load(released, weights("cut_g")), image, LABEL)


def near(made, wanted, share):
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() <= share * np.abs(wanted).max()


def test_feature_maps_are_those_of_cut(maps, given):
    assert len(maps) == 5
    for i, x in enumerate(maps):
        near(x[:2], given[f"map {i}"], 1e-5)


def test_cut_maps_features_of_the_same_places_to_the_same_vectors(maps, given):
    released = CASES["cut_f"].released
    places = [jnp.arange(0, x.shape[1] * x.shape[2], 2)[:12] for x in maps]
    features = gather_features(maps, places)
    made = released.net.apply(
        load(released, weights("cut_f")), features, LABEL, train=False
    )
    for i, x in enumerate(made):
        near(x, given[f"made {i}"], 3e-5)


def test_averages_of_instance_norms_are_ignored_and_those_of_batch_norms_are_not():
    extra = {"model.3.running_mean": np.zeros(8)}
    load(CASES["cyclegan_d"].released, weights("cyclegan_d") | extra)
    name = "model.3.running_mean"
    incomplete = {k: x for k, x in weights("pix2pix_d").items() if k != name}
    with pytest.raises(UsageError, match=r"no tensor model\.3\.running_mean"):
        load(CASES["pix2pix_d"].released, incomplete)


def vectors():
    """The vectors that the fixture compares, q and k, [2, 6, 5], of unit length."""
    pair = (drawn("q", (2, 6, 5)), drawn("k", (2, 6, 5)))
    return [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in pair]


@pytest.mark.parametrize("name", ["own", "all"])
def test_patch_nce_and_its_gradient_are_theirs(name, given):
    """Negatives are patches of the same image ("own"), or of all images ("all")."""
    q, k = vectors()

    def nce(q, k):
        if name == "all":
            q = q.reshape(1, -1, 5)
            k = k.reshape(1, -1, 5)
        return patch_nce(q, k)

    value, (of_q, of_k) = jax.jit(jax.value_and_grad(nce, (0, 1)))(q, k)
    assert value == pytest.approx(given[f"nce {name}"], rel=1e-6)
    near(of_q, given[f"slope {name}"], 1e-6)
    assert not np.any(of_k)


@pytest.mark.parametrize(("name", "loss"), [("lsgan", LSGAN), ("vanilla", VANILLA)])
def test_losses_are_theirs_with_that_of_d_halved(name, loss, given):
    real, fake = drawn("real logits", (4, 9)), drawn("fake logits", (4, 9))
    made = [side(real, fake) for side in loss]
    np.testing.assert_allclose(made, given[name], rtol=1e-6)


def test_the_pool_returns_the_same_images_for_the_same_draws(given):
    shown = given["shown"]
    numbers = jnp.arange(shown.size, dtype=jnp.float32).reshape(shown.shape)
    fold = lambda n: jax.random.fold_in(jax.random.key(0), n)
    keys = jax.vmap(jax.vmap(fold))(jnp.int32(numbers))
    turn = lambda kept, batch: pool.query(kept, *batch)
    run = jax.jit(partial(jax.lax.scan, turn))
    _, made = run(pool.empty(numbers[0, 0], 5), (numbers, keys))
    np.testing.assert_array_equal(made, shown)
    assert (made != numbers).sum() > 5
