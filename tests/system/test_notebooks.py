"""The notebooks run from top to bottom, at a tiny size."""

import json
import sys
from pathlib import Path

import pytest

from tests.helpers.processes import ROOT, environment, finished


PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RUNS = {  # -> the experiments that it plays
    "01_a_gan_in_fifteen_lines": ["notebook"] * 2,
    "02_a_photograph_as_a_painting": ["cut"],
    "03_the_step_by_hand": [],
    "04_rows_of_a_table": ["notebook"] * 2,
}
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
shown = [o for c in notebook.cells for o in c.get("outputs", []) if "data" in o]
print(sum("image/png" in o["data"] for o in shown))
"""


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_pictures(path: Path, tmp_path):
    ended = finished(
        [sys.executable, "-c", RUN, path],
        tmp_path,
        env=environment(tmp_path) | {"GANJAX_STEPS": "4", "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout.split()[-1]) >= 2
    runs = [json.loads(run.read_text()) for run in tmp_path.glob("*/*/run.json")]
    assert [run["experiment"] for run in runs] == RUNS[path.stem]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path):
    cells = json.loads(path.read_text())["cells"]
    assert not [cell for cell in cells if cell.get("outputs")]
