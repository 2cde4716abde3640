"""What sentences call an argument: a flag on a command line, its name in Python."""

import os
import signal
import subprocess
import sys
import traceback

import numpy as np
import pytest

import ganjax as gx
from ganjax.errors import Interrupted, UsageError, command_line, worded
from ganjax.run.command import exit_on_error
from tests.helpers.processes import environment
from tests.helpers.runs import args, game, train


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("--label 7 is no class.", "`label` 7 is no class."),
        (
            "give a smaller --batch, or --no-scores",
            "give a smaller `batch`, or `scores=False`",
        ),
        ("--d-opt.lr 3 is out of range", "`d_opt.lr` 3 is out of range"),
        ("name another --workdir.", "name another `workdir`."),
        ("a name with--dashes and a-b", "a name with--dashes and a-b"),
        (
            "`ganjax prepare x --manual-dir y` or --trust",
            "`ganjax prepare x --manual-dir y` or `trust=True`",
        ),
    ],
)
def test_an_argument_has_its_name_in_python(flags, names, python_names):
    assert worded(flags) == str(UsageError(flags)) == names
    with command_line():
        assert worded(flags) == str(UsageError(flags)) == flags
    assert str(UsageError(flags)) == names, "the block is over"


def test_a_command_line_prints_flags_and_a_script_names(tmp_path, capsys, python_names):
    train(tmp_path / "run")
    run = gx.load(tmp_path / "run", game=game())
    with pytest.raises(UsageError, match="^`label` 9 is not a class of this"):
        run.sample(4, label=9)
    flags = args(tmp_path / "run", batch=8)
    with pytest.raises(UsageError, match=r"^`batch` was 16 .* another `workdir`"):
        gx.train(game(), "ring", flags.run, config=flags)
    capsys.readouterr()
    with pytest.raises(SystemExit), exit_on_error():
        gx.train(game(), "ring", flags.run, config=flags)
    assert capsys.readouterr().err.startswith("--batch was 16 when")


SCRIPT = """
import sys
import ganjax as gx
from tests.helpers.processes import environment
from tests.helpers.runs import game


def mine():
    gx.train(game(), sys.argv[1], gx.Run(sys.argv[2], steps=2, batch=16))


mine()
"""


@pytest.mark.parametrize(("filtering", "most"), [("auto", 12), ("off", 1000)])
def test_a_script_s_traceback_ends_at_its_own_line(filtering, most, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, "script.py", str(tmp_path / "nothing"), str(tmp_path / "run")],
        env=environment(tmp_path) | {"JAX_TRACEBACK_FILTERING": filtering},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    lines = ended.stderr.splitlines()
    assert lines[-1].startswith("ganjax.errors.UsageError: ")
    inside = [line for line in lines if "/ganjax/" in line and "File" in line]
    assert bool(inside) == (filtering == "off") and len(lines) <= most


def files_of(error):
    return {frame.filename for frame in traceback.extract_tb(error.__traceback__)}


def test_what_stops_a_run_or_a_sample_points_at_one_s_own_code(tmp_path):
    interrupt = gx.every(2, lambda *given: os.kill(os.getpid(), signal.SIGINT))
    flags = args(tmp_path / "run")
    with pytest.raises(Interrupted, match="is stopped at step 2 of 8") as stopped:
        gx.train(game(), "ring", flags.run, hooks=[interrupt])
    with pytest.raises(UsageError) as nowhere:
        gx.load(tmp_path / "nowhere", game=game())
    run = gx.load(tmp_path / "run", game=game())
    with pytest.raises(UsageError) as unknown:
        run.sample(4, label=9)
    with pytest.raises(UsageError) as bytes_given:
        run.d(np.zeros((4, 2), np.uint8))
    for error in (stopped, nowhere, unknown, bytes_given):
        files = files_of(error.value)
        assert __file__ in files
        assert not [name for name in files if "/ganjax/" in name]


def test_a_bug_keeps_its_traceback(tmp_path):
    def broken(step, state, row):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as error:
        gx.train(game(), "ring", args(tmp_path).run, hooks=[gx.every(2, broken)])
    assert any("ganjax/loop.py" in name for name in files_of(error.value))
