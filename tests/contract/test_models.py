"""What every network of ganjax.models must do.

A network is a module that is called as `net(z or image, label, train=train)`; each has a
small example in its file's `TINY`.
"""

import importlib
import inspect
import pkgutil
from functools import cache, partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ganjax.models
from ganjax.models import stylegan2
from tests.helpers.marks import some
from tests.helpers.prints import fingerprint, has_fingerprint, initial, noted
from tests.helpers.recorded import INITIAL, MADE
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
FILES = [
    importlib.import_module(module.name)
    for module in pkgutil.iter_modules(ganjax.models.__path__, "ganjax.models.")
]
NETS = {
    f"{file.__name__.split('.')[-1]} {name}": example
    for file in FILES
    for name, example in getattr(file, "TINY", {}).items()
}
# Networks that take more than 2.5 s to compile, at their smallest; all else is quick.
HEAVY = {
    *("biggan d", "biggan g", "biggan_deep d", "biggan_deep g", "fastgan d"),
    *("fastgan g", "gated g", "gated g_filled", "gated g_fourier", "projected d"),
    *("r3gan d", "r3gan g", "r3gan2 d", "r3gan2 g", "sagan d", "sagan g"),
    *("sndcgan d", "stylegan2 g", "stylegan3 g", "stylegan3 g rotated"),
    *("gat g", "translator g", "translator g of cut"),
}
CHOOSING = {
    "scratchgan g",
    "text g",
    "text_transformer g",
}  # networks whose outputs are choices
DRAWN = {}  # how the parameters of a network that was played begin
EACH = pytest.mark.parametrize(
    "name", some(NETS, quick=lambda _, name: name not in HEAVY)
)


@cache
def play(name):
    """All that the tests below want to see of a network of three classes."""
    net, shape = NETS[name].net(classes=3), NETS[name].shape
    x = 3 * jax.random.normal(KEY, (4, *shape))
    with noted() as found:
        variables = seat(net, x, LABEL)
    DRAWN[name] = initial(found)
    stats = {key: value for key, value in variables.items() if key != "params"}
    rngs = {"dropout": KEY, "noise": KEY}
    apply = partial(net.apply, rngs=rngs, mutable=list(stats))

    @jax.jit
    def run(variables):
        look = lambda label: apply(variables, x, label, train=False)
        still = jax.lax.map(look, jnp.stack([LABEL, (LABEL + 1) % 3]))

        def value(params):
            given = {**variables, "params": params}
            y, moved = apply(given, x, LABEL, train=True)
            return jnp.sum(jnp.sin(y + jnp.arange(y.size).reshape(y.shape))), moved

        grads, moved = jax.grad(value, has_aux=True)(variables["params"])
        return still, grads, moved

    return stats, *run(variables)


@EACH
def test_training_moves_the_statistics_and_evaluation_does_not(name):
    """What lies in collection "frozen" stays in training, too."""
    stats, (_, kept), _, moved = play(name)
    assert stats.keys() == moved.keys()
    for a, b in zip(*map(jax.tree.leaves, (stats, kept)), strict=True):
        np.testing.assert_array_equal(a, b[0])
    before, after = jax.tree_util.tree_leaves_with_path(stats), jax.tree.leaves(moved)
    for (path, a), b in zip(before, after, strict=True):
        assert jnp.any(a != b) == (path[0].key != "frozen")


@EACH
def test_the_label_changes_every_output(name):
    if name in CHOOSING:
        pytest.skip(
            "a choice of tokens may stay; its likelihood is tested in `unit/models`"
        )
    _, ((a, b), _), _, _ = play(name)
    assert jnp.any(a != b, axis=tuple(range(1, a.ndim))).all()


@EACH
def test_gradients_reach_every_parameter(name):
    """A bias that a batch norm takes away would have a gradient of rounding noise."""
    _, _, grads, _ = play(name)
    sizes = [jnp.abs(grad).max() for grad in jax.tree.leaves(grads)]
    assert min(sizes) > 1e-4 * max(sizes)


# A new network has no earlier version.
@pytest.mark.parametrize("name", some([*MADE], quick=lambda _, name: name not in HEAVY))
def test_weights_of_an_earlier_version_make_the_same(name):
    """In evaluation and in training, as recorded: checkpoints go on to mean the same."""
    _, still, grads, moved = play(name)
    made = (still, grads, moved)
    found = [has_fingerprint(*pair) for pair in zip(made, MADE[name], strict=True)]
    assert found == [True] * 3, f"{name!r}: {tuple(map(fingerprint, made))}"


@pytest.mark.parametrize(
    "name", some([*INITIAL], quick=lambda _, name: name not in HEAVY or name > "h")
)
def test_parameters_begin_as_they_always_did(name):
    if name not in DRAWN:
        x = jax.ShapeDtypeStruct((4, *NETS[name].shape), jnp.float32)
        init = partial(NETS[name].net(classes=3).init, train=False)
        with noted() as found:
            jax.eval_shape(init, KEY, x, LABEL)
        DRAWN[name] = initial(found)
    assert DRAWN[name] == INITIAL[name]


@pytest.mark.parametrize("file", [file for file in FILES if hasattr(file, "TINY")])
def test_every_g_makes_what_every_d_takes(file):
    for name, example in file.TINY.items():
        assert name[:1] in "gd"
        x = jax.ShapeDtypeStruct((4, *example.shape), jnp.float32)
        y, _ = jax.eval_shape(partial(look, example.net()), x)
        shapes = {d.shape for key, d in file.TINY.items() if key[:1] == "d"}
        several = {y.shape[1:2]}  # logits for each image, where D looks at its parts
        assert {y.shape[1:]} == (shapes if name[:1] == "g" else several)


def look(net, x):
    return net.init_with_output({"params": KEY, "noise": KEY}, x, LABEL, train=False)


def test_no_network_is_left_out():
    assert NETS.keys() >= HEAVY
    found = set()
    for file in FILES:
        for _, kind in inspect.getmembers(file, inspect.isclass):
            if issubclass(kind, nn.Module) and kind.__module__ == file.__name__:
                called = list(inspect.signature(kind.__call__).parameters)[1:]
                if called in (["z", "label", "train"], ["image", "label", "train"]):
                    found.add(kind)
    assert len(found) > 10
    parts = {stylegan2.Mapping}
    assert found - parts == {type(example.net()) for example in NETS.values()}
