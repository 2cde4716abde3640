"""A few of the interrupted runs; `python -m tests.interruptions` plays a hundred."""

import os
import subprocess
import sys

import pytest

from tests.support import ROOT


COUNT = int(os.environ.get("GANJAX_INTERRUPTIONS", "4"))


@pytest.mark.slow
def test_runs_that_are_interrupted_end_in_the_same_bits():
    command = [sys.executable, "-m", "tests.interruptions", "--count", str(COUNT)]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert f"{COUNT} runs ended in the same bits." in ended.stdout
