"""Runs from end to end: how they stop, what they begin with, what they leave behind."""

import json
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import nullcontext
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tensorboardX.proto.event_pb2 import Event

import ganjax
from ganjax import losses
from ganjax.core import GAN, Player, Regularizer, normal, pixels
from ganjax.data import Spec, load
from ganjax.errors import Interrupted, UsageError
from ganjax.evaluation import Features
from ganjax.evaluation.evaluator import no_scores
from ganjax.modalities import IMAGES, image_scores
from ganjax.models import mlp
from ganjax.regularizers import r1
from ganjax.run import training
from ganjax.run.evaluator import evaluator
from ganjax.store.workdir import locked
from tests.helpers.processes import environment, experiment, finished
from tests.helpers.runs import ADAM, args, found, game, train
from tests.helpers.states import apart, same


SECONDS = 120
IMAGES_OF = game()._replace(modality=IMAGES)  # only asked what its samples are


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training") / "run"
    return folder, train(folder)


def begun(folder, made):
    """The state with which a run starts from the weights of another."""
    return found(args(folder.parent / "next", init_from=str(folder)), made)


def test_a_run_starts_from_the_weights_of_another_of_its_kind(run):
    folder, last = run
    state = begun(folder, game())
    same(state.ema, last.ema)
    for player, theirs in ((state.g, last.g), (state.d, last.d)):
        same(player.params, theirs.params)
        assert max(apart(player.opt, theirs.opt).values()) > 0
    assert int(state.step) == 0 and not (folder.parent / "next" / "damaged").exists()


@pytest.mark.slow
def test_a_run_starts_from_the_weights_of_one_that_learned_otherwise(run, tmp_path):
    folder, last = run
    count = Regularizer(
        init=lambda: jnp.zeros(()), apply=lambda turn, seen: (0.0 * seen, seen + 1)
    )
    made = game(8, optax.rmsprop(1e-3), {"r1": r1(1.0), "count": count})
    flags = args(tmp_path / "next", init_from=str(folder))
    state = ganjax.train(made, "ring", flags.run, config=flags)
    assert int(state.d.memory["count"]) == 8
    start = begun(folder, made)
    same(start.d.params, last.d.params)
    same(start.g.params, last.g.params)


def test_a_folder_is_held_while_a_run_trains_there_and_let_go_at_its_end(run):
    folder, state = run
    with locked(folder):
        with pytest.raises(UsageError, match="Another process trains in"):
            train(folder)
    same(train(folder), state)
    with locked(folder):
        pass


def test_weights_of_another_shape_are_no_start(run):
    with pytest.raises(UsageError, match=r"float32\[8\] in it and float32\[9\] here"):
        begun(run[0], game(9))


def events(folder):
    """What TensorBoard would read: {name: {step: value}}."""
    found = {}
    for path in sorted((folder / "tensorboard").iterdir()):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += 12 + length + 4
            for value in event.summary.value:
                steps = found.setdefault(value.tag, {})
                assert event.step not in steps
                steps[event.step] = value.simple_value
    return found


def test_tensorboard_shows_the_numbers_that_the_metrics_hold(run):
    folder, _ = run
    rows = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    shown = events(folder)
    names = {name for row in rows for name in row} - {"step", "event"}
    assert shown.keys() == names and {"d/loss", "modes"} <= names
    for name in names:
        logged = {row["step"]: row[name] for row in rows if name in row}
        assert shown[name].keys() == logged.keys()
        np.testing.assert_allclose(
            list(shown[name].values()), list(logged.values()), rtol=1e-6
        )


@pytest.mark.slow
def test_tensorboard_forgets_what_was_played_twice(tmp_path):
    whole = train(tmp_path / "run", save_every=4)
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "8")
    same(train(tmp_path / "run", save_every=4), whole)
    assert sorted(events(tmp_path / "run")["d/loss"]) == [2, 4, 6, 8]


@pytest.mark.slow
def test_a_population_is_trained_resumed_loaded_and_reported(tmp_path):
    flags = {"seeds": 8, "save_every": 4, "sample_every": 4}
    whole = train(tmp_path / "whole", **flags)
    train(tmp_path / "half", **flags | {"steps": 4})
    same(train(tmp_path / "half", **flags), whole)
    rows = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    assert {len(json.loads(row)["g/loss"]) for row in rows if "g/loss" in row} == {8}
    member = ganjax.load(tmp_path / "whole", game=game(), member=3)
    same(member.state, jax.tree.map(lambda x: x[3], whole))
    alone = train(tmp_path / "alone", seed=3, devices="jit")
    assert max(apart(member.state, alone).values()) <= 1e-5
    page = (tmp_path / "whole" / "report.html").read_text()
    assert "8 seeds" in page and "<svg" in page and "dotted: real data" in page


@pytest.mark.slow
def test_images_with_classes_are_judged_by_a_classifier():
    judged = evaluator(Spec("digits"), IMAGES_OF)
    assert judged.headline.name.startswith("frechet/classifier")
    assert judged.reference == "held-out images"
    noise = np.random.default_rng(0).uniform(-1, 1, (judged.count, 8, 8, 1))
    train = load(Spec("digits")).read(np.arange(judged.count)).x
    train = np.asarray(pixels(train))
    real, poor = judged.score(train), judged.score(noise.astype(np.float32))
    headline = judged.headline.name
    assert real.keys() == poor.keys() and {"frechet/pixels", headline} <= {*real}
    assert poor[headline] > 5 * real[headline]
    bounds = judged.real_scores()
    assert bounds["frechet/pixels"] < poor["frechet/pixels"]


def test_what_is_seen_in_part_is_judged_by_its_pixels_alone():
    middle = lambda image: image[:, 1:-1, 1:-1]
    judged = evaluator(Spec("digits"), IMAGES_OF._replace(real=middle))
    assert judged.headline.name == "frechet/pixels"
    scores = judged.score(np.zeros((judged.count, 6, 6, 1), np.float32))
    assert all(name.endswith("/pixels") for name in scores)


def test_the_best_save_is_chosen_by_the_classifier_where_there_is_one(monkeypatch):
    corner = Features(
        "classifier-0", lambda image: image[:, 2:4, 2:4, 0].reshape(-1, 4)
    )
    made = SimpleNamespace(features=corner)
    monkeypatch.setattr(image_scores, "_classifier", lambda *_: made)
    judged = evaluator(Spec("digits"), IMAGES_OF)
    assert judged.headline.name == "frechet/classifier-0"
    scores = judged.score(np.zeros((judged.count, 8, 8, 1), np.float32))
    assert {"frechet/pixels", "frechet/classifier-0"} <= scores.keys()


def test_samples_are_compared_with_the_images_as_they_are_and_not_with_mirrored_ones():
    seen = []

    def look(*given, scratch):
        seen.extend(given)
        return no_scores(0)

    mine = IMAGES_OF._replace(modality=IMAGES._replace(evaluator=look))
    evaluator(Spec("digits", mirror=True), mine)
    assert load(Spec("digits", mirror=True)).length == 2 * 899
    assert [each.length for each in seen[:2]] == [899, 898]


RESUME = """
import pathlib, shutil, sys
from tests.helpers import runs
from ganjax.run.command import exit_on_error

for folder in map(pathlib.Path, sys.argv[1:]):
    with exit_on_error():
        state = runs.train(folder, save_every=4)
    assert int(state.step) == 8, folder
"""


def some_images(path, count, held_out=None):
    """An npz of images without classes, with the first `held_out` of them as test."""
    image = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 1), np.uint8)
    others = {} if held_out is None else {"image_test": image[:held_out]}
    np.savez(path, image=image, **others)
    return Spec(str(path), 4, 1)


@pytest.mark.parametrize(
    ("held_out", "why"),
    [
        (None, "none are held out"),
        (8, "only 8 are held out"),
        (30, "those held out are mostly training images too"),
    ],
)
def test_where_nothing_new_is_held_out_the_training_images_are_the_reference(
    held_out, why, tmp_path
):
    spec = some_images(tmp_path / "a.npz", 60, held_out)
    judged = evaluator(spec, IMAGES_OF)
    assert judged.reference == f"the training images, as {why}" and judged.count == 60
    scores = judged.score(np.zeros((60, 4, 4, 1), np.float32))
    assert judged.real_scores().keys() == scores.keys()
    assert not [name for name in scores if "copies" in name]


@pytest.mark.parametrize(("seen", "new"), [(14, True), (15, False), (20, False)])
def test_held_out_images_count_if_more_than_half_of_them_are_new(seen, new, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (100, 4, 4, 1), np.uint8)
    held_out = image[60 - seen : 90 - seen]
    np.savez(tmp_path / "a.npz", image=image[:60], image_test=held_out)
    judged = evaluator(Spec(str(tmp_path / "a.npz"), 4, 1), IMAGES_OF)
    assert (judged.reference == "held-out images") == new
    assert judged.count == (30 if new else 60)


@pytest.mark.slow
def test_too_few_images_to_score_still_train(tmp_path):
    spec = some_images(tmp_path / "a.npz", 6)
    net = mlp.Generator(shape=(4, 4, 1), width=8)
    made = ganjax.game(
        GAN(
            Player(net, ADAM),
            Player(mlp.Discriminator(width=8), ADAM),
            losses.hinge(),
            normal(2),
            ema=optax.constant_schedule(0.9),
        )
    )
    state = ganjax.train(made, spec, args(tmp_path / "run").run)
    assert int(state.step) == 8
    assert ganjax.load(tmp_path / "run", game=made).sample(2).shape == (2, 4, 4, 1)


@pytest.mark.slow
def test_no_file_of_a_save_is_beyond_damage(tmp_path):
    """Whichever is cut off, the run goes on from the save before, and says so calmly."""
    train(tmp_path / "run", save_every=4)
    last = tmp_path / "run" / "checkpoints" / "8"
    names = sorted(p.relative_to(tmp_path / "run") for p in last.rglob("*"))
    runs = []
    for name in names:
        if (tmp_path / "run" / name).is_file():
            runs.append(shutil.copytree(tmp_path / "run", tmp_path / str(len(runs))))
            data = (runs[-1] / name).read_bytes()
            (runs[-1] / name).write_bytes(data[: len(data) // 2])
    assert len(runs) >= 10
    command = [sys.executable, "-c", RESUME, *map(str, runs)]
    ended = finished(command, tmp_path, timeout=SECONDS)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr and "never" not in ended.stderr
    damaged = [run for run in runs if f"{run}/checkpoints/8 is damaged" in ended.stdout]
    assert len(damaged) >= 5, "some files hold nothing that is needed"
    assert all(f"{run}: resumes at step 4" in ended.stdout for run in damaged)


def test_a_run_that_stops_where_it_saves_saves_once(run, tmp_path, monkeypatch):
    folder, asked = tmp_path / "run", iter([False, *[True] * 9])
    with monkeypatch.context() as patch:
        stop = lambda: nullcontext(lambda: 15 * next(asked))
        patch.setattr(training, "catch_stop_signals", stop)
        with pytest.raises(Interrupted, match=r"is stopped at step 1 of 8, and saved"):
            train(folder, save_every=1)
    same(train(folder, save_every=1), run[1])


# Tests that run in the background may have been started to ignore some signals.
HEARING = """
import os, signal, sys

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1]
)
def test_a_run_that_is_asked_to_stop_saves_and_goes_on_later(number, tmp_path):
    run = tmp_path / "run"
    flags = ("--workdir", run, "--batch", 16, "--width", 8, "--log-every", 5)
    flags = (*flags, "--save-every", 10**8)
    process = subprocess.Popen(
        [sys.executable, "-c", HEARING, *experiment("ring", *flags, "--steps", 10**8)],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    started = time.monotonic()
    while not (run / "metrics.jsonl").exists():
        assert process.poll() is None and time.monotonic() - started < SECONDS
        time.sleep(0.01)
    process.send_signal(number)
    try:
        said, complained = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 128 + number and "Traceback" not in complained
    step = max(int(path.name) for path in (run / "checkpoints").iterdir())
    assert f"is stopped at step {step} of {10**8}, and saved" in complained
    assert json.loads((run / "status.json").read_text())["state"] == "stopped"
    assert int(ganjax.load(run).state.step) == step
    if number != signal.SIGTERM:
        return  # what goes on is the save, in which no signal is left
    ended = finished(
        experiment("ring", *flags, "--steps", step + 5),
        tmp_path,
        check=True,
        timeout=SECONDS,
    )
    assert f"resumes at step {step}" in ended.stdout
    assert int(ganjax.load(run).state.step) == step + 5


def test_a_judge_also_sees_by_features_that_are_given(monkeypatch):
    monkeypatch.setattr(image_scores, "MIN_LABELED", 10**9)
    mine = Features("corner", lambda image: image[:, 2:4, 2:4, 0].reshape(-1, 4))
    judged = evaluator(Spec("digits"), IMAGES_OF, mine)
    assert judged.headline.name == "frechet/pixels"
    real = np.asarray(pixels(load(Spec("digits")).read(np.arange(judged.count)).x))
    scores = judged.score(real)
    assert {"frechet/pixels", "frechet/corner", "coverage/corner"} <= set(scores)
    with pytest.raises(UsageError, match="scored by its modes"):
        evaluator(Spec("ring"), game(), mine)
