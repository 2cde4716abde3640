"""Mode coverage for data whose modes are known: toy mixtures and stacked digits."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganjax.errors import UsageError
from ganjax.evaluation.distances import nearest_neighbors
from ganjax.evaluation.metric import higher_is_better, lower_is_better


MODES = higher_is_better("modes", "Number of modes that the samples cover.")
QUALITY = higher_is_better("quality", "Fraction of samples that are close to a mode.")
KL = lower_is_better(
    "kl", "KL divergence of the frequencies of the modes from uniform ones, in nats."
)


class Modes(NamedTuple):
    """How samples are distributed over the modes of a mixture."""

    covered: int  # number of modes that have enough high-quality samples
    quality: float  # fraction of samples of high quality, that is, close to some mode
    samples: Int[np.ndarray, " m"]  # number of high-quality samples of each mode


class ModeCoverage(NamedTuple):
    """How evenly samples cover numbered modes."""

    covered: int  # number of modes with at least one sample
    kl: float  # KL(samples' mode frequencies || uniform), in nats; 0 is best


def modes(
    points: Float[np.ndarray, "n d"],
    centers: Float[np.ndarray, "m _"],
    radius: float,
    at_least: int = 1,
) -> Modes:
    """Counts the modes of a mixture that samples cover.

    Srivastava et al. (2017, VEEGAN) say that a sample has high quality if it is within
    three standard deviations of its nearest mode, and that a mode is covered if it has at
    least one such sample. In the plane, 3 standard deviations contain 98.9 % of a Gaussian
    and 4 contain 99.97 %.

    Args:
        points: the samples.
        centers: the centers of the modes.
        radius: the largest distance of a high-quality sample from its center.
        at_least: how many high-quality samples a covered mode has at least.

    Raises:
        UsageError: NaN or infinity, unequal dimensions, a radius that is not positive, or
            `at_least` below 1.
    """
    if radius <= 0 or at_least < 1:
        raise UsageError("Modes need a radius above 0 and at least one sample each.")
    nearest = nearest_neighbors(points, centers)
    high_quality = nearest.distance <= radius
    # Only the nearest center counts, so that a sample belongs to one mode at most.
    samples = np.bincount(nearest.index[high_quality], minlength=len(centers))
    covered = int((samples >= at_least).sum())
    return Modes(covered, float(high_quality.mean()), samples)


def mode_coverage(mode: Int[np.ndarray, " n"], count: int) -> ModeCoverage:
    """Measures how evenly samples cover numbered modes.

    These are the two scores of StackedMNIST (Metz et al., 2017; Srivastava et al., 2017;
    Lin et al., 2018). Even n samples drawn uniformly have a divergence of about (count - 1)
    / 2n.

    Args:
        mode: each sample's mode, 0 to count - 1.
        count: the number of modes.

    Raises:
        UsageError: there are no samples.
    """
    if len(mode) == 0:
        raise UsageError("Mode coverage needs at least one sample.")
    frequency = np.bincount(mode, minlength=count) / len(mode)
    # Modes without a sample contribute 0 log 0 = 0.
    frequency = frequency[frequency > 0]
    # sum p log(p / (1 / count)), which is log(count) if all samples are of one mode.
    kl = np.sum(frequency * np.log(count * frequency))
    return ModeCoverage(len(frequency), float(kl))
