"""The game of completion: what either player sees, and what it keeps of that."""

import flax.linen as nn
import jax
import numpy as np
import optax

from ganjax import Player
from ganjax.core import Batch, Loss, Turns, decoded
from ganjax.games.inpainting import inpainting
from ganjax.games.translation import View
from ganjax.ops import masks
from tests.helpers.witness import Witness


class Painter(nn.Module):
    """G: one shade everywhere, and the number of times it was asked for it."""

    def setup(self):
        self.shade = self.param("shade", nn.initializers.zeros, ())
        self.times = self.variable("stats", "times", lambda: np.zeros(()))

    def paint(self, z, label, *, train):
        if train:
            self.times.value += 1
        return z[..., :-1] * 0 + self.shade

    def __call__(self, z, label, *, train):
        return self.paint(z, label, train=train)


def test_d_judges_known_pixels_with_those_that_g_made_and_g_pays_for_its_own_images():
    """D's images are all of one value and G's of another, and G's shade is 0."""
    sgd = optax.sgd(0.0)
    players = Player(Painter(), sgd), Player(Witness(), sgd)
    loss = Loss(
        d=lambda real, fake: 0 * real.sum(), g=lambda real, fake: 0 * fake.sum()
    )
    game = inpainting(*players, loss, masks.box(), View(16, flip=False), l1_weight=3.0)
    image = np.stack([np.full((4, 16, 16, 1), shade, np.uint8) for shade in (255, 204)])
    label = np.zeros(4, np.int32)
    stored = Turns(Batch(image[:1], label[None]), Batch(image[1], label))
    turns = decoded(game.modality, stored)
    state = game.init(jax.random.key(0), turns)
    after, logs = jax.jit(game.step)(state, turns)

    seen = after.players["d"].stats["stats"]
    assert seen["times"] == 2, "real and completed; nothing of G's turn"
    hidden = float(seen["seen"][1]) / 2
    assert 0 < hidden < 1
    # Real images of 1, and completed ones that are 0 where the mask hides them.
    np.testing.assert_allclose(seen["seen"][0], 1 + (1 - hidden), rtol=1e-5)
    assert after.players["g"].stats["stats"]["times"] == 1, "its own turn alone"
    np.testing.assert_allclose(logs["g"]["l1"], 3 * 0.6, rtol=1e-5)


class Stencil(nn.Module):
    """G: 1 where it is told that pixels are hidden, else 0."""

    @nn.compact
    def paint(self, z, label, *, train):
        self.param("unused", nn.initializers.zeros, ())
        return z[..., -1:]

    def __call__(self, z, label, *, train):
        return self.paint(z, label, train=train)


class Inside(nn.Module):
    """D: the mean of the image where the mask says that it is hidden."""

    @nn.compact
    def __call__(self, x, label, *, train):
        image, hidden = x[..., :-1], x[..., -1:]
        weight = self.param("weight", nn.initializers.ones, ())
        return weight * (image * hidden).sum((1, 2, 3)) / hidden.sum((1, 2, 3))


def test_g_fills_and_d_judges_by_one_mask_in_either_turn():
    """D finds nothing but G's ones inside the mask, whichever batch it is of."""
    sgd = optax.sgd(0.0)
    players = Player(Stencil(), sgd), Player(Inside(), sgd)
    loss = Loss(d=lambda real, fake: fake.min(), g=lambda real, fake: fake.min())
    game = inpainting(*players, loss, masks.box(), View(16, flip=False))
    image = np.zeros((2, 4, 16, 16, 1), np.uint8)
    label = np.zeros(4, np.int32)
    stored = Turns(Batch(image[:1], label[None]), Batch(image[1], label))
    turns = decoded(game.modality, stored)
    _, logs = jax.jit(game.step)(game.init(jax.random.key(0), turns), turns)
    np.testing.assert_allclose([logs["d"]["loss"], logs["g"]["loss"]], 1, rtol=1e-6)


class Places(nn.Module):
    """D: where in the image its values lie, and where its mask does."""

    @nn.compact
    def __call__(self, x, label, *, train):
        weight = self.param("weight", nn.initializers.ones, ())
        place = np.arange(x[0, ..., 0].size).reshape(1, *x.shape[1:3], 1)
        return weight * (x * place).mean((1, 2))  # [b, (image, mask)]


def test_d_and_g_see_crops_and_masks_of_their_own_in_a_step():
    """Of the very same images, which D judges in its turn and in G's."""
    sgd = optax.sgd(0.0)
    for i, view in enumerate((View(16, margin=16, flip=False), View(16, flip=False))):
        of = lambda logits, i=i: logits[:, i].sum()
        loss = Loss(
            d=lambda real, _, of=of: of(real), g=lambda real, _, of=of: of(real)
        )
        players = Player(Painter(), sgd), Player(Places(), sgd)
        game = inpainting(*players, loss, masks.box(), view, l1_weight=0.0)
        side = 16 + view.margin
        rng = np.random.default_rng(0)
        image = rng.integers(0, 256, (4, side, side, 1), np.uint8)
        label = np.zeros(4, np.int32)
        stored = Turns(Batch(image[None], label[None]), Batch(image, label))
        turns = decoded(game.modality, stored)
        state = game.init(jax.random.key(0), turns)
        _, logs = jax.jit(game.step)(state, turns)
        assert abs(logs["d"]["loss"] - logs["g"]["loss"]) > 1
