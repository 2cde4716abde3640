"""The convolution against XLA's in float64: every role, derivative and vmap.

`GANJAX_SHAPES=300 pytest tests/unit/ops/test_convolution.py` draws that many shapes.
"""

import os
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.ops import cook_toom, products
from ganjax.ops.convolution import conv, conv_same, conv_transpose
from ganjax.ops.geometry import LAYOUT
from tests.helpers.marks import some


SHAPES = int(os.environ.get("GANJAX_SHAPES", "16"))
CHANNELS = (1, 2, 3, 5, 8, 16, 17, 32, 64, 512)


class Case(NamedTuple):
    x: np.ndarray
    kernel: np.ndarray
    y: np.ndarray  # a cotangent
    options: tuple  # padding, stride, groups


def case(seed: int, most: int = 512, images: int = 2) -> Case:
    """A convolution of random shape; the numbers are float64."""
    rng = np.random.default_rng(seed)
    pick = lambda values: int(rng.choice([v for v in values if v <= most]))
    groups = int(rng.choice([1, 1, 1, 2, 3, 8]))
    c, d = groups * min(pick(CHANNELS), 512 // groups), groups * pick((1, 2, 3, 16, 40))
    kind = rng.choice(["square", "any", "row"], p=[0.5, 0.3, 0.2])
    size = tuple(int(k) for k in rng.integers(1, 5, 2))
    row = 1, int(rng.integers(2, 26))
    size = {"square": size[:1] * 2, "any": size, "row": row}[kind]
    stride = tuple(int(s) for s in rng.choice([1, 1, 2, 3], 2))
    padding = tuple((int(rng.integers(k)), int(rng.integers(k))) for k in size)
    high, wide = (int(n) for n in rng.integers(5, 12, 2) + (0, size[1] - 1))
    x = rng.normal(size=(images, high, wide, c))
    kernel = rng.normal(size=(*size, c // groups, d))
    options = padding, stride, groups
    shape = jax.eval_shape(lambda x, w: reference(x, w, *options), x, kernel).shape
    return Case(x, kernel, rng.normal(size=shape), options)


def reference(x, kernel, padding, stride, groups):
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        stride,
        padding,
        feature_group_count=groups,
        dimension_numbers=LAYOUT,
    )


def gap(ours, wanted):
    """The largest difference, as a share of the largest value that is wanted."""
    pairs = zip(jax.tree.leaves(ours), jax.tree.leaves(wanted), strict=True)
    return max(
        np.abs(np.asarray(a, np.float64) - b).max() / np.abs(b).max() for a, b in pairs
    )


def three(run):
    """The output, and the gradients by images and by kernel."""

    def all_three(x, kernel, y):
        out, pull = jax.vjp(run, x, kernel)
        return out, *pull(y)

    return all_three


@pytest.mark.parametrize(
    "seed", some(range(SHAPES), quick=lambda place, _: place % 2 == 0)
)
def test_it_is_xlas_convolution_with_both_gradients(seed, monkeypatch):
    if seed % 2:
        monkeypatch.setattr(products, "MANY_CHANNELS", 1)
    x, kernel, y, options = case(seed)
    single = [np.asarray(a, np.float32) for a in (x, kernel, y)]
    ours = three(lambda x, w: conv(x, w, *options))
    with jax.enable_x64(True):
        wanted = three(lambda x, w: reference(x, w, *options))(x, kernel, y)
        wanted = jax.tree.map(np.asarray, wanted)
        assert gap(jax.jit(ours)(x, kernel, y), wanted) <= 1e-10
    assert gap(jax.jit(ours)(*single), wanted) <= 1e-5


@pytest.mark.parametrize("seed", some(range(5), quick=lambda place, _: place < 2))
@pytest.mark.parametrize("size", [(3, 3), (2, 2), (1, 25), (1, 3)])
def test_many_tiles_are_worked_on_in_parts(size, seed, monkeypatch):
    monkeypatch.setattr(products, "MANY_CHANNELS", 1)
    monkeypatch.setattr(cook_toom, "MAX_UNCHUNKED_BYTES", 0)
    monkeypatch.setattr(cook_toom, "CHUNK_BYTES", 1 << (16 + seed))
    rng = np.random.default_rng(seed)
    x, kernel = rng.normal(size=(6, 9, 40, 16)), rng.normal(size=(*size, 16, 17))
    padding = tuple((int(rng.integers(k)), int(rng.integers(k))) for k in size)
    with jax.enable_x64(True):
        y = rng.normal(size=reference(x, kernel, padding, (1, 1), 1).shape)
        wanted = three(lambda x, w: reference(x, w, padding, (1, 1), 1))(x, kernel, y)
        ours = jax.jit(three(lambda x, w: conv(x, w, padding)))
        assert "while" in ours.lower(x, kernel, y).as_text()
        assert gap(ours(x, kernel, y), wanted) <= 1e-10


@pytest.mark.parametrize("seed", some(range(1000, 1000 + max(2, SHAPES // 8))))
@pytest.mark.parametrize("fewest", [1, 10**9])
def test_it_has_every_derivative_and_vmaps(seed, fewest, monkeypatch):
    monkeypatch.setattr(products, "MIN_CHANNELS", fewest)
    monkeypatch.setattr(products, "MANY_CHANNELS", fewest)
    x, kernel, _, options = case(seed, most=8)
    rng = np.random.default_rng(seed)
    x_dot, kernel_dot = (rng.normal(size=a.shape) for a in (x, kernel))

    def grad(run):
        return jax.grad(lambda x, w: jnp.sum(jnp.sin(run(x, w))), (0, 1))

    def second(run):
        slopes = grad(run)
        return jax.grad(
            lambda x, w: sum(map(jnp.sum, map(jnp.cos, slopes(x, w)))), (0, 1)
        )

    def forward(run):
        return lambda x, w: jax.jvp(run, (x, w), (x_dot, kernel_dot))

    def over_inputs(run):
        return lambda x, w: jax.vmap(run, (0, None))(jnp.stack([x, x_dot]), w)

    def over_weights(run):
        return lambda x, w: jax.vmap(run, (None, 3))(x, jnp.stack([w, kernel_dot], 3))

    def over_both(run):
        many = jax.vmap(jax.vmap(run, (0, None)), (None, 0))
        return lambda x, w: many(jnp.stack([x, x_dot]), jnp.stack([w, kernel_dot]))

    ways = (
        grad,
        second,
        forward,
        lambda run: forward(grad(run)),
        over_inputs,
        over_weights,
        over_both,
        lambda run: over_both(second(run)),
    )
    with jax.enable_x64(True):
        for way in ways:
            ours = jax.jit(way(lambda x, w: conv(x, w, *options)))(x, kernel)
            wanted = way(lambda x, w: reference(x, w, *options))(x, kernel)
            assert gap(ours, wanted) <= 1e-10


@pytest.mark.parametrize("seed", range(3))
def test_the_transposed_convolution_is_its_transpose(seed):
    one = case(seed, most=8)
    kernel, y = (jnp.asarray(a, jnp.float32) for a in (one.kernel, one.y))
    x = conv_transpose(y, kernel, *one.options)
    back = lambda x: reference(x, kernel, *one.options)
    assert back(x).shape == y.shape
    assert gap(x, jax.linear_transpose(back, x)(y)[0]) <= 1e-5


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_kernel_of_any_size_keeps_the_sides_as_xla_does(size):
    rng = np.random.default_rng(size)
    x, kernel = rng.normal(size=(1, 5, 6, 2)), rng.normal(size=(size, size, 2, 3))
    x, kernel = (jnp.asarray(a, jnp.float32) for a in (x, kernel))
    wanted = reference(x, kernel, "SAME", (1, 1), 1)
    assert gap(conv_same(x, kernel), wanted) <= 1e-5


def test_it_can_be_run_without_a_compiler_to_find_a_fault():
    x, kernel = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 3))
    with jax.disable_jit():
        y = conv(x, kernel, ((1, 1), (1, 1)))
    np.testing.assert_array_equal(y, conv(x, kernel, ((1, 1), (1, 1))))


def test_other_machines_get_xlas_own_convolution():
    """What is lowered for a GPU or a TPU has convolutions; a vmap over kernels has none."""
    run = lambda x, w: jax.grad(lambda w: jnp.sum(conv(x, w, ((1, 1), (1, 1))) ** 2))(w)
    x, w = jnp.zeros((2, 8, 8, 16)), jnp.zeros((3, 3, 16, 32))
    text = lambda run, *args: (
        jax.jit(run).trace(*args).lower(lowering_platforms=("cuda",)).as_text()
    )
    assert text(run, x, w).count("stablehlo.convolution") == 2
    many = text(jax.vmap(run), x[None], w[None])
    assert "stablehlo.convolution" not in many and "dot_general" in many


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (4, 2)])
def test_a_large_batch_is_not_padded_as_a_whole(size, stride):
    """Beside images and outputs there are chunks alone, whatever the number of images."""
    pad = ((1, 1), (1, 1))
    convolve = lambda x, w: conv(x, w, pad, (stride, stride))
    kernel = jax.ShapeDtypeStruct((size, size, 32, 32), jnp.float32)

    def temporaries(count):
        x = jax.ShapeDtypeStruct((count, 32, 32, 32), jnp.float32)
        compiled = jax.jit(convolve).lower(x, kernel).compile()
        sizes = compiled.memory_analysis()
        assert sizes
        return sizes.temp_size_in_bytes

    image_bytes = 4 * 32**3
    more = temporaries(512) - temporaries(256)
    assert more < 0.1 * 256 * image_bytes
