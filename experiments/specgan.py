"""SpecGAN and GANSynth: image networks on spectrograms, by class if the data has any.

G makes levels and instantaneous frequencies, of which a sound follows by one inverse
transform (Engel et al., 2019). SpecGAN's representation, of levels alone, which are
normalized by band and get their phases by Griffin-Lim (Donahue et al., 2019), is

    --frame 256 --hop 128 --bands 0 --griffin-lim 16

The networks are DCGAN's, with spectral norm in D and its hinge loss (Miyato et al., 2018).
"""

from dataclasses import dataclass, replace

import optax

import ganjax as gx
from ganjax.layers.normalization import Shift
from ganjax.layers.spectral_norm import SpectralNorm
from ganjax.modalities import spectrograms


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/specgan", steps=100_000, batch=64)
    data: str = "tones"
    """A folder or .zip of sound files, one folder for each class, an .npz of samples, or
    the built-in tones."""
    rate: gx.PositiveInt = 16_000
    """Samples a second."""
    length: gx.PositiveInt = 16_384
    """Samples of a sound."""
    windows: bool = False
    """Cuts longer sounds into several examples."""
    frame: gx.PositiveInt = 512
    """Samples of a frame."""
    hop: gx.PositiveInt = 128
    """Samples between frames; an image is as wide as a sound has of them."""
    bands: gx.NonNegativeInt = 128
    """Mel bands, the height of an image; 0 for half as many bins as a frame has samples,
    which are inverted exactly."""
    griffin_lim: gx.NonNegativeInt = 0
    """Iterations that find phases; 0 where G makes these, too."""
    moments: str = ""
    """Mean and deviation of each band's level, as JSON; a run measures and keeps them."""
    classes: gx.NonNegativeInt = 0
    """Number of classes; 0 for none."""
    latent: gx.PositiveInt = 100
    g_width: gx.PositiveInt = 32
    """G's channels at half the size of the image; it has as many more as it is smaller."""
    d_width: gx.PositiveInt = 32
    """D's channels at half the size of the image."""
    lr: gx.PositiveFloat = 2e-4
    beta1: gx.Fraction = 0.5


TINY = Args(
    gx.Run("runs/tiny_specgan", steps=4, batch=8),
    rate=1_000,
    length=256,
    frame=32,
    hop=16,
    bands=0,
    latent=4,
    g_width=2,
    d_width=2,
)


def frames_of(args: Args) -> spectrograms.Frames:
    """How sounds are cut to frames."""
    return spectrograms.Frames(args.rate, args.length, args.frame, args.hop, args.bands)


def moments_of(args: Args) -> spectrograms.Moments:
    """The moments of levels: as the run has recorded them, or else of the training data."""
    if args.moments:
        return spectrograms.from_json(args.moments)
    heard = gx.modalities.sounds(args.rate, args.length, windows=args.windows)
    return spectrograms.measure(heard.load(gx.Spec(args.data)), frames_of(args))


def representation_of(args: Args) -> spectrograms.Representation:
    """What networks see of sounds."""
    if not args.griffin_lim:
        return spectrograms.magnitude_and_frequency(frames_of(args))
    return spectrograms.magnitude(frames_of(args), moments_of(args), args.griffin_lim)


def make(args: Args) -> gx.Game:
    representation = representation_of(args)
    height, width, channels = representation.shape
    adam = optax.adam(args.lr, b1=args.beta1)
    g = gx.models.dcgan.Generator((height, width), channels, args.g_width, args.classes)
    d = gx.models.dcgan.Discriminator(
        args.d_width, args.classes, norm=Shift, wrap=SpectralNorm
    )
    return gx.game(
        gx.GAN(
            g=gx.Player(g, adam),
            d=gx.Player(d, adam),
            loss=gx.losses.hinge(),
            prior=gx.priors.normal(args.latent),
            ema=gx.schedules.half_life(22_000, args.run.batch, ramp=0.05),
        ),
        spectrograms.spectrograms(representation, args.rate, args.length, args.windows),
    )


def main(args: Args):
    if args.griffin_lim:
        args = replace(args, moments=spectrograms.to_json(moments_of(args)))
    return gx.train(make(args), gx.Spec(args.data), args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
