"""A run as a thing to use: its game, its state, its samples."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

import ganjax
from ganjax import checkpoint
from ganjax.errors import Mistake
from ganjax.games.tracked import Tracked, reconstruct, tracked
from ganjax.gan import Batch, Game, PyTree, Turns, by_class
from ganjax.run import args as arguments, folder as folders, sampling


WEIGHTS = ("params", "stats", "ema")  # the fields of a state that hold networks


class Loaded(NamedTuple):
    """A run from disk. Of a population it is one member."""

    game: Game
    state: PyTree
    classes: tuple[str, ...]
    sample: Callable[..., np.ndarray]  # (n, label=None, seed=0) -> [n, ...] in -1..1
    answer: Callable[
        ..., np.ndarray
    ]  # (asked, seed=0) -> the same, of `Game.ask`'s kind


def load(
    run: str | Path,
    *,
    game: Game | None = None,
    best: bool = False,
    member: int = 0,
    trust: bool = False,
    std: float = 0.0,
) -> Loaded:
    """The newest save of a run, or the one with the best score, ready to be sampled.

    The game is made by the run's own experiment file, which is read only if it is equal
    to one that is present here or if `trust` is given; or hand in the `game`. With `std`
    G is the average of that length, made of those that the run tracked. Raises a
    `Mistake` where there is no run, no save, no trust, or no such average.
    """
    folder = Path(run).expanduser()
    manifest = folders.read(folder)
    game, stds = game or game_of(folder, manifest, trust), _stds(manifest)
    game = tracked(game, stds) if stds else game
    like = _abstract(game, manifest)
    saves = checkpoint.open_saves(folder / "checkpoints", read_only=True)
    step = checkpoint.best_step(saves) if best else None
    state = checkpoint.restore(saves, like, _warn, step=step)
    if state is None:
        raise Mistake(f"{folder} has no save yet; let it train until its first one.")
    seeds = manifest["args"]["run"]["seeds"]
    one = lambda tree: jax.tree.map(lambda x: x[member], tree) if seeds > 1 else tree
    state = one(state)
    if std and not stds:
        raise Mistake(f"{folder} has no averages but its own: it had no --track.")
    if std:
        state = reconstruct(state, _kept(folder, like.averages, one), stds, std)
    classes = tuple(manifest["classes"])
    draw = jax.jit(game.sample)
    each = lambda *args: np.asarray(draw(*args))[None]

    def answer(asked: PyTree, seed: int = 0) -> np.ndarray:
        """A sample for each row asked for."""
        return sampling.draw(each, state, sampling.ASKED, asked, seed)[0]

    def sample(n: int, label: int | None = None, seed: int = 0) -> np.ndarray:
        """`n` samples, of every class in turn or of class `label`; `seed` picks them.

        Where images are made of images, of the first that are held out.
        """
        if label is None:
            spec = folders.spec_of(manifest)
            return answer(sampling.asked(game, spec, n, len(classes)), seed)
        _check_label(label, classes)
        _check_heeds(each, state, game)
        return answer(np.full(n, label, np.int32), seed)

    return Loaded(game, state, classes, sample, answer)


def game_of(folder: Path, manifest: dict[str, Any], trust: bool = False) -> Game:
    """The game of a run, made by its experiment with its arguments."""
    module = experiment(folder, manifest, trust)
    if not (hasattr(module, "make") and hasattr(module, "Args")):
        raise Mistake(
            f"{folder / folders.EXPERIMENT} has no Args and no make(args), which would "
            "make its game; hand the game to ganjax.load(run, game=...)."
        )
    return module.make(arguments.restore(module.Args, manifest["args"]))


def experiment(folder: Path, manifest: dict[str, Any], trust: bool) -> ModuleType:
    """The experiment's module, run only if its code is known here or trusted."""
    path = folder / folders.EXPERIMENT
    if not path.exists():
        raise Mistake(
            f"{folder} was begun in a notebook, so it has no experiment file; hand the "
            "game to ganjax.load(run, game=...)."
        )
    known = {folders.digest(p) for p in _present() if folder.resolve() not in p.parents}
    if folders.digest(path) not in known and not trust:
        raise Mistake(
            f"{path} is code that is not known here; read it, and if you trust it, give "
            "--trust (in Python, trust=True)."
        )
    name = f"ganjax_run_{manifest['experiment']}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def borrow(run: Path, state: PyTree) -> PyTree:
    """`state` with the weights and statistics of the newest save of another run.

    Step, keys, optimizers and memories stay new, and may be of another kind; averages
    that are tracked begin anew. Raises a `Mistake` if the networks of the two differ.
    """
    if isinstance(state, Tracked):
        return replace(state, game=borrow(run, state.game))
    within = bool(_stds(folders.read(run)))
    like = {"game": _weights(state)} if within else _weights(state)
    saves = checkpoint.open_saves(run / "checkpoints", read_only=True)
    found = checkpoint.restore(saves, like, _warn, part=True)
    if found is None:
        raise Mistake(f"--init-from {run} has no save yet.")
    return _wearing(state, found["game"] if within else found)


def _stds(manifest: dict[str, Any]) -> list[float]:
    return manifest["args"]["run"].get("track", [])


def _kept(
    folder: Path, like: PyTree, one: Callable[[PyTree], PyTree]
) -> dict[int, Callable[[], PyTree]]:
    """How each whole one of the averages that were kept is read, once more."""
    saves = checkpoint.open_saves(
        folder / folders.AVERAGES, read_only=True, keep_all=True
    )
    read = lambda step: checkpoint.read(saves, step, like, _warn)
    steps = sorted(saves.orbax.all_steps())
    whole = [step for step in steps if read(step) is not None]
    return {step: lambda step=step: one(read(step)) for step in whole}


def _weights(state: PyTree) -> dict[str, PyTree]:
    """The weights and statistics alone, as dictionaries named like the state's fields."""
    found = {}
    for field in fields(state) if is_dataclass(state) else ():
        value = getattr(state, field.name)
        found[field.name] = value if field.name in WEIGHTS else _weights(value)
    return {name: value for name, value in found.items() if jax.tree.leaves(value)}


def _wearing(state: PyTree, weights: dict[str, PyTree]) -> PyTree:
    one = lambda name, x: x if name in WEIGHTS else _wearing(getattr(state, name), x)
    return replace(state, **{name: one(name, x) for name, x in weights.items()})


def _abstract(game: Game, manifest: dict[str, Any]) -> PyTree:
    batch = Batch(0, 0)
    shapes = folders.shapes_of(manifest, Turns(batch, batch))
    zeros = lambda: jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    one = lambda seed: game.init(jax.random.key(seed), zeros())
    seeds = manifest["args"]["run"]["seeds"]
    many = lambda: jax.vmap(one)(np.arange(seeds)) if seeds > 1 else one(0)
    here = SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here),
        jax.eval_shape(many),
    )


def _present() -> list[Path]:
    shelves = Path(ganjax.__file__).parents[1] / "experiments", Path("experiments")
    return [path.resolve() for shelf in shelves for path in shelf.glob("*.py")]


def _check_label(label: int, classes: tuple[str, ...]) -> None:
    if not classes:
        raise Mistake(f"--label {label}: this run has no classes; leave it out.")
    if not 0 <= label < len(classes):
        raise Mistake(
            f"--label {label} is no class of this run; give 0 to {len(classes) - 1}."
        )


def _check_heeds(sample: Callable, state: PyTree, game: Game) -> None:
    if game.ask is not by_class:
        raise Mistake("This run makes images of images; leave out --label.")
    key = jax.random.key(0)
    zero, one = (sample(state, key, np.asarray([label], np.int32)) for label in (0, 1))
    if np.array_equal(zero, one):
        raise Mistake(
            "This run's generator was not told of classes; leave out --label."
        )


def _warn(sentence: str) -> None:
    print(sentence, file=sys.stderr)
