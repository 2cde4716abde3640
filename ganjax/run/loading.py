"""A run as a thing to use: its game, its state, its samples."""

import os
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

from ganjax import checkpoint
from ganjax.errors import Mistake
from ganjax.games.tracked import Tracked, reconstruct, tracked
from ganjax.gan import Batch, Game, PyTree, Turns, by_class
from ganjax.run import args as arguments, code, folder as folders, sampling
from ganjax.run.sentences import mendable, need_device
from ganjax.run.terminal import warn


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
    data: str | Path = "",
) -> Loaded:
    """The newest save of a run, or the one with the best score, ready to be sampled.

    The game is made by the run's own code of that save, which is read only if it is known
    here (see `ganjax.run.code`) or if `trust` is given; or hand in the `game`. With `std` G
    is the average of that length, made of those that the run tracked. `data` says where the
    data lies now, if it has moved. Raises a `Mistake` where there is no run, no save, no
    trust, no such member or no such average.
    """
    with mendable():
        if not isinstance(run, str | os.PathLike):
            raise Mistake(f"The run is given as {run!r}: give the folder of a run.")
        member = _whole("--member", member, -(2**31))
        return _load(Path(run).expanduser(), game, best, member, trust, std, str(data))


def _load(
    folder: Path,
    game: Game | None,
    best: bool,
    member: int,
    trust: bool,
    std: float,
    data: str,
) -> Loaded:
    manifest = folders.read(folder)
    need_device()
    seeds = folders.seeds_of(manifest)
    _check_member(member, seeds)
    if data:
        manifest["data"]["where"] = data
    saves = checkpoint.open_saves(folder / folders.CHECKPOINTS, read_only=True)
    step = checkpoint.best_step(saves) if best else None
    newest = max(saves.orbax.all_steps(), default=0) if step is None else step
    game, stds = game or game_of(folder, manifest, trust, newest), _stds(manifest)
    game = tracked(game, stds) if stds else game
    like = _abstract(game, manifest)
    damaged: list[str] = []
    state = checkpoint.restore(saves, like, damaged.append, step=step)
    if state is None and damaged:
        raise Mistake(no_whole_save(folder, damaged))
    if state is None:
        raise Mistake(f"{folder} has no save yet; let it train until its first one.")
    for sentence in damaged:
        warn(sentence)
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
        seed = _whole("The seed", seed, 0)
        return sampling.draw(each, state, sampling.ASKED, asked, seed)[0]

    def sample(n: int, label: int | str | None = None, seed: int = 0) -> np.ndarray:
        """`n` samples, of every class in turn or of one; `seed` picks them.

        `label` is the number of a class or its name. Where images are made of images, of
        the first that are held out. Raises a `Mistake` where there is no such class.
        """
        n = _whole("The number of samples", n, 1)
        seed = _whole("The seed", seed, 0)
        _check_memory(n, game, state, len(classes))
        if label is None:
            spec = folders.spec_of(manifest)
            return answer(sampling.asked(game, spec, n, len(classes)), seed)
        number = class_number(label, classes)
        _check_heeds(each, state, game)
        return answer(np.full(n, number, np.int32), seed)

    return Loaded(game, state, classes, sample, answer)


def game_of(
    folder: Path, manifest: dict[str, Any], trust: bool = False, step: int | None = None
) -> Game:
    """The game of a run, made by its experiment with its arguments.

    Of an experiment that has changed meanwhile it is the code that played up to `step`.
    """
    place = code.kept(folder, step)
    if place is None:
        raise Mistake(
            f"{folder} was begun in a notebook, so it has no experiment file; hand the "
            "game to ganjax.load(run, game=...)."
        )
    path = place / code.EXPERIMENT
    if not trust and not code.is_known(code.of(place), folder):
        raise Mistake(
            f"{path} is code that is not known here; read it, and if you trust it, give "
            "--trust (in Python, trust=True)."
        )
    name = f"ganjax_run_{manifest['experiment']}"
    with code.imported(place, name, manifest.get("folder", "")) as module:
        if not (hasattr(module, "make") and hasattr(module, "Args")):
            raise Mistake(
                f"{path} has no Args and no make(args), which would make its game; hand "
                "the game to ganjax.load(run, game=...)."
            )
        args = arguments.tidy(arguments.restore(module.Args, manifest["args"]))
        arguments.check(args)
        return module.make(args)


def class_number(label: int | str, classes: tuple[str, ...]) -> int:
    """The number of a class that is given by its number or name; a name goes first.

    Raises a `Mistake` where there is no such class.
    """
    if not classes:
        raise Mistake(f"--label {label}: this run has no classes; leave it out.")
    if isinstance(label, str) and label in classes:
        return classes.index(label)
    text = str(label)
    number = int(text) if text.removeprefix("-").isdecimal() else -1
    if not 0 <= number < len(classes):
        names = ", ".join(classes) if len(classes) <= 12 else f"{classes[0]}, ..."
        raise Mistake(
            f"--label {label} is no class of this run; give 0 to {len(classes) - 1}, or a "
            f"name ({names})."
        )
    return number


def no_whole_save(folder: Path, damaged: Sequence[str]) -> str:
    """What is said of a run all of whose saves are damaged."""
    why = damaged[0].rpartition(": ")[2]
    return (
        f"{folder} has no whole save: each of {len(damaged)} is damaged, the newest as "
        f"{why}; `ganjax check` tells of all, and another --workdir begins anew."
    )


def borrow(run: Path, state: PyTree) -> PyTree:
    """`state` with the weights and statistics of the newest save of another run.

    Step, keys, optimizers and memories stay new, and may be of another kind; averages
    that are tracked begin anew. Raises a `Mistake` if the networks of the two differ.
    """
    if isinstance(state, Tracked):
        return replace(state, game=borrow(run, state.game))
    try:
        within = bool(_stds(folders.read(run)))
    except Mistake as mistake:
        raise Mistake(f"--init-from: {mistake}") from mistake
    like = {"game": _weights(state)} if within else _weights(state)
    saves = checkpoint.open_saves(run / folders.CHECKPOINTS, read_only=True)
    found = checkpoint.restore(saves, like, warn, part=True)
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
    read = lambda step: checkpoint.read(saves, step, like, warn)
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
    seeds = folders.seeds_of(manifest)
    many = lambda: jax.vmap(one)(np.arange(seeds)) if seeds > 1 else one(0)
    here = SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here),
        jax.eval_shape(many),
    )


def _whole(what: str, value: Any, least: int) -> int:
    """A whole number of at least so much, and at most 2^31 - 1; otherwise a `Mistake`."""
    if isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)  # pyright: ignore[reportArgumentType]
        if number.is_integer() and least <= number < 2**31:
            return int(number)
    raise Mistake(f"{what} is {value!r}: give a whole number of at least {least}.")


def _check_memory(n: int, game: Game, state: PyTree, classes: int) -> None:
    """Raises a `Mistake` where so many samples could never be held at once."""
    if game.ask is not by_class:
        return
    label = jax.ShapeDtypeStruct((1,), jnp.int32)
    one = jax.eval_shape(game.sample, state, jax.random.key(0), label)
    needed, there = n * one.size * one.dtype.itemsize, memory()
    if there and needed > there:
        raise Mistake(
            f"{n:,} samples need {needed / 1e9:,.0f} GB of memory, and the machine has "
            f"{there / 1e9:,.0f}: draw them in parts, each with a seed of its own."
        )


def memory() -> int:
    """The bytes of the machine's memory; 0 where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0


def _check_member(member: int, seeds: int) -> None:
    if not 0 <= member < seeds:
        least = f"a population of {seeds}: give 0 to {seeds - 1}"
        held = "a run of one seed: leave it out" if seeds == 1 else least
        raise Mistake(f"--member {member} is asked for of {held}.")


def _check_heeds(sample: Callable, state: PyTree, game: Game) -> None:
    if game.ask is not by_class:
        raise Mistake("This run makes images of images; leave out --label.")
    key = jax.random.key(0)
    zero, one = (sample(state, key, np.asarray([label], np.int32)) for label in (0, 1))
    if np.array_equal(zero, one):
        raise Mistake(
            "This run's generator was not told of classes; leave out --label."
        )
