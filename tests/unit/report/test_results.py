"""Results of studies: what is printed, what is written and what a page renders agree."""

import json
import math

import numpy as np
import pytest

from ganjax.report.results import (
    Column,
    Results,
    Table,
    interval,
    read_results,
    render_cell,
    spread,
    write_results,
)


def ranks():
    table = Table(
        "ranks", [Column("GAN"), Column("distance", ".2f"), Column("steps", ",d")]
    )
    table.add("A", np.array([1.234, 5.0]), np.int32(1000))
    table.add("B", None, 7)
    return table


def test_a_row_is_printed_as_it_is_rendered(capsys):
    table = ranks()
    printed = capsys.readouterr().out
    assert printed == "| A | 1.23, 5.00 | 1,000 |\n| B |  | 7 |\n"
    table.print_header()
    assert table.to_markdown() == capsys.readouterr().out + printed.rstrip("\n")


def test_what_is_written_is_read_and_rendered_alike(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["studies/ranks.py", "--name", "a b"])
    table = ranks()
    write_results(tmp_path / "new" / "ranks.json", "Ranks", [table])
    results = read_results(tmp_path / "new" / "ranks.json")
    assert results.study == "Ranks"
    assert results.commands == ["python studies/ranks.py --name 'a b'"]
    assert results.tables["ranks"].to_markdown() == table.to_markdown()
    assert results.measured.keys() >= {"date", "on", "jax"}


def test_numbers_are_kept_whole_and_not_a_number_is_nothing(tmp_path):
    table = Table("t", [Column("x", ".1f")])
    table.add(np.float32(0.1))
    table.add(math.nan)
    write_results(tmp_path / "t.json", "T", [table])
    (stored,) = json.loads((tmp_path / "t.json").read_text())["tables"]
    assert stored["rows"] == [[float(np.float32(0.1))], [None]]


@pytest.mark.parametrize(
    ("cell", "number_format", "text"),
    [
        (spread([1.0, 3.0]), ".2f", "2.00 ± 1.41"),
        (spread(0.117, 0.002), ".3f", "0.117 ± 0.002"),
        (interval(0.6, 0.2, 0.9, "gain"), "+.1f", "+0.6 (+0.2 to +0.9): gain"),
        (interval(-1, -2, 0.5), "+.1f", "-1.0 (-2.0 to +0.5)"),
        ([0.39, 0.26], ".0%", "39%, 26%"),
        ("text", ".2f", "text"),
    ],
)
def test_a_cell_is_rendered_by_the_format_of_its_column(cell, number_format, text):
    assert render_cell(cell, number_format) == text


def test_a_row_has_a_cell_for_each_column():
    with pytest.raises(ValueError):
        Table("t", [Column("a"), Column("b")]).add("only one")


def test_results_are_text_with_all_tables_but_one_that_is_only_drawn():
    tables = {name: Table(name, [Column(name)], [[1]]) for name in ("a", "b")}
    measured = {"date": "2026-12-01", "on": "x", "jax": "9"}
    given = Results("a study", ["python studies/a.py"], measured, tables)
    assert given.to_markdown() == (
        "```bash\npython studies/a.py\n```\n\n"
        f"{tables['a'].to_markdown()}\n\n{tables['b'].to_markdown()}\n\n"
        "*Measured on 2026-12-01: x; jax: 9.*"
    )
    less = given.to_markdown(without="b")
    assert "| a |" in less and "| b |" not in less and "python studies/a.py" in less
