"""Loads a run from its folder: its game, its state, and functions that sample it.

    run = load("runs/cifar10", best=True)
    images = run.sample(64, label="cat")           # [64, h, w, c] in -1..1

A save holds arrays alone, so the game is made again by the run's own experiment file, with
the arguments of its manifest (`game_of`). The shapes of the game's state, which come from
`jax.eval_shape`, are the template by which Orbax restores the arrays.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import SingleDeviceSharding

from ganjax.core import Game, Labels, PyTree, decoded
from ganjax.data import from_object
from ganjax.data.source import batch_shapes
from ganjax.errors import UsageError, short_traceback
from ganjax.games.posthoc_ema import PosthocEMAState, posthoc_ema, reconstruct
from ganjax.loop import step_of
from ganjax.run import args as arguments, sampling
from ganjax.run.description import spec_of
from ganjax.run.export import export_generator
from ganjax.run.memory import memory_bytes
from ganjax.run.sentences import as_usage_errors, need_device
from ganjax.run.terminal import warn
from ganjax.store import checkpoint, code
from ganjax.store.manifest import example_shapes, num_seeds, read_manifest, turn_shapes
from ganjax.store.workdir import AVERAGES, CHECKPOINTS


WEIGHTS = ("params", "stats", "ema")  # the fields of a state that hold networks


class Sample(Protocol):
    """`Loaded.sample`: draws samples."""

    def __call__(
        self,
        n: int | None = None,
        label: Any = None,
        seed: int = 0,
        *,
        z: PyTree | None = None,
        truncation: float | None = None,
    ) -> np.ndarray:
        """Returns samples [n, ...].

        Labels cycle through the classes, or are given. A game that makes images of images
        makes them of the first ones that are held out.

        Args:
            n: how many; by default as many as there are labels or latents.
            label: the number or the name of a class, for all samples; or one for each.
            seed: the seed of the latents.
            z: the latents [n, ...], or one [1, ...] for all samples.
            truncation: numbers of z that are farther than this from 0 are drawn again, by
                which samples vary less and become better (the truncation trick; Brock et
                al., 2019, section 3.1). The other one, StyleGAN's, is a field `psi` of its
                networks.

        Raises:
            UsageError: there is no such class, or too little memory.
        """
        ...


class SampleByCondition(Protocol):
    """`Loaded.sample_of`: draws a sample for each condition."""

    def __call__(self, condition: PyTree, seed: int = 0) -> np.ndarray:
        """Returns samples [n, ...] for a condition [n, ...] of `Game.conditions`."""
        ...


class DrawLatents(Protocol):
    """`Loaded.prior`: draws latents, to be edited and given to `g`."""

    def __call__(
        self, n: int, seed: int = 0, *, truncation: float | None = None
    ) -> PyTree:
        """Returns z [n, ...]; see `Sample` for the truncation."""
        ...


class Generate(Protocol):
    """`Loaded.g`: makes samples of latents. It can be differentiated and compiled."""

    def __call__(self, z: PyTree, label: Any = None, seed: int = 0) -> jax.Array:
        """Returns samples [n, ...].

        Args:
            z: latents [n, ...].
            label: the number or the name of a class, or a number for each z; by default the
                labels cycle through the classes. In a game that makes images of images,
                these images.
            seed: the seed of noise that networks draw themselves.
        """
        ...


class Discriminate(Protocol):
    """`Loaded.d`: D's logits. It can be differentiated and compiled."""

    def __call__(self, x: Any, label: Any = None) -> jax.Array:
        """Returns D's logits on images [n, ...] in -1..1; labels are as those of `g`.

        Raises:
            UsageError: the game has not one D of single images, as pix2pix has not.
        """
        ...


class Export(Protocol):
    """`Loaded.export`: writes G as a program."""

    def __call__(self, path: str | Path, n: int | None = None) -> Path:
        """Writes `g` with its weights to a file that JAX alone can run.

        The file is a serialized `jax.export.Exported`, a function (z, label, seed) ->
        samples for CPUs, GPUs and TPUs. JAX reads it for at least six months: it is for
        use elsewhere, and the run itself is the archive.

            program = jax.export.deserialize(bytearray(Path("g.jax").read_bytes()))
            images = program.call(z, label, np.uint32(0))

        Args:
            path: the file.
            n: how many samples a call makes; by default any number, if the network can be
                traced for an unknown number.

        Returns:
            The path.
        """
        ...


class Loaded(NamedTuple):
    """A run from disk. Of a population it is one member.

    Samples are as networks see them, images in -1..1. The same arguments give the same
    samples.

    Attributes:
        game: the game.
        state: its state.
        classes: the names of the classes; () where the data has none.
        sample: draws samples of every class or of one.
        sample_of: draws a sample for each condition.
        prior: draws latents.
        g: makes samples of latents, by the averaged weights.
        d: D's logits on images.
        export: writes G as a program.
        example: `jax.ShapeDtypeStruct` of one stored example of the training data.
    """

    game: Game
    state: PyTree
    classes: tuple[str, ...]
    sample: Sample
    sample_of: SampleByCondition
    prior: DrawLatents
    g: Generate
    d: Discriminate
    export: Export
    example: PyTree

    def __repr__(self) -> str:
        step = step_of(self.state)
        return f"Loaded({self.game!r}, step={step}, classes={len(self.classes)})"


@short_traceback()
def load(
    run: str | Path,
    game: Game | None = None,
    *,
    best: bool = False,
    member: int = 0,
    trust: bool = False,
    sigma_rel: float = 0.0,
    data: Any = None,
) -> Loaded:
    """Loads the newest save of a run, or the one with the best score.

    Args:
        run: the folder of the run.
        game: its game. By default the game is made by the code that the run kept for that
            save, which is executed only if it is known here (`ganjax.store.code`) or
            trusted.
        best: whether the save with the best score is loaded.
        member: which member of a population is loaded.
        trust: whether the run's code is executed although it is not known here.
        sigma_rel: if it is not 0, G has the post-hoc EMA of this relative standard
            deviation (EDM2; Karras et al., 2024), which is reconstructed from the averages
            that the run has kept.
        data: the data, if it is not where it was, or was given in Python: anything that
            `ganjax.train` takes. It is read only for samples that are made of examples.

    Returns:
        The run, ready to be sampled.

    Raises:
        UsageError: if there is no run or no intact save, if its code is not trusted, or if
            it has no such member or no such average.
    """
    with as_usage_errors():
        if not isinstance(run, str | os.PathLike):
            raise UsageError(f"The run is given as {run!r}: give the folder of a run.")
        member = _integer("--member", member, -(2**31))
        return _load(Path(run).expanduser(), game, best, member, trust, sigma_rel, data)


def _load(
    folder: Path,
    game: Game | None,
    best: bool,
    member: int,
    trust: bool,
    sigma_rel: float,
    data: Any,
) -> Loaded:
    manifest = read_manifest(folder)
    need_device()
    seeds = num_seeds(manifest)
    _check_member(member, seeds)
    if isinstance(data, str | os.PathLike) and str(data):
        manifest["data"]["where"] = str(data)
        data = None
    # The step comes before the game, as the code of a run may have changed between saves.
    saves = checkpoint.open_saves(folder / CHECKPOINTS, read_only=True)
    step = checkpoint.best_step(saves) if best else None
    code_step = max(saves.orbax.all_steps(), default=0) if step is None else step
    game = game or game_of(folder, manifest, trust, code_step)
    if data is not None and not isinstance(data, str):
        opened = from_object(data, game.modality.load)
        game = game._replace(modality=game.modality._replace(load=opened.load))
    sigma_rels = _sigma_rels(manifest)
    # The saved state holds the tracked averages, so the template must have them as well.
    game = posthoc_ema(game, sigma_rels) if sigma_rels else game
    template = _abstract_state(game, manifest)
    damaged: list[str] = []
    state = checkpoint.restore(saves, template, damaged.append, step=step)
    if state is None and damaged:
        raise UsageError(no_intact_save(folder, damaged))
    if state is None:
        raise UsageError(f"{folder} has no save yet; let it train until its first one.")
    for sentence in damaged:
        warn(sentence)

    # The arrays of a population have its members as their first axis.
    def of_member(tree: PyTree) -> PyTree:
        return jax.tree.map(lambda x: x[member], tree) if seeds > 1 else tree

    state = of_member(state)
    if sigma_rel and not sigma_rels:
        raise UsageError(
            f"{folder} kept no averages to reconstruct another from: it was trained "
            "without --posthoc-ema."
        )
    if sigma_rel:
        averages = _kept_averages(folder, template.averages, of_member)
        state = reconstruct(state, averages, sigma_rels, sigma_rel)
    return _loaded(game, state, manifest)


def _loaded(game: Game, state: PyTree, manifest: dict[str, Any]) -> Loaded:
    """The functions of a run whose state has been restored."""
    classes = tuple(manifest["classes"])
    jitted_sample = jax.jit(game.sample)
    jitted_generate = jax.jit(game.generate)
    by_label = isinstance(game.conditions, Labels)
    by_class = game.conditions if isinstance(game.conditions, Labels) else Labels()

    # `sampling.draw` takes samples with a first axis of seeds.
    def draw(state: PyTree, key: jax.Array, condition: PyTree) -> np.ndarray:
        return np.asarray(jitted_sample(state, key, condition))[None]

    @short_traceback()
    def sample_of(condition: PyTree, seed: int = 0) -> np.ndarray:
        """See `SampleByCondition`."""
        seed = _integer("The seed", seed, 0)
        return sampling.draw(draw, state, sampling.ASKED, condition, seed)[0]

    @short_traceback()
    def prior(n: int, seed: int = 0, *, truncation: float | None = None) -> PyTree:
        """See `DrawLatents`."""
        key = jax.random.key(_integer("The seed", seed, 0))
        n = _integer("The number of latents", n, 1)
        if truncation is None:
            return game.latents(key, n)
        return sampling.truncated(game.latents, key, n, truncation)

    def labels(label: Any, n: int) -> Any:
        """The labels of n samples, however they are given."""
        if label is None:
            return by_class.make(n, len(classes), examples=lambda count: None)
        if isinstance(label, int | str | np.integer):
            one = label if isinstance(label, str) else int(label)
            return np.full(n, class_number(one, classes), np.int32)
        if isinstance(label, Tracer):
            return label
        numbers = [class_number(each, classes) for each in np.asarray(label).tolist()]
        if len(numbers) != n:
            raise UsageError(
                f"There are {len(numbers)} labels for {n} samples: give one for each, or "
                "one for all."
            )
        return np.asarray(numbers, np.int32)

    @short_traceback()
    def g(z: PyTree, label: Any = None, seed: int = 0) -> jax.Array:
        """See `Generate`."""
        key = jax.random.key(_integer("The seed", seed, 0))
        condition = labels(label, _rows(z)) if by_label else label
        return jitted_generate(state, z, condition, key)

    @short_traceback()
    def d(x: Any, label: Any = None) -> jax.Array:
        """See `Discriminate`."""
        if game.discriminate is None:
            raise UsageError(
                "This game has not one discriminator of single images, so it has no d."
            )
        x = jnp.asarray(x)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise UsageError(
                f"d is given {x.dtype}: give examples as networks see them, images in "
                "-1..1, as ganjax.core.pixels makes them of bytes."
            )
        if label is None and _is_conditional(game) and classes:
            raise UsageError(
                "This run's networks know classes: give d the label of each example."
            )
        return game.discriminate(state, x, labels(label, len(x)))

    @short_traceback()
    def sample(
        n: int | None = None,
        label: Any = None,
        seed: int = 0,
        *,
        z: PyTree | None = None,
        truncation: float | None = None,
    ) -> np.ndarray:
        """See `Sample`."""
        is_single = label is None or isinstance(label, int | str | np.integer)
        if n is None:
            labels_given = () if is_single else np.asarray(label)
            n = max(_rows(z), len(labels_given)) or None
        n = _integer("The number of samples", n, 1)
        seed = _integer("The seed", seed, 0)
        _check_memory(n, game, state)
        chosen: Any = labels(label, n) if by_label else None
        if label is not None:
            _check_label_matters(draw, state, game)
        if z is None and truncation is None:
            if label is not None:
                return sample_of(chosen, seed)
            spec = spec_of(manifest)
            return sample_of(sampling.conditions(game, spec, n, len(classes)), seed)
        if not by_label:
            raise UsageError(
                "This run makes images of images: give them with z to run.g(z, images)."
            )
        if z is not None and truncation is not None:
            raise UsageError("Both z and truncation are given: give one of them.")
        if z is None:
            z = prior(n, seed, truncation=truncation)
        elif _rows(z) == 1:
            z = jax.tree.map(lambda x: jnp.broadcast_to(x, (n, *x.shape[1:])), z)
        elif _rows(z) != n:
            raise UsageError(
                f"There are {_rows(z)} latents for {n} samples: give one for each, or one "
                "for all."
            )
        parts = [slice(i, i + sampling.CHUNK) for i in range(0, n, sampling.CHUNK)]
        of = lambda part: g(jax.tree.map(lambda x: x[part], z), chosen[part], seed)
        return np.concatenate([np.asarray(of(part)) for part in parts])

    @short_traceback()
    def export(path: str | Path, n: int | None = None) -> Path:
        """See `Export`."""
        condition = condition_shapes(game, example_shapes(manifest), len(classes))
        return export_generator(Path(path), game, state, n, condition)

    return Loaded(
        game=game,
        state=state,
        classes=classes,
        sample=sample,
        sample_of=sample_of,
        prior=prior,
        g=g,
        d=d,
        export=export,
        example=example_shapes(manifest),
    )


def _is_conditional(game: Game) -> bool:
    """Whether the networks of a game depend on labels, or may do."""
    return isinstance(game.conditions, Labels) and game.conditions.classes != 0


def _rows(tree: PyTree) -> int:
    """How many rows the arrays of a tree have; 0 for an empty one."""
    leaves = jax.tree.leaves(tree)
    return len(leaves[0]) if leaves else 0


def game_of(
    folder: Path, manifest: dict[str, Any], trust: bool = False, step: int | None = None
) -> Game:
    """Makes the game of a run, by its experiment's `make(args)`.

    Args:
        folder: the folder of the run.
        manifest: its manifest, which holds the arguments.
        trust: whether its code is executed although it is not known here.
        step: the step of the save; code may have changed while the run was trained, and
            that which trained up to this step is used. By default it is the newest.

    Raises:
        UsageError: if the run kept no code, if its code is not trusted, or if that cannot
            make the game.
    """
    code_folder = code.find_kept(folder, step)
    if code_folder is None:
        raise UsageError(
            f"{folder} was begun in a notebook, so it has no experiment file; give the "
            "game to ganjax.load(run, game=...)."
        )
    path = code_folder / code.EXPERIMENT
    makes_no_game = UsageError(
        f"{path} lacks Args or make(args), which make its game; give the game to "
        "ganjax.load(run, game=...)."
    )
    # A script that trains when it is imported must not be imported to find that out.
    if not code.defines(path, ("Args", "make")):
        raise makes_no_game
    # A run's folder may come from anybody, and to load it executes the code in it.
    if not trust and not code.is_known(code.read_kept(code_folder), folder):
        raise UsageError(
            f"{path} is code that is not known here; read it, and if you trust it, give "
            "--trust."
        )
    name = f"ganjax_run_{manifest['experiment']}"
    with code.import_kept(code_folder, name, manifest.get("folder", "")) as module:
        if not (hasattr(module, "make") and hasattr(module, "Args")):
            raise makes_no_game
        # The settings of the run need not be among the experiment's own arguments.
        names = {field.name for field in fields(module.Args)}
        values = {k: x for k, x in manifest["args"].items() if k != "run" or k in names}
        args = arguments.from_json(module.Args, values)
        args = arguments.convert_types(args)
        arguments.check(args)
        return module.make(args)


def class_number(label: int | str, classes: tuple[str, ...]) -> int:
    """Returns the number of a class that is given by its number or name.

    Args:
        label: the number or the name. Names are tried first: a class may be called "7" and
            not be class number 7.
        classes: the names of all classes.

    Raises:
        UsageError: if there is no such class.
    """
    if not classes:
        raise UsageError(f"--label {label}: this run has no classes; remove it.")
    if isinstance(label, str) and label in classes:
        return classes.index(label)
    text = str(label)
    number = int(text) if text.removeprefix("-").isdecimal() else -1
    if not 0 <= number < len(classes):
        names = ", ".join(classes) if len(classes) <= 12 else f"{classes[0]}, ..."
        raise UsageError(
            f"--label {label} is not a class of this run; give 0 to {len(classes) - 1}, or "
            f"a name ({names})."
        )
    return number


def condition_of(loaded: Loaded) -> PyTree:
    """Returns the shapes of one condition of the run; nothing is read or computed."""
    return condition_shapes(loaded.game, loaded.example, len(loaded.classes))


def condition_shapes(game: Game, example: PyTree, classes: int) -> PyTree:
    """Returns the shapes of one condition of a game; nothing is read or computed.

    Args:
        game: the game.
        example: `jax.ShapeDtypeStruct` of one stored example.
        classes: how many classes the data has.
    """

    def one(stored):
        examples = lambda n: game.modality.decode(stored)
        return game.conditions.make(1, classes, examples)

    return jax.eval_shape(one, batch_shapes(example, 1))


def no_intact_save(folder: Path, damaged: Sequence[str]) -> str:
    """Returns the sentence about a run all of whose saves are damaged.

    Args:
        folder: the folder of the run.
        damaged: the sentences of `checkpoint.restore`, of the newest save first.
    """
    reason = damaged[0].rpartition(": ")[2]
    return (
        f"{folder} has no intact save: each of {len(damaged)} is damaged, the newest as "
        f"{reason}; `ganjax check` lists all of them, and another --workdir starts a new "
        "run."
    )


def init_weights_from(run: Path, state: PyTree, parts: Sequence[str] = ()) -> PyTree:
    """Returns `state` with the weights and statistics of the newest save of another run.

    The step, the key and the states of optimizers and regularizers are not taken over, so
    the two runs may differ in these. The averages of post-hoc EMA begin anew.

    Args:
        run: the folder of the other run.
        state: the new state.
        parts: the players whose weights are taken, such as "d"; () for all of them. The
            averaged weights belong to "g".

    Raises:
        UsageError: if there is no such run, save or player, or if the networks of the two
            differ.
    """
    # The states of either run may be wrapped, as those of post-hoc EMA are.
    if isinstance(state, PosthocEMAState):
        return replace(state, game=init_weights_from(run, state.game, parts))
    try:
        is_wrapped = bool(_sigma_rels(read_manifest(run)))
    except UsageError as mistake:
        raise UsageError(f"--init-from: {mistake}") from mistake
    wanted = _weights(state)
    if parts:
        wanted = _of_players(wanted, parts)
    template = {"game": wanted} if is_wrapped else wanted
    saves = checkpoint.open_saves(run / CHECKPOINTS, read_only=True)
    weights = checkpoint.restore(saves, template, warn, partial=True)
    if weights is None:
        raise UsageError(f"--init-from {run} has no save yet.")
    return _with_weights(state, weights["game"] if is_wrapped else weights)


def _sigma_rels(manifest: dict[str, Any]) -> list[float]:
    return manifest["args"]["run"].get("posthoc_ema", [])


def _kept_averages(
    folder: Path, template: PyTree, of_member: Callable[[PyTree], PyTree]
) -> dict[int, Callable[[], PyTree]]:
    """Returns functions that read the averages of each step at which they are complete.

    They are read one after the other, as together they may be too large for the memory.
    """
    saves = checkpoint.open_saves(folder / AVERAGES, read_only=True, keep_all=True)
    read = lambda step: checkpoint.restore_step(saves, step, template, warn)
    steps = sorted(saves.orbax.all_steps())
    complete = [step for step in steps if read(step) is not None]
    return {step: lambda step=step: of_member(read(step)) for step in complete}


def _weights(state: PyTree) -> dict[str, PyTree]:
    """The weights and statistics alone, as dictionaries named like the state's fields.

    Fields that hold a state of their own, such as each player's, are searched as well.
    """
    weights = {
        name: value if name in WEIGHTS else _weights(value)
        for name, value in _members(state).items()
    }
    return {name: value for name, value in weights.items() if jax.tree.leaves(value)}


def _members(state: PyTree) -> Mapping[str, PyTree]:
    """What a state is made of: the fields of a dataclass, or the values of a dict."""
    if isinstance(state, Mapping):
        return state
    names = [field.name for field in fields(state)] if is_dataclass(state) else []
    return {name: getattr(state, name) for name in names}


def _of_players(weights: dict[str, PyTree], parts: Sequence[str]) -> dict[str, PyTree]:
    """The weights of some players, of those that `_weights` found."""
    # Games with more than two players keep them by name in one field.
    players = weights.get("players", weights)
    names = [name for name in players if name != "ema"]
    missing = [part for part in parts if part not in names]
    if missing:
        raise UsageError(
            f"--init-parts {missing[0]}: the game has no player of this name; it has "
            f"{', '.join(names)}."
        )
    kept = {name: players[name] for name in parts}
    if "players" in weights:
        return {"players": kept}
    return kept | ({"ema": weights["ema"]} if "g" in parts else {})


def _with_weights(state: PyTree, weights: dict[str, PyTree]) -> PyTree:
    """The state with the weights and statistics that `_weights` found in another one."""
    members = _members(state)
    values = {
        name: x if name in WEIGHTS else _with_weights(members[name], x)
        for name, x in weights.items()
    }
    return (
        {**state, **values} if isinstance(state, Mapping) else replace(state, **values)
    )


def _abstract_state(game: Game, manifest: dict[str, Any]) -> PyTree:
    """The shapes of the run's state, on one device, whatever devices it was trained on."""
    shapes = turn_shapes(manifest)
    seeds = num_seeds(manifest)

    def init(seed):
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        return game.init(jax.random.key(seed), decoded(game.modality, zeros))

    def init_members():
        return jax.vmap(init)(np.arange(seeds)) if seeds > 1 else init(0)

    device = SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device),
        jax.eval_shape(init_members),
    )


def _integer(name: str, value: Any, least: int) -> int:
    """Returns a value as an integer from `least` to 2^31 - 1, or raises a `UsageError`."""
    if isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)  # pyright: ignore[reportArgumentType]
        if number.is_integer() and least <= number < 2**31:
            return int(number)
    raise UsageError(f"{name} is {value!r}: give a whole number of at least {least}.")


def _check_memory(n: int, game: Game, state: PyTree) -> None:
    """Raises a `UsageError` if the machine has too little memory for so many samples."""
    # How large the samples of other conditions are is known only once those are read.
    if not isinstance(game.conditions, Labels):
        return
    label = jax.ShapeDtypeStruct((1,), jnp.int32)
    sample = jax.eval_shape(game.sample, state, jax.random.key(0), label)
    needed, available = n * sample.size * sample.dtype.itemsize, memory_bytes()
    if available and needed > available:
        raise UsageError(
            f"{n:,} samples need {needed / 1e9:,.0f} GB of memory, and the machine has "
            f"{available / 1e9:,.0f}: draw them in parts, each with a seed of its own."
        )


def _check_member(member: int, seeds: int) -> None:
    if not 0 <= member < seeds:
        if seeds == 1:
            advice = "a run of one seed: remove it"
        else:
            advice = f"a population of {seeds}: give 0 to {seeds - 1}"
        raise UsageError(f"--member {member} is asked for of {advice}.")


def _check_label_matters(
    sample: sampling.DrawSamples, state: PyTree, game: Game
) -> None:
    """Raises a `UsageError` if a label makes no difference to the generator."""
    if not isinstance(game.conditions, Labels):
        raise UsageError("This run makes images of images; remove --label.")
    # A game need not declare whether its G is conditional: one latent is given two classes.
    key = jax.random.key(0)
    zero, one = (sample(state, key, np.asarray([label], np.int32)) for label in (0, 1))
    if np.array_equal(zero, one):
        raise UsageError("This run's generator ignores its label; remove --label.")
