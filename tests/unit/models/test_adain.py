from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers.normalization import AdaIN, InstanceNorm
from ganjax.layers.spectral_norm import SpectralNorm
from ganjax.models import dcgan, resnet, sagan
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
X = 3 + 2 * jax.random.normal(KEY, (4, 5, 6, 3))


def by_definition(x, gain, bias):
    """Equation 8, image by image and channel by channel, in float64."""
    x = np.asarray(x, np.float64)
    for b, c in np.ndindex(len(x), x.shape[-1]):
        plane = x[b, ..., c]
        unit = (plane - plane.mean()) / np.sqrt(plane.var() + 1e-5)
        x[b, ..., c] = unit * (1 + gain[b, c]) + bias[b, c]
    return x


def test_a_class_gives_an_image_its_mean_and_deviation():
    norm = AdaIN(classes=3)
    params = seat(norm, X, LABEL)["params"]
    ours = jax.jit(partial(norm.apply, train=True))({"params": params}, X, LABEL)
    rows = (np.asarray(params[name], np.float64)[LABEL] for name in ("gain", "bias"))
    np.testing.assert_allclose(ours, by_definition(X, *rows), atol=1e-5)


def test_instance_norm_is_the_same_and_without_classes_has_no_weights():
    norm, alone = InstanceNorm(classes=3), InstanceNorm()
    params = seat(norm, X, LABEL)["params"]
    rows = [np.asarray(params[name], np.float64)[LABEL] for name in ("gain", "bias")]
    ours = norm.apply({"params": params}, X, LABEL, train=True)
    np.testing.assert_allclose(ours, by_definition(X, *rows), atol=1e-5)
    assert not alone.init(KEY, X, LABEL, train=True)
    ours = alone.apply({}, X, LABEL, train=True)
    np.testing.assert_allclose(ours, by_definition(X, *np.zeros((2, 4, 3))), atol=1e-5)


def test_a_vector_does_so_by_a_linear_map():
    norm, style = AdaIN(), jax.random.normal(KEY, (4, 7))
    params = seat(norm, X, style)["params"]
    ours = jax.jit(partial(norm.apply, train=True))({"params": params}, X, style)
    known = jax.tree.map(np.float64, params)
    w = np.asarray(style, np.float64)
    rows = (w @ known[n]["kernel"] + known[n]["bias"] for n in ("gain", "bias"))
    np.testing.assert_allclose(ours, by_definition(X, *rows), atol=1e-4)


def test_an_images_own_contrast_and_brightness_do_not_count():
    norm = AdaIN(classes=3)
    run = jax.jit(partial(norm.apply, seat(norm, X, LABEL), train=False))
    np.testing.assert_allclose(run(X, LABEL), run(5 * X - 7, LABEL), atol=1e-4)


def test_a_linear_map_can_be_of_spectral_norm_one():
    norm, style = AdaIN(wrap=SpectralNorm), jax.random.normal(KEY, (4, 7))
    assert seat(norm, X, style)["spectral"].keys() == {
        "SpectralNorm_0",
        "SpectralNorm_1",
    }


GENERATORS = {
    "resnet": partial(resnet.Generator, 8, 2, width=8),
    "sagan": partial(sagan.Generator, (8, 8), channels=2, attention_resolution=8),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_take_it_in_place_of_batch_norm(name):
    net = GENERATORS[name](classes=3, norm=AdaIN)
    variables = seat(net, Z, LABEL)
    assert "batch_stats" not in variables

    run = jax.jit(partial(net.apply, train=False))
    a, b = (run(variables, Z, label) for label in (LABEL, (LABEL + 1) % 3))
    assert jnp.any(a != b, axis=(1, 2, 3)).all()


def test_a_vector_has_no_instance_norm():
    net = dcgan.Generator(size=8, channels=2, width=4, norm=AdaIN)
    with pytest.raises(UsageError, match="leaves nothing of a vector"):
        jax.eval_shape(partial(net.init, train=False), KEY, Z, LABEL)
