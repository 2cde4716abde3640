"""Pages of the documentation: the program on each, and the files that a page names."""

import re
from pathlib import Path

from tests.helpers.processes import ROOT


BEGIN, END = "```python", "```"
# In the line before a block that is not run, with the reason.
NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
DOCS = ROOT / "docs"
README = ROOT / "README.md"
# Those below "_build" and "_generated" are made from the code.
PAGES = [
    README,
    *sorted(
        page
        for page in DOCS.rglob("*.md")
        if not page.relative_to(DOCS).parts[0].startswith("_")
    ),
]


def page_name(page: Path) -> str:
    """The path of a page from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


def program(page: Path) -> str:
    """The Python of a page, in the lines in which it stands there.

    So an error names the line of the page. A page without Python gives empty lines. Blocks
    that are marked as not run are left out.
    """
    lines, inside, before = [], False, ""
    for line in page.read_text().splitlines():
        if line == BEGIN:
            inside = not NOT_RUN.fullmatch(before)
        elif line == END:
            inside = False
        lines.append(line if inside and line != BEGIN else "")
        before = line
    return "\n".join(lines)


def shortened(code: str) -> str:
    """A program whose runs have four steps and no scores, where they had thousands."""
    long = re.compile(r"(gx\.Run\([^)]*?)steps=[\d_]{4,}")
    return long.sub(r"\1scores=False, steps=4", code)


def blocks(page: Path) -> list[str]:
    """The blocks of Python of a page."""
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.M | re.S)


def reasons(page: Path) -> list[str]:
    """Why blocks of a page are not run."""
    return NOT_RUN.findall(page.read_text())


PROGRAMS = {page_name(page): code for page in PAGES if (code := program(page)).strip()}


def named(text: str) -> list[str]:
    """The files of this repository that a page names by their path from its root."""
    text = re.sub(r"\]\([^)]*\)", "]", text)  # links are from the page
    folders = "ganjax|experiments|studies|benchmarks|tools|tests|notebooks|docs"
    # Names of several files, such as `docs/*.json`, are none.
    return re.findall(rf"\b(?:{folders})/[\w/-]+\.\w+|\b[A-Z]+\.md", text)
