"""Files of reference statistics: the mean and covariance of the features of real images.

A Fréchet distance needs no more of the real images than these, so programs publish them as
.npz files: ADM and EDM, clean-fid and pytorch-fid all name the arrays `mu` and `sigma`.
Such a file does not say which features, images and resize filter it is of; those that
`write_statistics` makes do, in an entry `protocol`. Pickles are refused, as they can run
code when they are read.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ganjax.errors import UsageError
from ganjax.evaluation.distances import Rows
from ganjax.evaluation.frechet import moments
from ganjax.evaluation.protocol import Protocol, from_json, to_json
from ganjax.store.atomic import write
from ganjax.store.hashing import sha256


PICKLES = (".pkl", ".pickle")
CONVERT = (
    "np.savez('reference.npz', mu=statistics['mu'], sigma=statistics['sigma']) with the "
    "program that published it"
)


@dataclass(frozen=True)
class Statistics:
    """The Gaussian of a set of features.

    Attributes:
        mean: the mean vector.
        covariance: the sample covariance matrix.
        protocol: of what features and images it is; None in files of other programs.
    """

    mean: Float[np.ndarray, " f"]
    covariance: Float[np.ndarray, "f f"]
    protocol: Protocol | None = None

    def digest(self) -> str:
        """Returns the SHA-256 of both arrays in float64."""
        arrays = (self.mean, self.covariance)
        return sha256(x.astype(np.float64).tobytes() for x in arrays)


def statistics_of(rows: Rows, protocol: Protocol | None = None) -> Statistics:
    """Returns the statistics of features."""
    mean, covariance = moments(rows)
    return Statistics(mean, covariance, protocol)


def holds_statistics(where: str) -> bool:
    """Returns whether a path is of statistics, by the names of its arrays.

    Raises:
        UsageError: it is a pickle.
    """
    path = Path(where).expanduser()
    if path.suffix.lower() in PICKLES:
        raise UsageError(
            f"{where} is a pickle, which can run code when it is read: convert it by "
            f"{CONVERT}, and give the .npz."
        )
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        with np.load(path, allow_pickle=False) as file:
            return {"mu", "sigma"} <= {*file.files}
    except (
        Exception
    ):  # NumPy and zipfile raise many types; who reads images will say it
        return False


def read_statistics(where: str) -> Statistics:
    """Reads a file of statistics, ours or another program's.

    Raises:
        UsageError: it cannot be read, or its arrays are not those of a Gaussian.
    """
    path = Path(where).expanduser()
    try:
        with np.load(path, allow_pickle=False) as file:
            mean = np.asarray(file["mu"], np.float64)
            covariance = np.asarray(file["sigma"], np.float64)
            text = str(file["protocol"]) if "protocol" in file.files else ""
        protocol = from_json(json.loads(text)) if text else None
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"{where} cannot be read as statistics ({error}): give an .npz with arrays "
            "'mu' and 'sigma'."
        ) from None
    shapes_fit = mean.ndim == 1 and covariance.shape == (len(mean), len(mean))
    if (
        not shapes_fit
        or not np.isfinite(covariance).all()
        or not np.isfinite(mean).all()
    ):
        raise UsageError(
            f"{where} holds no mean [f] and covariance [f, f] of finite numbers, but "
            f"'mu' {mean.shape} and 'sigma' {covariance.shape}."
        )
    return Statistics(mean, covariance, protocol)


def write_statistics(path: str | Path, statistics: Statistics) -> None:
    """Writes statistics to an .npz, atomically, under the names that all programs use."""
    arrays = {"mu": statistics.mean, "sigma": statistics.covariance}
    if statistics.protocol:
        arrays["protocol"] = np.array(json.dumps(to_json(statistics.protocol)))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write(Path(path), buffer.getvalue(), parents=True)
