from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.models import layers


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def down_by_definition(x, kernel):
    return jax.lax.conv_general_dilated(
        x, kernel, (2, 2), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def up_by_definition(x, kernel):
    return jax.lax.conv_transpose(x, kernel, (2, 2), "SAME")


PAIRS = pytest.mark.parametrize(
    "ours, theirs",
    [(layers.up, up_by_definition), (layers.down, down_by_definition)],
    ids=["up", "down"],
)


@PAIRS
@pytest.mark.parametrize("c, d", [(2, 3), (17, 24)])
def test_resampling_equals_its_definition_in_every_derivative(ours, theirs, c, d):
    x, kernel = normal(1, 1, 2, 4, c), normal(2, 4, 4, c, d)
    dx, dk = normal(3, *x.shape), normal(4, *kernel.shape)

    @partial(jax.jit, static_argnums=0)
    def all_of(conv, x, kernel):
        value, tangent = jax.jvp(conv, (x, kernel), (dx, dk))
        energy = lambda x, k: jnp.sum(jnp.tanh(conv(x, k) / 4))
        first = jax.grad(energy, (0, 1))(x, kernel)
        penalty = lambda x, k: jnp.sum(jax.grad(energy)(x, k) ** 2)
        second = jax.grad(penalty, (0, 1))(x, kernel)
        return value, tangent, first, second

    both = (jax.tree.leaves(all_of(conv, x, kernel)) for conv in (ours, theirs))
    for a, b in zip(*both, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * max(1.0, float(jnp.abs(b).max())))


@PAIRS
def test_resampling_vmaps_over_weights(ours, theirs):
    x, kernels = normal(1, 2, 4, 4, 3), normal(2, 3, 4, 4, 3, 2)
    many = jax.jit(jax.vmap(ours, (None, 0)))(x, kernels)
    one_by_one = jnp.stack([jax.jit(theirs)(x, kernel) for kernel in kernels])
    np.testing.assert_allclose(many, one_by_one, atol=1e-5)


def test_up_is_the_definition_of_a_transposed_convolution():
    """Every pixel paints its 4x4 kernel at twice its place, one pixel back."""
    x, kernel = normal(1, 1, 3, 2, 2), normal(2, 4, 4, 2, 3)
    canvas = np.zeros((2 * 3 + 2, 2 * 2 + 2, 3))
    pixels, flipped = np.asarray(x), np.asarray(kernel)[::-1, ::-1]
    for i, j in np.ndindex(3, 2):
        canvas[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += np.einsum(
            "c,hwcd->hwd", pixels[0, i, j], flipped
        )
    np.testing.assert_allclose(layers.up(x, kernel)[0], canvas[1:-1, 1:-1], atol=1e-5)


def test_down_is_the_adjoint_of_up():
    x, y, kernel = normal(1, 2, 4, 4, 3), normal(2, 2, 8, 8, 5), normal(3, 4, 4, 3, 5)
    back = kernel[::-1, ::-1].swapaxes(2, 3)

    @jax.jit
    def both(x, y):
        return jnp.vdot(layers.up(x, kernel), y), jnp.vdot(x, layers.down(y, back))

    np.testing.assert_allclose(*both(x, y), rtol=1e-4)


def test_batch_norm_standardises_and_keeps_averages():
    norm = layers.BatchNorm(momentum=0.8)
    x, label = 3 + 2 * normal(1, 64, 4, 4, 3), jnp.zeros(64, jnp.int32)
    variables = norm.init(KEY, x, label, train=False)
    train = partial(norm.apply, train=True, mutable="batch_stats")
    y, moved = jax.jit(train)(variables, x, label)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-4)
    mean = moved["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(mean, 0.2 * x.mean((0, 1, 2)), rtol=1e-4)


@pytest.mark.parametrize("module", [layers.BatchNorm, layers.Shift, layers.AdaIN])
def test_one_class_is_no_class(module):
    x, label = normal(1, 8, 4, 4, 3), jnp.zeros(8, jnp.int32)
    plain, one = module(), module(classes=1)
    variables = plain.init(KEY, x, label, train=False)
    chosen = one.init(KEY, x, label, train=False)
    jax.tree.map(np.testing.assert_array_equal, variables, chosen)
    call = partial(one.apply, variables, x, label, train=False)
    a = plain.apply(variables, x, label + 7, train=False)
    np.testing.assert_array_equal(a, call())


@pytest.mark.parametrize("module", [layers.BatchNorm, layers.Shift])
def test_each_class_has_its_own_gain_and_bias(module):
    norm, x, label = module(classes=3), normal(1, 3, 5), jnp.arange(3)
    variables = norm.init(KEY, x, label, train=False)
    fill = lambda table: table + jnp.arange(3.0)[:, None]
    params = jax.tree.map(fill, variables["params"])
    y = norm.apply({**variables, "params": params}, x, label, train=False)
    before = norm.apply(variables, x, label, train=False)
    np.testing.assert_array_equal(y[0], before[0])
    assert jnp.all(y[1:] != before[1:])


class Wrapped(nn.Module):
    layer: nn.Module
    wrap: object = layers.SpectralNorm

    @nn.compact
    def __call__(self, x, *, train):
        return self.wrap(self.layer)(x, train=train)


SPECTRAL = pytest.mark.parametrize(
    "layer, x, weight",
    [
        (nn.Dense(5), normal(1, 2, 4), "kernel"),
        (nn.Conv(5, (3, 3)), normal(1, 2, 4, 4, 3), "kernel"),
        (layers.Down(5), normal(1, 2, 4, 4, 3), "kernel"),
        (nn.Embed(6, 5), jnp.arange(6), "embedding"),
    ],
    ids=["dense", "conv", "down", "embed"],
)


@SPECTRAL
def test_spectral_norm_divides_by_the_largest_singular_value(layer, x, weight):
    net = Wrapped(layer)
    variables = net.init(KEY, x, train=False)
    plain = Wrapped(layer, layers.plain).init(KEY, x, train=False)
    jax.tree.map(np.testing.assert_array_equal, variables["params"], plain["params"])

    @jax.jit
    def step(variables, _):
        _, moved = net.apply(variables, x, train=True, mutable="spectral")
        return {**variables, **moved}, None

    variables, _ = jax.lax.scan(step, variables, length=100)
    y = net.apply(variables, x, train=False)
    matrix = variables["params"]["layer"][weight]
    sigma = jnp.linalg.norm(matrix.reshape(-1, matrix.shape[-1]), 2)
    params = {"layer": {**variables["params"]["layer"], weight: matrix / sigma}}
    expected = Wrapped(layer, layers.plain).apply({"params": params}, x, train=False)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_spectral_gradient_passes_through_sigma_and_not_through_its_vectors():
    """Miyato et al. (2018), equation 12, with the u and v of this very call."""
    net, x = Wrapped(nn.Dense(5, use_bias=False)), normal(1, 3, 4)
    variables = net.init(KEY, x, train=False)
    kernel = variables["params"]["layer"]["kernel"]
    target = normal(2, 3, 5)

    @jax.jit
    @jax.grad
    def ours(kernel):
        given = {**variables, "params": {"layer": {"kernel": kernel}}}
        y, _ = net.apply(given, x, train=True, mutable="spectral")
        return jnp.sum(y * target)

    (u,) = jax.tree.leaves(variables["spectral"])
    unit = lambda a: a / jnp.linalg.norm(a)
    v = unit(kernel @ u)
    u = unit(v @ kernel)
    sigma, seen = v @ kernel @ u, x.T @ target
    expected = (seen - jnp.sum(kernel * seen) / sigma * jnp.outer(v, u)) / sigma
    np.testing.assert_allclose(ours(kernel), expected, atol=1e-5)


def test_spectral_norm_keeps_its_vector_only_in_training_and_vmaps():
    net, x = Wrapped(nn.Dense(5)), normal(1, 3, 4)
    variables = jax.vmap(lambda key: net.init(key, x, train=False))(
        jax.random.split(KEY, 2)
    )

    @partial(jax.vmap, in_axes=(0, None))
    @partial(jax.jit, static_argnums=1)
    def run(variables, train):
        return net.apply(variables, x, train=train, mutable="spectral")

    still, kept = run(variables, False)
    moving, moved = run(variables, True)
    np.testing.assert_array_equal(still, moving)
    jax.tree.map(np.testing.assert_array_equal, kept["spectral"], variables["spectral"])
    for a, b in zip(*map(jax.tree.leaves, (kept, moved)), strict=True):
        assert jnp.all(a != b)
