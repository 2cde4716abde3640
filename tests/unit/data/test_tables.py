"""What of a file becomes which table, and what is refused with which sentence."""

from datetime import date, datetime

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from ganjax.data.tables import (
    Table,
    from_frame,
    is_missing,
    parse_csv,
    read_table,
    to_csv,
)
from ganjax.errors import UsageError


PEOPLE = "name,age\nAnn,31\nBob,\n"


def written(folder, data):
    path = folder / "table.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def rows(table: Table):
    return [tuple(row) for row in table.cells]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]
)
def test_the_encoding_follows_from_the_bytes(encoding, tmp_path):
    table = read_table(written(tmp_path, "café,b\nnaïve,€\n".encode(encoding)))
    assert table.names == ("café", "b") and rows(table) == [("naïve", "€")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_divides_all_lines_alike(delimiter, tmp_path):
    lines = [["a", "b", "c"], ["1", "x y", "2.5"], ["2", "z", "3.5"]]
    text = "\n".join(delimiter.join(line) for line in lines)
    table = read_table(written(tmp_path, text))
    assert table.names == ("a", "b", "c")
    assert rows(table) == [("1", "x y", "2.5"), ("2", "z", "3.5")]


def test_commas_within_cells_do_not_make_commas_the_delimiter():
    table = parse_csv("a;b\n1,5;x, y\n2,5;z, w\n", "here")
    assert table.names == ("a", "b") and rows(table)[0] == ("1,5", "x, y")


def test_quoted_cells_hold_delimiters_quotes_and_line_breaks():
    table = parse_csv('a,b\n"1,5","say ""hi""\nthere"\n', "here")
    assert rows(table) == [("1,5", 'say "hi"\nthere')]


def test_one_column_needs_no_delimiter():
    assert rows(parse_csv("a\n1\n2\n", "here")) == [("1",), ("2",)]


def test_empty_lines_and_spaces_around_cells_are_left_out():
    assert rows(parse_csv("a, b\n\n1 ,  x\n\n\n", "here")) == [("1", "x")]


def test_a_column_without_a_name_is_named_by_its_place():
    assert parse_csv(",b\n1,2\n", "here").names == ("column 1", "b")


def test_what_is_written_is_read_again_as_it_was():
    table = Table(("a", "b"), np.array([['x"y', ""], ["1,2", "é\nf"]], object))
    again = parse_csv(to_csv(table), "here")
    assert again.names == table.names and rows(again) == rows(table)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "is empty: give a CSV"),
        ("\n \n", "is empty: give a CSV"),
        ("a,b\n", "has a header and no rows"),
        ("a,b\n1,2\n3\n", r"1 cell in line 3 and 2 columns in its header"),
        ("a,b\n1,2\n3,4,5\n", r"3 cells in line 3 and 2 columns in its header"),
        ("a,a\n1,2\n", "2 columns named 'a'"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", "has no header, as its first line"),
        ('a,b\n"1,2\n', "no valid CSV in line"),
        (b"a,b\n\x00\x01,2\n", "is not a text file"),
        (b"a,b\n\x81\xff,2\n", "in an unknown encoding"),
        (b"\xff\xfea", "in an unknown encoding"),
    ],
)
def test_what_is_no_table_is_a_sentence_that_names_the_place(data, says, tmp_path):
    with pytest.raises(UsageError, match=says) as error:
        read_table(written(tmp_path, data))
    assert "table.csv" in str(error.value) and str(error.value).endswith(".")


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_table(tmp_path / "none.csv")


def test_a_damaged_parquet_file_is_a_sentence(tmp_path):
    path = tmp_path / "table.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="cannot be read as a Parquet file"):
        read_table(path)


def test_a_parquet_file_is_the_table_that_its_csv_is(tmp_path):
    """Types that a CSV has not become the text that it has for them."""
    columns = {
        "name": ["Ann", "Bob", None],
        "age": pyarrow.array([31, None, 7], pyarrow.int32()),
        "size": [1.5, float("nan"), 2.0],
        "member": [True, False, None],
        "day": [date(2020, 2, 3), None, date(2021, 12, 31)],
        "when": [datetime(2020, 2, 3, 4, 5, 6), datetime(2020, 2, 3), None],
        "kind": pyarrow.array(["a", "b", "a"]).dictionary_encode(),
        "__index_level_0__": [5, 6, 7],  # as pandas stores an index
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "table.parquet")
    text = (
        "name,age,size,member,day,when,kind\n"
        "Ann,31,1.5,True,2020-02-03,2020-02-03T04:05:06,a\n"
        "Bob,,,False,,2020-02-03,b\n"
        ",7,2,,2021-12-31,,a\n"
    )
    found, wanted = read_table(tmp_path / "table.parquet"), parse_csv(text, "here")
    assert found.names == wanted.names and rows(found) == rows(wanted)


def test_a_data_frame_is_the_table_that_its_csv_is(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is no requirement")
    frame = pandas.DataFrame(
        {
            "age": pandas.array([31, None, 7], dtype="Int64"),
            "size": [1.5, float("nan"), 2.0],
            "day": pandas.to_datetime(["2020-02-03", None, "2021-12-31"]),
            "kind": pandas.Categorical(["a", None, "b"]),
        }
    )
    text = "age,size,day,kind\n31,1.5,2020-02-03,a\n,,,\n7,2,2021-12-31,b\n"
    wanted = rows(parse_csv(text, "here"))
    assert rows(from_frame(frame)) == wanted
    frame.set_index(pandas.Index([4, 5, 6])).to_parquet(tmp_path / "table.parquet")
    assert rows(read_table(tmp_path / "table.parquet")) == wanted


class Frame:
    """What a DataFrame is to `from_frame`: columns, and each by its name."""

    def __init__(self, **columns):
        self.columns = list(columns)
        self.stored = columns

    def __getitem__(self, name):
        return self.stored[name]


class Day:
    def isoformat(self):
        return "2020-02-03T00:00:00"


def test_a_frame_and_a_dict_become_the_text_of_a_csv():
    columns = {
        "number": np.array([1.0, np.nan, 2.5]),
        "flag": [True, None, False],
        "day": [Day(), None, Day()],
    }
    wanted = [("1", "True", "2020-02-03"), ("", "", ""), ("2.5", "False", "2020-02-03")]
    assert rows(from_frame(columns)) == rows(from_frame(Frame(**columns))) == wanted


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ({"a": [1, 2], "b": [1]}, "columns of one length"),
        ({"a": []}, "at least one row"),
        ({}, "at least one row"),
        (3, "given as int"),
    ],
)
def test_what_is_no_frame_is_a_sentence(frame, says):
    with pytest.raises(UsageError, match=says):
        from_frame(frame)


def test_missing_values_are_written_in_many_ways():
    cells = np.array(["", "NA", "?", "NaN", "null", "0", "none so", "N/A"], object)
    wanted = [True, True, True, True, True, False, False, True]
    assert is_missing(cells).tolist() == wanted


def test_a_column_that_is_not_there_is_a_sentence_with_those_that_are():
    with pytest.raises(UsageError, match="'weight': the columns are name, age"):
        parse_csv(PEOPLE, "here").column("weight")
