"""What translation is played for, against what the authors' programs made of it.

`tests/released/translation.npz` is by `experiments/released/fixtures_translation.py`.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax import losses
from ganjax.errors import Mistake
from ganjax.games import pool
from ganjax.models.patch_features import taken
from ganjax.regularizers import patch_nce
from ganjax.released import load
from tests.test_released import CASES, ROOT, drawn, weights


LABEL = jnp.zeros(4, jnp.int32)
LSGAN = losses.weighed(losses.least_squares(), g=2.0)
VANILLA = losses.weighed(losses.non_saturating(), d=0.5)


@pytest.fixture(scope="module")
def given():
    with np.load(ROOT / "tests" / "released" / "translation.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def maps():
    """Those of our G with their weights."""
    released = CASES["cut_g"].released
    image = np.tanh(drawn("image", (4, 16, 16, 3)))
    run = partial(released.net.apply, train=False, method="features")
    return jax.jit(run)(load(released, weights("cut_g")), image, LABEL)


def near(made, wanted, share):
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() <= share * np.abs(wanted).max()


def test_the_maps_are_those_of_cut_s_layers(maps, given):
    assert len(maps) == 5
    for i, x in enumerate(maps):
        near(x[:2], given[f"map {i}"], 1e-5)


def test_what_is_compared_at_the_same_places_is_theirs(maps, given):
    released = CASES["cut_f"].released
    places = [jnp.arange(0, x.shape[1] * x.shape[2], 2)[:12] for x in maps]
    features = taken(maps, places)
    made = released.net.apply(
        load(released, weights("cut_f")), features, LABEL, train=False
    )
    for i, x in enumerate(made):
        near(x, given[f"made {i}"], 3e-5)


def test_averages_of_instance_norms_are_passed_over_and_those_of_batch_norms_are_not():
    extra = {"model.3.running_mean": np.zeros(8)}
    load(CASES["cyclegan_d"].released, weights("cyclegan_d") | extra)
    name = "model.3.running_mean"
    less = {k: x for k, x in weights("pix2pix_d").items() if k != name}
    with pytest.raises(Mistake, match=r"no tensor model\.3\.running_mean"):
        load(CASES["pix2pix_d"].released, less)


def vectors():
    """What the fixture compares, [2, 6, 5], of length 1."""
    pair = drawn("q", (2, 6, 5)), drawn("k", (2, 6, 5))
    return [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in pair]


@pytest.mark.parametrize("name", ["own", "all"])
def test_patch_nce_and_its_gradient_are_theirs(name, given):
    """With the negatives of the own image, and of all images of the batch."""
    q, k = vectors()
    gather = lambda x: x.reshape(1, -1, 5) if name == "all" else x
    nce = lambda q, k: patch_nce(gather(q), gather(k))
    value, (of_q, of_k) = jax.jit(jax.value_and_grad(nce, (0, 1)))(q, k)
    assert value == pytest.approx(given[f"nce {name}"], rel=1e-6)
    near(of_q, given[f"slope {name}"], 1e-6)
    assert not np.any(of_k)


@pytest.mark.parametrize(("name", "loss"), [("lsgan", LSGAN), ("vanilla", VANILLA)])
def test_the_players_losses_are_theirs_with_d_at_half(name, loss, given):
    real, fake = drawn("real logits", (4, 9)), drawn("fake logits", (4, 9))
    made = [side(real, fake) for side in loss]
    np.testing.assert_allclose(made, given[name], rtol=1e-6)


def test_the_pool_shows_what_theirs_shows_by_the_same_draws(given):
    shown = given["shown"]
    numbers = jnp.arange(shown.size, dtype=jnp.float32).reshape(shown.shape)
    fold = lambda n: jax.random.fold_in(jax.random.key(0), n)
    keys = jax.vmap(jax.vmap(fold))(jnp.int32(numbers))
    turn = lambda kept, batch: pool.shown(kept, *batch)
    run = jax.jit(partial(jax.lax.scan, turn))
    _, made = run(pool.empty(numbers[0, 0], 5), (numbers, keys))
    np.testing.assert_array_equal(made, shown)
    assert (made != numbers).sum() > 5
