"""HiFi-GAN (Kong et al., 2020): a vocoder, which makes sound of mel spectrograms.

The numbers are those of the authors' V1 for LJSpeech. V2 has `--width 128`, V3 has
`--width 256 --rates 8 8 4 --kernels 3 5 7 --dilations 1 2 2 6 3 12 --convs 1`. Sounds are
cut to `--length`, and each step sees a random segment of each, as loud as it is; the
authors take segments of whole files, scaled to a peak of 0.95. G is given frequencies up to
`--high` and is compared in all. `ganjax vocode RUN sounds/` plays files by the run.

`--weights` begins with a released generator of the same sizes, as UNIVERSAL_V1 has it.
"""

import math
from dataclasses import dataclass, replace

import optax

import ganjax as gx
from ganjax.games import vocoder
from ganjax.ops.spectra import Mel
from ganjax.pretrained import hifigan as released


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/hifigan", steps=2_500_000, batch=16)
    data: str = "tones"
    """A folder or .zip of sound files, an .npz of samples, or the built-in tones."""
    rate: gx.PositiveInt = 22_050
    """Samples a second."""
    length: gx.PositiveInt = 32_768
    """Samples that sounds are cut to, at least `segment`."""
    segment: gx.PositiveInt = 8_192
    """Samples that a step sees, a multiple of the hop, which is the product of `rates`."""
    bands: gx.PositiveInt = 80
    """Mel bands of a spectrogram."""
    size: gx.PositiveInt = 1_024
    """Samples of a frame of a spectrogram."""
    high: gx.NonNegativeFloat = 8_000.0
    """Hz at which the bands that G is given end; 0 for half of the rate."""
    width: gx.PositiveInt = 512
    """G's channels after the first convolution."""
    rates: tuple[gx.PositiveInt, ...] = (8, 8, 2, 2)
    """How many times longer each of G's transposed convolutions makes the signal."""
    kernels: tuple[gx.PositiveInt, ...] = (3, 7, 11)
    """Taps in each of the residual stacks between them."""
    dilations: tuple[gx.PositiveInt, ...] = (1, 3, 5, 1, 3, 5, 1, 3, 5)
    """Those of the first stack, then as many of each other."""
    convs: gx.PositiveInt = 2
    """Convolutions of a residual step, 1 or 2."""
    d_width: gx.PositiveInt = 32
    """D's first channels for a period, a multiple of 4; for a scale four times as many."""
    periods: tuple[gx.PositiveInt, ...] = (2, 3, 5, 7, 11)
    """Samples between those that each part of D by periods sees."""
    weights: str = ""
    """A file of released weights that G begins with."""
    lr: gx.PositiveFloat = 2e-4
    decay: gx.Fraction = 0.999
    """The factor of the learning rate in each epoch."""
    epoch: gx.PositiveInt = 809
    """Steps of an epoch; LJSpeech has 12,950 files for training."""
    mel_weight: gx.NonNegativeFloat = 45.0
    """Weight of the difference of log-mel spectrograms in G's loss."""
    feature_weight: gx.NonNegativeFloat = 2.0
    """Weight of the difference of D's features in G's loss."""


TINY = Args(
    gx.Run("runs/tiny_hifigan", steps=4, batch=8),
    rate=1_000,
    length=256,
    segment=128,
    bands=4,
    size=32,
    high=400.0,
    width=8,
    rates=(4, 2),
    kernels=(3,),
    dilations=(1, 2),
    d_width=4,
    periods=(2,),
)


def generator(args: Args) -> gx.models.hifigan.Generator:
    """G, whose dilations are those of each stack in turn."""
    each, rest = divmod(len(args.dilations), len(args.kernels))
    if rest or args.convs > 2:
        raise gx.UsageError(
            f"{len(args.dilations)} --dilations for {len(args.kernels)} --kernels and "
            f"--convs {args.convs}: give as many for each kernel, and 1 or 2."
        )
    starts = range(0, len(args.dilations), each)
    dilations = tuple(args.dilations[start : start + each] for start in starts)
    return gx.models.hifigan.Generator(
        args.width, args.rates, args.kernels, dilations, args.convs
    )


def begin_with(game: gx.Game, released_g: released.Released, where: str) -> gx.Game:
    """The game whose G has released weights before its first step."""

    def init(key, turns):
        state = game.init(key, turns)
        params = released.read(released_g, where)["params"]
        g = replace(state.players["g"], params=params)
        return replace(state, players={**state.players, "g": g})

    return game._replace(init=init)


def make(args: Args) -> gx.Game:
    hop = math.prod(args.rates)
    mel = Mel(args.rate, args.bands, args.size, hop, high=args.high)
    g = generator(args)
    d = gx.models.vocoder_discriminators.hifigan(args.d_width, args.periods)
    rate = lambda step: args.lr * args.decay ** (step // args.epoch)
    adam = optax.adamw(rate, b1=0.8, b2=0.99, weight_decay=0.01)
    game = vocoder.vocoder(
        gx.Player(g, adam),
        gx.Player(d, adam),
        gx.losses.weighted(gx.losses.least_squares(), d=2, g=2),
        mel,
        gx.modalities.sounds(args.rate, args.length, windows=True),
        args.segment,
        args.mel_weight,
        args.feature_weight,
    )
    if args.weights:
        return begin_with(game, released.described(g, args.bands), args.weights)
    return game


def main(args: Args):
    return gx.train(make(args), gx.Spec(args.data), args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
