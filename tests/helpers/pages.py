"""Pages of the documentation: the program on each, and the files that a page names."""

import re
from pathlib import Path

from tests.helpers.processes import ROOT


BEGIN, END = "```python", "```"
PAGES = sorted((ROOT / "docs").glob("*.md"))


def program(page: Path) -> str:
    """The Python of a page, in the lines in which it stands there.

    So an error names the line of the page. A page without Python gives empty lines.
    """
    lines, inside = [], False
    for line in page.read_text().splitlines():
        if line in (BEGIN, END):
            inside = line == BEGIN
            line = ""
        lines.append(line if inside else "")
    return "\n".join(lines)


PROGRAMS = {page.name: code for page in PAGES if (code := program(page)).strip()}


def named(text: str) -> list[str]:
    """The files of this repository that a page names by their path from its root."""
    return re.findall(
        r"(?:ganjax|experiments|tests|notebooks|docs)/[\w/]+\.\w+|\b[A-Z]+\.md", text
    )
