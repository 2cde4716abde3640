"""Every experiment, unasked: it trains, resumes, and plays alike on one device or many."""

import dataclasses
import functools
import importlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ganjax
from ganjax import GAN, core, parallel
from ganjax.core import d_turn, g_turn
from ganjax.data import stacked
from ganjax.loop import flatten_logs
from ganjax.modalities import image_scores, images, text_scores
from ganjax.report.record import read_record
from ganjax.run import sampling, training
from ganjax.store import metrics
from tests.helpers.abstract import captured, leave_masks_blank, seen, zeros
from tests.helpers.marks import some
from tests.helpers.processes import EXPERIMENTS
from tests.helpers.states import apart, arrays, same


NAMES = sorted(path.stem for path in EXPERIMENTS.glob("*.py"))
PLAYED = {"ring", "dcgan"}  # by `make test`, which traces all others without compiling
DRAWN = 20  # samples at once, a multiple of the classes of digits
SHARED = {"biggan": "shard", "mlp": "fsdp", "ring": "shard"}  # played so, too


@pytest.fixture(autouse=True, scope="module")
def quick_scores():
    """No classifier and few samples: both have their own tests and take seconds.

    Pictures and scores draw equally many samples at once, so that one program makes both.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_scores, "MIN_LABELED", 10**9)
        patch.setattr(stacked, "NUM_COUNTED", DRAWN)
        patch.setattr(stacked, "MAX_COMPARED", DRAWN)
        patch.setattr(image_scores, "MAX_COMPARED", DRAWN)
        patch.setattr(text_scores, "MAX_COMPARED", DRAWN)
        patch.setattr(images, "PREVIEW", DRAWN)
        patch.setattr(sampling, "CHUNK", DRAWN)
        yield


@pytest.fixture(
    params=some(NAMES, quick=lambda _, name: name in PLAYED), scope="module"
)
def experiment(request):
    yield importlib.import_module(request.param)
    jax.clear_caches()  # or the programs of all experiments would add up


@pytest.fixture(scope="module")
def compiled_once(experiment):
    """What is played again by the same devices is the same program, compiled before.

    A process of its own that finds its program on the disk is in `tests/system`.
    """
    made = {}

    def compile_game(run, game, stream):
        if run.devices not in made:
            made[run.devices] = compile_anew(run, game, stream)
        return made[run.devices]

    compile_anew = training.compile_game
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "compile_game", compile_game)
        yield


@pytest.fixture(scope="module")
def run(experiment, compiled_once, tmp_path_factory):
    """The tiny run, played to its end with a save halfway: its folder and last state."""
    folder = tmp_path_factory.mktemp(experiment.__name__) / "run"
    args = tiny(experiment, workdir=str(folder), devices=layout(experiment.__name__))
    return folder, experiment.main(args)


@pytest.fixture(scope="module")
def halfway(run, tmp_path_factory):
    """The folder of the same run as it was when it had saved for the first time."""
    folder, _ = run
    half = Path(shutil.copytree(folder, tmp_path_factory.mktemp("half") / "run"))
    shutil.rmtree(half / "checkpoints" / "4")
    return half


@functools.cache
def kind(name: str) -> str:
    """Where the step of an experiment's game is written."""
    experiment = importlib.import_module(name)
    step = experiment.make(experiment.TINY).step
    while isinstance(step, functools.partial):
        step = step.func
    return step.__module__


def layout(name: str) -> str:
    """Of the tiny run: one of each kind of game plays with replicas, all others alone.

    What replicas agree on is up to the game.
    """
    alike = [other for other in NAMES if kind(other) == kind(name)]
    first = min(alike, key=lambda other: other not in PLAYED)
    return "pmap" if name == first else "jit"


def tiny(experiment, **changes):
    changes = {"log_every": 1, "sample_every": 2, "save_every": 2, **changes}
    args = experiment.TINY
    return dataclasses.replace(args, run=dataclasses.replace(args.run, **changes))


class Traced(NamedTuple):
    """An experiment's tiny game, and the shapes of a step: what goes in and comes out."""

    module: Any
    gans: list[GAN]  # that its game is made of; none where it is another kind of game
    turns: Any
    state: Any
    after: Any
    logs: Any


@pytest.fixture(params=NAMES, scope="module")
def traced(request):
    module = importlib.import_module(request.param)
    with pytest.MonkeyPatch.context() as patch:
        leave_masks_blank(patch)
        gans = recorded(patch)
        game, _, stored = captured(module, module.TINY)
        turns = seen(game, stored)
        state = jax.eval_shape(lambda: game.init(jax.random.key(0), zeros(turns)))
        after, logs = jax.eval_shape(game.step, state, turns)
        yield Traced(module, gans, turns, state, after, logs)


def recorded(patch: pytest.MonkeyPatch) -> list[GAN]:
    """Every `GAN` that an experiment will make."""
    made = []

    def record(*args, **kwargs):
        made.append(GAN(*args, **kwargs))
        return made[-1]

    patch.setattr(ganjax, "GAN", record)
    return made


def test_it_says_what_it_is(traced):
    module = traced.module
    assert module.__doc__.strip().splitlines()[0].endswith((".", ":"))
    assert module.Args().run.workdir == f"runs/{module.__name__}"


def test_a_step_keeps_the_form_of_the_state_and_logs_scalars(traced):
    before, after = traced.state, traced.after
    assert jax.tree.structure(after) == jax.tree.structure(before)
    pairs = zip(jax.tree.leaves(after), jax.tree.leaves(before), strict=True)
    assert all((a.shape, a.dtype) == (b.shape, b.dtype) for a, b in pairs)
    assert all(x.shape == () for x in jax.tree.leaves(traced.logs))


def test_logs_are_named_by_player_and_term_and_each_player_that_moves_has_a_loss(
    traced,
):
    names = flatten_logs(jax.tree.map(lambda x: jnp.zeros(x.shape), traced.logs))
    assert all(re.fullmatch(r"[a-z_]+/[a-z0-9_]+", name) for name in names)
    players = {name.split("/")[0] for name in names}
    assert "g" in players
    assert all(f"{player}/loss" in names for player in players)


def test_each_turn_leaves_the_other_player_alone(traced):
    """By the program of a turn, in which what is not moved comes out as it went in."""
    state, turns = traced.state, traced.turns
    if not traced.gans:
        pytest.skip(
            "a game of its own moves its players by `games.multiplayer`, tested there"
        )
    (players,) = traced.gans
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(state)]
    names = [jax.tree_util.keystr(path) for path in paths]
    batch = {"g": turns.g, "d": jax.tree.map(_first, turns.d)}
    for turn, own, other in ((d_turn, "d", "g"), (g_turn, "g", "d")):
        feed = state.key, batch[own]
        program = jax.make_jaxpr(functools.partial(turn, players, core.ONE))(
            state, feed
        ).jaxpr
        pairs = zip(names, program.invars, program.outvars, strict=False)
        still = {name: before is after for name, before, after in pairs}
        assert all(still[name] for name in names if name.startswith(f".{other}."))
        params = [still[name] for name in names if name.startswith(f".{own}.params")]
        assert params and not any(params)


def _first(x):
    return jax.ShapeDtypeStruct(x.shape[1:], x.dtype)


def test_it_trains_and_leaves_a_whole_run(experiment, run):
    folder, state = run
    assert int(state.step) == experiment.TINY.run.steps
    everywhere = layout(experiment.__name__) == "pmap"
    devices = {len(x.devices()) for x in jax.tree.leaves(state)}
    assert devices == {jax.device_count() if everywhere else 1}
    text = (folder / "metrics.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    logged = [row["step"] for row in rows if row["event"] == "training"]
    assert logged == [1, 2, 3, 4]
    assert all(np.isfinite(list(metrics.values(row).values())).all() for row in rows)
    page = (folder / "report.html").read_text()
    assert "Training curves" in page and "Scores over time" in page
    told = read_record(folder)
    assert any(name.endswith("/loss") for name in told.training)
    assert told.scores and told.headline
    assert told.scores.keys() == told.metrics.keys() and told.headline in told.scores
    assert not told.training.keys() & told.scores.keys()
    assert told.headline in rows[-1]
    assert {p.name for p in (folder / "samples").glob("*.png")} == {
        "000000002.png",
        "000000004.png",
    }
    assert json.loads((folder / "status.json").read_text())["state"] == "finished"
    assert (folder / "report.html").stat().st_size > 5_000


def test_it_learns_on_both_sides(run, halfway):
    """Every kernel moves between the two saves."""
    moved = apart(ganjax.load(halfway).state, run[1])
    kernels = {path: by for path, by in moved.items() if "'kernel'" in path}
    assert min(by for path, by in kernels.items() if "params" in path) > 0


@pytest.mark.slow
def test_a_resumed_run_is_the_same_to_the_bit(experiment, run, halfway, tmp_path):
    folder, state = run
    again = Path(shutil.copytree(halfway, tmp_path / "again"))
    args = tiny(experiment, workdir=str(again), devices=layout(experiment.__name__))
    resumed = experiment.main(args)
    same(resumed, state)
    for name in ("metrics.jsonl", "samples/000000004.png", "animation.webp"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    program = lambda run: json.loads((run / "run.json").read_text())["program"]
    assert program(again) == program(folder), "made anew it is another game"


def test_it_is_loaded_and_sampled_without_being_told_anything(run):
    folder, state = run
    loaded = ganjax.load(folder)
    same(loaded.state, state)
    samples = loaded.sample(DRAWN)
    assert samples.shape[0] == DRAWN and np.isfinite(samples).all()
    np.testing.assert_array_equal(samples, loaded.sample(DRAWN))


@pytest.mark.slow
def test_it_plays_the_same_however_the_devices_share_it(
    experiment, run, tmp_path, monkeypatch
):
    """Some experiments, on many devices with a whole or a divided state as on one."""
    other = SHARED.get(experiment.__name__)
    if not other:
        pytest.skip("the compiler sees to it, as tests of `parallel` show")
    assert layout(experiment.__name__) == "jit"
    divided = functools.partial(parallel.fsdp, smallest=64)  # no tiny array is large
    monkeypatch.setattr(parallel, "fsdp", divided)
    args = tiny(experiment, workdir=str(tmp_path / "run"), devices=other)
    state = experiment.main(args)
    split = [x for x in jax.tree.leaves(state) if not x.is_fully_replicated]
    assert bool(split) == (other == "fsdp")
    size = {path: np.abs(x).max(initial=1.0) for path, x in arrays(run[1]).items()}
    gaps = apart(state, run[1])
    assert max(gaps[path] / size[path] for path in gaps) <= 1e-5  # float32 at best


def test_one_experiment_of_each_kind_plays_with_replicas():
    played = {kind(name): name for name in NAMES if layout(name) == "pmap"}
    games = {"paired", "inpainting"}
    own = {"cut", "cyclegan", "progressive"}
    kinds = {"ganjax.core.step", *(f"ganjax.games.{name}" for name in games), *own}
    assert played.keys() >= kinds
    assert played["ganjax.core.step"] in PLAYED


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("GANJAX_VIEWS") != "all", reason="takes long")
def test_it_plays_by_every_view(experiment, compiled_once, tmp_path):
    for view in {"jit", "shard", "pmap"} - {layout(experiment.__name__)}:
        args = tiny(experiment, workdir=str(tmp_path / view), devices=view)
        state = experiment.main(args)
        assert all(np.isfinite(x).all() for x in arrays(state).values())
