"""Two processes with one device each play the game of one process."""

import json
import socket
import subprocess
import sys

import numpy as np
import pytest

import ganjax
from tests.helpers.processes import environment, experiment
from tests.helpers.states import apart


PROGRAM = """
import sys
import jax

if len(sys.argv) > 1:
    jax.distributed.initialize(sys.argv[1], 2, int(sys.argv[2]))
from ganjax.data.image_set import image_set
from ganjax.evaluation.random_network import random_network
from ganjax.run.reference_scores import Real, of_images, prepare, score
from ganjax.evaluation.suite import WHILE_TRAINING

real = Real("digits", image_set("digits", "test"), train=image_set("digits"))
prepared = prepare(real, random_network())
subject = of_images(image_set("digits", "train"), "digits")._replace(keep=False)
scores = score(subject, prepared, real, WHILE_TRAINING, 600, real_values={})
print(prepared.digest, *(repr(score.value) for score in scores))
"""
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


@pytest.mark.slow
def test_two_processes_compute_the_scores_of_one(tmp_path):
    def start(*arguments, cache):
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            env=environment(tmp_path) | {"GANJAX_CACHE": str(tmp_path / cache)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def told(process):
        """The last line: what Gloo says of its connections stands before it."""
        return process.communicate(timeout=SECONDS)[0].splitlines()[-1].split()

    alone = told(start(cache="alone"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    # Caches of their own, so that nothing is found that another process computed.
    processes = [start(address, number, cache=f"{number}") for number in (0, 1)]
    try:
        both = [told(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert len(alone) == 4
    for found in both:
        assert found[0] == alone[0]  # of the same real images
        wanted = [float(value) for value in alone[1:]]
        np.testing.assert_allclose([float(x) for x in found[1:]], wanted, rtol=1e-6)
    # Each has computed half of the parts.
    kept = [len(list((tmp_path / name).rglob("*.npz"))) for name in ("alone", "0", "1")]
    assert kept[1] + kept[2] == kept[0]
