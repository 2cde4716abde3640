"""Hooks and writers of a user's own."""

import json
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

import ganjax
from ganjax.errors import UsageError
from ganjax.loop import step_of
from ganjax.run import every, hooks, tracker
from ganjax.run.own_hooks import recorded
from ganjax.store import metrics
from ganjax.store.status import read_status
from tests.helpers.runs import args, game
from tests.helpers.states import same


def train(folder, hooks=(), writers=(), **changes):
    flags = args(folder, scores=False, sample_every=0, **changes)
    return ganjax.train(game(), "ring", flags.run, hooks=hooks, writers=writers)


def rows(folder):
    return metrics.read(folder / metrics.METRICS)


def test_hooks_are_called_every_n_steps_and_what_they_return_is_recorded(tmp_path):
    seen = []

    def norm(step, state, row):
        seen.append((step, float(row["d/loss"])))
        leaves = jax.tree.leaves(state.g.params)
        return {"norm": sum(float((x**2).sum()) for x in leaves)}

    quiet = lambda step, state, row: seen.append(step)
    events = []
    writer = lambda event, step, row: events.append((event, step, *row))
    train(tmp_path / "a", [every(3, norm), every(100, quiet)], [writer])
    assert [x if isinstance(x, int) else x[0] for x in seen] == [3, 6, 8, 8]
    measured = [row for row in rows(tmp_path / "a") if row["event"] == metrics.HOOK]
    assert [row["step"] for row in measured] == [3, 6, 8]
    assert all(row["norm"] > 0 for row in measured)
    assert ("hook", 3, "norm") in events and events[-1] == ("end", 8)
    training = [each for each in events if each[0] == "training"]
    assert [each[1] for each in training] == [2, 4, 6, 8] and "d/loss" in training[0]
    page = (tmp_path / "a" / "report.html").read_text()
    assert "norm" in page


def test_a_run_with_hooks_resumes_with_the_same_rows_and_the_same_bits(tmp_path):
    hook = every(2, lambda step, state, row: {"twice": 2 * row["d/loss"]})
    whole = train(tmp_path / "whole", [hook], save_every=4)
    train(tmp_path / "half", [hook], save_every=4, steps=4)
    same(train(tmp_path / "half", [hook], save_every=4), whole)
    same(train(tmp_path / "none", save_every=4), whole)
    assert rows(tmp_path / "half") == rows(tmp_path / "whole")


def stop_at(step):
    def enough(done, state, row):
        if done >= step:
            raise ganjax.StopTraining("It is enough.")

    return enough


def test_a_hook_ends_a_run_as_finished_and_more_steps_give_the_same_bits(
    tmp_path, capsys
):
    whole = train(tmp_path / "whole", save_every=6)
    folder = tmp_path / "early"
    seen = []
    last = every(100, lambda step, state, row: seen.append((step, row["d/loss"])))
    early = train(folder, [every(2, stop_at(4)), last], save_every=6)
    assert step_of(early) == 4 and [step for step, _ in seen] == [4]
    assert float(seen[0][1]) == rows(folder)[-1]["d/loss"]
    assert read_status(folder) == {
        "state": "finished",
        "step": 4,
        "sentence": "A hook ended it early: It is enough.",
    }
    said = capsys.readouterr().out
    assert "is finished early, at step 4 of 8: It is enough; the same command" in said
    assert (folder / "checkpoints" / "4").is_dir(), "it is saved, though not due"
    same(ganjax.load(folder, game=game()).state, early)
    # The same hook ends it again, as soon as it is called.
    assert step_of(train(folder, [every(2, stop_at(4))], save_every=6)) == 6
    same(train(folder, save_every=6), whole)
    assert rows(folder) == rows(tmp_path / "whole")
    assert read_status(folder)["state"] == "finished"


def test_a_run_that_is_ended_early_gets_its_last_picture_and_scores(tmp_path):
    flags = args(tmp_path, steps=8, sample_every=0, evaluate_every=0)
    ganjax.train(game(), "ring", flags.run, hooks=[every(3, stop_at(3))])
    assert [path.stem for path in (tmp_path / "samples").iterdir()] == ["000000003"]
    events = [row["event"] for row in rows(tmp_path) if row["step"] == 3]
    assert metrics.SCORES in events


def test_a_hook_that_ends_a_run_at_its_last_step_changes_nothing(tmp_path, capsys):
    train(tmp_path, [every(8, stop_at(8))])
    assert read_status(tmp_path)["sentence"] == ""
    assert "is finished at step 8 of 8." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (3, "f returned int: return numbers by name"),
        ({"x": np.zeros(2)}, r"f returned x as float64 \[2\]: return one number"),
        ({"x": "a"}, "f returned x as <U1"),
    ],
)
def test_what_is_no_number_is_a_sentence(value, says):
    def f(step, state, row):
        return value

    state = SimpleNamespace(step=np.int32(1))
    with pytest.raises(UsageError, match=says):
        recorded(f, lambda event, step, row: None)(1, state, {})


def test_a_population_has_a_number_for_each_seed():
    noted: list[Any] = []
    state = SimpleNamespace(step=np.zeros(3, np.int32))
    hook = recorded(
        lambda step, state, row: {"x": np.arange(3)}, lambda *row: noted.append(row)
    )
    hook(5, state, {})
    ((event, step, row),) = noted
    assert (event, step) == (metrics.HOOK, 5) and row["x"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("n", "hook"), [(0, print), (1.5, print), (True, print), (2, 3)]
)
def test_every_takes_a_number_of_steps_and_a_function(n, hook):
    plain: Any = getattr(every, "__wrapped__", every)
    with pytest.raises(UsageError, match=r"every\("):
        plain(n, hook)


def test_a_writer_that_fails_is_left_out_and_the_run_goes_on(tmp_path, capsys):
    got = []

    def broken(event, step, row):
        raise ConnectionError("no network")

    def working(event, step, row):
        got.append(event)

    with hooks.recorder(tmp_path, [broken, working]) as record:
        for step in (1, 2):
            record(metrics.TRAINING, step, {"x": np.float32(step)})
    assert got == ["training", "training", "end"]
    said = capsys.readouterr().out
    assert said.count("broken gets no more rows (") == 1 and "no network" in said
    assert [row["step"] for row in rows(tmp_path)] == [1, 2]


def test_a_tracker_is_opened_at_the_first_row_and_closed_at_the_end():
    calls = []
    module = SimpleNamespace(
        init=lambda **given: calls.append(("init", given)),
        log=lambda row, step: calls.append((step, json.dumps(row))),
        finish=lambda: calls.append("finish"),
    )
    write = tracker(module, project="a")
    write("end", 0, {})
    assert calls == []
    write("training", 2, {"d/loss": np.asarray(0.5)})
    write("scores", 2, {"frechet": np.array([1.0, 3.0])})
    write("end", 2, {})
    assert calls == [
        ("init", {"project": "a"}),
        (2, '{"d/loss": 0.5}'),
        (2, '{"frechet": 2.0}'),
        "finish",
    ]
