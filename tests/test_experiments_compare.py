"""The comparison of objectives by their modes: each is played once, and told."""

import importlib

import jax.numpy as jnp
import pytest

from ganjax import losses
from ganjax.run import judge
from tests.test_experiments import FOLDER


@pytest.fixture
def compare(monkeypatch):
    monkeypatch.setattr(judge, "COUNTED", 300)
    for room in (FOLDER, FOLDER / "modes"):
        monkeypatch.syspath_prepend(str(room))
    return importlib.import_module("compare")


def test_every_objective_is_played_once_and_has_a_row(
    compare, tmp_path, capsys, monkeypatch
):
    args = compare.Args(d_widths=(4,), workdir=str(tmp_path), steps=2, seeds=8)
    compare.main(args)
    first = capsys.readouterr()
    rows = [line.strip("| ").split(" | ") for line in first.out.splitlines()]
    assert [row[0] for row in rows[2:]] == list(compare.OBJECTIVES)
    for _, width, modes, divergence, _ in rows[2:]:
        assert (
            width == "4" and len(modes.split(", ")) == len(divergence.split(", ")) == 8
        )
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == 3 and all((x / "report.html").exists() for x in folders)
    last = list(compare.OBJECTIVES.items())[-1:]
    monkeypatch.setattr(compare, "OBJECTIVES", dict(last))
    compare.main(args)
    again = capsys.readouterr()
    assert again.out.splitlines()[-1] == first.out.splitlines()[-1]
    assert "was finished before" in again.err and "Compiled" not in again.err


def test_the_objectives_differ_in_loss_and_penalties_alone(compare):
    def gan(experiment, gamma):
        module = importlib.import_module(experiment)
        return module.make(module.Args(gamma=gamma)).step.args[0]

    games = [gan(*what) for what in compare.OBJECTIVES.values()]
    assert len({(game.g.net, game.d.net) for game in games}) == 1
    assert [list(game.d.regularizers) for game in games] == [["r1", "r2"], ["r1"], []]
    makers = losses.relativistic, losses.non_saturating, losses.non_saturating
    logits = jnp.full(4, -1.0), jnp.full(4, 2.0)
    for game, make in zip(games, makers, strict=True):
        assert game.loss.d(*logits) == make().d(*logits)
        assert game.loss.g(*logits) == make().g(*logits)
