"""What a game and its data cannot do together is told before anything is compiled.

All of it is on shapes alone: no network is compiled here.
"""

import dataclasses
import importlib
import re
from functools import partial
from importlib import import_module
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.errors import ScopeParamShapeError
from jaxtyping import TypeCheckError

from ganjax import GAN, Player, augment, game, losses
from ganjax.core import (
    Game,
    Pair,
    Turns,
    classes_of,
    decoded,
    normal,
    pixels,
    points,
    stored,
)
from ganjax.data import Source
from ganjax.data.source import example_struct
from ganjax.data.stream import shapes_of
from ganjax.errors import UsageError
from ganjax.games import accumulated, lazy, posthoc_ema
from ganjax.layers import attention, heads, sizes
from ganjax.modalities import IMAGES, POINTS
from ganjax.models import (
    biggan,
    biggan_deep,
    dcgan,
    fastgan,
    gat,
    mlp,
    projected,
    r3gan,
    resnet,
    rrdb,
    sagan,
    stylegan2,
    stylegan3,
    tabular,
    wavegan,
)
from ganjax.run import fitting
from ganjax.run.fitting import check_fit, explain_shape_errors, step_digest
from tests.helpers.abstract import (
    FLOATS,
    ONCE,
    SQUARE,
    captured,
    leave_masks_blank,
    seen,
    source,
    turns,
    zeros as zeros_of,
)
from tests.helpers.processes import EXPERIMENTS


KEY = jax.random.key(0)
PATHS = sorted(EXPERIMENTS.glob("*.py"))
NAMES = [path.stem for path in PATHS]


def gan(g=None, d=None, **more) -> GAN:
    """A GAN for images of 16x16x3 but for what is given."""
    adam = optax.adam(1e-3)
    parts = {
        "loss": losses.hinge(),
        "augment": augment.identity(),
        "prior": normal(4),
        "ema": optax.constant_schedule(0.9),
    }
    players = (
        Player(g or mlp.Generator(SQUARE, 8), adam),
        Player(d or mlp.Discriminator(8), adam),
    )
    return GAN(*players, **(parts | more))


def fit(made: GAN, data: Source | None = None, modality=IMAGES, **changes) -> None:
    data = data or source()
    check_fit(game(made, modality)._replace(**changes), data, shapes_of(data, ONCE))


# Every experiment, at every size.


def at_size(monkeypatch, name: str, size: int) -> bool:
    """Whether an experiment fits its data at a size; what does not is a `UsageError`."""
    leave_masks_blank(monkeypatch)
    module = import_module(name)
    args = module.TINY
    if hasattr(args, "size"):
        args = dataclasses.replace(args, size=size)
    try:
        check_fit(*captured(module, args))
    except UsageError as mistake:
        assert str(mistake).endswith(".") and "\n" not in str(mistake)
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_fits_its_data_at_its_own_size(name, monkeypatch):
    assert at_size(monkeypatch, name, getattr(import_module(name).TINY, "size", 0))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 33, 48])
def test_an_experiment_works_at_a_size_or_tells_why_not(name, size, monkeypatch):
    at_size(monkeypatch, name, size)


SIZES = (2, 3, 4, 6, 7, 8, 12, 17, 24, 50, 64, 127)
SIZED = [name for name in NAMES if hasattr(import_module(name).TINY, "size")]


def kind_of(size: int) -> str:
    """What halving an image of that size meets."""
    if size % 2:
        return "odd"
    if size % 4:
        return "odd once halved"
    return "a power of two" if size & (size - 1) == 0 else "even once halved"


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZED)
def test_an_experiment_is_played_at_sizes_that_fit(name, monkeypatch):
    """The step is traced at the smallest size of each kind that fits, and the largest."""
    good = [size for size in SIZES if at_size(monkeypatch, name, size)]
    smallest = {kind_of(size): size for size in reversed(good)}
    module = import_module(name)
    for size in {*smallest.values(), *good[-1:]}:
        made, _, shapes = captured(module, dataclasses.replace(module.TINY, size=size))
        trace_a_step(made, shapes)


def trace_a_step(made: Game, stored: Turns) -> None:
    shapes = seen(made, stored)
    state = jax.eval_shape(lambda: made.init(KEY, zeros_of(shapes)))
    jax.eval_shape(made.step, state, shapes)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"size": 48}, "no images of 48x48 .* 16, 32, 64, .* nearest are 32 and 64"),
        ({"size": 8}, "no images of 8x8 .* nearest is 16"),
    ],
)
def test_dcgan_names_the_sizes_next_to_one_that_it_cannot_make(flags, said):
    module = import_module("dcgan")
    with pytest.raises(UsageError, match=said):
        check_fit(*captured(module, dataclasses.replace(module.TINY, **flags)))


@pytest.mark.parametrize("name", ["sagan", "r3gan", "r3gan2"])
def test_a_size_that_the_stages_do_not_make_tells_how_many_do(name):
    module = import_module(name)
    with pytest.raises(
        UsageError, match=r"not of 64x64: give --size \d+, or \d widths"
    ):
        check_fit(*captured(module, dataclasses.replace(module.TINY, size=64)))


# Networks by themselves.


def shape_of(net, *shape: int) -> tuple:
    """What a network makes of a batch of zeros, on shapes alone."""
    rngs = {"params": KEY, "noise": KEY}
    look = partial(net.init_with_output, rngs, train=False)
    x, label = jax.ShapeDtypeStruct((4, *shape), jnp.float32), jnp.zeros(4, jnp.int32)
    return jax.eval_shape(look, x, label)[0].shape[1:]


def tapped(image):
    """Maps as a network sees them whose convolutions halve and round up."""
    return image, image[:, ::2, ::2]


WRONG = {
    "a side between two": (stylegan2.Generator(33), (5,), "32 and 64"),
    "no side": (resnet.Generator(2), (5,), "at least 4"),
    "a strip": (dcgan.Discriminator(4), (64, 8, 3), "at least 16"),
    "not square": (stylegan2.Discriminator(4), (16, 32, 3), "square images only"),
    "an odd side": (sagan.Discriminator((8, 8)), (18, 18, 3), "multiples of 4"),
    "deep D": (biggan_deep.Discriminator(8), (48, 48, 3), "32 and 64"),
    "a quarter of a channel": (biggan_deep.Generator(64, ch=1), (5,), "at least 2"),
    "attention at an odd side": (attention.Attention(), (9, 9, 8), "Attention"),
    "too few channels to attend": (attention.Attention(), (8, 8, 4), "at least 8"),
    "no widths": (sagan.Generator(()), (5,), "widths of none"),
    "no stages": (r3gan.Generator(widths=(), cardinalities=()), (5,), "widths of none"),
    "groups for other stages": (
        r3gan.Generator(widths=(8, 8), cardinalities=(2,)),
        (5,),
        "2 widths and 1 cardinalities",
    ),
    "groups of unlike size": (
        r3gan.Generator(widths=(8,), cardinalities=(3,)),
        (5,),
        "16 .* into 3 groups: give 15 or 18",
    ),
    "no channels at the last size": (
        stylegan2.Generator(64, base=32),
        (5,),
        "at least 64",
    ),
    "nor here": (stylegan3.Generator(64, base=32), (5,), "at least 64"),
    "heads": (gat.Generator(8, width=10, heads=4), (5,), "into 4 heads"),
    "patches": (gat.Discriminator(3), (9, 9, 3), "multiples of 2"),
    "three times": (rrdb.Generator(3, 3, 4, 1, blocks=1), (4, 4, 3), "power of two"),
    "a length": (wavegan.Generator(1000), (5,), "samples: .* 256 and 1024"),
    "a length for D": (wavegan.Discriminator(4), (100, 1), "64 and 256"),
    "no columns": (tabular.Generator(()), (5,), "spans of widths of none"),
    "BigGAN's z": (biggan.Generator(8), (7,), "such as 6 or 8"),
    "FastGAN's D": (fastgan.Discriminator(4), (48, 48, 3), "32 and 64"),
    "an eye for other sides": (
        projected.Discriminator(tapped, input_size=8, widths=(4,)),
        (33, 33, 3),
        "33x33, 17x17",
    ),
    "a classifier of nothing": (
        dcgan.Discriminator(4, head=heads.Classifier),
        (16, 16, 3),
        "Classifier needs classes",
    ),
}


@pytest.mark.parametrize(("net", "shape", "said"), WRONG.values(), ids=WRONG)
def test_a_network_names_what_it_cannot_have(net, shape, said):
    call = shape_of
    if isinstance(net, attention.Attention):
        call = lambda net, *shape: jax.eval_shape(
            partial(net.init, train=False), KEY, jnp.zeros((4, *shape))
        )
    with pytest.raises(UsageError, match=said) as told:
        call(net, *shape)
    assert str(told.value).endswith(".") and "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (dcgan.Discriminator(4), (50, 50, 3)),  # 50, 25, 12, 6: nothing is left out
        (dcgan.Discriminator(4), (16, 24, 3)),
        (resnet.Discriminator(4), (12, 20, 3)),
        (sagan.Discriminator((8, 8), attention_resolution=0), (20, 12, 3)),
    ],
)
def test_sizes_that_a_network_can_take_are_not_refused(net, shape):
    assert shape_of(net, *shape) == ()


@pytest.mark.parametrize(
    ("possible", "wrong", "said"),
    [
        (sizes.geometric(4), 17, "16 and 32"),
        (sizes.geometric(16, 4), 65, "64 and 256"),
        (sizes.multiples(8), 20, "16 and 24"),
        (sizes.multiples(4, minimum=8), 4, "nearest is 8"),
        (sizes.one_of((8, 16)), 20, "nearest is 16"),
    ],
)
def test_the_nearest_possible_sizes_are_named(possible, wrong, said):
    with pytest.raises(UsageError, match=said):
        sizes.check("A network", wrong, possible)
    for size in map(int, said.replace("nearest is", "").split(" and ")):
        sizes.check("A network", size, possible)


@pytest.mark.parametrize("shape", [(2,), (64, 2), (4, 8, 8, 3)])
def test_a_network_of_images_takes_no_other_examples(shape):
    examples = jax.ShapeDtypeStruct((4, *shape), jnp.float32)
    with pytest.raises(UsageError, match="SAGAN's D takes images .* examples of shape"):
        sizes.sides_of("SAGAN's D", examples)


def test_no_stages_are_told_as_such():
    with pytest.raises(UsageError, match="widths of none"):
        sizes.check_stages("A network", 16, 8, 0)


# What G makes and what the data holds.


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((8, 8, 3), "G makes images of 8x8 .* 16x16 .* change --size,"),
        ((16, 16, 1), "1 channel, .* 3 channels: change --channels,"),
        ((8, 8, 1), "change --size and --channels,"),
        ((2,), "G makes examples of shape .*, .* change the data or the networks"),
    ],
)
def test_what_g_makes_is_compared_with_the_data(shape, said):
    fit(gan())
    with pytest.raises(UsageError, match=said):
        fit(gan(mlp.Generator(shape, 8)))


def test_the_data_is_compared_as_it_is_once_decoded():
    middle = lambda image: image[:, 4:-4, 4:-4]
    fit(gan(mlp.Generator((8, 8, 3), 8)), real=middle)
    with pytest.raises(UsageError, match="has images of 8x8"):
        fit(gan(), real=middle)


def test_points_are_compared_too():
    data = source((2,), FLOATS)
    fit(gan(mlp.Generator((2,), 8)), data, POINTS)
    with pytest.raises(
        UsageError, match="G makes points of 3 numbers, .* of 2 numbers"
    ):
        fit(gan(mlp.Generator((3,), 8)), data, POINTS)


def test_points_that_are_given_to_networks_of_images_are_told():
    data = source((2,), FLOATS)
    made = gan(mlp.Generator((2,), 8), dcgan.Discriminator(2))
    with pytest.raises(
        UsageError, match=r"a folder\), points of 2 numbers|of shape \(2,\)"
    ):
        fit(made, data, POINTS)


def test_nothing_is_compiled_to_find_out():
    compiled = []

    def listen(event, *_, **__):
        if "backend_compile" in event:
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    fit(gan(dcgan.Generator(16, width=3), dcgan.Discriminator(3)))
    assert not compiled
    jax.jit(lambda x: x + len(compiled))(jnp.zeros(3))
    assert compiled


class Own(nn.Module):
    """A user's own network: any function of what it is given."""

    call: Any

    @nn.compact
    def __call__(self, x, label, *, train):
        return self.call(x)


def flat(x):
    return x.reshape(len(x), -1).mean(1)


OF_SHAPES = {
    "broadcast": lambda x: flat(x + jnp.zeros((1, 8, 8, 3))),
    "reshape": lambda x: x.reshape(len(x), 100).mean(1),
    "concatenate": lambda x: flat(jnp.concatenate([x, jnp.zeros((4, 8, 8, 3))], -1)),
    "product": lambda x: x.reshape(len(x), -1) @ jnp.zeros(5),
    "einsum": lambda x: jnp.einsum("bhwc,c->b", x, jnp.zeros(5)),
    "slice": lambda x: flat(jax.lax.dynamic_slice(x, (0, 0, 0, 0), (4, 32, 32, 3))),
    "split": lambda x: flat(jnp.split(x, 5, axis=1)[0]),
    "vmap": lambda x: jax.vmap(lambda a, b: a.mean() + b)(x, jnp.zeros(5)),
    "no pixels": lambda x: (
        flat(x) / (x.shape[1] // 32 and 1 // (x.shape[1] - 16)) + 1 // (x.shape[1] - 16)
    ),
    "NumPy": lambda x: flat(x) + (np.zeros(3) + np.zeros(4)).sum(),
}


@pytest.mark.parametrize("call", OF_SHAPES.values(), ids=OF_SHAPES)
def test_shapes_that_do_not_go_together_are_a_sentence_that_quotes_them(call):
    with pytest.raises(
        UsageError, match="a folder.*16x16 pixels and 3 channels"
    ) as told:
        fit(gan(d=Own(call)))
    cause = str(told.value.__cause__).splitlines()[0]
    assert cause[:40] in str(told.value) and "\n" not in str(told.value)


BUGS = {
    NameError: lambda x: undefined(x),  # noqa: F821  # pyright: ignore
    AttributeError: lambda x: x.shapes,
    ImportError: lambda x: importlib.import_module("no_such_module"),
    KeyError: lambda x: {}["shape"],
    IndexError: lambda x: [][0],
}
BUGS_OF_CALLS = {
    "keyword": lambda x: nn.Dense(2, shape=3)(x),  # pyright: ignore
    "argument": lambda x: (lambda shape: shape)(),  # pyright: ignore
    "operand": lambda x: x + "a",
    "value": lambda x: int("shape"),
    "branch": lambda x: flat(x) if x.mean() > 0 else x,
    "NumPy": lambda x: np.asarray(x),
}


@pytest.mark.parametrize(("kind", "call"), BUGS.items(), ids=[k.__name__ for k in BUGS])
def test_a_bug_of_a_network_leaves_as_it_came(kind, call):
    with pytest.raises(kind):
        fit(gan(d=Own(call)))


@pytest.mark.parametrize("call", BUGS_OF_CALLS.values(), ids=BUGS_OF_CALLS)
def test_a_bug_is_not_taken_for_a_shape_by_its_words(call):
    with pytest.raises((TypeError, ValueError)):
        fit(gan(d=Own(call)))


# Classes.


class Wrapped(nn.Module):
    """A network within another, or within a tuple of them."""

    inner: Any

    @nn.compact
    def __call__(self, x, label, *, train):
        net = self.inner[0] if isinstance(self.inner, tuple) else self.inner
        return net(x, label, train=train)


G3 = mlp.Generator(SQUARE, 8, classes=3)
OF_THREE = {
    "G": {"g": G3},
    "D": {"d": mlp.Discriminator(8, classes=3)},
    "both": {"g": G3, "d": mlp.Discriminator(8, classes=3)},
    "the fewer of two": {"g": G3, "d": mlp.Discriminator(8, classes=5)},
    "a network within": {"g": Wrapped(G3)},
    "a network in a tuple": {"g": Wrapped((G3,))},
    "a network in a mapping": {"g": Wrapped({"x": G3})},
    "a partial": {"d": dcgan.Discriminator(2, norm=partial(dcgan.NORM, classes=3))},
}


@pytest.mark.parametrize("nets", OF_THREE.values(), ids=OF_THREE)
def test_a_game_knows_how_many_classes_its_networks_are_made_for(nets):
    assert game(gan(**nets)).conditions.classes == 3
    for one in (lazy(gan(**nets)), posthoc_ema(game(gan(**nets)))):
        assert accumulated(one, 2).conditions.classes == 3


def test_a_game_of_no_classes_and_one_of_unknown_ones_differ():
    assert game(gan()).conditions.classes == 0
    own = Player(Own(flat), optax.adam(1e-3))
    assert classes_of(own) is None
    assert classes_of(own, gan().g) == 0


@pytest.mark.parametrize("nets", [OF_THREE["G"], OF_THREE["D"]])
@pytest.mark.parametrize(
    ("there", "said"),
    [
        (12, "made for 3 classes, .* has 12: give --classes 12"),
        (0, "made for 3 classes, .* has none: give --classes 0"),
    ],
)
def test_more_classes_than_the_networks_know_are_refused(nets, there, said):
    with pytest.raises(UsageError, match=said):
        fit(gan(**nets), source(classes=there))


@pytest.mark.parametrize(
    ("nets", "there"), [(OF_THREE["G"], 3), (OF_THREE["both"], 2), ({}, 12), ({}, 0)]
)
def test_classes_that_can_be_trained_are_not_refused(nets, there):
    fit(gan(**nets), source(classes=there))


# What is handed to a game by hand.


def zeros(shape: tuple = SQUARE, dtype: Any = FLOATS) -> Turns:
    return zeros_of(turns(shape, dtype))


def zeros_in(shapes: Any) -> Turns:
    """The turns of a step of pairs, or of single examples."""
    if not isinstance(shapes, Pair):
        return zeros(shapes)
    example = Pair(*(example_struct(shape, FLOATS) for shape in shapes))
    return zeros_of(shapes_of(source()._replace(example=example), ONCE))


@pytest.mark.parametrize("dtype", [np.float32, np.uint16, np.int32, np.bool_])
def test_images_that_are_no_bytes_are_refused_wherever_they_are_decoded(dtype):
    said = f"stored as bytes, uint8 of 0..255, and these are {np.dtype(dtype)}"
    with pytest.raises(UsageError, match=said):
        fit(gan(), source(dtype=dtype))
    with pytest.raises(UsageError, match=said):
        decoded(IMAGES, zeros(dtype=dtype))
    with pytest.raises(UsageError, match=said):
        IMAGES.decode(jnp.zeros((2, *SQUARE), dtype))


def test_numbers_of_64_bits_are_refused_as_what_they_are():
    with pytest.raises(UsageError, match=r"uint8 of 0\.\.255, and these are int64"):
        fit(gan(), source(SQUARE, np.dtype("int64")))
    made = gan(mlp.Generator((2,), 8))
    with pytest.raises(UsageError, match="must be floats, and these are uint64"):
        fit(made, source((2,), np.dtype("uint64")), POINTS)


def test_examples_as_they_are_stored_are_no_turns():
    made = game(gan())
    state = jax.eval_shape(made.init, KEY, zeros())
    stored = zeros(dtype=np.uint8)
    for play in (lambda: made.init(KEY, stored), lambda: made.step(state, stored)):
        with pytest.raises(UsageError, match="uint8, .* as networks see them"):
            jax.eval_shape(play)


def test_bytes_of_floats_are_what_is_advised():
    image = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 2, 3)
    np.testing.assert_allclose(pixels(stored(image)), image, atol=1 / 255)


def test_bytes_are_no_points():
    with pytest.raises(UsageError, match="Points must be floats, and these are uint8"):
        points(np.zeros((4, 2), np.uint8))


@pytest.mark.parametrize("name", ["cyclegan", "pix2pix", "completion", "superres"])
def test_games_of_images_of_images_refuse_floats_too(name):
    module = import_module(name)
    made, data, _ = captured(module, module.TINY)
    floats = jax.tree.map(lambda x: example_struct(x.shape, FLOATS), data.example)
    with pytest.raises(
        UsageError, match="bytes, uint8 of 0..255, and these are float32"
    ):
        check_fit(made, data._replace(example=floats), shapes_of(data, ONCE))


BATCH, STEP = zeros().g, zeros().d
NOT_TURNS = {
    "a batch": (BATCH, "This is a Batch, and a step takes Turns"),
    "a tuple": ((STEP, BATCH), "This is a tuple, and"),
    "images": (BATCH.x, "and a step takes Turns"),
    "images for a batch": (
        Turns(STEP.x, BATCH.x),
        r"Turns\.. is a .*, and a step",
    ),
    "another number of labels": (
        Turns(STEP, BATCH._replace(label=jnp.zeros(3, jnp.int32))),
        "one label for each example",
    ),
    "labels that are no numbers of classes": (
        Turns(STEP, BATCH._replace(label=jnp.zeros(4))),
        "labels of Turns.g are float32",
    ),
    "labels that are one-hot": (
        Turns(STEP, BATCH._replace(label=jnp.zeros((4, 3)))),
        r"labels of Turns.g are of shape \(4, 3\)",
    ),
}


@pytest.mark.parametrize(("given", "said"), NOT_TURNS.values(), ids=NOT_TURNS)
def test_what_are_no_turns_is_told(given, said):
    made = game(gan())
    # A batch is enough to begin with, but not for a step.
    if isinstance(given, Turns):
        with pytest.raises(UsageError, match=said):
            made.init(KEY, given)
    state = jax.eval_shape(made.init, KEY, zeros())
    for step in (made.step, lazy(gan()).step):
        with pytest.raises(UsageError, match=said):
            jax.eval_shape(step, state, given)


def test_a_batch_without_an_axis_of_turns_is_told_to_d():
    made = game(gan())
    state = jax.eval_shape(made.init, KEY, Turns(BATCH, BATCH))
    with pytest.raises(UsageError, match=r"labels of Turns.d are of shape \(4,\)"):
        jax.eval_shape(made.step, state, Turns(BATCH, BATCH))


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("cyclegan", (20, 20, 3), "is a single image, and pairs are wanted"),
        ("pix2pix", (10, 10, 3), "is a single image, and pairs are wanted"),
        ("cyclegan", Pair((8, 8, 1), (8, 8, 1)), "16x16 pixels of each image are seen"),
        ("completion", (8, 8, 3), "16x16 pixels of each image are seen"),
        ("superres", (16, 8, 3), "16x16 pixels of each image are seen"),
        ("cyclegan", Pair((8,), (8,)), "16x16 pixels of each image are seen"),
    ],
)
def test_images_that_cannot_be_seen_as_a_game_does_are_told(name, shape, said):
    module = import_module(name)
    made, *_ = captured(module, module.TINY)
    with pytest.raises(UsageError, match=said):
        jax.eval_shape(made.init, KEY, zeros_in(shape))


# Which errors are of shapes, and what is quoted of them.


class ValuesError(ValueError):
    """A kind of `ValueError` of its own."""


JAX_ERROR = jax.errors.JaxRuntimeError
CHECKED = "Type-check error of call.\nCalled with ...\nActual value: f32[3]\n"


@pytest.mark.parametrize(
    ("error", "quoted"),
    [
        (JAX_ERROR("INVALID_ARGUMENT: shapes differ"), "INVALID_ARGUMENT: shapes"),
        (JAX_ERROR("INVALID_ARGUMENT: odd"), ""),
        (JAX_ERROR("RESOURCE_EXHAUSTED: of this shape"), ""),
        (ZeroDivisionError("division by zero"), "division by zero"),
        (ScopeParamShapeError("a", "b", (1,), (2,)), "b"),
        (
            TypeCheckError(f"{CHECKED}Expected type: Float[Array, 'b'].\nfoo"),
            "Type-check error of call. Actual value: f32[3] Expected type: Float[Array, "
            "'b'])",
        ),
        (TypeCheckError(f"{CHECKED}Expected type: int.\nArray"), ""),
        (ValueError("Incompatible shapes\nand more"), "(Incompatible shapes)"),
        (TypeError("got an unexpected keyword 'shape'"), ""),
        (ValuesError("shapes"), ""),
        (RuntimeError("shapes"), ""),
    ],
)
def test_errors_of_shapes_are_told_from_others(error, quoted):
    if not quoted:
        with pytest.raises(type(error)), explain_shape_errors(game(gan()), source()):
            raise error
        return
    with pytest.raises(UsageError) as told:
        with explain_shape_errors(game(gan()), source()):
            raise error
    assert quoted in str(told.value) and "and more" not in str(told.value)
    assert told.value.__cause__ is error


def test_both_sides_of_pairs_are_told_and_data_without_a_place_is_the_data():
    sides = Pair(*(example_struct(shape, np.uint8) for shape in ((9, 8, 1), (4, 4, 3))))
    pairs = source()._replace(example=sides)
    stored = fitting._stored(game(gan()), pairs)
    assert stored == (f"{IMAGES.describe((4, 4, 3))} and {IMAGES.describe((9, 8, 1))}")
    nowhere = pairs._replace(spec=pairs.spec._replace(where=""))
    assert fitting._name(nowhere) == "the data"
    assert fitting._name(pairs) == f"the data ({pairs.spec.where})"


def of_another_batch(logits):
    return (logits + jnp.zeros(99)).mean()


def test_a_part_that_fails_is_named_with_its_place_and_the_data_is_not_blamed():
    def mine() -> losses.Loss:
        def d(real, fake):
            return of_another_batch(real)

        return losses.hinge()._replace(d=d)

    made = game(gan(mlp.Generator((2,), 8), loss=mine()), POINTS)
    with pytest.raises(UsageError) as error:
        step_digest(made, source((2,), FLOATS), turns((2,), FLOATS))
    text = str(error.value)
    part = re.escape(
        "test_a_part_that_fails_is_named_with_its_place_and_the_data_is_not"
    )
    assert re.match(rf"The loss of D \({part}\w*\) fails on real logits float32", text)
    assert re.search(
        r"shapes? for broadcasting.*\) in of_another_batch, test_fitting.py line \d+: "
        r"correct it\.$",
        text,
    )
    assert "data" not in text.replace("the_data", "")
    assert isinstance(error.value.__cause__, TypeError)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.float16(1), ""),
        (np.int8(1), ""),
        (np.bool_(True), ""),
        (np.complex64(1), "logs x/y as complex64: log real"),
        (np.zeros((2, 3)), r"logs x/y as an array \[2, 3\]: log numbers"),
    ],
)
def test_logs_are_real_numbers_of_any_type(value, says):
    if not says:
        fitting._check_logs({"x": {"y": value}})
        return
    with pytest.raises(UsageError, match=says):
        fitting._check_logs({"x": {"y": value}})


def test_a_step_is_known_by_what_it_computes_and_not_by_where_it_lies():
    def digest(array=(1.0, 2.0), factor=3.0):
        constant = np.asarray(array, np.float32)
        call = lambda x: np.asarray(x)  # another function, at another place

        def step(state, turns):
            logs = factor * state["w"].sum() + jnp.asarray(constant).sum()
            logs += jax.pure_callback(call, jax.ShapeDtypeStruct((), FLOATS), logs)
            return state, {"x": logs}

        init = lambda key, turns: {"w": jax.random.normal(key, turns.g.x.shape)}
        made = game(gan())._replace(init=init, step=step)
        return step_digest(made, source(), turns())

    plain = digest()
    assert plain == digest() and len(plain) == 64
    assert len({plain, digest(factor=4.0), digest((1.0, 3.0))}) == 3
