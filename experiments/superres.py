"""Super-resolution (Wang et al., 2018): ESRGAN's G, small photographs made large.

Residuals in dense blocks, and D asked whether an image is more real than the others are.
x is made of y in the step: smaller by `times`, with cubic weights that widen as the image
shrinks, and noisier by up to `noise`. Other than published: in place of the distance on
VGG's features, whose weights are not here, G pays the absolute one. There are no steps of
the distance alone before, in place of which G begins with cubic interpolation and makes
what is to be added: of its own, of the details of that image, and of white noise, which
Rakotonirina & Rasoanaivo (2020) put between its blocks. Until its last convolution G works
at the small size (Shi et al., 2016). D is an SN-PatchGAN that also looks at the full size,
where the textures of small images are. `ganjax translate RUN folder/` enlarges images of
any size.
"""

from dataclasses import dataclass
from functools import partial

import jax
import optax

import ganjax as gx
from ganjax.games import multiplayer, paired, translation


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/superres", steps=100_000, batch=16)
    data: str = "photographs"
    size: gx.PositiveInt = 64
    """Height and width of the large images."""
    margin: gx.NonNegativeInt = 0
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    times: gx.PositiveInt = 4
    """How much larger they are than the small ones: 2 or 4."""
    noise: gx.Fraction = 0.0
    """The most deviation of the noise on small images, of 1 from gray to white."""
    channels: gx.PositiveInt = 3
    g_width: gx.PositiveInt = 64
    growth: gx.PositiveInt = 32
    blocks: gx.PositiveInt = 23
    d_widths: tuple[gx.PositiveInt, ...] = (64, 128)
    """Each halves the image."""
    d_stem_width: gx.PositiveInt = 64
    """Channels of D's first convolution, at full resolution."""
    d_logit_scale: gx.PositiveFloat = 8.0
    """Factor of the logits of D's linear head."""
    l1_weight: gx.NonNegativeFloat = 1.0
    """Weight of the mean absolute difference in G's loss."""
    adversarial: gx.NonNegativeFloat = 5e-3
    """How much it costs G to look less real than real images do."""
    g_lr: gx.PositiveFloat = 1e-4
    d_lr: gx.PositiveFloat = 2e-4


TINY = Args(
    gx.Run("runs/tiny_superres", steps=4, batch=8),
    size=16,
    times=2,
    noise=0.1,
    g_width=4,
    growth=2,
    blocks=1,
    d_widths=(4,),
    d_stem_width=4,
)


def shrunk(times: int, noise: float, keys, image):
    """A small and noisy image of each, and the image."""
    n, h, w, c = image.shape
    small = jax.image.resize(image, (n, h // times, w // times, c), "cubic")

    def worsen(key, image):
        size, grain = jax.random.split(key)
        deviation = noise * jax.random.uniform(size)
        return image + deviation * jax.random.normal(grain, image.shape)

    return gx.Pair(jax.vmap(worsen)(keys, small).clip(-1, 1), image)


def make(args: Args) -> gx.Game:
    if args.times not in (2, 4) or args.size % args.times:
        raise gx.UsageError(
            f"--times {args.times}: give 2 or 4, by which --size is divided."
        )

    def adam(rate: float) -> optax.GradientTransformation:
        return optax.adam(
            translation.linear_decay(rate, args.run.steps), b1=0.9, b2=0.99
        )

    g = gx.models.rrdb.Generator(
        args.channels,
        args.times,
        args.g_width,
        growth=args.growth,
        blocks=args.blocks,
        upsample=gx.models.rrdb.bicubic_with_detail,
        noise_texture=True,
        upsampler=gx.models.rrdb.Shuffled,
    )
    d = gx.models.sn_patch.Discriminator(
        args.d_widths, stem_width=args.d_stem_width, logit_scale=args.d_logit_scale
    )
    relative = gx.losses.relativistic_average(gx.losses.non_saturating())
    task = paired.Task(
        pair=partial(shrunk, args.times, args.noise),
        view=translation.View(args.size, args.margin),
        d_input=lambda x, y: y,
        distances={"l1": lambda made, y: args.l1_weight * multiplayer.l1(made, y)},
    )
    loss = gx.losses.weighted(relative, d=0.5, g=args.adversarial / 2)
    players = gx.Player(g, adam(args.g_lr)), gx.Player(d, adam(args.d_lr))
    return paired.paired(*players, loss, task)


def main(args: Args):
    return gx.train(
        make(args),
        gx.Spec(args.data, args.size + args.margin, args.channels),
        args.run,
        config=args,
    )


if __name__ == "__main__":
    gx.command(main)
