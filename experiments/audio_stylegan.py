"""ASGAN: a StyleGAN of log-mel spectrograms over time, by class if the data has any.

G and D are networks of one dimension whose channels are mel bands; D's updates are left
out as often as ADA finds that it overfits (Baas & Kamper, 2022, 2023). Numbers are those of
the released program, whose spectrograms have 96 frames. Griffin-Lim makes sounds of what G
makes; the paper has a vocoder.
"""

from dataclasses import dataclass

import optax

import ganjax as gx
from ganjax.modalities import spectrograms


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/audio_stylegan", steps=500_000, batch=16)
    data: str = "tones"
    """A folder or .zip of sound files, one folder for each class, an .npz of samples, or
    the built-in tones."""
    rate: gx.PositiveInt = 16_000
    """Samples a second."""
    length: gx.PositiveInt = 16_384
    """Samples of a sound."""
    windows: bool = False
    """Cuts longer sounds into several examples."""
    frame: gx.PositiveInt = 1_024
    """Samples of a frame."""
    hop: gx.PositiveInt = 128
    """Samples between frames, of which a sound must have a multiple of 8."""
    bands: gx.PositiveInt = 128
    griffin_lim: gx.PositiveInt = 32
    """Iterations that find phases."""
    classes: gx.NonNegativeInt = 0
    """Number of classes; 0 for none."""
    latent: gx.PositiveInt = 512
    g_widths: tuple[int, ...] = (1024, 512, 256, 128)
    """G's channels at an eighth, a quarter, a half and all of the frames."""
    g_repeats: tuple[int, ...] = (5, 4, 3, 2)
    """G's layers at each of these rates."""
    d_width: gx.PositiveInt = 512
    kernel: gx.PositiveInt = 5
    """Length of the convolutions' kernels."""
    group: gx.PositiveInt = 4
    """Sounds whose deviation D sees."""
    g_lr: gx.PositiveFloat = 2e-3
    d_lr: gx.PositiveFloat = 2e-4
    clip: gx.PositiveFloat = 10.0
    """The largest norm of a gradient."""
    gamma: gx.NonNegativeFloat = 0.1
    """How much D's slope on real sounds costs, once in 8 steps."""
    target: float = 0.6
    """The mean sign of D on real sounds that ADA keeps to."""
    images: gx.PositiveFloat = 20e3
    """Sounds that D sees while ADA's probability moves from 0 to 1."""
    ema: gx.Fraction = 0.999


TINY = Args(
    gx.Run("runs/tiny_audio_stylegan", steps=4, batch=8),
    rate=1_000,
    length=256,
    frame=32,
    hop=16,
    bands=8,
    griffin_lim=2,
    latent=4,
    g_widths=(6, 4),
    g_repeats=(2, 2),
    d_width=4,
    kernel=3,
    images=64.0,
)


def representation_of(args: Args) -> spectrograms.Representation:
    """What networks see of sounds."""
    frames = spectrograms.Frames(
        args.rate, args.length, args.frame, args.hop, args.bands
    )
    return spectrograms.mel_frames(frames, args.griffin_lim)


def make(args: Args) -> gx.Game:
    def adam(rate):
        return optax.chain(
            optax.clip_by_global_norm(args.clip), optax.adam(rate, b1=0.0, b2=0.99)
        )

    representation = representation_of(args)
    frames, bands = representation.shape
    g = gx.models.asgan.Generator(
        frames,
        bands,
        args.g_widths,
        args.g_repeats,
        args.kernel,
        args.latent,
        classes=args.classes,
    )
    d = gx.models.asgan.Discriminator(
        args.d_width, kernel=args.kernel, classes=args.classes, group=args.group
    )
    # The authors sum over a batch where `r1` has the mean, and do not weigh it by 8.
    gamma = args.gamma * args.run.batch / 8
    r1 = gx.regularizers.lazily(8, gx.regularizers.r1(gamma))
    return gx.games.skipping(
        gx.GAN(
            g=gx.Player(g, adam(args.g_lr)),
            d=gx.Player(d, adam(args.d_lr), {"r1": r1}),
            loss=gx.losses.non_saturating(),
            augment=gx.augment.adaptive(
                gx.augment.jitter(), args.run.batch, args.target, args.images, every=6
            ),
            prior=gx.priors.normal(args.latent),
            ema=optax.constant_schedule(args.ema),
        ),
        modality=spectrograms.spectrograms(
            representation, args.rate, args.length, args.windows
        ),
    )


def main(args: Args):
    return gx.train(make(args), gx.Spec(args.data), args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
