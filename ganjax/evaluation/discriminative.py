"""P-IDS and U-IDS: how well a linear classifier tells samples from real images."""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.errors import UsageError
from ganjax.evaluation.distances import as_float64, check_same_width


class DiscriminativeScores(NamedTuple):
    """Paired and unpaired discriminative scores, 0 (worst) to about 1/2.

    "IDS" stands for Inception discriminative score, as the literature computes them on the
    features of Inception.
    """

    paired: float
    """P-IDS: the fraction of samples that the classifier finds more real than their own
    originals."""

    unpaired: float
    """U-IDS: the fraction of all images, real and generated, that it misclassifies."""


def discriminative_scores(
    real: Float[np.ndarray, "n f"], fake: Float[np.ndarray, "m _"]
) -> DiscriminativeScores:
    """Computes P-IDS and U-IDS (Zhao et al., 2021).

    As in the authors' code, a linear support vector machine with scikit-learn's defaults,
    in its primal form, is fitted to separate the two sets and is evaluated on the same
    sets. Scores therefore fall with more features and with fewer samples: compare only
    those of equal numbers. They also depend on the units of the features.

    Args:
        real: features of the originals.
        fake: features of the samples; row i was made from the original of row i.

    Raises:
        UsageError: NaN or infinity, unequal shapes, or a fit that does not converge.
    """
    # Not above: its import takes a quarter of the time of all of ganjax.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    real = as_float64(real, "real")
    fake = as_float64(fake, "generated")
    check_same_width(real, fake)
    if len(real) != len(fake):
        raise UsageError(
            f"{len(fake)} samples and {len(real)} originals are not pairs."
        )
    classifier = LinearSVC(dual=False)  # pyright: ignore[reportArgumentType]
    rows = np.concatenate([real, fake])
    is_real = np.repeat([1, 0], len(real))
    with warnings.catch_warnings():
        # A fit that does not converge is only a warning in scikit-learn.
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            classifier.fit(rows, is_real)
        except ConvergenceWarning:
            raise UsageError(
                "The classifier did not converge: scale the features."
            ) from None

    # Above 0 the classifier takes an image to be real.
    decision = classifier.decision_function(rows)
    # Row i of the first half is the original of row i of the second.
    real_decision, fake_decision = np.split(decision, 2)
    return DiscriminativeScores(
        paired=float((fake_decision > real_decision).mean()),
        unpaired=float(((decision > 0) != is_real).mean()),
    )
