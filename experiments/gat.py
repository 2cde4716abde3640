"""GAT (Hyun et al., 2025): two transformers, on the pixels of CIFAR-10.

The hyperparameters are those of the authors' code for ImageNet's latents, which are as
large as these images: relativistic loss, approximate R1 and R2, gradients clipped at 1,
DiffAugment and flips, a rate that falls as networks get wider. D sees what G has made at
four depths at once, and an earlier image through more noise, so that it need not be finer
than that. Everything is computed in float32, which is bfloat16 there; what guides D there
by the features of another network is left out.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.augment import Transform
from ganjax.data import Spec
from ganjax.gan import normal
from ganjax.models import transformer
from ganjax.regularizers import approximate_r1, approximate_r2
from ganjax.run import Cadence, Count, Flat, Positive, Run, Weight, command


@dataclass(frozen=True)
class Args:
    run: Flat[Run] = Run("runs/gat", steps=400_000, batch=512)
    data: str = "tfds:cifar10"
    size: Count = 32
    """Height and width of the images, a multiple of `patch`."""
    channels: Count = 3
    classes: Cadence = 10
    """How many classes both are told of; 0 for none."""
    latent: Count = 64
    patch: Count = 2
    """Height and width of what one token stands for."""
    depth: Count = 12
    """Blocks in each network, a multiple of `levels`."""
    width: Count = 384
    """Numbers in a token; 384, 768, 1024 and 1152 are the authors' S, B, L and XL."""
    heads: Count = 6
    levels: Count = 4
    """How many images G makes on its way."""
    lr: Positive = 2e-4
    """The learning rate at a width of 768."""
    gamma: Weight = 0.1


TINY = Args(
    Run("runs/tiny_gat", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=4,
    depth=2,
    width=8,
    heads=2,
    levels=2,
    lr=2e-7,
)


def each_level(transform: Transform, channels: int) -> Transform:
    """`transform`, with the same draws for the image of every level."""

    def apply(key, image, p):
        levels = image.reshape(*image.shape[:2], -1, channels)
        return jax.vmap(transform, (None, 2, None), 2)(key, levels, p).reshape(
            image.shape
        )

    return apply


def shares(levels: int, least: float = 1 / 8) -> np.ndarray:
    """How much of what D sees of a level is noise: 0.885 of the first, 0.01 of the last."""
    return 1.01 - least ** np.linspace(0, 1, levels)[::-1]


def noise(channels: int, levels: int) -> Transform:
    """Every level through its share of noise, and an image of one level at all of them.

    The noise of a level is that of the next one, diluted, and some more.
    """

    def apply(key, image, p):
        images = jnp.split(image, image.shape[-1] // channels, axis=-1)
        images = images if len(images) == levels else images * levels
        walk, before, seen = jnp.zeros(()), 0.0, []
        for i, share in reversed([*enumerate(shares(levels))]):
            kept = (1 - share) / (1 - before)
            fresh = np.sqrt(share**2 - (before * kept) ** 2)
            drawn = jax.random.normal(jax.random.fold_in(key, i), images[i].shape)
            walk, before = kept * walk + fresh * drawn, share
            seen.append((1 - share) * images[i] + walk)
        return jnp.concatenate(seen[::-1], axis=-1)

    return apply


def make(args: Args) -> Game:
    tokens = args.patch, args.depth, args.width, args.heads
    sizes = args.channels, *tokens, args.classes, args.levels
    adam = optax.adam(args.lr * 768 / args.width, b1=0.0, b2=0.99)
    clipped = optax.chain(optax.clip_by_global_norm(1.0), adam)
    moved = augment.chain(augment.diff_augment(), augment.flip())
    shown = each_level(moved, args.channels), noise(args.channels, args.levels)
    terms = {"r1": approximate_r1(args.gamma), "r2": approximate_r2(args.gamma)}
    several = game(
        GAN(
            g=Player(transformer.Generator(args.size, *sizes), clipped),
            d=Player(transformer.Discriminator(*sizes), clipped, terms),
            loss=losses.relativistic(),
            augment=augment.fixed(augment.chain(*shown)),
            prior=normal(args.latent),
            ema=optax.constant_schedule(0.999),
        )
    )
    finished = lambda *given: several.sample(*given)[..., -args.channels :]
    return several._replace(sample=finished)


def main(args: Args):
    return train(args, make(args), Spec(args.data, args.size, args.channels))


if __name__ == "__main__":
    command(main)
