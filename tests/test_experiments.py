"""Every experiment, unasked: it trains, resumes, and plays alike on one device or many."""

import dataclasses
import importlib.util
import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ganjax
from ganjax import gan
from ganjax.run import folder as folders, judge
from ganjax.step import d_turn, g_turn
from tests.support import apart, arrays, same, some


FOLDER = Path(__file__).parents[1] / "experiments"
PATHS = sorted(FOLDER.glob("*.py"))


@pytest.fixture(autouse=True, scope="module")
def quick_scores():
    """No classifier and few samples: both have their own tests and take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "LABELLED", 10**9)
        patch.setattr(judge, "COUNTED", 500)
        yield


@pytest.fixture(params=some(PATHS, lambda path: path.stem), scope="module")
def experiment(request):
    path = request.param
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run(experiment, tmp_path_factory):
    """The tiny run, played to its end with a save halfway: its folder and last state."""
    folder = tmp_path_factory.mktemp(experiment.__name__) / "run"
    args = tiny(experiment, workdir=str(folder), devices=layout(experiment))
    return folder, experiment.main(args)


def place(experiment) -> int:
    return PATHS.index(Path(experiment.__file__))


def layout(experiment) -> str:
    """Of the tiny run: every other experiment plays with replicas."""
    return ("shard", "pmap")[place(experiment) % 2]


def tiny(experiment, **changes):
    changes = {"log_every": 1, "sample_every": 2, "save_every": 2, **changes}
    args = experiment.TINY
    return dataclasses.replace(args, run=dataclasses.replace(args.run, **changes))


def test_it_says_what_it_is(experiment):
    assert experiment.__doc__.strip().splitlines()[0].endswith((".", ":"))
    assert experiment.Args().run.workdir == f"runs/{experiment.__name__}"


def test_it_trains_and_leaves_a_whole_run(experiment, run):
    folder, state = run
    assert int(state.step) == experiment.TINY.run.steps
    text = (folder / "metrics.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    logged = [row["step"] for row in rows if any("loss" in name for name in row)]
    assert logged == [1, 2, 3, 4]
    assert all(np.isfinite(list(row.values())).all() for row in rows)
    assert any("frechet" in name for name in rows[-1])
    assert {p.name for p in (folder / "samples").iterdir()} == {
        "000000002.png",
        "000000004.png",
    }
    assert json.loads((folder / "status.json").read_text())["state"] == "finished"
    assert (folder / "report.html").stat().st_size > 5_000


def test_it_learns_on_both_sides(experiment, run):
    game = experiment.make(experiment.TINY)
    folder, state = run
    shapes = folders.shapes_of(folders.read(folder), gan.Turns(*[gan.Batch(0, 0)] * 2))
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    first = jax.jit(game.init)(jax.random.key(experiment.TINY.run.seed), zeros)
    moved = apart(first, state)
    kernels = {path: by for path, by in moved.items() if "'kernel'" in path}
    assert min(by for path, by in kernels.items() if "params" in path) > 0


@pytest.mark.slow
def test_a_resumed_run_is_the_same_to_the_bit(experiment, run, tmp_path):
    folder, state = run
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    shutil.rmtree(again / "checkpoints" / "4")
    args = tiny(experiment, workdir=str(again), devices=layout(experiment))
    resumed = experiment.main(args)
    same(resumed, state)
    for name in ("metrics.jsonl", "samples/000000004.png", "animation.webp"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_it_is_loaded_and_sampled_without_being_told_anything(run):
    folder, state = run
    loaded = ganjax.load(folder)
    same(loaded.state, state)
    samples = loaded.sample(3)
    assert samples.shape[0] == 3 and np.isfinite(samples).all()
    np.testing.assert_array_equal(samples[:2], loaded.sample(3)[:2])


@pytest.mark.slow
def test_it_plays_the_same_however_the_devices_share_it(experiment, run, tmp_path):
    """Every fourth experiment, by turns on one device and with a divided state."""
    if place(experiment) % 4:
        pytest.skip("the compiler sees to it, as tests of `parallel` show")
    other = ("jit", "fsdp")[place(experiment) // 4 % 2]
    args = tiny(experiment, workdir=str(tmp_path / "run"), devices=other)
    state = experiment.main(args)
    size = {path: np.abs(x).max(initial=1.0) for path, x in arrays(run[1]).items()}
    gaps = apart(state, run[1])
    assert max(gaps[path] / size[path] for path in gaps) <= 1e-5  # float32 at best


@pytest.mark.slow
def test_it_plays_by_both_views(experiment, tmp_path):
    """From above and with replicas, what is a game of its own; `GANJAX_VIEWS=all`, any."""
    of_its_own = not isinstance(experiment.make(experiment.TINY).step, partial)
    if not of_its_own and os.environ.get("GANJAX_VIEWS") != "all":
        pytest.skip("the step of a GAN is the same for all: see tests of `parallel`")
    other = {"shard": "pmap", "pmap": "shard"}[layout(experiment)]
    args = tiny(experiment, workdir=str(tmp_path / "run"), devices=other)
    state = experiment.main(args)
    assert all(np.isfinite(x).all() for x in arrays(state).values())


@pytest.mark.slow
def test_each_turn_leaves_the_other_player_alone(experiment, run):
    """By the program of a turn, in which what is not moved comes out as it went in."""
    step, (folder, state) = experiment.make(experiment.TINY).step, run
    if not isinstance(step, partial):
        pytest.skip(
            "a game of its own moves its players by `games.table`, tested there"
        )
    players, *_ = step.args
    shapes = folders.shapes_of(folders.read(folder), gan.Turns(*[gan.Batch(0, 0)] * 2))
    feed = jax.eval_shape(lambda: state.key), shapes.g
    names = arrays(state)
    for turn, own, other in ((d_turn, "d", "g"), (g_turn, "g", "d")):
        program = jax.make_jaxpr(partial(turn, players, gan.ONE))(state, feed).jaxpr
        pairs = zip(names, program.invars, program.outvars, strict=False)
        still = {name: before is after for name, before, after in pairs}
        assert all(still[name] for name in names if name.startswith(f".{other}."))
        params = [still[name] for name in names if name.startswith(f".{own}.params")]
        assert params and not any(params)
