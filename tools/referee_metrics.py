"""Compares scores of given features with torch-fidelity, pytorch-fid, clean-fid and prdc.

`python tools/referee_metrics.py` computes each score of random sets of features in one
process by ganjax and by the reference packages, and prints the largest differences. Among
the sets are some whose covariance is singular, with fewer vectors than features, all the
same, and equal to each other. A value that a reference does not return as a finite real
number of 0 or more is printed, and not compared. It needs Python 3.11 with these packages,
PyTorch, torchvision and ganjax. It exits with 1 if a difference is beyond what is allowed.
"""

import contextlib
import io
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import tyro

from ganjax import evaluation


# torchvision's compiled operators may not fit the installed PyTorch. Metrics need none of
# them, but its Python code refuses to be imported unless they are declared.
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    with contextlib.suppress(RuntimeError):
        OPERATORS.define(
            f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )

import cleanfid.fid  # noqa: E402
from prdc import compute_prdc  # noqa: E402
from pytorch_fid.fid_score import calculate_frechet_distance  # noqa: E402
from torch_fidelity.metric_fid import (  # noqa: E402
    fid_features_to_statistics,
    fid_statistics_to_metric,
)
from torch_fidelity.metric_isc import isc_features_to_metric  # noqa: E402
from torch_fidelity.metric_kid import kid_features_to_metric  # noqa: E402
from torch_fidelity.metric_prc import prc_features_to_metric  # noqa: E402


@dataclass(frozen=True)
class Args:
    sets: int = 50
    """Pairs of sets of features."""
    seed: int = 0


class Pair(NamedTuple):
    """Two sets of features with the logits of a classifier for the second."""

    kind: str
    real: np.ndarray
    fake: np.ndarray
    logits: np.ndarray


def pairs(count: int, seed: int) -> Iterator[Pair]:
    """Draws pairs of sets, of each kind in turn."""
    kinds: dict[str, Callable] = {
        "plain": lambda x, rng: x,
        "far from 0": lambda x, rng: x + 10,
        "rank-deficient": lambda x, rng: x[:, :3] @ rng.normal(size=(3, x.shape[1])),
        "constant features": lambda x, rng: x * (np.arange(x.shape[1]) % 3 > 0),
        "duplicated": lambda x, rng: x[rng.integers(0, len(x) // 2, len(x))],
        "positive, sparse": lambda x, rng: np.maximum(x - 0.5, 0),
    }
    special = ("identical", "constant real", "constant fake", "n < d")
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        n, m, f = rng.integers(40, 400, 2).tolist() + [int(rng.integers(2, 40))]
        kind = [*kinds, *special][i % (len(kinds) + len(special))]
        if kind == "n < d":
            n, m, f = n // 4 + 8, m // 4 + 8, 160
        # Variances and differences of about 1, as of the features of Inception.
        mix = rng.normal(size=(f, f)) / np.sqrt(f)
        real = rng.normal(size=(n, f)) @ mix
        fake = rng.uniform(0.5, 1.5) * rng.normal(size=(m, f)) @ mix
        fake += 0.5 * rng.normal(size=f)
        if kind in kinds:
            # The same change of both sets, as a network has one for all images.
            real, fake = (
                kinds[kind](x, np.random.default_rng([seed, i])) for x in (real, fake)
            )
        if kind == "identical":
            fake = real
        if kind == "constant real":
            real = np.zeros_like(real) + real[:1]
        if kind == "constant fake":
            fake = np.zeros_like(fake) + fake[:1]
        logits = 3 * rng.normal(size=(m, 10))
        yield Pair(kind, *(x.astype(np.float32) for x in (real, fake)), logits)


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and covariance in float64, as pytorch-fid computes them."""
    x = x.astype(np.float64)
    return x.mean(0), np.cov(x, rowvar=False)


def from_factors(real: np.ndarray, fake: np.ndarray) -> float:
    """Computes the Fréchet distance without a covariance, from QR factors of the vectors.

    No number is squared before the singular values are taken, so it is more exact than any
    of the others where a covariance is singular.
    """
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    gap = np.square(real.mean(0) - fake.mean(0)).sum()
    factors = [
        np.linalg.qr((x - x.mean(0)) / np.sqrt(len(x) - 1), mode="r")
        for x in (real, fake)
    ]
    traces = sum(np.square(r).sum() for r in factors)
    cross = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum()
    return float(gap + traces - 2 * cross)


def torch_fidelity_fid(real: np.ndarray, fake: np.ndarray) -> float:
    stats = (fid_features_to_statistics(torch.from_numpy(x)) for x in (fake, real))
    found = fid_statistics_to_metric(*stats, verbose=False)
    return found["frechet_inception_distance"]


def clean_fid_kid(real: np.ndarray, fake: np.ndarray, size: int) -> tuple[float, float]:
    """Returns clean-fid's KID, and ours on the subsets that it drew from NumPy's state."""
    a, b = real.astype(np.float64), fake.astype(np.float64)
    np.random.seed(0)
    theirs = cleanfid.fid.kernel_distance(a, b, num_subsets=5, max_subset_size=size)
    np.random.seed(0)
    ours = []
    for _ in range(5):
        x = b[np.random.choice(len(b), size, replace=False)]
        y = a[np.random.choice(len(a), size, replace=False)]
        ours.append(evaluation.kernel_distance(y, x))
    return theirs, float(np.mean(ours))


def scores(pair: Pair) -> Iterator[tuple[str, str, Callable[[], Any], float]]:
    """Yields score, reference, the reference's value and ours."""
    real, fake = pair.real, pair.fake
    frechet = evaluation.frechet_distance(real, fake)
    given = moments(real), moments(fake)
    of_moments = evaluation.frechet_from_moments(*given[0], *given[1])
    yield "FID", "factors", lambda: from_factors(real, fake), frechet
    yield "FID of moments", "factors", lambda: from_factors(real, fake), of_moments
    yield (
        "FID",
        "pytorch-fid",
        lambda: calculate_frechet_distance(*given[0], *given[1]),
        frechet,
    )
    yield "FID", "torch-fidelity", lambda: torch_fidelity_fid(real, fake), frechet
    yield "FID", "clean-fid", lambda: cleanfid.fid.fid_from_feats(fake, real), frechet

    size = min(30, len(real), len(fake))
    kid = evaluation.kid(real, fake, subsets=10, subset_size=size)
    double = [torch.from_numpy(x.astype(np.float64)) for x in (fake, real)]
    run_kid = lambda: kid_features_to_metric(
        *double, verbose=False, kid_subsets=10, kid_subset_size=size
    )
    for key, ours in (("mean", kid.mean), ("std", kid.spread)):
        name = f"kernel_inception_distance_{key}"
        yield f"KID {key}", "torch-fidelity", lambda name=name: run_kid()[name], ours
    theirs, ours = clean_fid_kid(real, fake, size)
    yield "KID mean", "clean-fid", lambda: theirs, ours

    p = torch.from_numpy(pair.logits).softmax(1).numpy()
    found = evaluation.inception_score(p)
    theirs_is = isc_features_to_metric(torch.from_numpy(pair.logits))
    for key, value in (("mean", found.mean), ("std", found.spread)):
        theirs_one = theirs_is[f"inception_score_{key}"]
        yield f"IS {key}", "torch-fidelity", lambda x=theirs_one: x, value

    four = evaluation.prdc(real, fake, 5)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs_prdc = compute_prdc(real.astype(np.float64), fake.astype(np.float64), 5)
    for name, value in four._asdict().items():
        yield name, "prdc", lambda name=name: theirs_prdc[name], value
    three = evaluation.prdc(real, fake, 3)
    theirs_prc = prc_features_to_metric(*double, verbose=False)
    for name in ("precision", "recall"):
        yield (
            name,
            "torch-fidelity",
            lambda name=name: theirs_prc[name],
            getattr(three, name),
        )


def allowed(score: str, ours: float) -> float:
    """Returns the largest difference that is allowed."""
    if score.startswith("FID"):
        return min(1e-3, 1e-5 * abs(ours)) if ours > 1 else 1e-5
    return 1e-6 * max(1.0, abs(ours))


def main(args: Args) -> int:
    """Prints a table of the largest differences, and what references do not return."""
    largest: dict[tuple[str, str], tuple[float, float, str]] = {}
    refused: dict[tuple[str, str], list[str]] = defaultdict(list)
    beyond: list[str] = []
    count = 0
    for i, pair in enumerate(pairs(args.sets, args.seed)):
        for score, program, reference, ours in scores(pair):
            where = f"{i} ({pair.kind}, {pair.real.shape} and {len(pair.fake)})"
            assert np.isrealobj(ours) and np.isfinite(ours), (score, where)
            assert ours >= 0 or score.startswith("KID"), (score, where)
            count += 1
            try:
                value = reference()
            except Exception as error:
                first_line = str(error).splitlines()[0]
                refused[score, program].append(f"{where}: raises {first_line}")
                continue
            negative = np.real(value) < 0 and not score.startswith("KID")
            if np.iscomplexobj(value) or not np.isfinite(value) or negative:
                refused[score, program].append(f"{where}: {value}, ours {ours:.3g}")
                # A tiny negative number stands for 0.
                if not np.isfinite(value) or np.iscomplexobj(value):
                    continue
            apart = abs(float(value) - ours)
            entry = apart, apart / max(abs(ours), 1e-12), where
            if apart >= largest.get((score, program), (-1.0,))[0]:
                largest[score, program] = entry
            if apart > allowed(score, ours):
                beyond.append(f"{score}, {program}, {where}: {value} and ours {ours}")
    print(f"{count} scores of {args.sets} pairs of sets\n")
    print("| score | reference | largest difference | relative | of the pair |")
    print("| --- | --- | --- | --- | --- |")
    for (score, program), (apart, relative, where) in largest.items():
        print(f"| {score} | {program} | {apart:.1e} | {relative:.1e} | {where} |")
    print("\nNot a finite real number of 0 or more, where ours is one:")
    for (score, program), found in refused.items():
        print(f"- {score} of {program}, {len(found)} times, as of pair {found[0]}")
    print(f"\nBeyond what is allowed, {len(beyond)}:")
    print("\n".join(f"- {line}" for line in beyond))
    return bool(beyond)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    sys.exit(main(tyro.cli(Args, description=__doc__)))
