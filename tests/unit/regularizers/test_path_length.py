"""Path length regularization of generators whose slope is known, and of StyleGAN2's."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Batch, Player, augment, losses
from ganjax.core import (
    ONE,
    Devices,
    DiscriminatorOutputs,
    Turn,
    Turns,
    g_turn,
    init,
    make_turn,
    normal,
)
from ganjax.models import stylegan2
from ganjax.regularizers import lazily, path_length
from tests.helpers.states import apart


KEY = jax.random.key(1)
A = np.asarray([[3.0, 0.0, -1.0], [2.0, 1.0, 1.0]], np.float32)  # [n, w_dim]
LENGTH = np.sqrt((A**2).sum() / 2)  # the root mean square over the layers


def straight(w, side=1, channels=1):
    """Images of which all pixels are <a, w>: their slope is a, whatever w is."""
    pixel = jnp.einsum("bij,ij->b", w, jnp.asarray(A, w.dtype))
    return jnp.broadcast_to(pixel[:, None, None, None], (len(w), side, side, channels))


def repeat(z):
    """w is z, for both layers: [b, 2, 3]."""
    return jnp.stack([z, z], axis=1)


def turn(synthesis=straight, mapping=repeat, step=0, rows=8):
    """A turn on random z of three numbers."""
    methods = {"mapping": lambda z, label: mapping(z), "synthesis": synthesis}
    g = lambda *inputs, method: methods[method](*inputs)
    z, label = jax.random.normal(jax.random.key(0), (rows, 3)), jnp.zeros(rows, int)
    fake = synthesis(mapping(z))
    look = DiscriminatorOutputs(fake, label, jnp.zeros(rows), jnp.ravel, jnp.array, {})
    step = jnp.asarray(step)
    return Turn(g, look.d, z, z, look, look, {}, {}, KEY, step, ONE)


def pay(term, turn, mean=0.0):
    value, mean = term.apply(turn, jnp.asarray(mean))
    return float(value), float(mean)


@pytest.mark.parametrize("side, channels", [(1, 1), (4, 1), (2, 3)])
def test_of_a_linear_synthesis_the_mean_and_the_square_of_the_length_are_known(
    side, channels
):
    """Lengths are |a| |n| with n of N(0, channels), for any number of pixels."""
    many = turn(partial(straight, side=side, channels=channels), rows=50_000)
    value, _ = pay(path_length(3.0, decay=0.0), many)
    np.testing.assert_allclose(value, 3 * channels * LENGTH**2, rtol=0.03)
    _, mean = pay(path_length(3.0, decay=1.0), many)
    wanted = LENGTH * np.sqrt(channels * 2 / np.pi)
    np.testing.assert_allclose(mean, wanted, rtol=0.03)


def test_it_is_the_square_of_what_lengths_differ_from_the_mean_in_memory():
    square, _ = pay(path_length(1.0, decay=0.0), turn())
    _, mean = pay(path_length(1.0, decay=1.0), turn())
    assert path_length().init() == 0
    for memory in (0.5, mean):
        value, _ = pay(path_length(1.0, decay=0.0), turn(), memory)
        wanted = square - 2 * memory * mean + memory**2
        np.testing.assert_allclose(value, wanted, rtol=1e-5)


def test_the_memory_moves_by_the_decay_before_lengths_are_compared_with_it():
    _, mean = pay(path_length(1.0, decay=1.0), turn())
    value, moved = pay(path_length(1.0, decay=0.25), turn(), 2.0)
    np.testing.assert_allclose(moved, 2 + 0.25 * (mean - 2), rtol=1e-6)
    fixed, _ = pay(path_length(1.0, decay=0.0), turn(), moved)
    np.testing.assert_allclose(value, fixed, rtol=1e-6)


def test_paid_lazily_the_memory_moves_only_when_paid():
    term = lazily(3, path_length(1.0, decay=0.5))
    mean, kept, paid = 0.0, [], []
    for step in range(6):
        value, mean = pay(term, turn(step=step), mean)
        kept.append(mean)
        paid.append(value)
    assert 0 < kept[0] == kept[1] == kept[2] < kept[3] == kept[4] == kept[5]
    assert [value > 0 for value in paid] == [True, False, False] * 2


def test_weight_and_decay_follow_their_schedules():
    fall = optax.linear_schedule(2.0, 0.0, 10)
    term = path_length(fall, optax.linear_schedule(1.0, 0.0, 10))
    for step in (0, 5, 10):
        wanted = pay(path_length(2 - step / 5, 1 - step / 10), turn())
        np.testing.assert_allclose(pay(term, turn(step=step)), wanted, rtol=1e-6)


def test_one_row_in_shrink_pays():
    whole = turn(lambda w: jnp.sin(straight(w)))
    others = whole._replace(z=whole.z.at[1::2].set(jnp.nan))
    term = path_length(1.0, shrink=2)
    assert pay(term, others) == pay(term, whole)
    assert pay(term, whole) != pay(path_length(1.0), whole)


@pytest.mark.parametrize("shrink", [1, 2])
def test_what_is_drawn_for_a_row_does_not_depend_on_the_devices(shrink):
    whole = turn(lambda w: jnp.sin(straight(w)))

    def half(index):
        look = whole.real._replace(label=jnp.zeros(4))
        z, on = whole.z[4 * index :][:4], Devices(index=lambda: index)
        return whole._replace(z=z, real=look, fake=look, on=on)

    term = path_length(1.0, 0.0, shrink)
    mean = np.mean([pay(term, half(index))[0] for index in (0, 1)])
    np.testing.assert_allclose(mean, pay(term, whole)[0], rtol=1e-5)


def test_its_own_gradient_agrees_with_finite_differences():
    """In the parameters of the mapping and of the synthesis."""

    def cost(params):
        mapping = lambda z: jnp.tanh(repeat(z @ params[0]))
        synthesis = lambda w: jnp.sin(straight(w @ params[1], side=2))
        board = turn(synthesis, mapping)
        return path_length(1.0, decay=0.5).apply(board, jnp.asarray(0.5))[0]

    with jax.enable_x64(True):
        params = jnp.asarray(np.random.default_rng(0).normal(0, 0.5, (2, 3, 3)))
        grad, cost = jax.jit(jax.grad(cost)), jax.jit(cost)
        bumps = 1e-6 * jnp.eye(18).reshape(18, 2, 3, 3)
        slopes = [float(cost(params + b) - cost(params - b)) / 2e-6 for b in bumps]
        assert min(np.abs(slopes[:9]).max(), np.abs(slopes[9:]).max()) > 1e-2
        np.testing.assert_allclose(grad(params).ravel(), slopes, rtol=1e-4, atol=1e-7)


class Blind(nn.Module):
    """D that sees nothing, so that G learns from its regularizers alone."""

    @nn.compact
    def __call__(self, image, label, *, train):
        return self.param("bias", nn.initializers.zeros, ()) + jnp.zeros(len(image))


def test_a_stylegan2_learns_from_it_and_counts_w_once():
    """The noise is on, and the turn's average of w is that of a turn without it."""
    net = stylegan2.Generator(size=4, channels=1, width=3, w_dim=3, depth=1)
    gan = GAN(
        g=Player(net, optax.sgd(1.0), {"path": path_length(2.0)}),
        d=Player(Blind(), optax.sgd(1.0)),
        loss=losses.wasserstein(),
        augment=augment.identity(),
        prior=normal(3),
        ema=optax.constant_schedule(0.0),
    )
    batch = Batch(jnp.zeros((4, 4, 4, 1)), jnp.zeros(4, jnp.int32))
    state, draw = jax.jit(partial(init, gan))(KEY, Turns(batch, batch)), (KEY, batch)
    moved, logs = jax.jit(partial(g_turn, gan, ONE))(state, draw)
    assert logs["path"] > 0 and moved.g.memory["path"] > 0
    once = jax.jit(lambda state: make_turn(gan, ONE, state, draw).g_stats)(state)
    assert max(apart(moved.g.stats, once).values()) < 1e-6
    gaps = apart(moved.g.params, state.g.params)
    assert max(gap for name, gap in gaps.items() if "'f'" in name) > 1e-6
    assert max(gap for name, gap in gaps.items() if "'g'" in name) > 1e-4


@pytest.mark.parametrize("shrink", [1, 2])
def test_the_mapping_is_given_the_label_of_each_row_that_pays(shrink):
    whole, given = turn(), []

    def g(*inputs, method):
        given.extend(inputs[1:])
        return whole.g(*inputs, method=method)

    label = jnp.arange(8) + 3
    pay(
        path_length(1.0, 0.0, shrink),
        whole._replace(g=g, fake=whole.fake._replace(label=label)),
    )
    (found,) = given
    np.testing.assert_array_equal(found, label[::shrink])


def test_the_mean_in_memory_is_that_of_all_replicas():
    whole, term = turn(lambda w: jnp.sin(straight(w))), path_length(1.0, decay=0.5)
    mean = partial(jax.lax.pmean, axis_name="data")
    index = partial(jax.lax.axis_index, "data")

    def replica(z):
        look, on = whole.real._replace(label=jnp.zeros(4)), Devices(mean, index)
        part = whole._replace(z=z, real=look, fake=look, on=on)
        return term.apply(part, jnp.asarray(0.3))

    values, means = jax.vmap(replica, axis_name="data")(whole.z.reshape(2, 4, 3))
    value, moved = pay(term, whole, 0.3)
    np.testing.assert_allclose(means, [moved, moved], rtol=1e-6)
    np.testing.assert_allclose(values.mean(), value, rtol=1e-5)
