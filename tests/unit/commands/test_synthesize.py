"""Rows with the values that are asked for, by a run whose samples are known."""

import types

import numpy as np
import pytest

from ganjax.commands import synthesize
from ganjax.core import Labels
from ganjax.data.schema import encode, infer
from ganjax.data.tables import from_frame, read_table
from ganjax.errors import UsageError
from ganjax.modalities import POINTS, tables
from ganjax.modalities.tables import decode
from ganjax.run.loading import Loaded


N = 400
RNG = np.random.default_rng(0)
TABLE = from_frame(
    {
        "key": range(1, N + 1),
        "a=b": RNG.choice(["x", "y", "z"], N, p=[0.7, 0.2, 0.1]),
        "job": RNG.choice(["baker", "cook"], N),
        "size": RNG.normal(size=N).round(2),
    }
)
SCHEMA = infer(TABLE)
ROWS = np.asarray(decode(SCHEMA, encode(SCHEMA, TABLE)))
LABELS = []  # what the run was asked for


def sample(n, label=None, seed=0):
    """Rows of the table; a label makes them likely and not certain to have its value."""
    LABELS.append(label)
    rng = np.random.default_rng(seed)
    if label is None:
        return ROWS[rng.integers(0, N, n)]
    name, _, value = label.rpartition("=")
    has = TABLE.column(name) == value
    return ROWS[
        rng.choice(N, n, p=np.where(has, 9.0, 1.0) / np.where(has, 9.0, 1).sum())
    ]


@pytest.fixture(autouse=True)
def run(monkeypatch):
    LABELS.clear()
    conditions = Labels(len(SCHEMA.conditions))
    game = types.SimpleNamespace(modality=tables(SCHEMA), conditions=conditions)
    unused = [None] * (len(Loaded._fields) - 4)
    loaded = Loaded(game, (), SCHEMA.conditions, sample, *unused)
    monkeypatch.setattr(synthesize, "load", lambda run, **save: loaded)
    return loaded


def made(tmp_path, rows=100, *where):
    out = tmp_path / "made.csv"
    synthesize.main(synthesize.Args("run", rows=rows, where=where, out=str(out)))
    return read_table(out)


def test_as_many_rows_as_are_asked_for_with_new_keys(tmp_path, capsys):
    table = made(tmp_path, 7)
    assert table.names == TABLE.names and len(table) == 7
    assert table.column("key").tolist() == [str(N + i) for i in range(1, 8)]
    assert capsys.readouterr().out.startswith("7 rows of 4 columns: ")


def test_every_row_has_all_the_values_and_g_is_given_the_first(tmp_path, capsys):
    table = made(tmp_path, 100, "a=b=z", "job=cook")
    assert {*table.column("a=b")} == {"z"} and {*table.column("job")} == {"cook"}
    assert len(table) == 100 and {*LABELS} == {"a=b=z"}
    assert len({*table.column("size")}) > 10
    assert "100 rows of 4 columns, of " in capsys.readouterr().out


def test_a_model_without_conditions_is_given_none(tmp_path, run):
    run.game.conditions = Labels(0)
    table = made(tmp_path, 20, "a=b=z")
    assert {*table.column("a=b")} == {"z"} and {*LABELS} == {None}


def test_a_number_can_be_a_value_too(tmp_path):
    value = TABLE.column("size")[0]
    assert {*made(tmp_path, 3, f"size={value}").column("size")} == {value}


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("colour=red", "is not COLUMN=VALUE: the columns are key, a=b, job, size"),
        ("job", "is not COLUMN=VALUE"),
        ("job=smith", "no value of this table: give one such as job=baker, job=cook"),
        ("size=99.5", "Only 0 of 25,600 rows that were drawn have size=99.5"),
    ],
)
def test_values_that_no_row_has_are_a_sentence(where, says, tmp_path):
    with pytest.raises(UsageError, match=says):
        made(tmp_path, 5, where)
    assert not (tmp_path / "made.csv").exists()


def test_a_run_of_other_data_and_other_files_are_a_sentence(run, tmp_path):
    run.game.modality = POINTS
    with pytest.raises(UsageError, match="makes points and no tables"):
        made(tmp_path)
    with pytest.raises(UsageError, match="not the name of a .csv file"):
        synthesize.main(synthesize.Args("run", out=str(tmp_path / "a.png")))
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        synthesize.main(synthesize.Args("run", out=str(tmp_path / "b.csv")))
