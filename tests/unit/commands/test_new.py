"""`ganjax new`: the file that it writes, and the names that it refuses."""

import ast
import dataclasses
import importlib.util
import json
import sys

import pytest

from ganjax import cli
from ganjax.commands import _template, new
from ganjax.errors import UsageError
from ganjax.run.command import parse
from ganjax.store import code
from tests.helpers.sentences import told


def imported(path, monkeypatch):
    """The module of an experiment's file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    return module


def test_what_is_written_is_the_template_with_a_run_of_its_own_name(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a folder").mkdir()
    cli.main(["new", "a folder/birds.py"])
    text = (tmp_path / "a folder" / "birds.py").read_text("utf-8")
    assert text == new.TEMPLATE.read_text("utf-8").replace("my_gan", "birds")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Experiment: a folder/birds.py"
    assert lines[1].startswith("  python 'a folder/birds.py'  ")
    assert [line.split()[:3] for line in lines[-2:]] == [
        ["ganjax", "report", "runs/birds"],
        ["ganjax", "sample", "runs/birds"],
    ]


def test_the_template_is_short_and_its_run_is_named_once():
    text = new.TEMPLATE.read_text("utf-8")
    assert text.count(json.dumps(new.WORKDIR)) == text.count("my_gan") == 1
    lines = [line for line in text.splitlines() if line.strip()]
    doc = ast.get_docstring(ast.parse(text))
    assert doc and len(lines) <= 45


@pytest.mark.parametrize("name", ['say "hi".py', "b\\s.py", "jürgen 猫.py", "x-1.py"])
def test_any_name_that_can_be_written_is_one_of_a_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(["new", name])
    module = imported(tmp_path / name, monkeypatch)
    assert module.Args().run.workdir == f"runs/{name.removesuffix('.py')}"


def test_the_template_trains_and_its_run_is_known_here(tmp_path, monkeypatch):
    """As a person has it: a file of one's own, with fewer and narrower layers."""
    monkeypatch.chdir(tmp_path)
    cli.main(["new", "mine.py"])
    mine = imported(tmp_path / "mine.py", monkeypatch)
    flags = [
        "--steps",
        "2",
        "--batch",
        "8",
        "--size",
        "8",
        "--width",
        "4",
        "--no-scores",
    ]
    mine.main(parse(mine.Args, "", flags))
    kept = code.read_kept(tmp_path / "runs" / "mine")
    assert kept.experiment == (tmp_path / "mine.py").read_bytes()
    assert code.is_known(kept, tmp_path / "runs" / "mine")
    cli.main(["sample", "runs/mine", "--n", "4"])
    assert (tmp_path / "samples.png").exists()


def test_the_template_is_no_command_and_every_number_of_it_is_explained():
    assert "_template" not in cli.discover()
    own = {field.name for field in dataclasses.fields(_template.Args)} - {"run"}
    body = ast.parse(new.TEMPLATE.read_text("utf-8")).body
    (kind,) = [node for node in body if isinstance(node, ast.ClassDef)]
    pairs = zip(kind.body, kind.body[1:], strict=False)
    explained = {
        node.target.id
        for node, after in pairs
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(after, ast.Expr)
    }
    assert explained == own


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mine", "mine is not the name of a Python file: give a name that ends in .py"),
        ("mine.txt", "mine.txt is not the name of a Python file"),
        (".py", ".py is not the name of a Python file"),
        ("", ". is not the name of a Python file"),
        ("jax.py", "jax.py would hide the module jax from the scripts beside it"),
        ("random.py", "random.py would hide the module random"),
        ("a\nb.py", "'a\\nb.py' has characters that cannot be printed"),
        ("there.py", "there.py exists already: give another name, or move it away."),
        ("folder.py", "folder.py exists already"),
        ("no/such.py", "no/such.py cannot be written, as no is not a folder"),
        ("there.py/x.py", "there.py/x.py: Not a directory"),
        ("x" * 300 + ".py", "x" * 300 + ".py: File name too long"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_and_nothing_is_written(
    name, says, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.py").write_text("mine")
    (tmp_path / "folder.py").mkdir()
    assert told(capsys, cli.main, ["new", name]).startswith(says)
    assert {path.name for path in tmp_path.iterdir()} == {"there.py", "folder.py"}
    assert (tmp_path / "there.py").read_text() == "mine"


def test_a_link_to_nowhere_is_not_followed(tmp_path):
    (tmp_path / "mine.py").symlink_to(tmp_path / "away.py")
    with pytest.raises(UsageError, match="exists already"):
        new.main(new.Args(str(tmp_path / "mine.py")))
    assert not (tmp_path / "away.py").exists()
