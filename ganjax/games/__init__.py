"""Games: functions that make a `Game`, one file for each way to train or to sample.

- Of a `GAN`: `game`, the usual one; `lazy`, with StyleGAN2's lazy regularization;
  `skipping`, with ASGAN's D that rests; `unrolled`; and `standing`, which samples with
  standing statistics.
- `logan` makes another `GAN` of a GAN, for any of these.
- Of any game: `accumulated`, gradient accumulation. Of a game with one G: `posthoc_ema`.
- Without an adversary, what GANs are compared with: `vae` and `autoencoder`, and
  `likelihood`, the baseline of texts, which has one player.
- Image-to-image: `paired` (pix2pix) and `inpainting`; `translation` has what they share
  with CycleGAN and CUT, which are experiments. `multiplayer` has the turns of games with
  any number of players, and `pool` the image buffer of CycleGAN.
- `vocoder` is the paired game of sounds and their mel spectrograms.
"""

from ganjax.games.accumulated import accumulated
from ganjax.games.autoencoder import autoencoder, vae
from ganjax.games.lazy import lazy
from ganjax.games.likelihood import likelihood
from ganjax.games.logan import logan
from ganjax.games.posthoc_ema import posthoc_ema
from ganjax.games.skipping import skipping
from ganjax.games.standing import standing
from ganjax.games.two_player import game
from ganjax.games.unrolled import unrolled


__all__ = [
    "accumulated",
    "autoencoder",
    "game",
    "lazy",
    "likelihood",
    "logan",
    "skipping",
    "standing",
    "posthoc_ema",
    "unrolled",
    "vae",
]
