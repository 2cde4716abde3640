"""Every page of the documentation, unasked: its code runs, and what it names is there."""

import re

import pytest

from tests.helpers.marks import some
from tests.helpers.pages import PAGES, PROGRAMS, named
from tests.helpers.processes import ROOT


# Whose steps take long to trace.
HEAVY = {"networks.md"}


@pytest.mark.parametrize(
    "name", some(PROGRAMS, quick=lambda _, name: name not in HEAVY)
)
def test_the_code_of_a_page_runs_as_one_program(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = compile(PROGRAMS[name], ROOT / "docs" / name, "exec")
    exec(code, {"__name__": "__main__"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_or_links_to_is_there(page):
    text = page.read_text()
    links = re.findall(r"\]\((?!#|https?:)([^)#]+)", text)
    paths = [page.parent / link for link in links]
    paths += [ROOT / path for path in named(text)]
    assert not [path for path in paths if not path.exists()]


def test_no_heavy_page_has_gone():
    assert PROGRAMS.keys() >= HEAVY
