"""Two processes with one device each play the game of one process."""

import json
import socket
import subprocess

import pytest

import ganjax
from tests.helpers.processes import environment, experiment
from tests.helpers.states import apart


FLAGS = ("--steps", 10, "--batch", 16, "--width", 8, "--log-every", 5)
SECONDS = 180


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path):
    alone = experiment("ring", "--workdir", tmp_path / "one", *FLAGS)
    subprocess.run(alone, env=environment(tmp_path), check=True, timeout=SECONDS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = experiment("ring", "--workdir", tmp_path / "two", *FLAGS, "--distributed")
    processes = [
        subprocess.Popen(
            command,
            env=environment(tmp_path)
            | {
                "JAX_COORDINATOR_ADDRESS": address,
                "JAX_NUM_PROCESSES": "2",
                "JAX_PROCESS_ID": str(number),
            },
        )
        for number in (0, 1)
    ]
    try:
        assert [process.wait(SECONDS) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    one, two = ganjax.load(tmp_path / "one").state, ganjax.load(tmp_path / "two").state
    assert int(two.step) == 10
    steps = lambda run: [json.loads(x)["step"] for x in run.read_text().splitlines()]
    for name in ("metrics.jsonl", "clock.jsonl"):
        assert steps(tmp_path / "two" / name) == steps(tmp_path / "one" / name)
    assert max(apart(one, two).values()) <= 1e-5
