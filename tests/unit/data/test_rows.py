"""Which rows are held out, and how often training shows each."""

import numpy as np
import pytest

from ganjax.data.describe import describe
from ganjax.data.rows import (
    BUILT_IN,
    as_they_occur,
    divided,
    in_memory,
    load,
    read_split,
    source_of,
)
from ganjax.data.schema import infer
from ganjax.data.source import Spec, read_all
from ganjax.data.tables import Table, from_frame, to_csv
from ganjax.errors import NoSplit, UsageError


N = 1_000
RNG = np.random.default_rng(0)
COLUMNS = {
    "kind": np.where(np.arange(N) < 950, "usual", "rare"),
    "side": RNG.choice(["left", "right"], N),
    "size": RNG.normal(size=N).round(3),
}
TABLE = from_frame(COLUMNS)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "table.csv").write_text(to_csv(TABLE))
    return tmp_path / "table.csv"


def rows(table: Table):
    return sorted(tuple(row) for row in table.cells)


def test_every_fifth_row_is_held_out_always_the_same(path):
    train, test = (read_split(path, split) for split in ("train", "test"))
    assert (len(train), len(test)) == (800, 200)
    assert sorted(rows(train) + rows(test)) == rows(TABLE)
    assert rows(test) == rows(divided(TABLE, "test"))


def test_a_folder_has_a_file_for_each_split(tmp_path):
    (tmp_path / "train.csv").write_text("a,b\n1,x\n2,y\n")
    with pytest.raises(NoSplit, match=r"no test\.csv"):
        read_split(tmp_path, "test")
    (tmp_path / "test.csv").write_text("a,b\n3,x\n")
    assert rows(read_split(tmp_path, "test")) == [("3", "x")]
    assert len(read_split(tmp_path, "all")) == 3
    (tmp_path / "test.csv").write_text("b,a\nx,3\n")
    with pytest.raises(UsageError, match="different columns"):
        read_split(tmp_path, "all")


@pytest.mark.parametrize(
    ("where", "split", "says"),
    [
        ("nowhere.csv", "train", "no table 'nowhere.csv': give iris, wine"),
        (".", "train", r"holds no train\.csv"),
        ("iris", "valid", "has no split 'valid'"),
    ],
)
def test_places_without_a_table_are_a_sentence(
    where, split, says, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=says):
        read_split(where, split)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_tables_of_scikit_learn_are_read_and_have_a_target(name):
    table = read_split(name, "all")
    assert len(table) >= 150 and len(table.names) >= 5
    assert not (table.cells == "").any()


def test_rows_may_be_trained_on_as_they_occur(path):
    schema = infer(read_split(path))
    source = load(Spec(str(path)), schema, as_they_occur)
    (natural,) = source.components
    assert source.length == natural.length == 800
    for a, b in zip(
        source.read(np.arange(800)).x.values(),
        natural.read(np.arange(800)).x.values(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    data = in_memory(TABLE, schema, sampler=as_they_occur)
    assert data.load(data.spec).length == 800


def test_an_epoch_shows_values_by_the_logarithm_of_their_frequency(path):
    """Half of the pairs are of each column, and in these log(1 + count) decides."""
    schema = infer(read_split(path))
    batch = read_all(load(Spec(str(path)), schema))
    counts = np.bincount(batch.label, minlength=4)
    assert counts[:2].sum() == counts[2:].sum() == 800
    found = [COLUMNS["kind"].tolist().count(x) for x in ("rare", "usual")]
    logs = np.log1p(np.asarray(found) * 0.8)
    np.testing.assert_allclose(counts[:2] / 800, logs / logs.sum(), atol=0.02)


def test_each_row_has_the_value_that_its_label_names(path):
    schema = infer(read_split(path))
    batch = read_all(load(Spec(str(path)), schema))
    names = np.asarray(schema.conditions)[batch.label]
    kind = np.asarray(["kind=rare", "kind=usual"])[batch.x["code"][:, 0]]
    side = np.asarray(["side=left", "side=right"])[batch.x["code"][:, 1]]
    assert ((names == kind) | (names == side)).all()


def test_the_rows_as_they_occur_are_a_component(path):
    schema = infer(read_split(path))
    source = load(Spec(str(path)), schema)
    (natural,) = source.components
    assert natural.length == 800 and source.length == 1_600
    assert describe(source, lambda each: "rows").startswith(
        "rows in 4 classes (kind=rare, kind=usual, side=left, side=right), 200 held out"
    )


def test_tables_without_categories_are_sampled_as_they_are():
    table = from_frame({"size": COLUMNS["size"]})
    schema = infer(table)
    data = in_memory(table, schema)
    source = data.load(data.spec)
    assert source.length == 800 and source.classes == ()
    assert not source.read(np.arange(5)).label.any()


def test_held_out_rows_with_a_value_of_their_own_are_left_out(tmp_path):
    (tmp_path / "train.csv").write_text("a,b\nx,1.5\ny,2.5\nx,2.5\n")
    (tmp_path / "test.csv").write_text("a,b\nz,1.5\ny,2.5\ny,\n")
    schema = infer(read_split(tmp_path))
    assert load(Spec(str(tmp_path), split="test"), schema).length == 1
    (tmp_path / "test.csv").write_text("a,b\nz,1.5\n")
    with pytest.raises(UsageError, match="infer the schema from more rows"):
        load(Spec(str(tmp_path), split="test"), schema)


def test_a_change_of_the_table_is_seen_in_its_inventory():
    schema = infer(TABLE)
    entries = [
        source_of(Spec("mine"), table, schema).inventory()
        for table in (TABLE, TABLE, TABLE.take(np.arange(N - 1)))
    ]
    assert entries[0] == entries[1] != entries[2]


def test_a_frame_in_memory_is_divided_or_comes_with_held_out_rows():
    schema = infer(TABLE)
    data = in_memory(COLUMNS, schema)
    assert data.load(data.spec._replace(split="test")).length == 200
    data = in_memory(TABLE, schema, held_out=TABLE.take(np.arange(7)))
    assert data.load(data.spec._replace(split="test")).length == 7
    assert data.load(data.spec).components[0].length == N
    with pytest.raises(NoSplit):
        data.load(data.spec._replace(split="valid"))
