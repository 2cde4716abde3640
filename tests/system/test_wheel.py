"""Away from the repository the wheel is enough: from `ganjax new` to a run's scores."""

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hatchling.build import build_wheel

from tests.helpers.processes import ROOT, environment, finished


SECONDS = 240  # after which something hangs
SMALL = (
    "--batch",
    16,
    "--width",
    4,
    "--size",
    8,
    "--save-every",
    20,
    "--sample-every",
    0,
)


@pytest.fixture
def away(tmp_path, monkeypatch):
    """The environment of a person with an empty home and the wheel alone."""
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / build_wheel(str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "home").mkdir()
    return environment(tmp_path) | {
        "PYTHONPATH": str(tmp_path / "site"),
        "HOME": str(tmp_path / "home"),
        "GANJAX_CACHE": "",
    }


def test_a_new_experiment_trains_is_killed_resumes_and_is_used(tmp_path, away):
    here = tmp_path / "here"
    here.mkdir()

    def play(*words: object) -> str:
        ended = finished(words, tmp_path, cwd=here, env=away, timeout=SECONDS)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    ganjax = (sys.executable, "-m", "ganjax")
    where = play(sys.executable, "-c", "import ganjax; print(ganjax.__file__)")
    assert Path(where.strip()).is_relative_to(tmp_path / "site")
    assert play(*ganjax, "new", "mine.py").startswith("Experiment: mine.py\n")

    run = here / "runs" / "mine"
    training = (sys.executable, "mine.py", *SMALL, "--steps")
    kill_after_a_save([*training, 1_000_000], run, here, away)
    assert json.loads((run / "status.json").read_text())["state"] == "running"
    steps = max(saves(run)) + 20
    assert f"is finished at step {steps} of {steps}" in play(*training, steps)

    # None of these needs --trust: this user has trained it on this machine.
    assert play(*ganjax, "sample", run, "--n", 4) == "4 samples: samples.png\n"
    assert play(*ganjax, "report", run) == f"Report: {run / 'report.html'}\n"
    assert json.loads(play(*ganjax, "evaluate", run))["samples"] > 0
    assert {"samples.png", "mine.py", "runs"} == {path.name for path in here.iterdir()}


def saves(run: Path) -> list[int]:
    """The steps of the whole saves of a run."""
    return [int(x.name) for x in run.glob("checkpoints/*") if x.name.isdigit()]


def kill_after_a_save(
    command: Sequence[object], run: Path, here: Path, env: dict[str, str]
) -> None:
    """Starts a command and kills it once the run has its first save."""
    words = [str(word) for word in command]
    output = run.parents[2] / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            words, cwd=here, env=env, stdout=file, stderr=subprocess.STDOUT
        )
    deadline = time.monotonic() + SECONDS
    while not saves(run):
        assert process.poll() is None and time.monotonic() < deadline, (
            output.read_text()
        )
        time.sleep(0.0005)
    process.kill()
    process.wait(SECONDS)
