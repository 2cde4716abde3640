"""What a run takes over from another that it starts from."""

import dataclasses
import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Player, augment, game, losses
from ganjax.core import (
    Game,
    ImageToImage,
    Labels,
    PlayerState,
    Regularizer,
    normal,
)
from ganjax.data import Sizes, Source, Spec
from ganjax.data.source import example_struct
from ganjax.data.stream import shapes_of
from ganjax.errors import UsageError
from ganjax.games.multiplayer import MultiplayerState
from ganjax.games.posthoc_ema import PosthocEMAState
from ganjax.modalities import POINTS
from ganjax.run import Run, loading, sampling
from ganjax.store import checkpoint, shapes
from ganjax.store.workdir import AVERAGES, CHECKPOINTS
from tests.helpers.points import Point, Slope, turns
from tests.helpers.states import same


def test_weights_and_statistics_are_taken_over_and_nothing_else(tmp_path, monkeypatch):
    count = Regularizer(
        init=lambda: np.float32(0), apply=lambda turn, seen: (0.0 * seen, seen + 1)
    )
    made = game(
        GAN(
            g=Player(Point(), optax.adam(0.1), {"count": count}),
            d=Player(Slope(), optax.adam(0.1)),
            loss=losses.wasserstein(),
            augment=augment.identity(),
            prior=normal(2),
            ema=optax.constant_schedule(0.5),
        ),
        POINTS,
    )
    old, _ = jax.jit(made.step)(made.init(jax.random.key(0), turns()), turns())
    new = made.init(jax.random.key(1), turns())
    assert old.g.stats["stats"]["calls"] > 0 == new.g.stats["stats"]["calls"]
    saves = checkpoint.open_saves(tmp_path / CHECKPOINTS)
    checkpoint.save(saves, 1, old)
    checkpoint.finish(saves)
    saves.orbax.close()
    monkeypatch.setattr(loading, "read_manifest", lambda run: {"args": {"run": {}}})

    begun = loading.init_weights_from(tmp_path, new)
    for field in "params", "stats":
        same(getattr(begun.g, field), getattr(old.g, field))
        same(getattr(begun.d, field), getattr(old.d, field))
    same(begun.ema, old.ema)
    same(
        (begun.g.opt, begun.d.opt, begun.g.memory), (new.g.opt, new.d.opt, new.g.memory)
    )
    assert begun.step == 0 and (begun.key == new.key).all()

    d_alone = loading.init_weights_from(tmp_path, new, ("d",))
    same((d_alone.d.params, d_alone.g, d_alone.ema), (old.d.params, new.g, new.ema))
    g_alone = loading.init_weights_from(tmp_path, new, ("g",))
    same((g_alone.g.params, g_alone.d), (old.g.params, new.d))
    same(g_alone.ema, old.ema)
    with pytest.raises(
        UsageError, match="--init-parts f: the game has no player of this"
    ):
        loading.init_weights_from(tmp_path, new, ("d", "f"))


def test_games_of_many_players_take_over_weights_too(tmp_path, monkeypatch):
    def state(x):
        number = lambda i: jnp.float32(x + i)
        player = lambda i: PlayerState({"w": number(i)}, {}, {}, {"m": number(0)})
        players = {name: player(i) for i, name in enumerate("gfd")}
        return MultiplayerState(jnp.int32(x), jax.random.key(0), players)

    saves = checkpoint.open_saves(tmp_path / CHECKPOINTS)
    checkpoint.save(saves, 1, state(10))
    checkpoint.finish(saves)
    saves.orbax.close()
    monkeypatch.setattr(loading, "read_manifest", lambda run: {"args": {"run": {}}})
    for parts, wanted in (((), [10, 11, 12]), (("f",), [0, 11, 2])):
        begun = loading.init_weights_from(tmp_path, state(0), parts)
        weights = [float(player.params["w"]) for player in begun.players.values()]
        assert weights == wanted and int(begun.step) == 0
        assert all(player.opt == {"m": 0} for player in begun.players.values())


@pytest.mark.parametrize(
    "label, number", [("1", 0), ("0", 1), (1, 1), (0, 0), ("2", 2), ("7", 3)]
)
def test_the_name_of_a_class_comes_before_its_number(label, number):
    assert loading.class_number(label, ("1", "0", "cat", "7")) == number


@pytest.mark.parametrize("label", ["dog", "4", 4, "-1", -1])
def test_a_class_that_is_none_is_named(label):
    with pytest.raises(UsageError, match=f"--label {label} is not a class"):
        loading.class_number(label, ("1", "0", "cat", "7"))


def test_of_many_classes_only_the_first_is_named():
    few, many = (tuple(f"c{i}" for i in range(n)) for n in (12, 13))
    with pytest.raises(UsageError, match=r"0 to 11, or a name \(c0, .*, c11\)\."):
        loading.class_number("dog", few)
    with pytest.raises(UsageError, match=r"0 to 12, or a name \(c0, \.\.\.\)\."):
        loading.class_number(13, many)
    assert loading.class_number(12, many) == 12
    with pytest.raises(UsageError, match="--label c0: this run has no classes"):
        loading.class_number("c0", ())


class State(NamedTuple):
    """The state of a game that can be followed by hand."""

    step: Any
    w: Any


def by_label(weight=100.0, **parts):
    """A game that adds its weights and its label to z, and its noise."""

    def init(key, turns):
        assert turns.d.x.shape == (2, 6, 3) and turns.g.x.shape == (4, 3)
        return State(jnp.int32(0), jnp.zeros(3) + turns.g.x.sum())

    def generate(state, z, condition, key):
        noise = jax.random.uniform(key, ())
        return z + state.w[None] + weight * condition[:, None] + 10 * noise

    unused: Any = lambda *given: pytest.fail("nothing is trained")
    draw = lambda key, n: jax.random.uniform(key, (n, 3))
    made = Game(init, unused, draw, generate, POINTS, Labels(2))
    return made._replace(**parts)


STATES = {step: State(jnp.int32(step), jnp.arange(3.0) * step) for step in (2, 4, 6)}


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """A run of two classes whose saves are pretended; gives what was asked of them."""
    unread: Any = lambda rows: pytest.fail("no example is needed")
    source = Source(
        Spec("ring"), 9, example_struct((3,), np.float32), ("a", "b"), unread
    )
    manifest = {
        "experiment": "e",
        "args": {"run": {"seeds": 1}},
        "data": Spec("ring")._asdict(),
        "examples": 9,
        "classes": ["a", "b"],
        "shapes": shapes.to_json(shapes_of(source, Sizes(2, 6, 4))),
    }
    told = SimpleNamespace(
        asked=[], damaged=[], states=STATES, folder=tmp_path, manifest=manifest
    )

    def open_saves(folder, **more):
        told.asked.append((folder, more))
        return SimpleNamespace(orbax=SimpleNamespace(all_steps=lambda: [2, 6, 4]))

    def restore(saves, like, warn, *, step=None):
        told.like = like
        told.asked.append(step)
        for sentence in told.damaged:
            warn(sentence)
        return told.states.get(step or 6)

    def load(**options):
        (tmp_path / "run.json").write_text(json.dumps(told.manifest))
        told.asked.clear()
        return loading.load(tmp_path, **{"game": by_label(), **options})

    monkeypatch.setattr(checkpoint, "open_saves", open_saves)
    monkeypatch.setattr(checkpoint, "restore", restore)
    monkeypatch.setattr(checkpoint, "best_step", lambda saves: 4)
    told.load = load
    return told


def test_the_newest_save_is_loaded_or_the_best_with_the_code_of_its_step(
    saved, monkeypatch
):
    made = []

    def game_of(folder, manifest, trust, step):
        made.append((folder, manifest["experiment"], trust, step))
        return by_label()

    monkeypatch.setattr(loading, "game_of", game_of)
    read = (saved.folder / CHECKPOINTS, {"read_only": True})
    for options, step, code_step in (({}, None, 6), ({"best": True}, 4, 4)):
        loaded = saved.load(game=None, trust=True, **options)
        assert saved.asked == [read, step]
        assert made.pop() == (saved.folder, "e", True, code_step)
        assert int(loaded.state.step) == code_step
    saved.load(game=None)
    assert made.pop()[2] is False
    asked = []
    monkeypatch.setattr(loading, "need_device", lambda: asked.append(True))
    saved.load()
    assert asked and not made, "a game that is given needs no code"
    monkeypatch.setenv("HOME", str(saved.folder.parent))
    home = f"~/{saved.folder.name}"
    assert int(loading.load(home, game=by_label()).state.step) == 6
    assert loaded.classes == ("a", "b")
    assert loaded.example == example_struct((3,), np.float32)
    assert saved.like.w.shape == (3,) and saved.like.step.dtype == jnp.int32
    assert saved.like.w.sharding.device_set == {jax.devices()[0]}


def test_a_member_of_a_population_is_loaded_by_its_number(saved):
    saved.manifest["args"]["run"]["seeds"] = 5
    saved.states = {
        6: State(jnp.full(5, 6), jnp.arange(15.0).reshape(5, 3)),
    }
    for member in (0, 3):
        loaded = saved.load(member=member)
        assert saved.like.w.shape == (5, 3) and saved.like.step.shape == (5,)
        assert loaded.state.w.tolist() == [3 * member + i for i in range(3)]
        assert int(loaded.state.step) == 6
    for member, says in ((5, "give 0 to 4"), (-1, "give 0 to 4")):
        with pytest.raises(UsageError, match=f"--member .*{says}"):
            saved.load(member=member)


def test_damaged_saves_are_told_and_where_none_is_intact_nothing_is_loaded(
    saved, capsys
):
    saved.damaged = ["/r/checkpoints/6 is damaged: cut off", "/r/4 is damaged: odd"]
    saved.load()
    assert capsys.readouterr().err.splitlines() == saved.damaged
    saved.states = {}
    with pytest.raises(UsageError) as told:
        saved.load()
    assert "no intact save: each of 2 is damaged, the newest as cut off;" in str(
        told.value
    )
    saved.damaged = []
    with pytest.raises(UsageError, match="has no save yet"):
        saved.load()


def drawn(seed, labels, w):
    """The samples of that game for these labels, as they are defined."""
    key = jax.random.fold_in(jax.random.key(seed), sampling.ASKED)
    z_key, noise_key = jax.random.split(jax.random.fold_in(key, 0))
    z = jax.random.uniform(z_key, (len(labels), 3))
    noise = 10 * jax.random.uniform(noise_key, ())
    return np.asarray(z) + w + 100 * np.asarray(labels)[:, None] + noise


def test_samples_are_of_every_class_or_of_one_and_follow_from_their_seed(saved):
    loaded, w = saved.load(), [0, 6, 12]
    for call, seed, labels in (
        (lambda: loaded.sample(3), 0, [0, 1, 0]),
        (lambda: loaded.sample(3, seed=7), 7, [0, 1, 0]),
        (lambda: loaded.sample(3, "b", 7), 7, [1, 1, 1]),
        (lambda: loaded.sample(3, 0), 0, [0, 0, 0]),
        (lambda: loaded.sample_of(np.array([1, 0, 1]), 3), 3, [1, 0, 1]),
    ):
        np.testing.assert_allclose(call(), drawn(seed, labels, w), rtol=1e-5)
    z = loaded.prior(4, seed=2)
    np.testing.assert_array_equal(z, jax.random.uniform(jax.random.key(2), (4, 3)))
    made = loaded.g(z, np.array([1, 0, 0, 1]), seed=5)
    noise = 10 * jax.random.uniform(jax.random.key(5), ())
    wanted = np.asarray(z) + w + 100 * np.array([[1], [0], [0], [1]]) + noise
    np.testing.assert_allclose(made, wanted, rtol=1e-5)
    for call, says in (
        (lambda: loaded.sample(0), "The number of samples is 0"),
        (lambda: loaded.sample(1, seed=-1), "The seed is -1"),
        (lambda: loaded.prior(0), "The number of latents is 0"),
        (lambda: loaded.prior(1, seed=-2), "The seed is -2"),
        (lambda: loaded.g(z, np.zeros(4, int), seed=-3), "The seed is -3"),
        (lambda: loaded.sample_of(np.zeros(1), -4), "The seed is -4"),
    ):
        with pytest.raises(UsageError, match=says):
            call()


def test_conditions_are_made_of_the_data_where_it_is_now(saved, monkeypatch):
    asked = []

    def conditions(game, spec, n, classes):
        asked.append((spec, n, classes))
        return np.zeros(n, np.int32)

    monkeypatch.setattr(sampling, "conditions", conditions)
    saved.load().sample(3)
    saved.load(data=Path("moved") / "ring").sample(2)
    assert asked == [(Spec("ring"), 3, 2), (Spec("moved/ring"), 2, 2)]


def test_a_label_that_makes_no_difference_is_refused(saved):
    loaded = saved.load(game=by_label(weight=0.0))
    assert loaded.sample(2).shape == (2, 3)
    with pytest.raises(UsageError, match="ignores its label"):
        loaded.sample(2, label="a")
    of_images = by_label(conditions=ImageToImage(lambda x: x))
    with pytest.raises(UsageError, match="makes images of images"):
        saved.load(game=of_images).sample(2, label="a")


def test_samples_that_memory_cannot_hold_are_refused(saved, monkeypatch):
    loaded = saved.load()
    assert 2**28 < loading.memory_bytes() < 2**50
    with monkeypatch.context() as patch:
        patch.delattr(loading.os, "sysconf")
        assert loading.memory_bytes() == 0, "the system does not say"
    for available, works in ((48, True), (47, False), (0, True)):
        monkeypatch.setattr(loading, "memory_bytes", lambda x=available: x)
        if works:
            assert loaded.sample(4).shape == (4, 3)
        else:
            with pytest.raises(UsageError, match="4 samples need 0 GB of memory"):
                loaded.sample(4)


@pytest.mark.parametrize("value", [1.5, "3", None, float("nan"), True, 2**31, 2, -9])
def test_what_is_no_whole_number_of_a_range_is_refused(value):
    with pytest.raises(
        UsageError, match=r"^N is .*: give a whole number of at least 3"
    ):
        loading._integer("N", value, 3)


@pytest.mark.parametrize("value", [3, 3.0, np.int64(5), np.float32(7), 2**31 - 1])
def test_a_whole_number_of_any_type_is_taken(value):
    found = loading._integer("N", value, 3)
    assert found == value and type(found) is int


def test_an_average_is_made_of_the_complete_ones_that_the_run_has_kept(
    saved, monkeypatch, capsys
):
    with pytest.raises(UsageError, match="without --posthoc-ema"):
        saved.load(sigma_rel=0.07)
    saved.manifest["args"]["run"] |= {"posthoc_ema": [0.05, 0.1], "seeds": 2}
    both = jnp.int32([6, 6]), jnp.arange(6.0).reshape(2, 3)
    saved.states = {6: PosthocEMAState(State(*both), (jnp.ones((2, 7)),))}
    rebuilt, wrapped, read = [], [], []

    def reconstruct(state, averages, sigma_rels, sigma_rel):
        found = {step: read() for step, read in averages.items()}
        rebuilt.append((found, sigma_rels, sigma_rel))
        return "rebuilt"

    def restore_step(saves, step, like, warn):
        read.append((step, like))
        return None if step == 4 else np.array([[step], [10 * step]])

    def wrap(game, sigma_rels):
        wrapped.append(sigma_rels)
        init = lambda key, turns: PosthocEMAState(game.init(key, turns), (jnp.ones(7),))
        return game._replace(init=init)

    monkeypatch.setattr(loading, "reconstruct", reconstruct)
    monkeypatch.setattr(loading, "posthoc_ema", wrap)
    monkeypatch.setattr(checkpoint, "restore_step", restore_step)
    assert saved.load(sigma_rel=0.07, member=1).state == "rebuilt"
    ((found, sigma_rels, sigma_rel),) = rebuilt
    assert {step: x.tolist() for step, x in found.items()} == {2: [20], 6: [60]}
    assert (sigma_rels, sigma_rel) == ([0.05, 0.1], 0.07) and wrapped == [[0.05, 0.1]]
    opened = (saved.folder / AVERAGES, {"read_only": True, "keep_all": True})
    assert saved.asked[-1] == opened
    assert {tree[0].shape for _, tree in read} == {(2, 7)}
    plain = saved.load(member=1).state
    assert len(rebuilt) == 1 and plain.game.w.tolist() == [3, 4, 5]


def test_weights_are_taken_from_and_by_runs_that_track_averages(monkeypatch):
    made = game(
        GAN(
            g=Player(Point(), optax.adam(0.1)),
            d=Player(Slope(), optax.adam(0.1)),
            loss=losses.wasserstein(),
            augment=augment.identity(),
            prior=normal(2),
            ema=optax.constant_schedule(0.5),
        ),
        POINTS,
    )
    new = made.init(jax.random.key(1), turns())
    asked, args = [], {}

    def restore(saves, like, warn, *, partial):
        asked.append((saves, [*like], partial))
        return jax.tree.map(lambda x: x + 7, like)

    open_saves = lambda folder, read_only: (folder, read_only)
    monkeypatch.setattr(checkpoint, "open_saves", open_saves)
    monkeypatch.setattr(checkpoint, "restore", restore)
    manifest = lambda run: {"args": {"run": args}}
    monkeypatch.setattr(loading, "read_manifest", manifest)
    run = Path("other")
    for wrapped in (False, True):
        args = {"posthoc_ema": [0.1]} if wrapped else {}
        names = ["game"] if wrapped else ["g", "d", "ema"]
        for state in (new, PosthocEMAState(new, (jnp.ones(2),))):
            begun: Any = loading.init_weights_from(run, state)
            saves, found, partial = asked.pop()
            assert saves == (run / CHECKPOINTS, True) and partial
            assert sorted(found) == sorted(names)
            if isinstance(state, PosthocEMAState):
                same(begun.averages, state.averages)
                begun = begun.game
            same(begun.g.params, jax.tree.map(lambda x: x + 7, new.g.params))
            same(begun.ema, jax.tree.map(lambda x: x + 7, new.ema))
            same((begun.g.opt, begun.step), (new.g.opt, new.step))
    monkeypatch.setattr(checkpoint, "restore", lambda *rest, **more: None)
    with pytest.raises(UsageError, match="--init-from other has no save yet"):
        loading.init_weights_from(run, new)


def test_a_game_is_made_by_the_code_and_the_arguments_that_its_run_kept(
    monkeypatch, tmp_path
):
    told = SimpleNamespace(known=False, imported=[], kept=tmp_path / "code")

    @dataclasses.dataclass(frozen=True)
    class Args:
        run: Run
        width: int = 8
        rate: float = 1.0

    module: Any = SimpleNamespace(Args=Args, make=lambda args: ("game", args))

    @contextmanager
    def import_kept(folder, name, origin):
        told.imported.append((folder, name, origin))
        yield module

    def find_kept(folder, step):
        assert (folder, step) == (tmp_path, 4)
        return told.kept

    monkeypatch.setattr(loading.code, "find_kept", find_kept)
    monkeypatch.setattr(loading.code, "read_kept", lambda folder: ("code", folder))
    known = lambda code, folder: told.known and code == ("code", told.kept)
    monkeypatch.setattr(loading.code, "is_known", known)
    monkeypatch.setattr(loading.code, "import_kept", import_kept)
    run = {"workdir": "r", "steps": 8, "batch": 4}
    manifest = {"experiment": "mine", "args": {"run": run, "width": 16}, "folder": "/a"}
    plain = getattr(loading.game_of, "__wrapped__", loading.game_of)
    make = lambda trust=False: plain(tmp_path, manifest, trust, 4)
    with pytest.raises(
        UsageError, match="experiment.py is code that is not known here"
    ):
        make()
    assert not told.imported
    for trust in (True, False):
        told.known = not trust
        name, args = make(trust)
        assert name == "game" and (args.width, args.rate, args.run.batch) == (16, 1, 4)
        assert told.imported.pop() == (told.kept, "ganjax_run_mine", "/a")
    manifest["args"]["run"] = run | {"batch": 0}
    with pytest.raises(UsageError, match="batch 0 is out of range"):
        make()
    del module.make
    with pytest.raises(UsageError, match="lacks Args or make"):
        make()
    told.kept = None
    with pytest.raises(UsageError, match="was begun in a notebook"):
        make()


@pytest.mark.parametrize("of_images", [False, True])
def test_the_shapes_of_a_condition_are_known_without_any_data(of_images):
    conditions = ImageToImage(lambda x: x[:, :2]) if of_images else Labels(2)
    modality = POINTS._replace(decode=lambda x: jnp.repeat(x, 2, axis=1))
    made = by_label(conditions=conditions, modality=modality)
    unused: Any = lambda *given: None
    example = example_struct((3,), np.float32)
    loaded = loading.Loaded(made, None, ("a",), *[unused] * 6, example=example)
    shape = loading.condition_of(loaded)
    assert (shape.shape, shape.dtype) == (
        ((1, 2), np.float32) if of_images else ((1,), np.int32)
    )
