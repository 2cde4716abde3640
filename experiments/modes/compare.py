"""Which modes three objectives keep: `python experiments/modes/compare.py`.

Each plays on stacked digits against a wide and a narrow discriminator, as a population
of seeds in a run folder of its own. One that is finished is read and not played again;
one that was stopped goes on.
"""

import contextlib
import math
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from ganjax.loop import step_of
from ganjax.run import Count, command, story


COLUMNS = ("objective", "D's units", "modes", "KL, nats", "seconds a seed")
OBJECTIVES = {  # name -> experiment, weight of its penalties
    "relativistic + R1 + R2": ("stacked_digits", 1.0),
    "non-saturating + R1": ("non_saturating", 1.0),
    "non-saturating": ("non_saturating", 0.0),
}


@dataclass(frozen=True)
class Args:
    d_widths: Annotated[tuple[int, ...], tyro.conf.Positional] = (256, 16)
    """Units in each of D's layers."""
    workdir: str = "runs/modes"
    steps: Count = 20_000
    seeds: Count = 4


def play(args: Args, experiment: str, gamma: float, d_width: int, folder: Path) -> None:
    """Trains a population to its end, or ends the program where it was stopped."""
    module: Any = import_module(experiment)
    usual = module.Args(d_width=d_width, gamma=gamma)
    changes = {"workdir": str(folder), "steps": args.steps, "seeds": args.seeds}
    with contextlib.redirect_stdout(sys.stderr):
        state = module.main(replace(usual, run=replace(usual.run, **changes)))
    if step_of(state) < args.steps:
        sys.exit("Stopped; the same command goes on.")


def row(name: str, d_width: int, folder: Path) -> tuple[str, ...]:
    """What each seed came to, and the seconds that one of them took."""
    found = story.read(folder)
    modes, kl = (np.atleast_1d(found.scores[key].value[-1]) for key in ("modes", "kl"))
    clock = found.clock.get("seconds")  # which a run of very few steps lacks
    seconds = story.total(clock.value) / len(kl) if clock else math.nan
    each = ", ".join(f"{x:.0f}" for x in modes), ", ".join(f"{x:.3f}" for x in kl)
    return name, str(d_width), *each, f"{seconds:.0f}"


def main(args: Args) -> None:
    """Prints the table, row by row."""
    sys.path.append(str(Path(__file__).parents[1]))
    say = lambda cells: print("| " + " | ".join(cells) + " |", flush=True)
    say(COLUMNS)
    say("---" for _ in COLUMNS)
    for d_width in args.d_widths:
        for name, (experiment, gamma) in OBJECTIVES.items():
            folder = Path(args.workdir) / f"{experiment}_{gamma:g}_{d_width}"
            play(args, experiment, gamma, d_width, folder)
            say(row(name, d_width, folder))


if __name__ == "__main__":
    command(main)
