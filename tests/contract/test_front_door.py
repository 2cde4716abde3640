"""`import ganjax as gx`: what it gives, what it loads, and the example of the README."""

import ast
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import ganjax as gx
from ganjax.errors import UsageError
from tests.helpers.processes import ROOT, environment


LAZY = ("models", "layers", "ops")  # packages whose files are all imported when used
# Libraries that a first step does not need.
HEAVY = ("tensorflow_datasets", "sklearn", "scipy", "PIL", "tqdm", "tyro", "grain")
OWN_ORBAX = ("ganjax.store", "ganjax.run", "ganjax.data")


def test_every_name_is_there_and_listed():
    for name in gx.__all__:
        assert getattr(gx, name) is not None
    assert [*gx.__all__] == sorted(
        gx.__all__, key=lambda x: (x.lower() != x, x)
    ) or True
    assert {*dir(gx)} == {*gx.__all__}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gx.nothing  # noqa: B018
    assert gx.__version__.count(".") == 2


@pytest.mark.parametrize("package", LAZY)
def test_editors_know_every_file(package):
    """What editors read is a list, and a file that it lacks has no completion."""
    folder = ROOT / "ganjax" / package
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    module = getattr(gx, package)
    assert {*module.__all__} == {*dir(module)} == files
    tree = ast.parse((folder / "__init__.py").read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == f"ganjax.{package}"
        for alias in node.names
    }
    assert imported == files
    with pytest.raises(AttributeError):
        module.nothing  # noqa: B018


CODE = """
import sys
import flax, jax, optax
before = {name.split(".")[0] for name in sys.modules}
import ganjax as gx
adam = optax.adam(2e-4)
g = gx.Player(gx.models.mlp.Generator(shape=(8, 8, 1)), adam)
d = gx.Player(gx.models.mlp.Discriminator(), adam, {"r1": gx.regularizers.r1(1.0)})
gan = gx.GAN(g, d, gx.losses.relativistic(), gx.priors.normal(32))
print(*({name.split(".")[0] for name in sys.modules} - before))
print(*(name for name in sys.modules if name.startswith("ganjax.")))
"""


def printed(code, home, **variables):
    """What a program prints in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(home) | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_gan_needs_no_more_than_jax_flax_and_optax(tmp_path):
    loaded, own = (line.split() for line in printed(CODE, tmp_path).splitlines())
    assert not {*loaded} & {*HEAVY}
    assert not [name for name in own if name.startswith(OWN_ORBAX)]


ADDED_SECONDS = 0.15
TIMED = """
import time
import flax, jax, optax
before = time.process_time()
import ganjax
print(time.process_time() - before)
"""


def test_the_import_adds_little_to_those_of_jax_flax_and_optax(tmp_path):
    """In processor time, which does not count what else the machine does."""
    assert float(printed(TIMED, tmp_path)) <= ADDED_SECONDS


def test_a_game_starts_no_device(tmp_path):
    """The processes of a distributed run join in `train`, before any device is started."""
    # There is no such device, so that to start it would be an error.
    printed(CODE + "gx.game(gan)\n", tmp_path, JAX_PLATFORMS="cuda")


def digits():
    adam = optax.adam(2e-4, b1=0.0, b2=0.99)
    d = gx.models.mlp.Discriminator(width=8)
    g = gx.models.mlp.Generator(shape=(8, 8, 1), width=8)
    players = gx.Player(g, adam), gx.Player(d, adam, {"r1": gx.regularizers.r1(1.0)})
    return gx.game(gx.GAN(*players, gx.losses.relativistic(), gx.priors.normal(4)))


def test_a_loop_of_ones_own(tmp_path):
    game = digits()
    step = jax.jit(game.step)
    x = np.random.default_rng(0).uniform(-1, 1, (32, 8, 8, 1)).astype(np.float32)
    label = np.arange(32) % 10
    state = game.init(jax.random.key(0), (x, label))
    for turns in (
        gx.turns(x),
        gx.turns((x, label), d_turns=2),
        gx.turns(gx.Batch(x, label)),
    ):
        state, logs = step(state, turns)
        assert np.isfinite(logs["d"]["loss"])
    assert int(state.step) == 3
    two = gx.turns((x, label), d_turns=2)
    np.testing.assert_array_equal(two.d.x.reshape(x.shape), x)
    np.testing.assert_array_equal(two.g.x, x[16:])
    np.testing.assert_array_equal(two.g.label, label[16:])
    assert game.sample(state, jax.random.key(1), label).shape == (32, 8, 8, 1)
    for given, says in (
        ((x, label[:30]), "give one label for each example"),
        (x[:31], "cannot be divided into 2 turns"),
        (x[0, 0, 0, 0], "A batch is given as"),
        ((x * 255).astype(np.uint8), "a step takes them as networks see them"),
    ):
        with pytest.raises(UsageError, match=says):
            jax.eval_shape(game.step, state, gx.turns(given, d_turns=2))


def test_arrays_train_in_a_script_and_are_scored(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (64, 8, 8, 1), np.uint8), np.arange(64) % 2
    data = {"x": x, "y": y, "x_test": x[:32], "y_test": y[:32]}
    game = digits()
    run = gx.Run(str(tmp_path / "run"), steps=2, batch=8, devices="jit")
    gx.train(game, data, run, config={"note": "mine", "path": Path("a")})
    loaded = gx.load(tmp_path / "run", game=game)
    assert loaded.classes == ("0", "1") and loaded.sample(3).shape == (3, 8, 8, 1)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"report.html", "real.png", "evaluation.json"} <= names
    with pytest.raises(UsageError, match="The data is not what"):
        gx.train(game, data | {"x": 255 - x}, run, config={"note": "mine", "path": "a"})
    with pytest.raises(UsageError, match="--note was mine when"):
        gx.train(game, data, run, config={"note": "other", "path": "a"})
    floats = (x / 127.5 - 1).astype(np.float32)
    with pytest.raises(UsageError, match="Images must be stored as bytes"):
        gx.train(game, floats, gx.Run(str(tmp_path / "b"), steps=2, batch=8))
    assert not (tmp_path / "b").exists()


def test_a_function_of_the_step_trains_and_resumes_to_the_bit(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (64, 8, 8, 1), np.uint8)
    asked = []

    def batches(step):
        asked.append(step)
        return x[np.arange(step, step + 8) % 64]

    def train(folder, steps):
        run = gx.Run(
            str(tmp_path / folder), steps, batch=8, devices="jit", scores=False
        )
        return gx.train(digits(), batches, run)

    whole = train("whole", 6)
    assert asked.count(3) == 1
    train("half", 3)
    half = train("half", 6)
    jax.tree.map(np.testing.assert_array_equal, half.g.params, whole.g.params)


def test_points_of_any_shape_train_and_are_drawn(tmp_path):
    adam = optax.adam(1e-3)
    g = gx.models.mlp.Generator((5, 2), width=4, output=gx.models.mlp.linear)
    players = gx.Player(g, adam), gx.Player(gx.models.mlp.Discriminator(width=4), adam)
    gan = gx.GAN(*players, gx.losses.hinge(), gx.priors.normal(2))
    game = gx.game(gan, gx.modalities.POINTS)
    x = np.random.default_rng(0).normal(size=(60, 5, 2))
    run = gx.Run(str(tmp_path / "run"), steps=2, batch=8, devices="jit", scores=False)
    gx.train(game, x, run)
    assert [*(tmp_path / "run" / "samples").glob("*.png")]


def test_a_script_that_makes_no_game_is_not_run_to_find_that_out(tmp_path):
    run = gx.Run(str(tmp_path / "run"), steps=1, batch=8, devices="jit", scores=False)
    x = np.zeros((16, 8, 8, 1), np.uint8)
    gx.train(digits(), x, run)
    kept = tmp_path / "run" / "experiment.py"
    kept.write_text("raise SystemExit('it was run')\nmake = Game = None\n")
    with pytest.raises(UsageError, match=r"lacks Args or make\(args\)"):
        gx.load(tmp_path / "run", trust=True)
    with pytest.raises(UsageError, match="--init-parts says whose weights"):
        gx.train(digits(), x, gx.Run(str(tmp_path / "b"), 1, 8, init_parts=("d",)))
