"""What the README says is so: its code runs, and what it names is there."""

import importlib.util
import re
import shlex
import sys
from typing import get_type_hints

import pytest

from ganjax import cli
from ganjax.run.command import parse
from tests.helpers.pages import named
from tests.helpers.processes import ROOT, finished


TEXT = (ROOT / "README.md").read_text()
PAGES = {name: (ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md")}
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)
FENCED = "".join(code for kind, code in BLOCKS if kind != "python")
SPANS = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
LINES = [*FENCED.replace("\\\n", " ").splitlines(), *SPANS]
EXPERIMENTS = sorted(path.name for path in (ROOT / "experiments").glob("*.py"))


def commands(start: str) -> list[list[str]]:
    """The flags of every command in the README that begins with `start`."""
    found = (shlex.split(line, comments=True) for line in LINES if line[:1].isalpha())
    words = start.split()
    return [line for line in found if line[: len(words)] == words and len(line) > 1]


@pytest.mark.slow
def test_the_code_runs(tmp_path):
    code = "\n".join(code for kind, code in BLOCKS if kind == "python")
    code, count = re.subn(r"steps=[\d_]+", "steps=4", code)
    assert count
    code += '    assert images.shape == (16, 8, 8, 1)\n    print("whole")\n'
    (tmp_path / "readme.py").write_text(code)
    ended = finished([sys.executable, "readme.py"], tmp_path, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("whole\n")
    assert (tmp_path / "runs" / "fifteen" / "report.html").exists()


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page):
    paths = named(PAGES[page])
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_every_target_that_is_named_can_be_made(page):
    made = (ROOT / "Makefile").read_text()
    targets = re.findall(r"(?:^|`)make ([\w-]+)", PAGES[page], re.MULTILINE)
    assert targets
    assert not [name for name in targets if not re.search(rf"^{name}:", made, re.M)]


def test_every_experiment_is_named():
    assert not [
        name for name in EXPERIMENTS if f"python experiments/{name}" not in TEXT
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
    assert found, f"the README has no command for {name}"
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
