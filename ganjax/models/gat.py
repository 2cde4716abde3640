"""GAT (Hyun et al., 2025): a generator and a discriminator that are transformers.

They work on images or on the latents of an autoencoder. A token is a square patch.

G's tokens start as position encodings alone. A mapping network turns z and the class into
w, which modulates every block: it scales the normalized input of a layer and gates its
output. G outputs images at several depths ("levels"), each the sum of the one before and a
further term. D sees all levels at once, concatenated along the channels.

Sizes, initial weights and norms are those of the authors' code, without three parts: terms
that G multiplies by zero; D's last bias, which cancels in a relativistic loss; and D's
projector, which predicts the features of another network.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import heads, sizes, tokens
from ganjax.layers.equalized import pixel_norm
from ganjax.layers.example import Example
from ganjax.layers.heads import Head
from ganjax.layers.tokens import GLOROT, Grid


TENTH_OF_GLOROT = nn.initializers.variance_scaling(0.01, "fan_avg", "uniform")
NORMAL = nn.initializers.normal(0.02)
LR_MULTIPLIER = 0.01  # of the mapping network, relative to all other layers

# The authors' sizes, as arguments of both networks: `Generator(**S)`.
S = {"depth": 12, "width": 384, "heads": 6}
B = {"depth": 12, "width": 768, "heads": 12}
L = {"depth": 24, "width": 1024, "heads": 16}
XL = {"depth": 28, "width": 1152, "heads": 16}


class Generator(nn.Module):
    """Maps z to the images of all levels, [b, h, w, levels * channels], the last one best.

    Collection "w_avg" keeps a moving average of w for each class, which training updates.
    At evaluation w is interpolated toward it (truncation).

    Attributes:
        size: side of the images, a multiple of `patch`.
        channels: channels of one level's image.
        patch: side of a patch.
        depth: number of transformer blocks, a multiple of `levels`.
        width: length of a token.
        heads: heads of the attention.
        classes: number of classes, 0 for an unconditional generator.
        levels: number of images, which are output after equal numbers of blocks.
        decay: decay of the moving average of w, per training step.
        psi: truncation at evaluation: w is replaced by mean + psi (w - mean).
    """

    size: int = 32
    channels: int = 4
    patch: int = 2
    depth: int = 12
    width: int = 768
    heads: int = 12
    classes: int = 0
    levels: int = 4
    decay: float = 0.995
    psi: float = 1.0

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        blocks_per_level = self._blocks_per_level()
        sizes.check_divisible(
            "GAT's G", "channels (its width)", self.width, self.heads, "heads"
        )

        # w is computed from the directions of z and of the class's embedding.
        x = pixel_norm(z)
        if self.classes:
            embed = nn.Embed(self.classes, z.shape[-1], embedding_init=NORMAL)
            x = jnp.concatenate([pixel_norm(embed(label)), x], axis=-1)
        w = Average(self.classes, self.decay, self.psi)(
            Stack(self.width)(x), label, train
        )

        grid = tokens.patch_grid(self.size, self.size, self.patch)
        angles = tokens.rope_angles(grid, self.width // self.heads)
        # Tokens start as position encodings, the same for all images. The attention also
        # rotates queries and keys by their positions (`angles`).
        places = jnp.asarray(tokens.sinusoids(grid, self.width), z.dtype)
        x = jnp.broadcast_to(places[None], (len(z), *places.shape))
        image = jnp.zeros((1, 1, 1, 1), z.dtype)
        images = []
        for i in range(self.depth):
            x = Styled(self.heads)(x, w, angles)
            # Each level adds to the image of the one before.
            if (i + 1) % blocks_per_level == 0:
                image = image + ToImage(self.channels, self.patch)(x, w, grid)
                images.append(image)
        return jnp.concatenate(images, axis=-1)

    def _blocks_per_level(self) -> int:
        if self.depth % self.levels:
            raise UsageError(
                f"A depth of {self.depth} cannot be divided into {self.levels} equal "
                "parts: change the depth or the levels."
            )
        return self.depth // self.levels


class Stack(nn.Module):
    """A mapping network of two layers with SiLU between and a learning rate multiplier.

    A stored kernel is multiplied by `LR_MULTIPLIER` where it is used, and is initialized
    larger by the inverse. A step of Adam, whose length does not depend on the scale,
    changes it relatively less by that factor.
    """

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        def init(key, shape, dtype):
            return GLOROT(key, shape, dtype) / LR_MULTIPLIER

        dense = partial(nn.Dense, self.width, kernel_init=init)
        h = nn.silu(LR_MULTIPLIER * dense()(x))
        return LR_MULTIPLIER * dense()(h)


class Average(nn.Module):
    """Keeps a moving average of w for each class, and truncates w at evaluation.

    In training w is returned unchanged, at evaluation mean + psi (w - mean), where the mean
    is the average of the image's class.

    Attributes:
        classes: number of classes; 0 for a single average.
        decay: decay of the moving averages.
        psi: weight of w in the truncation, 1 for none.
    """

    classes: int
    decay: float
    psi: float

    @nn.compact
    def __call__(
        self, w: Float[Array, "b d"], label: Int[Array, " b"], train: bool
    ) -> Float[Array, "b d"]:
        count = max(self.classes, 1)
        average = self.variable("w_avg", "w", jnp.zeros, (count, w.shape[-1]))
        label = label if self.classes else jnp.zeros_like(label)
        if not train:
            center = average.value[label].astype(w.dtype)
            return center + self.psi * (w - center)
        # Each class's average moves toward the mean w of its images in the batch, if any.
        one_hot = jax.nn.one_hot(label, count)
        images = one_hot.sum(0)[:, None]
        change = one_hot.T @ w / jnp.maximum(images, 1) - average.value
        average.value += jnp.where(images > 0, (1 - self.decay) * change, 0)
        return w


class Styled(nn.Module):
    """G's block: attention and a feed-forward layer, both modulated by w.

    For each of these two layers, w gives a scale of the normalized tokens that enter it and
    a gate that multiplies what it adds. Both are small at the start.
    """

    heads: int

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b n d"],
        w: Float[Array, "b d"],
        angles: Float[Array, "n half"],
    ) -> Float[Array, "b n d"]:
        width = x.shape[-1]
        norm = nn.RMSNorm(use_scale=False)
        init = TENTH_OF_GLOROT
        # As in DiT's adaLN, but without shifts; the small kernel starts gates near 0 and
        # each block near the identity.
        style = nn.Dense(4 * width, kernel_init=init, name="style")(nn.silu(w))
        # One scale and one gate for the attention, and for the feed-forward layer.
        scale, gate, scale_2, gate_2 = jnp.split(style[:, None], 4, axis=-1)
        x = x + gate * tokens.Attention(self.heads)(norm(x) * (1 + scale), angles)
        return x + gate_2 * tokens.FeedForward()(norm(x) * (1 + scale_2))


class ToImage(nn.Module):
    """Maps G's tokens to images, after a norm that w scales."""

    channels: int
    patch: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n d"], w: Float[Array, "b d"], grid: Grid
    ) -> Float[Array, "b h w c"]:
        init = TENTH_OF_GLOROT
        style = nn.Dense(x.shape[-1], kernel_init=init, name="style")(nn.silu(w))
        x = nn.RMSNorm(use_scale=False)(x) * (1 + style[:, None])
        x = nn.Dense(self.patch**2 * self.channels, kernel_init=GLOROT)(x)
        return tokens.unpatchify(x, grid, self.patch)


class MappedProjectionHead(nn.Module):
    """Computes logits [b] from features [b, c] and classes.

    Without classes the logit is a linear function of the features. With classes it is the
    inner product of linearly mapped features, of length `size`, and the output of a mapping
    network for the class.
    """

    classes: int = 0
    size: int = 2048

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        heads.sow_heads(self, {"features": h})
        dense = partial(nn.Dense, use_bias=False, kernel_init=GLOROT)
        if not self.classes:
            return dense(1)(h)[:, 0]
        # Projection, with a mapping network in place of a plain embedding.
        embed = nn.Embed(self.classes, self.size, embedding_init=NORMAL)(label)
        h = dense(self.size)(h)
        return jnp.sum(h * Stack(self.size)(embed), axis=-1)


class Discriminator(nn.Module):
    """Maps images to logits [b]: a transformer of patches, with a class token.

    It takes images of all levels, [b, h, w, levels * channels], as G outputs them, or
    images of one level, [b, h, w, channels], such as real ones, which it repeats for each
    level.

    Attributes:
        channels: channels of one level's image.
        patch: side of a patch.
        depth: number of transformer blocks.
        width: length of a token.
        heads: heads of the attention.
        classes: number of classes, 0 for an unconditional discriminator.
        levels: number of images that G outputs.
        head: makes the last layer, `head(classes)`; see `ganjax.layers.heads`.
    """

    channels: int = 4
    patch: int = 2
    depth: int = 12
    width: int = 768
    heads: int = 12
    classes: int = 0
    levels: int = 4
    head: Head = MappedProjectionHead

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        sizes.check_divisible(
            "GAT's D", "channels (its width)", self.width, self.heads, "heads"
        )
        # The patches of all levels at one position make one token.
        grid = tokens.patch_grid(*sizes.sides_of("GAT's D", image), self.patch)
        repeats = (1, 1, 1, self._repeats(image.shape[-1]))
        x = tokens.patchify(jnp.tile(image, repeats), self.patch)
        x = nn.Dense(self.width, kernel_init=GLOROT)(x)
        # Positions enter twice as in G: here by addition, and in the attention by rotation.
        x = x + jnp.asarray(tokens.sinusoids(grid, self.width), x.dtype)[None]

        # The class token has no position: its queries and keys are not rotated. The name
        # is that of the parameter in checkpoints.
        class_token = self.param("judge", NORMAL, (1, 1, self.width))
        class_token = jnp.broadcast_to(class_token, (len(x), 1, self.width))
        x = jnp.concatenate([class_token, x], axis=1)
        angles = tokens.rope_angles(grid, self.width // self.heads)
        angles = jnp.pad(angles, ((1, 0), (0, 0)))

        for _ in range(self.depth):
            x = Plain(self.heads)(x, angles)
        # The class token alone is read out.
        h = nn.RMSNorm()(x[:, 0])
        return self.head(self.classes, name="head")(h, label, train=train)

    def _repeats(self, channels: int) -> int:
        """Returns how often an image of so many channels is repeated to make all levels."""
        for repeats in (1, self.levels):
            if channels * repeats == self.channels * self.levels:
                return repeats
        raise UsageError(
            f"An image of {channels} channels is neither {self.levels} images of "
            f"{self.channels} nor one: change the channels or the levels of D."
        )


class Plain(nn.Module):
    """D's block: attention and a feed-forward layer, without modulation.

    What each of these two layers adds is multiplied by a learned scale for each channel,
    which starts at a tenth ("LayerScale", Touvron et al., 2021).
    """

    heads: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n d"], angles: Float[Array, "n half"]
    ) -> Float[Array, "b n d"]:
        def scale(name):
            init = nn.initializers.constant(0.1)
            return self.param(name, init, (x.shape[-1],)).reshape(1, 1, -1)

        h = tokens.Attention(self.heads)(nn.RMSNorm()(x), angles)
        x = x + scale("attention") * h
        return x + scale("feed_forward") * tokens.FeedForward()(nn.RMSNorm()(x))


SIZES = {"channels": 1, "depth": 2, "width": 8, "heads": 2, "levels": 2}
TINY = {
    "g": Example(partial(Generator, 8, **SIZES), (5,)),
    "d": Example(
        partial(Discriminator, head=partial(MappedProjectionHead, size=7), **SIZES),
        (8, 8, 2),
    ),
}
