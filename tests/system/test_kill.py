"""A run that is killed again and again ends like one that never was, bit for bit.

`GANJAX_KILLS=20 pytest tests/system/test_kill.py` kills it more often.
"""

import os
import signal
import subprocess
import time

import pytest

import ganjax
from tests.helpers.processes import environment, experiment
from tests.helpers.states import same


KILLS = int(os.environ.get("GANJAX_KILLS", "5"))
STEPS, EVERY = 160 * KILLS, 40
FLAGS = ("--steps", STEPS, "--batch", 16, "--width", 8, "--log-every", 5)
CADENCE = ("--save-every", EVERY, "--sample-every", 100, "--evaluate-every", 400)
SECONDS = 240  # after which something hangs


def saves(run):
    """The steps of the whole saves, and whether one is being written."""
    names = [path.name for path in (run / "checkpoints").glob("*")]
    return sorted(int(n) for n in names if n.isdigit()), any("tmp" in n for n in names)


def until(condition, process):
    """Waits for a condition, as long as the process lives; says whether it came."""
    started = time.monotonic()
    while process.poll() is None and time.monotonic() - started < SECONDS:
        if condition():
            return True
        time.sleep(0.0005)
    return False


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same run, left alone."""
    folder = tmp_path_factory.mktemp("whole")
    command = experiment("ring", "--workdir", folder / "run", *FLAGS, *CADENCE)
    subprocess.run(command, env=environment(folder), check=True, timeout=SECONDS)
    return folder


@pytest.mark.slow
def test_it_survives_kills_at_every_moment(whole, tmp_path):
    run = tmp_path / "run"
    command = experiment("ring", "--workdir", run, *FLAGS, *CADENCE)
    within = 0
    for kill in range(KILLS):
        process = subprocess.Popen(
            command,
            env=environment(whole),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        before = max(saves(run)[0], default=0)
        grown = lambda before=before: max(saves(run)[0], default=0) > before
        if kill == 0:
            assert until(lambda: (run / "metrics.jsonl").exists(), process)
            assert not saves(run)[0], "the first kill is to come before any save"
        elif kill % 3:
            assert until(grown, process)
            assert until(lambda: saves(run)[1], process)
        else:
            assert until(grown, process)
            time.sleep(0.013 * kill)
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
        within += saves(run)[1]
    assert within >= KILLS * 2 // 5
    subprocess.run(command, env=environment(whole), check=True, timeout=SECONDS)

    same(ganjax.load(run).state, ganjax.load(whole / "run").state)
    names = {p.relative_to(whole / "run") for p in (whole / "run").rglob("*")}
    kept = [
        n
        for n in names
        if n.suffix in (".jsonl", ".png", ".webp") or n.name == "evaluation.json"
    ]
    assert len(kept) >= 9
    for name in kept:
        if name.name != "clock.jsonl":
            assert (run / name).read_bytes() == (whole / "run" / name).read_bytes(), (
                name
            )
