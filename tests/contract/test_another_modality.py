"""A third kind of data that one file knows: everything else works with it unasked."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import ganjax
from ganjax import cli
from ganjax.core import Labels
from tests.helpers import sequences
from tests.helpers.processes import ROOT
from tests.helpers.states import apart, same


def trained(folder: Path, **changes):
    run = replace(sequences.TINY.run, workdir=str(folder), save_every=4, **changes)
    return sequences.main(replace(sequences.TINY, run=run))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences") / "run"
    return folder, trained(folder, devices="jit")


def test_it_trains_and_leaves_a_whole_run(run):
    folder, state = run
    assert int(state.step) == 8
    rows = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    assert any("uneven" in row for row in rows) and any("d/loss" in row for row in rows)
    told = json.loads((folder / "evaluation.json").read_text())
    assert told["headline"] == "uneven" and told["metrics"]["uneven"]["real"] == 0
    with Image.open(folder / "samples" / "000000008.png") as image:
        assert image.size[1] == 20 * 16
    assert (folder / "report.html").exists()
    assert json.loads((folder / "run.json").read_text())["classes"][1] == "by 1"


def test_it_resumes_to_the_bit_and_shards(run, tmp_path):
    trained(tmp_path / "half", steps=4, devices="jit")
    same(trained(tmp_path / "half", devices="jit"), run[1])
    shared = trained(tmp_path / "shard", devices="shard", scores=False)
    assert max(apart(shared, run[1]).values()) <= 1e-5


def test_the_commands_sample_and_score_it(run, tmp_path, capsys):
    folder = str(run[0])
    cli.main(["sample", folder, "--n", "7", "--out", str(tmp_path / "a.txt")])
    rows = (tmp_path / "a.txt").read_text().splitlines()
    assert len(rows) == 7 and all(len(row.split()) == 8 for row in rows)
    cli.main(["sample", folder, "--out", str(tmp_path / "a.npz")])
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["tokens"].shape == (64, 8) and arrays["tokens"].dtype == np.int32
    capsys.readouterr()
    cli.main(["evaluate", folder])
    scores = json.loads(capsys.readouterr().out)
    (uneven,) = scores["scores"].values()
    assert 0 <= uneven["samples"] <= 1 and uneven["real"] == 0
    cli.main(["report", folder])


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["sample", "--out", "a.png"], "name a .txt or a .npz"),
        (["translate", "a.png"], "is not an image-to-image run"),
    ],
)
def test_what_it_has_not_is_told(run, command, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("a.png" if command[0] == "translate" else "b.png")
    name, *rest = command
    with pytest.raises(SystemExit) as end:
        cli.main([name, str(run[0]), *rest])
    assert end.value.code == 2 and says in capsys.readouterr().err


def test_a_latent_can_be_given_kept_and_moved(run):
    loaded = ganjax.load(run[0])
    assert isinstance(loaded.game.conditions, Labels)
    z = loaded.prior(3, seed=1)
    label = np.zeros(3, np.int32)
    made = loaded.g(z, label)
    np.testing.assert_array_equal(loaded.g(z, label), made)
    between = jax.tree.map(lambda x: (x[:1] + x[1:2]) / 2, z)
    assert loaded.g(between, label[:1]).shape == made[:1].shape


def test_no_other_file_knows_it():
    for folder in ("ganjax", "experiments", "studies"):
        for path in (ROOT / folder).rglob("*.py"):
            assert "VOCABULARY" not in path.read_text(), path
