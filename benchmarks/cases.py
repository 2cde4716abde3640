"""What is compared: networks, losses and batches, fixed before anything was tuned.

`ours.NETS` and `theirs.NETS` make the networks of a case. `CASES` are those of a CPU,
`ACCELERATED` those of an accelerator, and `small` is what a CPU can check of the latter.
"""

import sys
from collections.abc import Collection, Iterable
from typing import NamedTuple


SMALL_SIDE, SMALL_BATCH = 16, 8
SMALL_SIDES = {"biggan": 32, "pix2pix": 32}  # of networks that need a larger one
ADA_P = 0.5  # how often ADA acts, as late in a training
STYLEGAN2_BASE = 16_384  # its layers at side s have at most this many channels, by s


class Case(NamedTuple):
    """One training step: a turn of D and a turn of G, each on `batch` examples."""

    net: str  # a key of `NETS` on both sides
    shape: tuple[int, ...]  # of an example: [h, w, c], [n, c] or [d]
    width: int  # what the networks' channels are multiples of
    latent: int
    loss: str  # a key of `losses` on both sides
    rate: float
    betas: tuple[float, float]
    r1: float = 0.0  # weights of the usual penalties
    r2: float = 0.0
    gp: float = 0.0
    l1: float = 0.0  # of pairs: weight of the distance to the true image
    ada: bool = False  # whether D sees images through ADA's `bgc`
    classes: int = 0
    batch: int = 64
    convolutional: bool = True

    @property
    def penalized(self) -> bool:
        """Whether the step needs second derivatives."""
        return bool(self.r1 or self.r2 or self.gp)

    @property
    def paired(self) -> bool:
        """Whether G translates images, whose true translations are known."""
        return bool(self.l1)

    @property
    def attention(self) -> int:
        """The side of BigGAN's feature maps at which it has attention."""
        return self.shape[0] // 2

    @property
    def multipliers(self) -> tuple[int, ...]:
        """pix2pix's widths after each halving, down to a pixel, in `width`."""
        return (1, 2, 4, 8, 8, 8, 8, 8)[: self.shape[0].bit_length() - 1]

    @property
    def stages(self) -> int:
        """How many sides StyleGAN2 and R3GAN have, from 4 up, each twice the last."""
        return (self.shape[0] // 4).bit_length()


def exact(case: Case) -> Case:
    """The case with R1 and R2 on every step in place of its usual penalties."""
    return case._replace(r1=1.0, r2=1.0, gp=0.0)


def plain(case: Case) -> Case:
    """The case without penalties."""
    return case._replace(r1=0.0, r2=0.0, gp=0.0)


def small(case: Case) -> Case:
    """The case with narrow networks, small images and few of them."""
    shape = case.shape
    if len(shape) == 3:
        most = SMALL_SIDES.get(case.net, SMALL_SIDE)
        shape = *(min(n, most) for n in shape[:2]), shape[2]
    width = min(case.width, 16)
    return case._replace(shape=shape, width=width, batch=min(case.batch, SMALL_BATCH))


CASES = {
    "mlp_digits": Case(
        "mlp",
        (8, 8, 1),
        256,
        32,
        "relativistic",
        2e-4,
        (0.0, 0.99),
        r1=1.0,
        r2=1.0,
        convolutional=False,
    ),
    "dcgan_32": Case(
        "dcgan", (32, 32, 3), 64, 100, "non_saturating", 2e-4, (0.5, 0.999)
    ),
    "dcgan_64": Case(
        "dcgan", (64, 64, 3), 64, 100, "non_saturating", 2e-4, (0.5, 0.999)
    ),
    "sngan_32": Case("sngan", (32, 32, 3), 128, 128, "hinge", 2e-4, (0.0, 0.9)),
    "wgangp_32": Case(
        "wgangp", (32, 32, 3), 128, 128, "wasserstein", 2e-4, (0.0, 0.9), gp=10.0
    ),
    "sagan_32": Case(
        "sagan", (32, 32, 3), 128, 128, "hinge", 2e-4, (0.0, 0.9), classes=10
    ),
    "stylegan2_32": Case(
        "stylegan2",
        (32, 32, 3),
        128,
        128,
        "non_saturating",
        2.5e-3,
        (0.0, 0.99),
        r1=0.01,
    ),
    "r3gan_32": Case(
        "r3gan",
        (32, 32, 3),
        64,
        64,
        "relativistic",
        2e-4,
        (0.0, 0.99),
        r1=0.05,
        r2=0.05,
    ),
    "biggan_32": Case(
        "biggan", (32, 32, 3), 32, 80, "hinge", 2e-4, (0.0, 0.999), classes=10
    ),
    "wavegan": Case(
        "wavegan", (4096, 1), 32, 100, "wasserstein", 1e-4, (0.5, 0.9), gp=10.0
    ),
    "ctgan": Case(
        "ctgan",
        (64,),
        256,
        128,
        "wasserstein",
        2e-4,
        (0.5, 0.9),
        gp=10.0,
        batch=500,
        convolutional=False,
    ),
}

# The most used ones first, as a run may be cut short.
ACCELERATED = {
    "dcgan_64": CASES["dcgan_64"]._replace(batch=128),
    "stylegan2_256": CASES["stylegan2_32"]._replace(
        shape=(256, 256, 3), width=512, latent=512, r1=1.0, ada=True, batch=32
    ),
    "r3gan_64": CASES["r3gan_32"]._replace(shape=(64, 64, 3), width=256),
    "biggan_128": CASES["biggan_32"]._replace(
        shape=(128, 128, 3), width=64, latent=120, classes=1000
    ),
    "sngan_32": CASES["sngan_32"],
    "r3gan_32": CASES["r3gan_32"]._replace(width=256),
    "pix2pix_256": Case(
        "pix2pix",
        (256, 256, 3),
        64,
        0,
        "non_saturating",
        2e-4,
        (0.5, 0.999),
        l1=100.0,
        batch=16,
    ),
    "mlp_digits": CASES["mlp_digits"],
}


def check_names(what: str, names: Iterable[str], choices: Collection[str]) -> None:
    """Ends the program with one sentence if a name is none of `choices`."""
    unknown = sorted(set(names) - set(choices))
    if unknown:
        sys.exit(f"No {what} is called {unknown[0]}; there are {', '.join(choices)}.")
