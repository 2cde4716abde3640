"""Trains a model of the package `ctgan`, for `studies/tables.py`, which calls this file.

    PYTHON studies/tables_package.py MODEL FOLDER STEPS BATCH SEED ROWS

PYTHON is that of an environment with `ctgan`, `pandas` and `torch`, which ganjax does not
need, and this file imports nothing of ganjax. FOLDER has `train.csv` and `schema.json`, and
gets MODEL_SEED.csv, the rows that were drawn, and MODEL_SEED.json, the processor seconds of
the fit. MODEL is the name of a class, CTGAN or TVAE.

The package takes neither missing numbers nor dates. Dates become days, and a number that is
missing becomes the mean, beside a further column that says so.
"""

import json
import sys
import time
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import ctgan  # pyright: ignore[reportMissingImports]
import numpy as np
import pandas  # pyright: ignore[reportMissingImports]
import torch  # pyright: ignore[reportMissingImports]


EPOCH = datetime(1970, 1, 1)
DAY = timedelta(days=1)
MISSING = ("", "?", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none", "-nan")
FLAG = " is missing"  # the end of the name of a column that says so
SPARE = 1.2  # more rows than are wanted, as some may be left out


def numbers(cells, column):
    """Cells as numbers, NaN where they are missing."""

    def read(cell):
        if cell.lower() in MISSING:
            return float("nan")
        if column["date"]:
            return (datetime.strptime(cell, column["date"]) - EPOCH) / DAY
        return float(cell.replace(column["point"], "."))

    return np.array([read(cell) for cell in cells])


def texts(values, absent, column):
    """Numbers as cells; empty where they are missing."""

    def written(value):
        if column["date"]:
            return (EPOCH + round(float(value)) * DAY).strftime(column["date"])
        number = round(float(value), column["decimals"])
        return f"{number:.{column['decimals']}f}".replace(".", column["point"])

    return ["" if no else written(value) for value, no in zip(values, absent)]  # noqa: B905


def prepared(folder, columns):
    """The training rows as the package takes them, and its discrete columns."""
    cells = pandas.read_csv(folder / "train.csv", dtype=str, keep_default_na=False)
    table, discrete = {}, []
    for column in columns:
        name = column["name"]
        if column["kind"] == "categorical":
            table[name] = cells[name].to_numpy()
            discrete.append(name)
            continue
        values = numbers(cells[name], column)
        absent = np.isnan(values)
        table[name] = np.where(absent, np.nanmean(values), values)
        if absent.any():
            table[name + FLAG] = np.where(absent, "yes", "no")
            discrete.append(name + FLAG)
    return pandas.DataFrame(table), discrete


def main(model, folder, steps, batch, seed, rows):
    folder = Path(folder)
    schema = json.loads((folder / "schema.json").read_text())
    columns = [
        x for x in schema["columns"] if x["kind"] in ("continuous", "categorical")
    ]
    table, discrete = prepared(folder, columns)
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    np.random.seed(seed)
    # CTGAN leaves the last rows of an epoch out, and TVAE has a smaller batch of them.
    full = len(table) // batch
    a_epoch = max(1, full) if model == "CTGAN" else -(-len(table) // batch)
    made = getattr(ctgan, model)(
        epochs=max(1, round(steps / a_epoch)),
        batch_size=batch,
        enable_gpu=False,
        verbose=False,
    )
    made.set_random_state(seed)
    began = time.process_time()
    made.fit(table, discrete)
    taken = time.process_time() - began
    drawn = made.sample(round(SPARE * rows))
    cells = {}
    for column in columns:
        name = column["name"]
        if column["kind"] == "categorical":
            cells[name] = drawn[name]
            continue
        absent = np.zeros(len(drawn), bool)
        if name + FLAG in drawn:
            absent = (drawn[name + FLAG] == "yes").to_numpy()
        cells[name] = texts(drawn[name], absent, column)
    pandas.DataFrame(cells).to_csv(folder / f"{model}_{seed}.csv", index=False)
    (folder / f"{model}_{seed}.json").write_text(
        json.dumps({"seconds": taken, "version": version("ctgan")})
    )


if __name__ == "__main__":
    name, place, *counts = sys.argv[1:]
    main(name, place, *map(int, counts))
