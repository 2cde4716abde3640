"""What is compared: networks, losses and batches, fixed before anything was tuned.

The networks of a case are in `ours.NETS` and `theirs.NETS` under its name.
"""

import sys
from collections.abc import Collection, Iterable
from typing import NamedTuple


class Case(NamedTuple):
    """One training step: a turn of D and a turn of G, each on `batch` examples."""

    shape: tuple[int, ...]  # of an example: [h, w, c], [n, c] or [d]
    latent: int
    loss: str  # a key of `losses` on both sides
    rate: float
    betas: tuple[float, float]
    r1: float = 0.0  # weights of the usual penalties
    r2: float = 0.0
    gp: float = 0.0
    classes: int = 0
    batch: int = 64
    convolutional: bool = True

    @property
    def penalized(self) -> bool:
        """Whether the step needs second derivatives."""
        return bool(self.r1 or self.r2 or self.gp)


def exact(case: Case) -> Case:
    """The case with R1 and R2 on every step in place of its usual penalties."""
    return case._replace(r1=1.0, r2=1.0, gp=0.0)


def plain(case: Case) -> Case:
    """The case without penalties."""
    return case._replace(r1=0.0, r2=0.0, gp=0.0)


CASES = {
    "mlp_digits": Case(
        (8, 8, 1), 32, "relativistic", 2e-4, (0.0, 0.99), 1.0, 1.0, convolutional=False
    ),
    "dcgan_32": Case((32, 32, 3), 100, "non_saturating", 2e-4, (0.5, 0.999)),
    "dcgan_64": Case((64, 64, 3), 100, "non_saturating", 2e-4, (0.5, 0.999)),
    "sngan_32": Case((32, 32, 3), 128, "hinge", 2e-4, (0.0, 0.9)),
    "wgangp_32": Case((32, 32, 3), 128, "wasserstein", 2e-4, (0.0, 0.9), gp=10.0),
    "sagan_32": Case((32, 32, 3), 128, "hinge", 2e-4, (0.0, 0.9), classes=10),
    "stylegan2_32": Case(
        (32, 32, 3), 128, "non_saturating", 2.5e-3, (0.0, 0.99), r1=0.01
    ),
    "r3gan_32": Case((32, 32, 3), 64, "relativistic", 2e-4, (0.0, 0.99), 0.05, 0.05),
    "biggan_32": Case((32, 32, 3), 80, "hinge", 2e-4, (0.0, 0.999), classes=10),
    "wavegan": Case((4096, 1), 100, "wasserstein", 1e-4, (0.5, 0.9), gp=10.0),
    "ctgan": Case(
        (64,),
        128,
        "wasserstein",
        2e-4,
        (0.5, 0.9),
        gp=10.0,
        batch=500,
        convolutional=False,
    ),
}


def check_names(what: str, names: Iterable[str], choices: Collection[str]) -> None:
    """Ends the program with one sentence if a name is none of `choices`."""
    unknown = sorted(set(names) - set(choices))
    if unknown:
        sys.exit(f"No {what} is called {unknown[0]}; there are {', '.join(choices)}.")
