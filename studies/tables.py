"""Whether a GAN is the right tool for a table: `python studies/tables.py --data PATH`.

Beside CTGAN are models that learn within seconds: every column by itself, which knows of no
dependence at all, and a mixture of such models, one for each of some clusters of rows
(a shallow mixture). All are scored by the same evaluator against the same held-out rows,
and the first row of the table is what real rows reach.

Rows that another program has made of the same training rows are scored, too: the study
writes those to `train.csv` in its folder, and `--others NAME=PATH` reads what was made, as
by the command of the package `ctgan`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rows import play, seconds

from ganjax.data import Spec
from ganjax.data.rows import read_split
from ganjax.data.schema import (
    Encoded,
    Schema,
    encode,
    infer,
    is_known,
    parse_kinds,
    to_json,
)
from ganjax.data.tables import Table as Rows, read_table, to_csv
from ganjax.errors import UsageError
from ganjax.evaluation.evaluator import Evaluator
from ganjax.modalities import tables
from ganjax.modalities.tables import decode
from ganjax.report.results import Column, Table, spread, write_results
from ganjax.run import NonNegativeInt, PositiveInt, command
from ganjax.store import write


STUDY = "Rows of a table: CTGAN and models of seconds"
# The scores that are shown, by their headings.
SCORES = {
    "boosted detection": "detection/boosted",
    "logistic detection": "detection/logistic",
    "efficacy": "efficacy",
    "column shapes": "shapes",
    "pair trends": "trends",
    "closest training row, of held-out ones": "copies/ratio/rows",
}
MODEL, SECONDS = Column("model"), Column("seconds", ".0f")
# (what the columns are, training rows, how many to make, a generator) -> new rows.
Model = Callable[[Schema, Encoded, int, np.random.Generator], Encoded]


@dataclass(frozen=True)
class Args:
    data: str = "breast_cancer"
    """A table, as `experiments/ctgan.py` takes it."""
    target: str = ""
    kinds: tuple[str, ...] = ()
    workdir: str = "runs/tables"
    steps: NonNegativeInt = 10_000
    """Steps of CTGAN; 0 leaves it out."""
    batch: PositiveInt = 500
    seeds: PositiveInt = 3
    components: PositiveInt = 50
    """Clusters of the mixture."""
    others: tuple[str, ...] = ()
    """Rows that other programs have made, NAME=PATH of a .csv."""


def independent(
    schema: Schema, rows: Encoded, count: int, rng: np.random.Generator
) -> Encoded:
    """Each column by itself, with the frequencies of its values."""
    cluster = np.zeros(len(rows.code), int)
    return _by_column(schema, rows, cluster, np.zeros(count, int), rng)


def mixture_of(components: int) -> Model:
    """A mixture, of which each component has every column by itself."""

    def model(
        schema: Schema, rows: Encoded, count: int, rng: np.random.Generator
    ) -> Encoded:
        from sklearn.cluster import KMeans
        from threadpoolctl import threadpool_limits

        seed = int(rng.integers(2**31))
        with threadpool_limits(1):
            fit = KMeans(min(components, len(rows.code)), random_state=seed)
            cluster = fit.fit_predict(np.asarray(decode(schema, rows)))
        return _by_column(schema, rows, cluster, rng.choice(cluster, count), rng)

    return model


def _by_column(
    schema: Schema,
    rows: Encoded,
    cluster: np.ndarray,
    wanted: np.ndarray,
    rng: np.random.Generator,
) -> Encoded:
    """Draws rows of the wanted clusters, each column by itself among the cluster's."""
    position = np.zeros((len(wanted), rows.position.shape[1]), np.float32)
    code = np.zeros((len(wanted), rows.code.shape[1]), np.int32)
    for each in np.unique(wanted):
        members, places = (
            np.flatnonzero(cluster == each),
            np.flatnonzero(wanted == each),
        )
        place = 0
        for i, (is_continuous, _) in enumerate(schema.layout):
            drawn = rng.choice(members, len(places))
            code[places, i] = rows.code[drawn, i]
            # A mode and the position within it are one value.
            if is_continuous:
                position[places, place] = rows.position[drawn, place]
                place += 1
    return Encoded(position, code)


def fitted(
    args: Args, schema: Schema, train: Rows, judged: Evaluator, model: Model
) -> tuple[list[dict[str, float]], float]:
    """The scores of a model with each seed, and the seconds that one of them took."""
    rows = encode(schema, train)
    scores, began = [], time.perf_counter()
    made = [
        model(schema, rows, judged.count, np.random.default_rng(seed))
        for seed in range(args.seeds)
    ]
    taken = (time.perf_counter() - began) / args.seeds
    for each in made:
        scores.append(judged.score(np.asarray(decode(schema, each))))
    return scores, taken


def trained(args: Args, schema: Schema) -> tuple[list[dict[str, float]], float]:
    """The same of CTGAN, each seed in a run of its own."""
    scores, times = [], []
    own = {"data": args.data, "target": args.target, "schema": to_json(schema)}
    for seed in range(args.seeds):
        folder = Path(args.workdir).expanduser() / f"ctgan_{seed}"
        run: dict[str, Any] = {"steps": args.steps, "batch": args.batch, "seed": seed}
        found = play("ctgan", folder, own, devices="jit", **run)
        scores.append({name: x.value[-1] for name, x in found.scores.items()})
        times.append(seconds(found))
    return scores, float(np.mean(times))


def read_others(
    args: Args, schema: Schema, judged: Evaluator
) -> dict[str, list[dict[str, float]]]:
    """The scores of rows that other programs have made."""
    found = {}
    for text in args.others:
        name, _, path = text.partition("=")
        if not path:
            raise UsageError(f"--others {text!r} is not NAME=PATH: give both.")
        table = read_table(path)
        table = table.take(is_known(schema, table))
        made = np.asarray(decode(schema, encode(schema, table)))[: judged.count]
        if len(made) < judged.count:
            raise UsageError(
                f"{path} has {len(made):,} rows that fit the table: give at least "
                f"{judged.count:,}."
            )
        found.setdefault(name, []).append(judged.score(made))
    return found


def main(args: Args) -> None:
    """Prints the table, row by row, and writes it."""
    folder = Path(args.workdir).expanduser()
    train = read_split(args.data)
    schema = infer(train, parse_kinds(args.kinds), args.target)
    write(folder / "train.csv", to_csv(train), parents=True)
    modality = tables(schema)
    sources = (modality.load(Spec(args.data, split=each)) for each in ("train", "test"))
    judged = modality.evaluator(*sources, modality.decode)
    shown = {
        heading: name
        for heading, name in SCORES.items()
        if name in [metric.name for metric in judged.metrics]
    }
    columns = [MODEL, *(Column(heading, ".3f") for heading in shown), SECONDS]
    table = Table("tables", columns)
    table.print_header()

    def add(model: str, scores: list[dict[str, float]], taken: float | None) -> None:
        cells = []
        for name in shown.values():
            values = [each[name] for each in scores if name in each]
            few = values[0] if values else None
            cells.append(spread(values) if len(values) > 1 else few)
        table.add(model, *cells, taken)

    add("real rows", [judged.real_scores()], None)
    models: dict[str, Model] = {
        "every column by itself": independent,
        f"mixture of {args.components} such": mixture_of(args.components),
    }
    for name, model in models.items():
        add(name, *fitted(args, schema, train, judged, model))
    if args.steps:
        add("CTGAN", *trained(args, schema))
    for name, scores in read_others(args, schema, judged).items():
        add(name, scores, None)
    write_results(folder / "results.json", STUDY, [table])


if __name__ == "__main__":
    command(main)
