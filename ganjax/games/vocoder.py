"""The game of a vocoder: G makes a sound of its mel spectrogram (Kong et al., 2020).

It is the paired game (`paired`) with sounds for y and their spectrograms, which are
computed in the step, for x. D judges y alone, in several parts. G's objective also has the
distances of D's features and of the spectrograms.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
from jaxtyping import Array, Float, Key

from ganjax.core import Game, Loss, Modality, Pair, Player, Vocoding
from ganjax.errors import UsageError
from ganjax.games.multiplayer import l1
from ganjax.games.paired import Task, feature_matching, of_parts, paired
from ganjax.ops.spectra import Mel, log_mel


class Segment(NamedTuple):
    """Which part of a stored sound is used: a random one in training, else the middle.

    Attributes:
        length: its samples.
    """

    length: int

    def middle(self, x: Float[Array, "n t c"]) -> Float[Array, "n s c"]:
        """Returns the middle of sounds."""
        start = max(0, (x.shape[1] - self.length) // 2)
        return x[:, start : start + self.length]

    def check(self, x: Float[Array, "..."]) -> None:
        """Raises a `UsageError` for examples that are no mono sounds, or too short."""
        if x.ndim < 3 or x.shape[-1] != 1 or x.shape[-2] < self.length:
            raise UsageError(
                f"A vocoder takes {self.length:,} samples of mono sounds, and the data has "
                f"examples of shape {tuple(x.shape[1:])}: give sounds of one channel and a "
                "--length of at least --segment."
            )

    def jitter(
        self, keys: Key[Array, " n"], x: Float[Array, "n t c"]
    ) -> Float[Array, "n s c"]:
        """Returns a random part of each sound."""
        last = x.shape[1] - self.length

        def one(key, sound):
            start = jax.random.randint(key, (), 0, last + 1)
            return jax.lax.dynamic_slice_in_dim(sound, start, self.length)

        return jax.vmap(one)(keys, x)


def spectrogram(sound: Float[Array, "b n 1"], mel: Mel) -> Float[Array, "b f m"]:
    """Returns log-mel spectrograms of mono sounds."""
    return log_mel(sound[..., 0], mel)


def mel_distance(mel: Mel, weight: float = 45.0) -> Callable[[Array, Array], Array]:
    """Makes the mean absolute difference of log-mel spectrograms (HiFi-GAN's eq. 5).

    Args:
        mel: the numbers of the spectrograms. HiFi-GAN compares up to half of the rate,
            beyond what G is given.
        weight: the factor of the distance.

    Returns:
        A function of two sounds [b, n, 1].
    """

    def distance(made, y):
        return weight * l1(spectrogram(made, mel), spectrogram(y, mel))

    return distance


def vocoder(
    g: Player,
    d: Player,
    loss: Loss,
    mel: Mel,
    modality: Modality,
    segment: int = 8_192,
    mel_weight: float = 45.0,
    feature_weight: float = 2.0,
) -> Game:
    """Makes the game in which G makes sounds of their mel spectrograms.

    Args:
        g: its network maps [b, frames, bands] to [b, frames * hop, 1].
        d: its network has several parts, as those of `vocoder_discriminators`.
        loss: the adversarial loss for each part.
        mel: the spectrograms that G is given.
        modality: sounds of that rate and of one channel.
        segment: samples that are seen at once, a multiple of the hop.
        mel_weight: the weight of the distance of spectrograms up to half of the rate.
        feature_weight: the weight of the distance of D's features.

    Raises:
        UsageError: the segment is no multiple of the hop, or frames are shorter than it.
    """
    if segment % mel.hop or (mel.size - mel.hop) % 2 or mel.size < mel.hop:
        raise UsageError(
            f"A segment of {segment:,} samples cannot be divided into frames of {mel.size} "
            f"samples every {mel.hop}: give a --segment that is a multiple of {mel.hop}, "
            "and a --size that is larger by an even number."
        )
    whole_band = mel._replace(high=0.0)

    def features(made, y):
        return feature_weight * feature_matching(made, y)

    task = Task(
        pair=lambda keys, x: Pair(spectrogram(x, mel), x),
        view=Segment(segment),
        d_input=lambda x, y: y,
        distances={"mel": mel_distance(whole_band, mel_weight)},
        judge=of_parts,
        feature_distances={"features": features},
    )
    return paired(g, d, loss, task, modality, partial(Vocoding, mel=mel))
