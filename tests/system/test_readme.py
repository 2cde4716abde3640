"""What the README and the documentation name: files, targets, commands, experiments."""

import importlib.util
import re
import shlex
import sys
from typing import get_type_hints

import pytest

from ganjax import cli
from ganjax.run.command import parse
from tests.helpers import pages
from tests.helpers.processes import ROOT, finished


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PAGES = {pages.page_name(page): page.read_text() for page in pages.PAGES}
PAGES |= {"CONTRIBUTING.md": CONTRIBUTING}
TEXT = "\n".join(PAGES.values())
BLOCKS = re.findall(r"^```(\S*).*?\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
FENCED = "".join(code for kind, code in BLOCKS if kind != "python")
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)
SPANS = re.findall(r"`([^`\n]+)`", PROSE)
LINES = [*FENCED.replace("\\\n", " ").splitlines(), *SPANS]
EXPERIMENTS = sorted(path.name for path in (ROOT / "experiments").glob("*.py"))


def commands(start: str) -> list[list[str]]:
    """The flags of every command of the documentation that begins with `start`."""
    lines = [shlex.split(line, comments=True) for line in LINES if line[:1].isalpha()]
    words = start.split()
    found = [line for line in lines if line[: len(words)] == words and len(line) > 1]
    return [line for line in found if "--help" not in line]


@pytest.mark.slow
def test_the_code_runs(tmp_path):
    (code,) = pages.blocks(pages.README)
    code, count = re.subn(r"steps=[\d_]+", "steps=4", code)
    assert count
    code += 'assert images.shape == (16, 8, 8, 1)\nprint("whole")\n'
    (tmp_path / "readme.py").write_text(code)
    ended = finished([sys.executable, "readme.py"], tmp_path, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("whole\n")
    assert (tmp_path / "runs" / "first" / "report.html").exists()


def test_every_file_that_contributing_names_is_there():
    paths = pages.named(CONTRIBUTING)
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_every_target_that_is_named_can_be_made():
    made = (ROOT / "Makefile").read_text()
    targets = re.findall(r"(?:^|`)make ([\w-]+)", TEXT, re.MULTILINE)
    assert targets
    assert not [name for name in targets if not re.search(rf"^{name}:", made, re.M)]


def test_every_experiment_is_named():
    text = PAGES["docs/experiments/index.md"]
    assert not [
        name for name in EXPERIMENTS if f"python experiments/{name}" not in text
    ]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_command_of_an_experiment_is_understood(name):
    path = ROOT / "experiments" / name
    spec = importlib.util.spec_from_file_location(f"readme_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    kind = get_type_hints(module.main)["args"]
    found = commands(f"python experiments/{name}")
    assert found, f"the documentation has no command for {name}"
    told = re.findall(r"^ {4}(--.*(?:\n {4}.*)*)", module.__doc__, re.MULTILINE)
    flags = [re.sub(r" {3,}.*", "", block, flags=re.M).split() for block in told]
    for line in [line[2:] for line in found] + flags:
        assert isinstance(parse(kind, "", line), kind)


def test_every_command_of_ganjax_is_understood():
    found = [line for line in commands("ganjax") if line[0] == "ganjax"]
    modules = cli.discover()
    flags = cli.flags(modules)
    asked = {type(parse(flags, "", line[1:])) for line in found if line[2:]}
    assert asked == {module.Args for module in modules.values()}
