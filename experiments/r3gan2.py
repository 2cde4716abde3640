"""R3GAN2, the successor of R3GAN (Huang et al., 2024), in layers that keep magnitudes.

The numbers are those of its released code (IFeelBloated/R3GAN2) for CIFAR-10 with classes,
which names no scores and no end, so that `steps` is ours; those of FFHQ and ImageNet are

    --data FFHQ --size 64 --classes 0 --batch 256 --widths 512 512 512 512
    --lr-left 0.1 --rise 0 --steady 20e6 --gamma 2 --p 0.3
    --data FFHQ --size 256 --classes 0 --batch 256
    --widths 512 512 512 512 256 128
    --lr-left 0.1 --rise 0 --steady 20e6 --gamma 150 --p 0.3
    --data tfds:imagenet_resized/64x64 --size 64 --classes 1000 --batch 4096
    --widths 1024 1024 1024 1024
    --lr-left 0.1 --rise 0 --steady 200e6 --gamma 1 --p 0.4 --decay-images 200e6

and `--gamma 0.5` with three widths for ImageNet at 32. Penalties and augmentation go along
half a cosine for `decay_images` images and stay. Each player has images of its own; unlike
there, what augments a real image and a fake one is drawn for each of them.
"""

from dataclasses import dataclass
from math import pi

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ganjax as gx
from ganjax.augment import affine, colors, corruption, transform
from ganjax.layers import magnitude


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/r3gan2", steps=390_000, batch=512)
    data: str = "tfds:cifar10"
    size: gx.PositiveInt = 32
    """Height and width of the images, 8 doubled once for each stage but the first."""
    channels: gx.PositiveInt = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: gx.NonNegativeInt = 10
    latent: gx.PositiveInt = 64
    widths: tuple[gx.PositiveInt, ...] = (512,) * 3
    """Channels of the stages, from 8x8 up."""
    blocks: gx.PositiveInt = 4
    """Blocks in each stage."""
    group: gx.PositiveInt = 32
    """Channels that a grouped convolution mixes."""
    short: bool = True
    """The stages compute in bfloat16."""
    lr: gx.PositiveFloat = 1e-2
    lr_left: gx.Fraction = 1.0
    """What share of `lr` is left after `decay_images` images, along half a cosine."""
    rise: gx.NonNegativeFloat = 1e6
    """Images in which the rate rises from 0."""
    steady: gx.PositiveFloat = 512e3
    """Images after which the rate is also divided by the root of their number."""
    gamma: gx.NonNegativeFloat = 0.05
    """How much D's slope costs at first; a tenth of it in the end."""
    deviation: gx.PositiveFloat = 0.05
    """How spread the steps are that G's average is of, as a share of all steps."""
    p: gx.Fraction = 0.55
    """How likely each augmentation is in the end; 0 does without."""
    decay_images: gx.PositiveFloat = 20e6
    """Images after which all of these stay, but for the rate's root."""


TINY = Args(
    gx.Run("runs/tiny_r3gan2", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=4,
    widths=(8,),
    blocks=1,
    group=4,
    short=False,
    rise=8,
    p=0.0,
)


def filled(key, image, p):
    """ADA's cutout, its hole full of noise as bright and as rough as the image."""
    part = corruption.cutout()
    draw, normal = jax.random.split(key)
    kept = corruption.apply_cutout(
        jnp.ones_like(image), part.draw(draw, p, image.shape)
    )
    mean, variance = (f(image, (0, 1), keepdims=True) for f in (jnp.mean, jnp.var))
    noise = jax.random.normal(normal, image.shape, image.dtype)
    return kept * image + (1 - kept) * (mean + jnp.sqrt(variance + 1e-8) * noise)


def augmented(p: optax.Schedule) -> gx.Augment:
    """ADA's geometry, its colors half as often, and the filled cutout."""
    half = dict.fromkeys(
        ("brightness", "contrast", "lumaflip", "hue", "saturation"), 0.5
    )
    return gx.augment.fixed(
        gx.augment.chain(
            transform.pipeline(affine.affine(), colors.colors(**half)), filled
        ),
        p,
    )


def power(deviation: float) -> optax.Schedule:
    """The decay of an average whose weights grow as a power of the step's number.

    Steps so weighted have this deviation, as a share of all (Karras et al., 2024, EDM2,
    equations 126 and 127); the mean of all steps has 12^(-1/2).
    """
    if not 0 < deviation <= 12**-0.5:
        raise gx.UsageError(f"A deviation of {deviation:g} is not one of 0 to 0.288.")
    t = deviation**-2
    exponent = np.roots([1, 7, 16 - t, 12 - t]).real.max()
    return lambda step: jnp.exp(-(exponent + 1) * jnp.log1p(1 / step))


def make(args: Args) -> gx.Game:
    def seen(step):
        return jnp.asarray(step, jnp.float32) * args.run.batch

    def along(first: float, last: float) -> optax.Schedule:
        def value(step):
            done = jnp.minimum(seen(step) / args.decay_images, 1.0)
            return last + (first - last) * (1 + jnp.cos(pi * done)) / 2

        return value

    def rate(step):
        risen = jnp.minimum(seen(step) / args.rise, 1.0) if args.rise else 1.0
        slower = jnp.sqrt(jnp.maximum(seen(step) / args.steady, 1.0))
        return along(args.lr, args.lr_left * args.lr)(step) * risen / slower

    adam = optax.inject_hyperparams(optax.adam, static_args="b1")
    optimizer = optax.chain(
        adam(rate, b1=0.0, b2=along(0.9, 0.99)),
        gx.optim.project(magnitude.forced_weight_normalization),
    )
    gamma = along(args.gamma, args.gamma / 10)
    shape = {
        "widths": args.widths,
        "blocks": args.blocks,
        "group": args.group,
        "classes": args.classes,
        "dtype": jnp.bfloat16 if args.short else jnp.float32,
    }
    return gx.game(
        gx.GAN(
            g=gx.Player(gx.models.r3gan2.Generator(args.channels, **shape), optimizer),
            d=gx.Player(
                gx.models.r3gan2.Discriminator(**shape),
                optimizer,
                {"r1": gx.regularizers.r1(gamma), "r2": gx.regularizers.r2(gamma)},
            ),
            loss=gx.losses.relativistic(),
            augment=augmented(along(0.0, args.p)) if args.p else gx.augment.identity(),
            prior=gx.priors.normal(args.latent),
            ema=power(args.deviation),
        )
    )


def main(args: Args):
    spec = gx.Spec(args.data, args.size, args.channels, mirror=args.mirror)
    return gx.train(make(args), spec, args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
