"""How well a linear classifier can tell samples from real images: P-IDS and U-IDS."""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from ganjax.errors import Mistake
from ganjax.evaluation.distances import same_width, vectors


class IDS(NamedTuple):
    """Inception discriminative scores, on any features: shares, 0 (worst) to about 1/2."""

    paired: float  # P-IDS: of fakes that look more real than their own originals
    unpaired: float  # U-IDS: of all samples that are on the wrong side


def discriminative_scores(
    real: Float[np.ndarray, "n f"], fake: Float[np.ndarray, "m _"]
) -> IDS:
    """P-IDS and U-IDS of row i of `fake` as made from row i of `real`.

    Zhao et al. (2021) and their code: a linear support vector machine of scikit-learn's
    defaults, in the primal form, is fitted to tell the two sets apart, and judged on
    these same sets. So the scores fall as features get more and samples fewer: compare
    only those of equal numbers. They depend on the features' units. `Mistake` on NaN, on
    unlike shapes, or if the fit does not converge.
    """
    real, fake = vectors(real, "real"), vectors(fake, "generated")
    same_width(real, fake)
    if len(real) != len(fake):
        raise Mistake(f"{len(fake)} samples of {len(real)} originals are no pairs.")
    machine = LinearSVC(dual=False)  # pyright: ignore[reportArgumentType]
    rows = np.concatenate([real, fake])
    is_real = np.repeat([1, 0], len(real))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            machine.fit(rows, is_real)
        except ConvergenceWarning:
            says = "The classifier did not converge: scale the features."
            raise Mistake(says) from None
    side = machine.decision_function(rows)
    of_real, of_fake = np.split(side, 2)
    return IDS(
        paired=float((of_fake > of_real).mean()),
        unpaired=float(((side > 0) != is_real).mean()),
    )
