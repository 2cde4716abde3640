"""A run under `jax.disable_jit`, in which a debugger can stop within the step."""

import sys

import pytest

from tests.helpers.processes import environment, finished


RUN = """
import sys
import jax
from ganjax.core import step
from tests.helpers.runs import train

seen = []
plain = step.d_turn

def d_turn(gan, on, state, draw):
    seen.append(isinstance(state.step, jax.core.Tracer))
    return plain(gan, on, state, draw)

step.d_turn = d_turn
state = train(sys.argv[1], steps=1, devices="jit", scores=False, batch=2)
assert int(state.step) == 1 and not seen[-1], "the last call saw numbers"
"""


@pytest.mark.slow
def test_a_run_can_be_followed_step_by_step(tmp_path):
    ended = finished(
        [sys.executable, "-c", RUN, tmp_path / "run"],
        tmp_path,
        env=environment(tmp_path) | {"JAX_DISABLE_JIT": "1"},
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "run" / "report.html").exists()
