"""A command is one file of `ganjax/commands`, and each one keeps the same promises."""

import dataclasses
import re
import sys
from importlib.metadata import version
from typing import get_type_hints

import pytest
from PIL import Image
from tyro.conf import Positional

from ganjax import cli, commands
from tests.helpers.processes import ROOT, finished
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
    """A folder."""
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
    assert text.index("Checks whether the saves") < text.index("count Counts the files")
    assert "How often each one counts. (default: 1)" in helped(capsys, "count")
    cli.main(["count", str(counting), "--times", "3"])
    assert capsys.readouterr().out == "3 files\n"
    assert "is no folder" in told(capsys, cli.main, ["count", f"{counting}/no"])
    assert "--times 0" in told(capsys, cli.main, ["count", ".", "--times", "0"])


def test_the_help_lists_every_command_in_the_order_of_their_use(capsys):
    assert list(FOUND) == list(commands.ORDER)
    places = [helped(capsys).index(f"• {name} ") for name in commands.ORDER]
    assert places == sorted(places)


def test_a_file_whose_name_begins_with_an_underscore_is_no_command(counting):
    (counting / "count.py").rename(counting / "_count.py")
    assert list(cli.discover()) == list(FOUND)


@pytest.mark.parametrize("name", FOUND)
def test_a_command_says_what_it_does_and_takes_its_own_flags(name, capsys):
    module = FOUND[name]
    assert module.__doc__ and module.main.__doc__
    assert f"{name} {module.Args.__doc__.splitlines()[0]}" in helped(capsys)
    assert module.Args.__dataclass_params__.frozen
    assert get_type_hints(module.main) == {"args": module.Args, "return": type(None)}


def rows(text):
    """What stands in the two columns of a help: the names of a flag, and its text."""
    found = {}
    # The text of a long flag begins in the next line.
    text = re.sub(r"(?m)^( {1,2}-\S.*\S) *\n {5,}", r"\1  ", text.replace("│", ""))
    for line in text.splitlines():
        # A row begins at the left, and what goes on in the next line is further right.
        if row := re.fullmatch(r" {1,2}((?:-|[A-Z])\S*(?: \S+)*) {2,}(\S.*)", line):
            found[row[1]] = row[2]
    return found


def flags_of(kind):
    """The flags of a dataclass and of the groups in it, and how many have no name."""
    named, positional = set(), 0
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        if dataclasses.is_dataclass(default := field.default):
            named |= flags_of(type(default))[0]
        elif POSITIONAL in getattr(hints[field.name], "__metadata__", ()):
            positional += 1
        else:
            named.add(f"--{field.name.replace('_', '-')}")
    return named, positional


@pytest.mark.parametrize("name", FOUND)
def test_every_flag_has_a_help_and_what_has_no_flag_has_a_name(
    name, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    told = rows(capsys.readouterr().out)
    named, positional = flags_of(FOUND[name].Args)
    listed = {words.split()[0].rstrip(",") for words in told if words[0] == "-"}
    assert listed == named | {"-h"}
    places = [words for words in told if words[0] != "-"]
    assert len(places) == positional and not {"STR", "INT", "FLOAT"} & set(places)
    bare = [words for words, text in told.items() if text.startswith("(")]
    assert not bare, f"{bare} have no docstring"


@pytest.mark.parametrize("name", FOUND)
def test_a_command_is_one_plain_line_of_the_help(name):
    line = FOUND[name].Args.__doc__
    assert "\n" not in line and line[0].isupper() and line.count(".") == 1
    assert line.endswith(".") and len(line) <= 80


def test_a_command_is_run_without_the_libraries_of_the_others():
    program = (
        "import sys; from ganjax import cli\n"
        "try: cli.main(['report', 'nothing'])\n"
        "except SystemExit: print(*sorted(x for x in sys.modules if 'ganjax.comm' in x))"
    )
    done = finished([sys.executable, "-c", program], ROOT)
    assert done.stdout.split() == ["ganjax.commands", "ganjax.commands.report"]


def test_the_version_is_told_without_looking_for_commands(capsys, monkeypatch):
    monkeypatch.setattr(cli, "discover", None)
    cli.main(["--version"])
    said = capsys.readouterr().out
    assert said.startswith(f"ganjax {version('ganjax')} (Python 3.")
    assert f"JAX {version('jax')}" in said


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "The name of a command is missing: give one of new, prepare, "),
        (["paint"], "'paint' is not a command of ganjax: give one of new, prepare, "),
        (["sample"], "Missing from ganjax sample: RUN; --help lists "),
        (["complete", "a"], "Missing from ganjax complete: IMAGE, --mask PATH; --help"),
        (["sample", "a", "--n", "x"], "--n is 'x': give a whole number; --help lists "),
        (["sample", "a", "--sigma-rel", "x"], "--sigma-rel is 'x': give a number; "),
        (["sample", "a", "--n"], "--n needs a value; --help lists "),
        (["sample", "a", "--size", "3"], "Unrecognized options: --size, 3; --help "),
    ],
)
def test_what_is_typed_wrong_is_one_sentence_that_says_what_to_give(argv, says, capsys):
    assert told(capsys, cli.main, argv).startswith(says)


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
