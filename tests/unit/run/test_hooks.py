"""What a picture of a run shows, and what else happens while a run trains."""

import json
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

from ganjax.core import ImageToImage, Labels
from ganjax.data import Spec, load
from ganjax.data.source import random_rows
from ganjax.evaluation.evaluator import Evaluator, in_memory_scoring
from ganjax.evaluation.metric import lower_is_better
from ganjax.modalities import IMAGES, POINTS
from ganjax.run import attempts, hooks, sampling
from ganjax.run.compiled import CompiledGame
from ganjax.store import checkpoint
from tests.helpers.runs import game


def test_a_picture_is_given_the_samples_and_real_examples_to_compare_them_with(
    tmp_path,
):
    shown = []

    def render(samples, classes=0, real=None):
        shown.append((np.asarray(samples), classes, real))
        return Image.new("L", (8, 8))

    unused: Any = lambda *args: None
    sevens = lambda state, key, asked: np.full((1, len(asked), 2), 7, np.float32)
    made, source = CompiledGame(*[unused] * 4, sevens), load(Spec("ring"))
    drawn = game()._replace(modality=POINTS._replace(render=render))
    hooks.picture_hook(tmp_path, 0, made, drawn, source)(4, None, {})

    (first, *_), (samples, classes, real) = shown
    examples = source.read(random_rows(source, POINTS.preview(8))).x
    np.testing.assert_array_equal(first, examples)
    np.testing.assert_array_equal(real, examples)
    assert samples.shape == examples.shape and (samples == 7).all() and classes == 8
    names = {path.name for path in tmp_path.rglob("*.png")}
    assert names == {"real.png", "000000004.png"}


def test_examples_are_drawn_beside_their_reconstructions(tmp_path):
    """The same ones at every step, and those of each member of a population."""
    given = []

    def halved(state, key, images):
        given.append(images)
        return np.stack([images / 2, images / 4])

    view = game()._replace(
        conditions=ImageToImage(source=lambda x: x), latents=lambda key, n: ()
    )
    drawn = game()._replace(reconstruction=view, modality=IMAGES)
    source = load(Spec("digits"))
    hook = hooks.reconstruction_hook(tmp_path, 0, halved, drawn, source)
    hook(4, None, {})
    hook(8, None, {})
    np.testing.assert_array_equal(given[0], given[-1])
    held_out = load(Spec("digits", split="test")).read(np.arange(3)).x
    np.testing.assert_array_equal(given[0][:3], IMAGES.decode(held_out))
    folder = tmp_path / "reconstructions"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["000000004.png", "000000008.png"]
    assert not (tmp_path / "real.png").exists()


class Shown(Labels):
    """Conditions that are shown next to their samples."""

    def show(self, condition, samples, real=None):
        return np.concatenate([samples, condition[:, None] + 0.0 * samples], axis=1)


def compiled_of(sample):
    unused: Any = lambda *args: None
    return CompiledGame(*[unused] * 4, sample)


def test_a_picture_is_of_the_same_latents_at_every_step_and_of_each_member(
    tmp_path, monkeypatch
):
    keys, shown, saved, joined = [], [], [], []

    def render(samples, classes=0, real=None):
        shown.append(np.asarray(samples))
        return Image.new("L", (8, 8))

    def sample(state, key, asked):
        keys.append((state, jax.random.key_data(key).tolist(), asked.tolist()))
        member = np.arange(members, dtype=np.float32)[:, None, None]
        return np.broadcast_to(member, (members, len(asked), 2))

    monkeypatch.setattr(hooks, "join_seeds", lambda images: joined.append(len(images)))
    monkeypatch.setattr(hooks, "save_png", lambda image, path: saved.append(path))
    modality = POINTS._replace(render=render, preview=lambda classes: classes + 3)
    drawn = game()._replace(modality=modality, conditions=Shown())
    source = load(Spec("ring"))
    hook = hooks.picture_hook(tmp_path, 9, compiled_of(sample), drawn, source)
    label = [*range(8), 0, 1, 2]
    for members, step in ((1, 4), (2, 6)):
        keys.clear()
        shown.clear()
        hook(step, "state", {})
        key = jax.random.fold_in(jax.random.key(9), sampling.FIXED)
        key = jax.random.key_data(jax.random.fold_in(key, 0)).tolist()
        assert keys == [("state", key, label)]
        assert len(shown) == members
        for member, samples in enumerate(shown):
            wanted = [[member, member, i, i] for i in label]
            assert samples.tolist() == wanted
    assert joined == [2]
    samples = tmp_path / "samples"
    assert saved == [
        tmp_path / "real.png",
        samples / "000000004.png",
        samples / "000000006.png",
    ]
    monkeypatch.setattr(hooks, "is_chief", lambda: False)
    other = hooks.picture_hook(tmp_path, 9, compiled_of(sample), drawn, source)
    keys.clear()
    other(8, "state", {})
    assert len(keys) == 1 and len(saved) == 3, "it draws and writes nothing"


def test_every_row_is_shown_and_those_of_a_multiple_and_of_the_end_recorded():
    told = []
    watch = hooks.log_watch(
        lambda event, step, row: told.append((event, step, row)),
        3,
        8,
        lambda step, row: told.append((step, row)),
    )
    for step in (2, 3, 6, 7, 8):
        watch(step, {"x": step})
    kept = [row for row in told if len(row) == 3]
    assert kept == [("training", step, {"x": step}) for step in (3, 6, 8)]
    assert [row[0] for row in told if len(row) == 2] == [2, 3, 6, 7, 8]
    assert told.index((3, {"x": 3})) < told.index(kept[0])


def test_a_row_is_written_to_the_metrics_and_to_the_events_by_the_chief_alone(
    tmp_path, monkeypatch
):
    written = []

    @contextmanager
    def event_writer(folder):
        yield lambda step, row: written.append((folder, step, row))

    monkeypatch.setattr(hooks, "event_writer", event_writer)
    for chief in (True, False):
        monkeypatch.setattr(hooks, "is_chief", lambda chief=chief: chief)
        with hooks.recorder(tmp_path) as record:
            record("training", 4, {"x": np.float32(0.5)})
    rows = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in rows] == [
        {"step": 4, "event": "training", "x": 0.5}
    ]
    assert written == [(tmp_path, 4, {"x": 0.5})]


def test_a_save_comes_after_the_rows_and_averages_of_its_step(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(hooks.metrics, "sync", lambda path: done.append(("sync", path)))
    monkeypatch.setattr(checkpoint, "finish", lambda kept: done.append(("wait", kept)))
    monkeypatch.setattr(checkpoint, "save", lambda *given: done.append(given))
    saves: Any = checkpoint.Saves(tmp_path, None, {}, False, [], [])  # pyright: ignore
    averages: Any = saves._replace(folder=tmp_path / "averages")
    state = SimpleNamespace(averages=[1, 2])
    hooks.save_hook(tmp_path, saves, averages)(4, state, {})
    rows = ("sync", tmp_path / "metrics.jsonl")
    assert done == [rows, ("wait", averages), (saves, 4, state)]
    done.clear()
    monkeypatch.setattr(hooks, "is_chief", lambda: False)
    hooks.save_hook(tmp_path, saves, None)(6, state, {})
    assert done == [(saves, 6, state)]
    hooks.average_hook(averages)(8, state, {})
    assert done[1] == (averages, 8, [1, 2])


def scoring(tmp_path, monkeypatch, count=5):
    """A hook of scores of two members, and what it asked for and told."""
    near = lower_is_better("near", "How far they are.")
    mean = in_memory_scoring(lambda samples: {"near": float(samples.mean())})
    judge = Evaluator(count, mean, (near,), near, lambda: {"near": 0.5}, "", (2,))
    told: Any = SimpleNamespace(made=[], drawn=[], rows=[], size=3)

    def evaluator(spec, game, *features, scratch=None):
        told.made.append((spec, scratch))
        return judge

    def sample(state, key, asked):
        told.drawn.append((jax.random.key_data(key).tolist(), asked.tolist()))
        values = np.stack([asked, 10 * asked]).astype(np.float32)
        return np.repeat(values[..., None], 2, axis=2)

    def rows_at_once(shape, seeds):
        assert (shape, seeds) == ((2,), 2)
        return told.size

    monkeypatch.setattr(hooks, "evaluator", evaluator)
    monkeypatch.setattr(sampling, "rows_at_once", rows_at_once)
    hook = hooks.score_hook(
        tmp_path,
        9,
        compiled_of(sample),
        game()._replace(modality=POINTS),
        load(Spec("ring")),
        lambda step, row: told.rows.append(("row", step, row["near"].tolist())),
        lambda step, score: told.rows.append(("rate", step, score.tolist())),
    )
    state = SimpleNamespace(step=np.zeros(2, np.int32))
    told.call = lambda step: hook(step, state, {})
    return told


def test_each_member_is_scored_on_the_same_conditions_drawn_in_chunks(
    tmp_path, monkeypatch
):
    told = scoring(tmp_path, monkeypatch)
    told.call(4)
    told.call(8)
    assert told.made == [(Spec("ring"), tmp_path)], "real data is read only once"
    key = jax.random.fold_in(jax.random.key(9), sampling.SCORED)
    keys = [jax.random.key_data(jax.random.fold_in(key, i)).tolist() for i in (0, 1)]
    # The last chunk is filled up, and what fills it is not scored.
    assert told.drawn == [(keys[0], [0, 1, 2]), (keys[1], [3, 4, 0])] * 2
    assert told.rows == [
        ("row", 4, [2, 20]),
        ("rate", 4, [2, 20]),
        ("row", 8, [2, 20]),
        ("rate", 8, [2, 20]),
    ]
    text = json.loads((tmp_path / "evaluation.json").read_text())
    assert text["metrics"]["near"]["real"] == 0.5


def test_where_one_process_is_not_ready_none_draws_and_the_others_say_so(
    tmp_path, monkeypatch, capsys
):
    told = scoring(tmp_path, monkeypatch)
    monkeypatch.setattr(hooks, "all_ready", lambda ready: False)
    told.call(4)
    assert not told.drawn and not told.rows
    assert "another process could not get ready" in capsys.readouterr().out
    few = scoring(tmp_path, monkeypatch, count=0)
    few.call(4)
    assert not few.drawn and not few.rows and capsys.readouterr().out.count("\n") == 1


def test_other_processes_tell_errors_of_scoring_on_the_error_stream(
    monkeypatch, capsys
):
    for chief in (True, False):
        monkeypatch.setattr(hooks, "is_chief", lambda chief=chief: chief)
        catching = hooks.error_catcher()
        for step, error in ((2, "odd"), (4, "odd"), (6, "even")):
            with catching(step):
                raise ValueError(error)
        said = capsys.readouterr()
        lines = (said.out if chief else said.err).splitlines()
        assert not (said.err if chief else said.out)
        assert [line.partition(" could")[0] for line in lines] == [
            "Scores at step 2",
            "Scores at step 6",
        ]
    with pytest.raises(KeyboardInterrupt), catching(8):
        raise KeyboardInterrupt


def test_the_chiefs_numbers_hold_for_all_and_all_wait_for_the_last(monkeypatch):
    utils = hooks.multihost_utils
    monkeypatch.setattr(utils, "broadcast_one_to_all", lambda given: given + 10)
    gathered = lambda ready: np.asarray([True, False, bool(ready)])
    monkeypatch.setattr(utils, "process_allgather", gathered)
    assert hooks.broadcast_from_chief(np.asarray([3, 4])) == [3, 4]
    assert hooks.all_ready(True) is True and hooks.all_ready(False) is False
    assert attempts._broadcast(1) == 1
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    assert hooks.broadcast_from_chief(np.asarray([3, 4])) == [13, 14]
    assert hooks.all_ready(True) is False
    monkeypatch.setattr(utils, "process_allgather", lambda ready: np.asarray([ready]))
    assert hooks.all_ready(True) is True
    assert attempts._broadcast(1) == 11


def test_the_chief_alone_counts_tries_and_a_score_ends_the_count(tmp_path, monkeypatch):
    seen = []

    def hook(step, state, row):
        seen.append((step, state, row, attempts._read(tmp_path)))
        if state == "scored":
            attempts.record_once(tmp_path, lambda *row: None)(step, {"x": 1.0})

    limited = attempts.limit_tries(tmp_path, hook)
    limited(4, "failed", {"a": 1})
    assert seen.pop() == (4, "failed", {"a": 1}, {"step": 4, "tries": 1})
    assert attempts._read(tmp_path) == {"step": 4, "tries": 0}
    assert not attempts.is_owed(tmp_path, 4) and attempts.is_owed(tmp_path, 8)
    limited(8, "scored", {})
    assert attempts.read_scores(tmp_path, 8) == {"step": 8, "event": "scores", "x": 1.0}
    assert attempts.read_scores(tmp_path, 4) is None
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    limited(12, "failed", {})
    assert attempts._read(tmp_path)["step"] == 8 and seen[-1][0] == 12
    (tmp_path / attempts.FILE).write_text('{"step": 12, "tries": "many"}')
    limited(12, "failed", {})
    assert len(seen) == 3, "a damaged count is none"
    for tries, played in ((1, 4), (2, 4), (3, 4)):
        text = json.dumps({"step": 12, "tries": tries})
        (tmp_path / attempts.FILE).write_text(text)
        limited(12, "failed", {})
        assert len(seen) == played


def test_a_picture_of_images_of_images_shows_the_first_examples_that_there_are(
    tmp_path, monkeypatch
):
    read, source = [], load(Spec("ring"))

    def look(rows):
        read.append(rows.tolist())
        return source.read(rows)

    monkeypatch.setattr(hooks, "save_png", lambda image, path: None)
    monkeypatch.setattr(sampling, "conditions", lambda *given: None)
    modality = POINTS._replace(preview=lambda classes: 7)
    drawn = game()._replace(modality=modality, conditions=ImageToImage(lambda x: x))
    for length, rows in ((5, range(5)), (9, range(7))):
        some = source._replace(length=length, read=look)
        hooks.picture_hook(tmp_path, 0, compiled_of(print), drawn, some)
        assert read.pop() == [*rows]
