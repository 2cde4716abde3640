"""The game of a vocoder: what is seen of a sound, and what G pays."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import Player, losses
from ganjax.core import Batch, Turns, Vocoding
from ganjax.errors import UsageError
from ganjax.games.paired import feature_matching
from ganjax.games.vocoder import Segment, mel_distance, spectrogram, vocoder
from ganjax.layers.judgment import Judgment
from ganjax.modalities import sounds
from ganjax.ops.spectra import Mel, log_mel


MEL = Mel(1_000, 6, 64, 16, 0.0, 400.0)
SGD = optax.sgd(0.1)
SOUND = np.random.default_rng(0).uniform(-1, 1, (3, 200, 1)).astype(np.float32)
LABEL = jnp.zeros(3, jnp.int32)


class Held(nn.Module):
    """G: a number for each sample, of the mean of its frame."""

    @nn.compact
    def __call__(self, z, label, *, train):
        weight = self.param("weight", nn.initializers.constant(0.02), ())
        return weight * z.mean(-1).repeat(MEL.hop, 1)[..., None]


class Two(nn.Module):
    """D: two parts, the mean and the mean square, each of which is its own feature."""

    def __call__(self, image, label, *, train):
        return jnp.concatenate(
            [x.logits for x in self.judge(image, label, train=train)], 1
        )

    @nn.compact
    def judge(self, image, label, *, train):
        weight = self.param("weight", nn.initializers.constant(0.5), ())
        found = []
        for x in (image, image**2):
            logits = weight * x.mean(1)
            found.append(Judgment(logits, [logits]))
        return found


def made(segment=96, **weights):
    loss = losses.weighted(losses.least_squares(), d=2, g=2)
    kind = sounds(MEL.rate, 200)
    return vocoder(
        Player(Held(), SGD), Player(Two(), SGD), loss, MEL, kind, segment, **weights
    )


def test_both_sides_pay_the_sum_over_parts_and_g_the_distances():
    game = made(segment=192, mel_weight=45.0, feature_weight=2.0)
    y = jnp.asarray(SOUND[:, :192])
    batch = Batch(y, LABEL)
    turns = Turns(jax.tree.map(lambda x: x[None], batch), batch)
    state = game.init(jax.random.key(0), turns)
    after, logs = jax.jit(game.step)(state, turns)
    fake = 0.02 * np.asarray(log_mel(y[..., 0], MEL)).mean(-1).repeat(16, 1)[..., None]
    parts = lambda x, weight: [weight * np.mean(x**power, 1) for power in (1, 2)]
    square = lambda x: np.mean(np.square(x))
    pairs = zip(parts(y, 0.5), parts(fake, 0.5), strict=True)
    wanted = sum(square(real - 1) + square(other) for real, other in pairs)
    np.testing.assert_allclose(logs["d"]["loss"], wanted, rtol=1e-5)
    moved = float(after.players["d"].params["weight"])
    assert moved != 0.5
    of_real, of_fake = parts(y, moved), parts(fake, moved)
    wanted = sum(square(x - 1) for x in of_fake)
    np.testing.assert_allclose(logs["g"]["loss"], wanted, rtol=1e-5)
    gaps = [np.abs(a - b).mean() for a, b in zip(of_real, of_fake, strict=True)]
    np.testing.assert_allclose(logs["g"]["features"], 2 * sum(gaps), rtol=1e-5)
    every = MEL._replace(high=0.0)
    apart = log_mel(y[..., 0], every) - log_mel(jnp.asarray(fake[..., 0]), every)
    np.testing.assert_allclose(logs["g"]["mel"], 45 * jnp.abs(apart).mean(), rtol=1e-5)


def test_a_step_sees_a_random_segment_and_all_else_the_middle():
    view = Segment(96)
    x = jnp.asarray(SOUND)
    np.testing.assert_array_equal(view.middle(x), SOUND[:, 52:148])
    starts = set()
    for seed in range(200):
        keys = jax.random.split(jax.random.key(seed), 3)
        part = np.asarray(view.jitter(keys, x))
        assert part.shape == (3, 96, 1)
        starts.add(int(np.flatnonzero(SOUND[0, :, 0] == part[0, 0, 0])[0]))
    assert min(starts) < 5 and 99 < max(starts) <= 104
    np.testing.assert_array_equal(Segment(200).jitter(keys, x), SOUND)


def test_a_game_asks_for_spectrograms_and_shows_both_sounds():
    game = made()
    x = jnp.asarray(SOUND)
    condition = game.conditions.make(2, 0, lambda n: x[:n])
    np.testing.assert_array_equal(condition, log_mel(x[:2, 52:148, 0], MEL))
    np.testing.assert_array_equal(game.real(x), SOUND[:, 52:148])
    assert isinstance(game.conditions, Vocoding) and game.conditions.mel == MEL
    drawn = -game.real(x)[:2]
    shown = game.conditions.show(condition, drawn, game.real(x)[:2])
    assert shown.shape == (2, 192, 1) and game.conditions.columns == (
        "original",
        "output",
    )
    np.testing.assert_array_equal(shown[:, :96], -shown[:, 96:])
    np.testing.assert_array_equal(game.conditions.show(condition, drawn), drawn)


def test_sounds_that_are_too_short_or_stereo_are_refused():
    batch = lambda *shape: Batch(jnp.zeros(shape), jnp.zeros(shape[0], jnp.int32))
    for shape in ((3, 64, 1), (3, 200, 2), (3, 8, 8, 1)):
        turns = Turns(batch(1, *shape), batch(*shape))
        with pytest.raises(UsageError, match="takes 96 samples of mono sounds"):
            made().init(jax.random.key(0), turns)
    with pytest.raises(
        UsageError, match="100 samples cannot be divided .* multiple of 16"
    ):
        made(segment=100)


def test_distances_are_zero_of_a_sound_to_itself_and_grow():
    x = jnp.asarray(SOUND[:, :192])
    distance = mel_distance(MEL, 2.0)
    assert distance(x, x) == 0
    np.testing.assert_allclose(distance(x, x / 10), 2 * np.log(10), rtol=1e-3)
    np.testing.assert_array_equal(spectrogram(x, MEL), log_mel(x[..., 0], MEL))
    maps = [[jnp.ones((2, 3)), jnp.zeros((2, 1))], [jnp.ones((2, 4))]]
    other = [[jnp.zeros((2, 3)), jnp.zeros((2, 1))], [jnp.full((2, 4), 3.0)]]
    assert feature_matching(maps, maps) == 0
    np.testing.assert_allclose(feature_matching(maps, other), 1 + 2)
