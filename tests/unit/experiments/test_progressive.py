"""What `experiments/progressive.py` adds to the step: its schedule and its stages."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import progressive
import pytest

import ganjax
from ganjax.core import ONE, Batch, Turns, pixels
from tests.helpers.states import apart, same


KEY = jax.random.key(0)
BATCH = Batch(
    pixels(jax.random.randint(KEY, (8, 8, 8, 1), 0, 256).astype(jnp.uint8)),
    jnp.zeros(8, jnp.int32),
)
TURNS = Turns(jax.tree.map(lambda x: x[None], BATCH), BATCH)


@pytest.mark.parametrize(
    "images, level",
    [
        (0, 0),
        (600_000, 0),
        (900_000, 0.5),
        (1_200_000, 1),
        (1_800_000, 1),
        (2_100_000, 1.5),
        (5_999_984, 5),
        (15_000_000, 5),
    ],
)
def test_stages_are_as_long_as_published(images, level):
    """128 px: 600,000 images for each half of a stage, and none is beyond the last."""
    stages = progressive.growth(progressive.Args())
    step = jnp.asarray(images // 16)
    assert jax.jit(stages.level)(step) == pytest.approx(level, abs=1e-4)


def test_a_large_stage_is_never_reached_too_early():
    """1024 px: a moment before the last fade is over, it is not."""
    args = replace(progressive.Args(), size=1024)
    level = jax.jit(progressive.growth(args).level)
    end = 8 * 1_200_000 // 16
    assert 7 < level(end - 1) < 8 == level(end)


def test_the_optimizer_begins_anew_where_a_fade_begins_and_ends():
    args = replace(progressive.TINY, run=replace(progressive.TINY.run, batch=1))
    args = replace(args, stable=3, fade=2)
    adam = optax.adam(1.0, b1=0.9, b2=0.9)
    optim = progressive.restarted(adam, progressive.growth(args))
    state, alone, sizes, wanted = optim.init(jnp.ones(1)), None, [], []
    for step in range(9):
        if step in (0, 4, 5):  # 4 images: half of a fade; 5: all of it
            alone = adam.init(jnp.ones(1))
        grad = jnp.array([1.0 + step])
        update, state = optim.update(grad, state, jnp.ones(1))
        other, alone = adam.update(grad, alone)
        sizes.append(update), wanted.append(other)
    np.testing.assert_array_equal(sizes, wanted)


def test_a_step_is_of_its_stage_on_images_of_its_side(monkeypatch):
    """With how far its layers have faded in, which is logged as a level."""
    args = replace(progressive.TINY, size=16)
    game = progressive.make(args)
    plain = game.step.args[0]
    image = jnp.arange(16.0 * 16).reshape(1, 16, 16, 1) / 256
    label = jnp.zeros(1, jnp.int32)
    both = Turns(Batch(image[None], label[None]), Batch(2 * image, label))

    def seen(gan, state, turns, on):
        assert gan.loss is plain.loss and gan.g.optim is plain.g.optim and on is ONE
        assert (gan.d.net.alpha is gan.g.net.alpha) and state is number
        d, g = turns.d.x[0], turns.g.x
        seen = {
            "side": gan.g.net.side,
            "alpha": gan.g.net.alpha,
            "pixel": g[0, 0, 3, 0],
        }
        return state, {"g": seen, "d": {"pixel": d[0, 0, 3, 0]}}

    monkeypatch.setattr(ganjax.core, "train_step", seen)
    monkeypatch.setattr(
        progressive.jax.lax, "switch", lambda i, each, *args: each[int(i)](*args)
    )
    pixels = np.asarray(image)[0, :, :, 0]
    # 8 images for what stays and 32 for what fades, 8 in a step.
    for step, level in ((0, 0), (1, 0), (2, 0.25), (4, 0.75), (5, 1), (6, 1), (8, 1.5)):
        number = SimpleNamespace(step=jnp.int32(step))
        _, logs = game.step(number, both)
        side = 4 * 2 ** int(np.ceil(level))
        assert logs["g"]["level"] == level and logs["g"]["side"] == side
        share = 1.0 - (np.ceil(level) - level)
        assert logs["g"]["alpha"] == share
        by = 16 // side
        fine = pixels[:by, 3 * by : 4 * by].mean()
        coarse = pixels[: 2 * by, 2 * by : 4 * by].mean()
        wanted = share * fine + (1 - share) * coarse
        np.testing.assert_allclose(logs["d"]["pixel"], wanted, rtol=1e-5)
        np.testing.assert_allclose(logs["g"]["pixel"], 2 * wanted, rtol=1e-5)


def test_a_sample_is_enlarged_by_whole_pixels_from_its_stage_s_side(monkeypatch):
    game = progressive.make(replace(progressive.TINY, size=16))
    z, label, state = jnp.ones((2, 4)), jnp.zeros(2, jnp.int32), None

    def small(gan, *given):
        assert given[1:] == (z, label, KEY)
        side = gan.g.net.side
        return jnp.arange(2.0 * side * side).reshape(2, side, side, 1)

    monkeypatch.setattr(ganjax.core, "generate", small)
    monkeypatch.setattr(
        progressive.jax.lax, "switch", lambda i, each, *args: each[int(i)](*args)
    )
    for step, side in ((0, 4), (3, 8), (20, 16)):
        state = SimpleNamespace(step=jnp.int32(step))
        image = game.generate(state, z, label, KEY)
        times = 16 // side
        whole = np.arange(2.0 * side * side).reshape(2, side, side, 1)
        wanted = whole.repeat(times, 1).repeat(times, 2)
        np.testing.assert_array_equal(image, wanted)


@pytest.fixture(scope="module")
def played():
    """The states after each of three steps, and what was logged."""
    game = progressive.make(progressive.TINY)
    states, logs = [jax.jit(game.init)(KEY, TURNS)], []
    step = jax.jit(game.step)
    for _ in range(3):
        state, row = step(states[-1], TURNS)
        states.append(state), logs.append(row)
    return game, states, logs


@pytest.mark.slow
def test_a_stage_leaves_the_weights_of_later_ones_as_they_were_drawn(played):
    _, (first, second, *_), logs = played
    assert logs[0]["g"]["level"] == 0
    for a, b in ((first.g, second.g), (first.d, second.d)):
        for name in ("block_8", "image_8"):
            same(a.params[name], b.params[name])
        for name in ("block_4", "image_4"):
            assert max(apart(a.params[name], b.params[name]).values()) > 0


@pytest.mark.slow
def test_a_stage_that_fades_moves_its_own_and_the_last_ones(played):
    _, (*_, before, after), logs = played
    assert 0 < logs[2]["g"]["level"] < 1
    for a, b in ((before.g, after.g), (before.d, after.d)):
        for name in ("block_8", "image_8", "block_4", "image_4"):
            assert max(apart(a.params[name], b.params[name]).values()) > 0


@pytest.mark.slow
def test_samples_have_the_last_side_and_no_more_detail_than_their_stage(played):
    game, states, _ = played
    draw = jax.jit(partial(game.sample, key=KEY, condition=jnp.zeros(3, jnp.int32)))
    small, large = draw(states[0]), draw(states[3])
    assert small.shape == large.shape == (3, 8, 8, 1)
    coarse = lambda x: x[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(small, coarse(small))
    assert jnp.abs(large - coarse(large)).max() > 1e-4
