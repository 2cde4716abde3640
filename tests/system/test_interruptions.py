"""Each kind of interruption; `python -m tests.system.interruptions` plays 100 runs."""

import subprocess
import sys

import pytest

from tests.helpers.processes import ROOT
from tests.system.interruptions import EACH, KINDS


def test_each_kind_of_interruption_happens_to_a_run():
    assert sorted(kind.__name__ for kinds in EACH for kind in kinds) == sorted(
        kind.__name__ for kind in KINDS
    )


@pytest.mark.slow
def test_runs_that_are_interrupted_end_in_the_same_bits():
    command = [sys.executable, "-m", "tests.system.interruptions", "--each"]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr[-3000:]
    assert f"{len(EACH)} runs ended in the same bits." in ended.stdout
