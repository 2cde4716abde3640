"""Every page of the documentation, found by itself: its code runs, its links are right."""

import re
from pathlib import Path

import pytest

from ganjax.report.results import read_results
from tests.helpers.marks import some
from tests.helpers.pages import (
    DOCS,
    PAGES,
    PROGRAMS,
    README,
    blocks,
    named,
    page_name,
    reasons,
    shortened,
)
from tests.helpers.processes import ROOT


# Whose steps take long to trace, or whose runs are many.
HEAVY = {
    "docs/how-to/resume.md",
    "docs/how-to/your-data.md",
    "docs/methods/networks.md",
    "docs/start/first-gan.md",
}
# The front page has the example of the README, which a test below checks.
SAME = {"docs/index.md"}
MAX_README_BYTES = 6_144
MAX_NOT_RUN = 3
RESULTS = sorted([*DOCS.glob("results/*.json"), *DOCS.glob("performance/*.json")])
TABLES = [page for page in PAGES if page.parent.name in ("results", "performance")]


def by_name(page: Path) -> str:
    return page_name(page)


@pytest.mark.parametrize(
    "name",
    some(
        [name for name in PROGRAMS if name not in SAME],
        quick=lambda _, name: name not in HEAVY,
    ),
)
def test_the_code_of_a_page_runs_as_one_program(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = compile(shortened(PROGRAMS[name]), ROOT / name, "exec")
    exec(code, {"__name__": "__main__"})


def test_no_heavy_page_has_gone():
    assert PROGRAMS.keys() >= HEAVY | SAME


def test_the_front_page_and_the_readme_have_the_same_example():
    (example,) = blocks(README)
    assert blocks(DOCS / "index.md") == [example]


def test_few_blocks_are_not_run_and_each_has_its_reason():
    found = [reason for page in PAGES for reason in reasons(page)]
    assert len(found) <= MAX_NOT_RUN
    assert all(len(reason.split()) > 3 for reason in found)


def test_the_readme_is_short():
    assert len(README.read_bytes()) <= MAX_README_BYTES


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_file_that_a_page_names_or_links_to_is_there(page):
    text = page.read_text()
    links = re.findall(r"\]\((?!#|https?:)([^)#]+)", text)
    # Pages that are made from the code are there when the documentation is built.
    paths = [page.parent / link for link in links if "_generated/" not in link]
    paths += [ROOT / path for path in named(text)]
    assert not [path for path in paths if not path.exists()]


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in words}


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_heading_that_a_page_links_to_is_there(page):
    for link, anchor in re.findall(
        r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()
    ):
        assert anchor in anchors(page.parent / link if link else page)


def contents(page: Path) -> list[Path]:
    """The pages in the tables of contents of a page."""
    found = []
    for block in re.findall(
        r"^```\{toctree\}\n(.*?)^```$", page.read_text(), re.M | re.S
    ):
        for line in block.splitlines():
            if line and line[0] not in ":/":
                found.append(page.parent / f"{line}.md")
    return found


def test_every_page_is_in_a_table_of_contents():
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        waiting += contents(page)
    assert reached == set(PAGES) - {README}


@pytest.mark.parametrize("page", TABLES, ids=by_name)
def test_a_page_of_results_has_no_numbers_in_tables_of_its_own(page):
    rows = re.findall(r"^\|(.+)\|$", page.read_text(), re.MULTILINE)
    cells = [cell.strip() for row in rows for cell in row.split("|")]
    assert not [cell for cell in cells if re.match(r"[-+]?\d", cell)]


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_are_rendered_by_a_page_and_name_programs_that_are_there(path):
    results = read_results(path)
    uses = [page for page in TABLES if f"{{results}} {path.name}\n" in page.read_text()]
    assert [page.parent for page in uses] == [path.parent]
    for table in results.tables.values():
        assert table.to_markdown().count("\n") == 1 + len(table.rows)
    scripts = [
        word
        for command in results.commands
        for word in command.split()
        if word.endswith(".py")
    ]
    assert scripts and all((ROOT / script).exists() for script in scripts)
    assert results.measured.keys() >= {"date", "on"}
