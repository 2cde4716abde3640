"""Which modes three objectives keep: `python studies/modes.py`.

Each plays on stacked digits against a wide and a narrow discriminator, as a population
of seeds in a run folder of its own. One that is finished is read and not played again;
one that was stopped goes on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rows import last, play, seconds

from ganjax.report.results import Column, Table, write_results
from ganjax.run import PositiveInt, command


STUDY = "Modes of stacked digits"
COLUMNS = (
    Column("objective"),
    Column("D's units", "d"),
    Column("modes, by seed", ".0f"),
    Column("KL, nats", ".3f"),
    Column("seconds a seed", ".0f"),
)
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


def row(args: Args, name: str, d_width: int) -> tuple[Any, ...]:
    """What each seed came to, and the seconds that one of them took."""
    experiment, gamma = OBJECTIVES[name]
    folder = Path(args.workdir) / f"{experiment}_{gamma:g}_{d_width}"
    own = {"d_width": d_width, "gamma": gamma}
    found = play(experiment, folder, own, steps=args.steps, seeds=args.seeds)
    scores = last(found, "modes"), last(found, "kl")
    return name, d_width, *scores, seconds(found) / args.seeds


def main(args: Args) -> None:
    """Prints the table, row by row, and writes it."""
    table = Table("modes", COLUMNS)
    table.print_header()
    for d_width in args.d_widths:
        for name in OBJECTIVES:
            table.add(*row(args, name, d_width))
    write_results(Path(args.workdir) / "results.json", STUDY, [table])


if __name__ == "__main__":
    command(main)
