"""What a person gets wrong is told in one sentence, at once, with status 2."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ganjax import cli
from ganjax.errors import UsageError
from ganjax.run import command
from ganjax.run.command import exit_on_error
from tests.helpers.processes import experiment, finished
from tests.helpers.sentences import told


def run_experiment(name, *flags):
    """The command of an experiment, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"{name}.py", *map(str, flags)])
        command(importlib.import_module(name).main)


def dcgan(*flags):
    tiny = ("--g-width", 4, "--d-width", 4, "--steps", 2, "--batch", 16)
    run_experiment("dcgan", *tiny, "--size", 16, "--channels", 1, *flags)


FLAGS = {
    "unknown flag": ["--nope", 3],
    "flag without a value": ["--lr"],
    "word for a number": ["--batch", "many"],
    "unknown layout": ["--devices", "tpu"],
    "no steps": ["--steps", 0],
    "negative batch": ["--batch", -1],
    "zero learning rate": ["--lr", 0],
    "learning rate that is not a number": ["--lr", "nan"],
    "momentum above one": ["--momentum", 1.5],
    "negative seed": ["--seed", -1],
    "no seeds": ["--seeds", 0],
    "batch that devices cannot share": ["--batch", 12],
    "batch that parts cannot divide": ["--microbatches", 3],
    "seeds that devices cannot share": ["--seeds", 3],
    "average that is too long": ["--posthoc-ema", 0.1, 0.3],
    "population under pmap": ["--seeds", 8, "--devices", "pmap"],
    "alone but distributed": ["--distributed"],
    "unknown data": ["--data", "nowhere"],
    "unknown TFDS set": ["--data", "tfds:no_such_set_at_all"],
    "TFDS set not prepared": ["--data", "tfds:mnist"],
    "two channels": ["--channels", 2],
    "run to start from that is none": ["--init-from", "nowhere"],
}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS.keys())
def test_wrong_flags(flags, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    told(capsys, dcgan, "--workdir", tmp_path / "run", *flags)


def broken(folder):
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n not an image")


def empty(folder):
    (folder / "notes.txt").write_text("no image")


def mixed(folder):
    Image.new("L", (16, 16)).save(folder / "a.png")
    Image.new("L", (20, 16)).save(folder / "b.png")


def floats(folder):
    np.savez(folder / "a.npz", image=np.zeros((4, 16, 16, 1)))


FOLDERS = {
    "broken image": (broken, "", []),
    "no image": (empty, "", []),
    "sizes that differ": (mixed, "", ["--size", 0]),
    "floats in an npz": (floats, "a.npz", []),
}


@pytest.mark.parametrize(
    ("fill", "name", "flags"), FOLDERS.values(), ids=FOLDERS.keys()
)
def test_wrong_images(fill, name, flags, tmp_path, capsys):
    folder = tmp_path / "data"
    folder.mkdir()
    fill(folder)
    where = folder / name if name else folder
    told(capsys, dcgan, "--workdir", tmp_path / "run", "--data", where, *flags)


def test_wrong_folders(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    told(capsys, dcgan, "--workdir", tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("")
    told(capsys, dcgan, "--workdir", tmp_path / "full")
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    told(capsys, dcgan, "--workdir", tmp_path / "run")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of the ring."""
    folder = tmp_path_factory.mktemp("ring")
    flags = ("--steps", 2, "--batch", 16, "--width", 8, "--workdir", folder / "run")
    run_experiment("ring", *flags)
    return folder / "run"


@pytest.mark.slow
def test_a_run_that_is_another_one(run, tmp_path, capsys):
    told(capsys, dcgan, "--workdir", run)
    flags = ("--steps", 4, "--batch", 32, "--width", 8, "--workdir", run)
    ended = finished(experiment("ring", *flags), tmp_path)
    assert ended.returncode == 2 and "--batch was 16" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_wrong_commands(run, tmp_path, capsys):
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text("{")
    for argv in (
        ["paint", run],
        ["sample", tmp_path / "nothing"],
        ["sample", tmp_path / "torn"],
        ["sample", run, "--n", 0],
        ["sample", run, "--label", 8],
        ["sample", run, "--label", 0],
        ["sample", run, "--out", "grid.jpg"],
        ["prepare", "digits"],
    ):
        told(capsys, cli.main, [*map(str, argv)])


def test_unknown_code_is_not_run(run, capsys, tmp_path):
    stranger = tmp_path / "run"
    subprocess.run(["cp", "-r", run, stranger], check=True)
    code = stranger / "experiment.py"
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + code.read_text())
    argv = ["sample", str(stranger)]
    assert "--trust" in told(capsys, cli.main, argv)
    assert not (tmp_path / "ran").exists()
    code.write_text("")
    assert "lacks Args or make(args)" in told(capsys, cli.main, [*argv, "--trust"])
    manifest = json.loads((stranger / "run.json").read_text())
    assert manifest["experiment"] == "ring"


def test_a_mistake_in_python_is_an_exception():
    with pytest.raises(SystemExit), exit_on_error():
        raise UsageError("No.")
