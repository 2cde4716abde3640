"""Networks that complete images: what they keep, what they see, and their sizes."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.models import gated, sn_patch
from ganjax.ops import pyramid
from tests.helpers.marks import some
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1])
LAYOUT = ("NHWC", "HWIO", "NHWC")
G = gated.TINY["g"].net(classes=0)
FOURIER = gated.TINY["g_fourier"].net(classes=0)


def scene(h, w):
    """Images, and masks of a box and of all that it is not."""
    image = jax.random.normal(KEY, (2, h, w, 2))
    box = jnp.zeros((h, w, 1)).at[2 : h // 2, 1 : w // 2].set(1.0)
    return image, jnp.stack([box, 1 - box])


def run(net, z, method=None):
    variables = seat(net, z, LABEL)
    apply = partial(net.apply, train=False, method=method)
    return jax.jit(apply)(variables, z, LABEL)


@pytest.mark.parametrize("size", some([(13, 18), (16, 16), (9, 7)]))
def test_known_pixels_are_returned_to_the_bit_and_hidden_ones_are_made(size):
    image, mask = scene(*size)
    image = image.at[:, 0, 0].set(1e-30)
    z = jnp.concatenate([image, mask], axis=-1)
    out, made = run(G, z), run(G, z, "paint")
    assert out.shape == image.shape
    known = np.broadcast_to(mask == 0, image.shape)
    np.testing.assert_array_equal(out[known], image[known])
    np.testing.assert_array_equal(out[~known], made[~known])
    assert jnp.isfinite(out).all() and jnp.abs(made).max() <= 1
    assert len(np.unique(made[~known])) > 20


@pytest.mark.parametrize("net", [G, FOURIER], ids=["dilated", "fourier"])
def test_what_is_hidden_cannot_be_seen_and_what_is_known_can(net):
    image, mask = scene(16, 16)
    z = gated.hide(image, mask)
    spoilt = jnp.concatenate([jnp.where(mask > 0, 7.0, image), mask], axis=-1)
    assert z.shape == (2, 16, 16, 3) and (z[..., 2:] == mask).all()
    assert jnp.all(jnp.where(mask > 0, z[..., :2], 0) == 0)
    np.testing.assert_array_equal(run(net, z), run(net, spoilt))
    other = z.at[0, 15, 15, 0].add(1.0)  # the first image's box is far from there
    assert jnp.any(run(net, z, "paint")[0, 4, 4] != run(net, other, "paint")[0, 4, 4])


def test_the_mask_matters_where_the_image_is_black():
    image, mask = jnp.zeros((2, 16, 16, 2)), scene(16, 16)[1]
    a, b = (run(G, gated.hide(image, m), "paint") for m in (mask, mask[::-1]))
    assert jnp.any(a != b)


def test_sides_of_multiples_of_four_are_mirrored_on_to():
    image, mask = scene(14, 15)
    z = gated.hide(image, mask)
    wide = jnp.pad(z, ((0, 0), (0, 2), (0, 1), (0, 0)), mode="reflect")
    a, b = (run(G, x, "paint") for x in (z, wide))
    np.testing.assert_array_equal(a, b[:, :14, :15])


@pytest.mark.parametrize("rate", [1, 2, 3, 16])
def test_a_dilated_convolution_is_xlas(rate):
    x = jax.random.normal(KEY, (2, 9, 10, 3))
    kernel = jax.random.normal(KEY, (3, 3, 3, 4))
    wanted = jax.lax.conv_general_dilated(
        x,
        kernel,
        (1, 1),
        [(rate, rate)] * 2,
        rhs_dilation=(rate, rate),
        dimension_numbers=LAYOUT,
    )
    np.testing.assert_allclose(gated.dilated_conv(x, kernel, rate), wanted, atol=1e-4)


def test_a_gate_lets_through_as_much_as_its_sigmoid_says():
    x = jax.random.normal(KEY, (2, 6, 8, 3))
    for stride, size in ((1, 5), (2, 3)):
        net = gated.Gated(4, size, stride)
        variables = net.init(KEY, x)
        params = jax.tree.map(lambda leaf: leaf + 0.1, variables["params"])
        y = jax.lax.conv_general_dilated(
            x, params["kernel"], (stride, stride), "SAME", dimension_numbers=LAYOUT
        )
        y += params["bias"].reshape(1, 1, 1, -1)
        wanted = nn.elu(y[..., :4]) * nn.sigmoid(y[..., 4:])
        np.testing.assert_allclose(net.apply({"params": params}, x), wanted, atol=1e-4)


def test_with_a_fill_g_begins_with_it_and_adds_in_holes_alone():
    image, mask = scene(14, 15)
    z = gated.hide(image, mask)
    net = gated.Generator(2, fill=pyramid.fill)
    variables = net.init(KEY, z, LABEL, train=False)
    wide = jnp.pad(z, ((0, 0), (0, 2), (0, 1), (0, 0)), mode="reflect")
    smooth = pyramid.fill(wide[..., :-1], wide[..., -1:])[:, :14, :15]
    paint = partial(net.apply, method="paint", train=False)
    np.testing.assert_array_equal(paint(variables, z, LABEL), smooth)
    params = jax.tree.map(lambda leaf: leaf + 0.1, variables["params"])
    added = paint({"params": params}, z, LABEL) - smooth
    hidden = np.broadcast_to(mask > 0, added.shape)
    assert (added[~hidden] == 0).all() and (added[hidden] != 0).all()


@pytest.mark.slow
def test_a_gain_of_three_keeps_the_size_of_what_passes_the_gates():
    z = gated.hide(*scene(32, 32))
    sizes = {}
    for gain in (1.0, 3.0):
        net = gated.Generator(8, gain=gain)
        variables = net.init(KEY, z, LABEL, train=False)
        show = {"train": False, "capture_intermediates": True}
        _, kept = net.apply(variables, z, LABEL, **show)
        layers = kept["intermediates"]
        first, last = (layers[f"Gated_{i}"]["__call__"][0] for i in (0, 10))
        sizes[gain] = float(last.std() / first.std())
    assert sizes[1.0] < 1e-4 and 0.1 < sizes[3.0] < 3


def count(net, shape):
    x = jax.ShapeDtypeStruct((2, *shape), jnp.float32)
    init = partial(net.init_with_output, train=False)
    out, variables = jax.eval_shape(init, KEY, x, LABEL)
    leaves = jax.tree.leaves(variables["params"])
    return out.shape, sum(leaf.size for leaf in leaves)


def test_g_is_of_the_size_of_the_published_first_stage():
    """The filters of its layers in turn, of which half are gates, as the authors' code."""
    middle = [(3, 96, 192)] * 4
    layers = [(5, 5, 48), (3, 24, 96), (3, 48, 96), (3, 48, 192), (3, 96, 192)]
    layers += [(3, 96, 192), *middle, (3, 96, 192), (3, 96, 192), (3, 96, 96)]
    layers += [(3, 48, 96), (3, 48, 48), (3, 24, 24), (3, 12, 3)]
    wanted = sum(k * k * a * b + b for k, a, b in layers)
    assert count(gated.Generator(24), (256, 256, 4)) == ((2, 256, 256, 3), wanted)


def test_d_is_of_the_size_of_the_published_one_and_every_number_is_a_logit():
    layers = [(4, 64), (64, 128), (128, 256), (256, 256), (256, 256), (256, 256)]
    wanted = sum(25 * a * b + b for a, b in layers)
    found = count(sn_patch.Discriminator(), (256, 256, 4))
    assert found == ((2, 4 * 4 * 256), wanted)


@pytest.mark.parametrize("size", [(16, 16), (13, 10)])
def test_ds_convolutions_are_padded_as_tensorflows_and_of_norm_one(size):
    x = jax.random.normal(KEY, (2, *size, 3))
    net = sn_patch.Discriminator((4, 5))
    variables = seat(net, x, LABEL)
    for _ in range(100):
        _, moved = net.apply(variables, x, LABEL, train=True, mutable=["spectral"])
        variables = {**variables, **moved}
    ours = net.apply(variables, x, LABEL, train=False)
    y = x
    for name in ("SpectralNorm_0", "SpectralNorm_1"):
        params = find(variables["params"], name)
        norm = np.linalg.norm(
            params["kernel"].reshape(-1, params["kernel"].shape[-1]), 2
        )
        y = jax.lax.conv_general_dilated(
            y, params["kernel"] / norm, (2, 2), "SAME", dimension_numbers=LAYOUT
        )
        y = nn.leaky_relu(y + params["bias"].reshape(1, 1, 1, -1), 0.2)
    np.testing.assert_allclose(ours, y.reshape(2, -1), atol=1e-5)


def find(params, name):
    """The kernel and bias of D's layer that a wrapper of this name has."""
    (number,) = name[-1:]
    return params[f"Halving_{number}"]


def test_blocks_are_told_what_is_hidden_where_they_stand():
    """At a quarter of the sides, where any of the sixteen pixels is hidden."""
    told = []

    def block(width, gain):
        def call(x, mask, label, *, train):
            told.append(mask)
            return x

        return call

    net = gated.Generator(2, middle=(block,))
    mask = jnp.zeros((2, 16, 16, 1)).at[0, 7, 9].set(1.0)
    z = gated.hide(jnp.ones((2, 16, 16, 2)), mask)
    variables = seat(net, z, LABEL)
    told.clear()
    net.apply(variables, z, LABEL, train=False)
    wanted = jnp.zeros((2, 4, 4, 1)).at[0, 1, 2].set(1.0)
    np.testing.assert_array_equal(told[0], wanted)
