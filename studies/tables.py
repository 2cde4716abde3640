"""Whether a GAN is the right tool: `python studies/tables.py --tables PATH:TARGET`.

Beside CTGAN and TVAE are models that are fitted within seconds: every column by itself,
which knows of no dependence at all, and a mixture of such models, one for each of some
clusters of rows (a shallow mixture). `--package PYTHON` adds the CTGAN and the TVAE of the
authors' package, trained for as many steps on the same rows by another interpreter, which
has `ctgan`, `pandas` and `torch`; `studies/tables_package.py` is what it runs.

All are scored by the same evaluator against the same held-out rows, and the first row of a
table is what real rows reach. Cells are means over seeds with their standard deviation; the
last table has the differences of both implementations with their 95 % intervals. Seconds
are of processor time from the rows to a fitted model, with compilation, and without the
inference of the schema, which the package does as well.

    python studies/table_files.py ... --out tables
    python studies/tables.py --tables tables/diamonds.csv:price tables/flchain.csv:death \
        tables/birdstrikes.csv:'Phase of flight' --package PATH/python

A model that has been scored is read and not fitted again, so the study may be stopped at
any time, and the same command goes on.
"""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rows import play

import ganjax as gx
from ganjax.data import Spec
from ganjax.data.rows import read_split
from ganjax.data.schema import (
    Encoded,
    Schema,
    encode,
    from_json,
    infer,
    is_known,
    parse_kinds,
    to_json,
)
from ganjax.data.tables import Table as Rows, read_table, to_csv
from ganjax.errors import UsageError
from ganjax.evaluation.evaluator import Evaluator
from ganjax.evaluation.uncertainty import MIN_SEEDS, compare_over_seeds
from ganjax.modalities import tables
from ganjax.modalities.tables import decode
from ganjax.report.results import Column, Table, interval, spread, write_results
from ganjax.run import PositiveInt, command
from ganjax.store import write


STUDY = "Rows of tables: CTGAN, TVAE and models of seconds"
# The scores that are shown, by their headings.
SCORES = {
    "boosted detection": "detection/boosted",
    "logistic detection": "detection/logistic",
    "efficacy": "efficacy",
    "column shapes": "shapes",
    "pair trends": "trends",
    "dependence": "dependence",
    "closest training row": "copies/ratio/rows",
}
DETECTION, EFFICACY = "detection/boosted", "efficacy"
MODELS = (
    Column("table"),
    Column("model"),
    *(Column(heading, ".3f") for heading in SCORES),
    Column("seconds", ".0f"),
)
DIFFERENCES = (
    Column("table"),
    Column("model"),
    Column("boosted detection less the package's", ".3f"),
    Column("efficacy less the package's", ".3f"),
    Column("seconds", ".0f"),
    Column("the package's seconds", ".0f"),
)
DRAWN = "TVAE, categories drawn"
# By the name of the row: the experiment, and its flags.
TRAINED: dict[str, tuple[str, dict[str, Any]]] = {
    "CTGAN": ("ctgan", {}),
    "TVAE": ("tvae", {}),
    DRAWN: ("tvae", {"argmax": False}),
}
# The class of the package that each is compared with.
CLASSES = {"CTGAN": "CTGAN", "TVAE": "TVAE", DRAWN: "TVAE"}
PACKAGE = Path(__file__).parent / "tables_package.py"
# (what the columns are, training rows, how many to make, a generator) -> new rows.
Model = Callable[[Schema, Encoded, int, np.random.Generator], Encoded]


@dataclass(frozen=True)
class Args:
    tables: tuple[str, ...] = ("breast_cancer:diagnosis",)
    """Tables, PATH:TARGET of a .csv or of one of scikit-learn's, and the column that is to
    be predicted."""
    kinds: tuple[str, ...] = ()
    """Kinds of columns that are not to be inferred, as experiments/ctgan.py takes them."""
    workdir: str = "runs/tables"
    steps: PositiveInt = 1_000
    """Steps of CTGAN and TVAE."""
    batch: PositiveInt = 500
    seeds: PositiveInt = 3
    components: PositiveInt = 50
    """Clusters of the mixture."""
    package: str = ""
    """The Python of an environment with the package `ctgan`."""


class Data(NamedTuple):
    """A table of the study.

    Attributes:
        name: what it is called.
        where: the place of the table, as experiments take it.
        folder: the folder of its runs.
        schema: what its columns are.
        train: its training rows.
        judged: scores rows against those that are held out.
    """

    name: str
    where: str
    folder: Path
    schema: Schema
    train: Rows
    judged: Evaluator


class Fitted(NamedTuple):
    """Scores of a model by name, and the seconds of its fit, [seeds] each."""

    scores: Mapping[str, np.ndarray]
    seconds: np.ndarray


# (the data, the seed) -> rows as networks see them, and the seconds of the fit.
Fit = Callable[[Data, int], tuple[np.ndarray, float]]


def main(args: Args) -> None:
    """Prints the tables, row by row, and writes them."""
    folder = Path(args.workdir).expanduser()
    fits = models(args)
    table, rows = Table("models", MODELS), []
    table.print_header()
    for text in args.tables:
        data = opened(args, folder, text)
        fitted = scored(args, data, fits, table)
        rows += differences(data, fitted) if args.package else []
        # What is known so far, as the next table may take long.
        write_results(folder / "results.json", STUDY, [table])
    found = [table]
    if rows:
        print("\nDifferences to the package:\n")
        found.append(Table("differences", DIFFERENCES))
        found[-1].print_header()
        for row in rows:
            found[-1].add(*row)
    write_results(folder / "results.json", STUDY, found)


def models(args: Args) -> dict[str, Fit]:
    """Returns how each model is fitted, by the name of its row."""
    simple = {
        "every column by itself": independent,
        f"mixture of {args.components} such": mixture_of(args.components),
    }
    fits: dict[str, Fit] = {name: partial(drawn, x) for name, x in simple.items()}
    fits |= {name: partial(trained, args, name) for name in TRAINED}
    if args.package:
        fits |= {
            f"{name}, package": partial(packaged, args, name)
            for name in dict.fromkeys(CLASSES.values())
        }
    return fits


def opened(args: Args, folder: Path, text: str) -> Data:
    """Reads a table and makes its evaluator; its schema is inferred once."""
    where, _, target = text.rpartition(":")
    if not where:
        raise UsageError(f"--tables {text!r} is not PATH:TARGET: give both.")
    name = Path(where).stem
    own = folder / name
    train = read_split(where)
    path = own / "schema.json"
    if not path.exists():
        inferred = infer(train, parse_kinds(args.kinds), target)
        write(path, to_json(inferred), parents=True)
        write(own / "train.csv", to_csv(train))
    schema = from_json(path.read_text())
    modality = tables(schema)
    sources = (modality.load(Spec(where, split=each)) for each in ("train", "test"))
    judged = modality.evaluator(*sources, modality.decode)
    return Data(name, where, own, schema, train, judged)


def scored(
    args: Args, data: Data, fits: Mapping[str, Fit], table: Table
) -> dict[str, Fitted]:
    """Fits and scores all models, adds their rows, and returns what was found by model."""
    real = data.judged.real_scores()
    table.add(data.name, "real rows", *(real.get(x) for x in SCORES.values()), None)
    found = {}
    for name, fit in fits.items():
        records = [record(data, name, fit, seed) for seed in range(args.seeds)]
        scores = {
            score: np.array([each["scores"][score] for each in records])
            for score in SCORES.values()
        }
        found[name] = Fitted(scores, np.array([each["seconds"] for each in records]))
        cells = [
            spread(values) if len(values) > 1 else values[0]
            for values in scores.values()
        ]
        table.add(data.name, name, *cells, found[name].seconds.mean())
    return found


def record(data: Data, name: str, fit: Fit, seed: int) -> dict[str, Any]:
    """Returns the scores and the seconds of a model, which are computed once."""
    path = data.folder / "scores" / f"{name}_{seed}.json"
    if not path.exists():
        rows, taken = fit(data, seed)
        scores = {name: float(x) for name, x in data.judged.score(rows).items()}
        write(path, json.dumps({"scores": scores, "seconds": taken}), parents=True)
    return json.loads(path.read_text())


def differences(data: Data, found: Mapping[str, Fitted]) -> list[list[Any]]:
    """Returns rows of what both implementations of a model differ by."""
    rows = []
    for name, package in CLASSES.items():
        own, theirs = found[name], found[f"{package}, package"]
        cells = [
            difference(own.scores[score], theirs.scores[score])
            for score in (DETECTION, EFFICACY)
        ]
        rows.append(
            [data.name, name, *cells, own.seconds.mean(), theirs.seconds.mean()]
        )
    return rows


def difference(own: np.ndarray, theirs: np.ndarray) -> Any:
    """Returns a cell with the mean difference, and its interval of enough seeds.

    Seeds of two programs have nothing in common, so that pairs are as good as any.
    """
    found = compare_over_seeds(own, theirs)
    if found.seeds < MIN_SEEDS:
        return found.difference.mean
    return interval(*found.difference, found.conclusion)


def drawn(model: Model, data: Data, seed: int) -> tuple[np.ndarray, float]:
    """Fits one of the models of seconds and draws its rows."""
    rows = encode(data.schema, data.train)
    began = time.process_time()
    made = model(data.schema, rows, data.judged.count, np.random.default_rng(seed))
    taken = time.process_time() - began
    return np.asarray(decode(data.schema, made)), taken


def trained(args: Args, name: str, data: Data, seed: int) -> tuple[np.ndarray, float]:
    """Trains an experiment in a run of its own, and draws from it."""
    experiment, flags = TRAINED[name]
    folder = data.folder / f"{name}_{seed}"
    own = {"data": data.where, "schema": to_json(data.schema), **flags}
    run: dict[str, Any] = {"steps": args.steps, "batch": args.batch, "seed": seed}
    began = time.process_time()
    play(
        experiment,
        folder,
        {**own, "target": data.schema.target},
        **run,
        devices="jit",
        scores=False,
        sample_every=0,
        save_every=0,
    )
    taken = time.process_time() - began
    # A run that was finished before is only read, and took as long as it then did.
    timed = folder / "seconds.json"
    if not timed.exists():
        write(timed, json.dumps(taken))
    loaded = gx.load(folder)
    modality = loaded.game.modality
    assert modality.table is not None  # as it is that of tables
    table = modality.table(loaded.sample(data.judged.count))
    return as_read(data.schema, table), json.loads(timed.read_text())


def packaged(args: Args, name: str, data: Data, seed: int) -> tuple[np.ndarray, float]:
    """Trains the package's model in a process of its own, and reads what it has drawn."""
    numbers = args.steps, args.batch, seed, data.judged.count
    # With -P the folder of the studies hides no module of the package.
    command = [args.package, "-P", PACKAGE, name, data.folder, *map(str, numbers)]
    subprocess.run(command, check=True)
    table = read_table(data.folder / f"{name}_{seed}.csv")
    table = table.take(is_known(data.schema, table))
    made = as_read(data.schema, table)
    if len(made) < data.judged.count:
        raise UsageError(f"The package made {len(made):,} rows that fit {data.where}.")
    timed = json.loads((data.folder / f"{name}_{seed}.json").read_text())
    return made[: data.judged.count], timed["seconds"]


def as_read(schema: Schema, table: Rows) -> np.ndarray:
    """Returns a table as networks see it, encoded like those that are read from files.

    The mode of a number is drawn anew, so that distances between rows do not depend on
    whether a model or the encoding has chosen it.
    """
    return np.asarray(decode(schema, encode(schema, table)))


def independent(
    schema: Schema, rows: Encoded, count: int, rng: np.random.Generator
) -> Encoded:
    """Each column by itself, with the frequencies of its values."""
    cluster = np.zeros(len(rows.code), int)
    return by_column(schema, rows, cluster, np.zeros(count, int), rng)


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
        return by_column(schema, rows, cluster, rng.choice(cluster, count), rng)

    return model


def by_column(
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
            chosen = rng.choice(members, len(places))
            code[places, i] = rows.code[chosen, i]
            # A mode and the position within it are one value.
            if is_continuous:
                position[places, place] = rows.position[chosen, place]
                place += 1
    return Encoded(position, code)


if __name__ == "__main__":
    command(main)
