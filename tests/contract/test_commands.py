"""A command is one file of `ganjax/commands`, and each one keeps the same promises."""

import dataclasses
import sys
from typing import get_type_hints

import pytest
from PIL import Image
from tyro.conf import Positional

from ganjax import cli, commands
from tests.helpers.sentences import told


FOUND = cli.discover()
OF_RUNS = [name for name, each in FOUND.items() if "run" in each.Args.__annotations__]
(POSITIONAL,) = Positional[str].__metadata__

COUNT = '''
"""`ganjax count`: how many files there are."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from ganjax.errors import UsageError
from ganjax.run.args import PositiveInt
from ganjax.run.terminal import say


@dataclass(frozen=True)
class Args:
    """Counts the files of a folder."""

    folder: Positional[str]
    times: PositiveInt = 1
    """How often each one counts."""


def main(args: Args) -> None:
    """Prints the number."""
    if not Path(args.folder).is_dir():
        raise UsageError(f"{args.folder} is no folder: name one.")
    say(f"{args.times * len(list(Path(args.folder).iterdir()))} files")
'''


@pytest.fixture
def counting(tmp_path, monkeypatch):
    """A folder of one file, `count.py`, in which commands are looked for, too."""
    (tmp_path / "count.py").write_text(COUNT)
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a second file
    yield tmp_path
    sys.modules.pop("ganjax.commands.count", None)
    vars(commands).pop("count", None)


def helped(capsys, *argv):
    """What `--help` prints, without frames and line breaks."""
    with pytest.raises(SystemExit) as end:
        cli.main([*argv, "--help"])
    assert not end.value.code
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_a_new_file_is_a_new_command(counting, capsys):
    text = helped(capsys)
    assert text.index("Fetches a TensorFlow") < text.index("count Counts the files of")
    assert "How often each one counts. (default: 1)" in helped(capsys, "count")
    cli.main(["count", str(counting), "--times", "3"])
    assert capsys.readouterr().out == "3 files\n"
    assert "is no folder" in told(capsys, cli.main, ["count", f"{counting}/no"])
    assert "--times 0" in told(capsys, cli.main, ["count", ".", "--times", "0"])


def test_the_order_of_the_help_names_files_that_are_there():
    assert list(FOUND)[: len(commands.ORDER)] == list(commands.ORDER)


@pytest.mark.parametrize("name", FOUND)
def test_a_command_says_what_it_does_and_takes_its_own_flags(name, capsys):
    module = FOUND[name]
    assert module.__doc__ and module.main.__doc__
    assert f"{name} {module.Args.__doc__.splitlines()[0]}" in helped(capsys)
    assert module.Args.__dataclass_params__.frozen
    assert get_type_hints(module.main) == {"args": module.Args, "return": type(None)}


def words(kind, run, other):
    """What a command must be given: the folder `run`, and for all else 1 or a file."""
    plain, full = get_type_hints(kind), get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        if field.default is field.default_factory is dataclasses.MISSING:
            if POSITIONAL not in getattr(full[field.name], "__metadata__", ()):
                yield f"--{field.name.replace('_', '-')}"
            number = plain[field.name] in (int, float)
            yield str(run if field.name == "run" else 1 if number else other)


@pytest.mark.parametrize("name", OF_RUNS)
def test_a_folder_that_is_no_run_is_a_sentence(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("a.png")
    (tmp_path / "folder").mkdir()
    said = told(capsys, cli.main, [name, *words(FOUND[name].Args, "folder", "a.png")])
    assert said.startswith("folder is not a run: it has no run.json")
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "folder"}
