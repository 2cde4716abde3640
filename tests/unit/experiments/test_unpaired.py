"""A step of CycleGAN and of CUT against its arithmetic, on networks of one weight each."""

from dataclasses import replace
from inspect import getclosurevars, unwrap

import cut
import cyclegan
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ganjax
from ganjax import Player
from ganjax.core import Batch, Pair, Turns
from ganjax.games.multiplayer import MultiplayerState
from ganjax.games.translation import View
from ganjax.models import patch, translator


RATE, ROWS, KEY = 0.1, 3, jax.random.key(0)
RNG = np.random.default_rng(0)
X, Y, OTHER_X, OTHER_Y = RNG.uniform(-1, 1, (4, ROWS, 2, 2, 1)).astype(np.float32)


class Shade(nn.Module):
    """An image times one number, and what it looks like from within."""

    def setup(self):
        self.weight = self.param("weight", nn.initializers.normal(1.0), ())

    def __call__(self, image, label, *, train):
        return image * self.weight

    def features(self, image, label, *, train=True):
        return [self.weight * image, jnp.concatenate([image, image**2], axis=-1)]


class Corner(nn.Module):
    """A number times the pixel in the upper left."""

    @nn.compact
    def __call__(self, image, label, *, train):
        return self.param("weight", nn.initializers.normal(1.0), ()) * image[:, 0, 0]


class Scaled(nn.Module):
    """What places are told by: each map, times one number."""

    @nn.compact
    def __call__(self, maps, label, *, train):
        weight = self.param("weight", nn.initializers.normal(1.0), ())
        return [weight * x for x in maps]


def turns():
    """G's batch holds x and D's holds y; the other halves of both are not looked at."""
    label = np.zeros(ROWS, np.int32)
    d, g = Pair(OTHER_X[None], Y[None]), Pair(X, OTHER_Y)
    return Turns(Batch(d, label[None]), Batch(g, label))


def made(monkeypatch, module, args):
    """The game with small networks, which move by the gradient."""
    for name, net in (("Generator", Shade), ("CUT", Shade)):
        monkeypatch.setattr(translator, name, lambda *_, net=net, **__: net())
    for name in ("Discriminator", "CUT"):
        monkeypatch.setattr(patch, name, lambda *_, **__: Corner())
    plain = lambda net, optim: Player(net, optax.sgd(RATE))
    monkeypatch.setattr(ganjax, "Player", plain)
    small = {"size": 2, "margin": 0, "flip": False, "channels": 1}
    return module.make(replace(module.TINY, **(small | args)))


def weights(state):
    players = state.players.items()
    return {name: float(player.params["weight"]) for name, player in players}


def slope(value, at, by=1e-6):
    """The derivative of a function of one number, by central differences."""
    return (value(at + by) - value(at - by)) / (2 * by)


def pays(weight, image, target):
    """The squares of what a `Corner` says of an image less what it should."""
    corner = np.float64(image)[:, 0, 0, 0]
    return np.mean((weight * corner - target) ** 2)


def test_cyclegan_pays_for_looks_the_way_back_and_changes_of_what_is_right(monkeypatch):
    args = {"cycle": 3.0, "identity": 0.25, "pool": ROWS}
    game = made(monkeypatch, cyclegan, args)
    start = game.init(KEY, turns())
    step = jax.jit(game.step)
    state, logs = step(start, turns())
    w = weights(start)
    x, y = np.abs(np.float64(X)).mean(), np.abs(np.float64(Y)).mean()
    g = lambda a, b: {
        "loss": pays(w["d_y"] * a, X, 1),
        "cycle": 3.0 * abs(a * b - 1) * x,
        "identity": 0.75 * abs(a - 1) * y,
    }
    f = lambda a, b: {
        "loss": pays(w["d_x"] * b, Y, 1),
        "cycle": 3.0 * abs(a * b - 1) * y,
        "identity": 0.75 * abs(b - 1) * x,
    }
    a, b = w["g"], w["f"]
    d_x = lambda u: (pays(u, X, 1) + pays(u * b, Y, 0)) / 2
    d_y = lambda v: (pays(v, Y, 1) + pays(v * a, X, 0)) / 2
    wanted = {"g": g(a, b), "f": f(a, b)}
    wanted |= {"d_x": {"loss": d_x(w["d_x"])}, "d_y": {"loss": d_y(w["d_y"])}}
    assert jax.tree.structure(logs) == jax.tree.structure(wanted)
    near = lambda found, value: np.testing.assert_allclose(found, value, rtol=1e-5)
    jax.tree.map(near, logs, wanted)

    both = lambda a, b: sum(g(a, b).values()) + sum(f(a, b).values())
    moved = {
        "g": a - RATE * slope(lambda a: both(a, b), a),
        "f": b - RATE * slope(lambda b: both(a, b), b),
        "d_x": w["d_x"] - RATE * slope(d_x, w["d_x"]),
        "d_y": w["d_y"] - RATE * slope(d_y, w["d_y"]),
    }
    assert weights(state) == pytest.approx(moved, rel=1e-4)
    np.testing.assert_allclose(state.memory.x.images, b * Y, rtol=1e-6)
    np.testing.assert_allclose(state.memory.y.images, a * X, rtol=1e-6)
    assert state.step == 1 and state.memory.x.count == ROWS
    made_of = game.generate(state, (), jnp.asarray(Y), KEY)
    np.testing.assert_allclose(made_of, moved["g"] * Y, rtol=1e-4)

    # D is shown what was made before, and what is shown is replaced.
    held = start.memory.x.replace(
        images=jnp.full((ROWS, 2, 2, 1), 100.0), count=jnp.int32(ROWS)
    )
    seen = set()
    for number in range(4):
        for side, other in ("xy", "yx"):
            memory = start.memory.replace(**{side: held})
            before = start.replace(memory=memory, step=jnp.int32(number))
            state, logs = step(before, turns())
            kept = getattr(state.memory, side).images == 100.0
            paid = [logs[f"d_{each}"]["loss"] > 50 for each in (side, other)]
            assert paid == [not kept.all(), False]
            seen.add((side, bool(paid[0])))
    assert {("x", True), ("y", True)} <= seen


class Seen(Exception):
    """Both kinds of images were cut."""


@pytest.mark.parametrize("module", [cut, cyclegan])
def test_either_kind_is_cut_and_mirrored_by_keys_of_its_own(module, monkeypatch):
    looked = []

    def jitter(view, keys, images):
        looked.append((np.asarray(jax.random.key_data(keys)), images))
        if len(looked) == 2:
            raise Seen
        return images

    monkeypatch.setattr(View, "jitter", jitter)
    args = replace(module.TINY, size=2, margin=5, flip=True)
    state = MultiplayerState(jnp.int32(3), KEY, {}, ())
    step = unwrap(module.make(args).step)
    assert getclosurevars(step).nonlocals["view"] == (2, 5, True)
    with pytest.raises(Seen):
        step(state, turns())
    (keys, x), (other, y) = looked
    assert len(np.unique([*keys, *other], axis=0)) == 2 * ROWS
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


def test_cut_pays_for_looks_and_for_places_that_are_not_found(monkeypatch):
    """Half of the time of mirrored images, whose places are found as well."""
    args = {"nce": 3.0, "tau": 0.5, "equivariance": True, "patches": 9}
    places = lambda key, maps, n: [jnp.arange(4) for _ in maps] if n == 9 else None
    monkeypatch.setattr(cut.patch_features, "sample_locations", places)
    monkeypatch.setattr(cut.patch_features, "PatchFeatures", lambda *_: Scaled())
    apart = lambda q, k, tau: jnp.mean((q - 2 * k) ** 2) * tau
    monkeypatch.setattr(ganjax.regularizers, "patch_nce", apart)
    game = made(monkeypatch, cut, args)
    start = game.init(KEY, turns())
    step, w = jax.jit(game.step), weights(start)
    a, v, f = w["g"], w["d"], w["f"]

    # Of the translation, of which what is seen is its own translation, among the source.
    maps = lambda x: (a * x, x, x**2)
    pairs = lambda x: zip(maps(a * x), maps(x), strict=True)
    gaps = lambda x: [((f * (q - 2 * k)) ** 2).mean() for q, k in pairs(np.float64(x))]
    mean = lambda first, second, third: (first + (second + third) / 2) / 2
    nce = lambda x: 3.0 * 0.5 * mean(*gaps(x))
    wanted = {"nce": nce(X) / 2, "nce_y": nce(Y) / 2}
    turned = set()
    for number in range(4):
        state, logs = step(start.replace(step=jnp.int32(number)), turns())
        for term, value in wanted.items():
            np.testing.assert_allclose(logs["g"][term], value, rtol=1e-4)
        for way in (False, True):
            x = X[:, :, ::-1] if way else X
            d = lambda v, x=x: (pays(v, Y, 1) + pays(v * a, x, 0)) / 2
            if np.isclose(logs["d"]["loss"], d(v), rtol=1e-5):
                turned.add(way)
                after = v - RATE * slope(d, v)
                paid = pays(after * a, x, 1)
                np.testing.assert_allclose(logs["g"]["loss"], paid, rtol=1e-4)
                assert weights(state)["d"] == pytest.approx(after, rel=1e-4)
        assert weights(state)["f"] != f
        assert state.step == number + 1
    assert turned == {False, True}
    made_of = game.generate(state, (), jnp.asarray(Y), KEY)
    np.testing.assert_allclose(made_of, weights(state)["g"] * Y, rtol=1e-4)
    assert logs.keys() == {"g", "d"} and logs["g"].keys() == {"loss", *wanted}
