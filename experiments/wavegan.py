"""WaveGAN on sounds of one second (Donahue et al., 2019), by class if the data has any.

As in the paper's tables: Wasserstein loss with a gradient penalty of 10, five D turns a
step, Adam at 1e-4, phase shuffle of 2 samples, a uniform prior of 100 numbers.
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/wavegan", steps=200_000, batch=64)
    data: str = "tones"
    """A folder or .zip of sound files, one folder for each class, an .npz of samples, or
    the built-in tones."""
    rate: gx.PositiveInt = 16_000
    """Samples a second."""
    length: gx.PositiveInt = 16_384
    """Samples of a sound, 16 * 4^k."""
    channels: gx.PositiveInt = 1
    windows: bool = False
    """Cuts longer sounds into several examples."""
    classes: gx.NonNegativeInt = 0
    """Number of classes; 0 for none."""
    latent: gx.PositiveInt = 100
    width: gx.PositiveInt = 64
    shuffle: gx.NonNegativeInt = 2
    """Largest shift of phase shuffle, in samples."""
    d_turns: gx.PositiveInt = 5
    lr: gx.PositiveFloat = 1e-4
    penalty: gx.NonNegativeFloat = 10.0


TINY = Args(
    gx.Run("runs/tiny_wavegan", steps=4, batch=8),
    rate=1_000,
    length=256,
    latent=4,
    width=2,
    d_turns=2,
)


def make(args: Args) -> gx.Game:
    wavegan = gx.models.wavegan
    g = wavegan.Generator(args.length, args.channels, args.width, args.classes)
    d = wavegan.Discriminator(args.width, args.shuffle, classes=args.classes)
    adam = optax.adam(args.lr, b1=0.5, b2=0.9)
    penalty = {"gradient_penalty": gx.regularizers.gradient_penalty(args.penalty)}
    return gx.game(
        gx.GAN(
            g=gx.Player(g, adam),
            d=gx.Player(d, adam, penalty),
            loss=gx.losses.wasserstein(),
            prior=gx.priors.uniform(args.latent),
            ema=optax.constant_schedule(0.0),
        ),
        gx.modalities.sounds(args.rate, args.length, args.channels, args.windows),
    )


def main(args: Args):
    sizes = gx.Sizes(args.d_turns, d_batch=args.run.batch, g_batch=args.run.batch)
    return gx.train(make(args), gx.Spec(args.data), args.run, config=args, sizes=sizes)


if __name__ == "__main__":
    gx.command(main)
