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

from ganjax import Game, Player, losses, train
from ganjax.core import Pair
from ganjax.data import Spec
from ganjax.errors import UsageError
from ganjax.games.multiplayer import l1
from ganjax.games.paired import Task, paired
from ganjax.games.translation import View, linear_decay
from ganjax.models import rrdb, sn_patch
from ganjax.run import (
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
    command,
)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/superres", steps=100_000, batch=16)
    data: str = "photographs"
    size: PositiveInt = 64
    """Height and width of the large images."""
    margin: NonNegativeInt = 0
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    times: PositiveInt = 4
    """How much larger they are than the small ones: 2 or 4."""
    noise: Fraction = 0.0
    """The most deviation of the noise on small images, of 1 from gray to white."""
    channels: PositiveInt = 3
    g_width: PositiveInt = 64
    growth: PositiveInt = 32
    blocks: PositiveInt = 23
    d_widths: tuple[PositiveInt, ...] = (64, 128)
    """Each halves the image."""
    d_stem_width: PositiveInt = 64
    """Channels of D's first convolution, at full resolution."""
    d_logit_scale: PositiveFloat = 8.0
    """Factor of the logits of D's linear head."""
    l1_weight: NonNegativeFloat = 1.0
    """Weight of the mean absolute difference in G's loss."""
    adversarial: NonNegativeFloat = 5e-3
    """How much it costs G to look less real than real images do."""
    g_lr: PositiveFloat = 1e-4
    d_lr: PositiveFloat = 2e-4


TINY = Args(
    Run("runs/tiny_superres", steps=4, batch=8),
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

    return Pair(jax.vmap(worsen)(keys, small).clip(-1, 1), image)


def make(args: Args) -> Game:
    if args.times not in (2, 4) or args.size % args.times:
        raise UsageError(
            f"--times {args.times}: give 2 or 4, by which --size is divided."
        )

    def adam(rate: float) -> optax.GradientTransformation:
        return optax.adam(linear_decay(rate, args.run.steps), b1=0.9, b2=0.99)

    g = rrdb.Generator(
        args.channels,
        args.times,
        args.g_width,
        growth=args.growth,
        blocks=args.blocks,
        upsample=rrdb.bicubic_with_detail,
        noise_texture=True,
        upsampler=rrdb.Shuffled,
    )
    d = sn_patch.Discriminator(
        args.d_widths, stem_width=args.d_stem_width, logit_scale=args.d_logit_scale
    )
    relative = losses.relativistic_average(losses.non_saturating())
    task = Task(
        pair=partial(shrunk, args.times, args.noise),
        view=View(args.size, args.margin),
        d_input=lambda x, y: y,
        distances={"l1": lambda made, y: args.l1_weight * l1(made, y)},
    )
    loss = losses.weighted(relative, d=0.5, g=args.adversarial / 2)
    players = Player(g, adam(args.g_lr)), Player(d, adam(args.d_lr))
    return paired(*players, loss, task)


def main(args: Args):
    return train(
        args, make(args), Spec(args.data, args.size + args.margin, args.channels)
    )


if __name__ == "__main__":
    command(main)
