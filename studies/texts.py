"""A text GAN beside the likelihood model that it begins with: `python studies/texts.py`.

The likelihood model is sampled at several temperatures, each of which is a trade of quality
for diversity. A GAN is worth its trouble if it is above the line that these draw. Runs that
are finished are read and not played again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rows import play, read_record, seconds

import ganjax as gx
from ganjax.data import Spec
from ganjax.report.results import Column, Table, spread, write_results
from ganjax.run import PositiveInt, command
from ganjax.run.evaluator import evaluator


STUDY = "Text: a GAN and the temperatures of its start"
TEMPERATURES = (0.25, 0.5, 0.75, 1.0, 1.25)
SCORES = (
    "grammatical",
    "ngram/precision",
    "ngram/recall",
    "ngram/divergence",
    "distinct",
)
BATCH = 500  # texts that are drawn at once


@dataclass(frozen=True)
class Args:
    data: str = "grammar"
    length: PositiveInt = 16
    workdir: str = "runs/texts"
    lstm_steps: PositiveInt = 500
    """Steps of the likelihood model, few enough that it has something left to learn."""
    steps: PositiveInt = 1_000
    """Steps of the GAN, and further steps of the likelihood model beside it."""
    seeds: PositiveInt = 3


def scores(run: Path, temperature: float, args: Args) -> dict[str, float]:
    """Returns the scores of a run's samples at a temperature, which scales its noise."""
    loaded = gx.load(run, trust=True)
    scoring = evaluator(Spec(args.data), loaded.game)
    drawn = []
    for i in range(0, scoring.count, BATCH):
        z = loaded.prior(min(BATCH, scoring.count - i), seed=i)
        scaled = jax.tree.map(lambda x: temperature * x, z)
        drawn.append(np.asarray(loaded.g(scaled)))
    return scoring.score(np.concatenate(drawn))


def trained(args: Args, seed: int) -> dict[str, Path]:
    """Trains the start, the GAN from it, and the likelihood model for as long."""
    folder = Path(args.workdir).expanduser()
    given = {"data": args.data, "length": args.length}
    start = folder / "start" / str(seed)
    play("lstm", start, given, steps=args.lstm_steps, seed=seed)
    begin = {"init_from": str(start), "init_parts": ("g",)}
    found = {"likelihood model, its start": start}
    for name, experiment, extra in (
        ("RelGAN", "relgan", {}),
        ("likelihood model, trained on", "lstm", {}),
    ):
        place = folder / name.replace(" ", "_").replace(",", "") / str(seed)
        play(experiment, place, given | extra, steps=args.steps, seed=seed, **begin)
        found[name] = place
    return found


def main(args: Args) -> None:
    """Prints the table, row by row, and writes it."""
    columns = [Column("model"), Column("temperature", ".2f"), Column("seconds", ".0f")]
    table = Table("texts", [*columns, *(Column(name, ".3f") for name in SCORES)])
    runs = [trained(args, seed) for seed in range(args.seeds)]
    table.print_header()
    for name in runs[0]:
        temperatures = (1.0,) if name == "RelGAN" else TEMPERATURES
        for temperature in temperatures:
            found = [scores(run[name], temperature, args) for run in runs]
            cells: list[Any] = [
                _cell([each[score] for each in found if score in each])
                for score in SCORES
            ]
            table.add(name, temperature, _seconds([run[name] for run in runs]), *cells)
    write_results(Path(args.workdir) / "results.json", STUDY, [table])


def _cell(values: list[float]) -> Any:
    if not values:
        return ""
    return spread(values) if len(values) > 1 else values[0]


def _seconds(folders: list[Path]) -> float:
    return float(np.mean([seconds(read_record(folder)) for folder in folders]))


if __name__ == "__main__":
    command(main)
