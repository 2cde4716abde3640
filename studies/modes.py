"""Which modes three objectives keep: `python studies/modes.py`.

Each plays on stacked digits against a wide and a narrow discriminator, as a population
of seeds in a run folder of its own. One that is finished is read and not played again;
one that was stopped goes on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rows import last, play, seconds

from ganjax.report.markdown import print_header, print_row
from ganjax.run import PositiveInt, command


COLUMNS = ("objective", "D's units", "modes", "KL, nats", "seconds a seed")
OBJECTIVES = {  # name -> experiment, weight of its penalties
    "relativistic + R1 + R2": ("relativistic", 1.0),
    "non-saturating + R1": ("non_saturating", 1.0),
    "non-saturating": ("non_saturating", 0.0),
}


@dataclass(frozen=True)
class Args:
    d_widths: Annotated[tuple[int, ...], tyro.conf.Positional] = (256, 16)
    """Units in each of D's layers."""
    workdir: str = "runs/modes"
    steps: PositiveInt = 20_000
    seeds: PositiveInt = 4


def row(args: Args, name: str, d_width: int) -> tuple[str, ...]:
    """What each seed came to, and the seconds that one of them took."""
    experiment, gamma = OBJECTIVES[name]
    folder = Path(args.workdir) / f"{experiment}_{gamma:g}_{d_width}"
    own = {"d_width": d_width, "gamma": gamma}
    found = play(experiment, folder, own, steps=args.steps, seeds=args.seeds)
    modes = ", ".join(f"{x:.0f}" for x in last(found, "modes"))
    kl = ", ".join(f"{x:.3f}" for x in last(found, "kl"))
    return name, str(d_width), modes, kl, f"{seconds(found) / args.seeds:.0f}"


def main(args: Args) -> None:
    """Prints the table, row by row."""
    print_header(COLUMNS)
    for d_width in args.d_widths:
        for name in OBJECTIVES:
            print_row(row(args, name, d_width))


if __name__ == "__main__":
    command(main)
