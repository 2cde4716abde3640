"""What the README says is so: its code runs, and what it names is there."""

import importlib.util
import re
import shlex
import subprocess
import sys
from typing import get_type_hints

import pytest

from ganjax import cli
from ganjax.run.command import parse
from tests.support import ROOT, environment


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
    ended = subprocess.run(
        [sys.executable, "readme.py"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("whole\n")
    assert (tmp_path / "runs" / "fifteen" / "report.html").exists()


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page):
    named = re.findall(
        r"(?:ganjax|experiments|tests|notebooks|docs)/[\w/]+\.\w+|\b[A-Z]+\.md",
        PAGES[page],
    )
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_every_target_that_is_named_can_be_made(page):
    made = (ROOT / "Makefile").read_text()
    named = re.findall(r"(?:^|`)make (\w+)", PAGES[page], re.MULTILINE)
    assert named
    assert not [name for name in named if not re.search(rf"^{name}:", made, re.M)]


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
    asked = {type(parse(cli.Command, "", line[1:])) for line in found if line[2:]}
    assert asked == set(cli.COMMANDS)
