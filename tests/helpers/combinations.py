"""Everything that can be put together, and few games in which any two of it meet.

A game is an architecture, what D ends with, a loss, a regularizer and an augmentation;
each is found where it is defined, so that a new one is in the next game's table unasked.
"""

import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Iterator
from functools import cache, partial
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ganjax.models
from ganjax import augment, core, losses, optim, regularizers
from ganjax.core import GAN, Augment, Loss, Player, Regularizer
from ganjax.layers import heads
from ganjax.layers.example import Example
from ganjax.models import mlp
from ganjax.regularizers import PerPlayer


AT_LEAST = 512  # games in all
BATCH = 4
CLASSES = 3
CODES = {"num_discrete": 1, "num_values": 2, "num_continuous": 1}
FILES = [
    importlib.import_module(module.name)
    for module in pkgutil.iter_modules(ganjax.models.__path__, "ganjax.models.")
]


def noise(key, image, p):
    """A transform for examples of any shape."""
    return image + 0.1 * p * jax.random.normal(key, image.shape)


GIVEN: dict[
    str, Any
] = {  # arguments of the functions found below, so that they act in two steps
    "augment": augment.fixed(noise),
    "batch": BATCH,
    "bound": 0.3,
    "every": 2,
    "fraction": 0.5,
    "gamma": 1.0,
    "loss": losses.hinge(),
    "ratio": 0.5,
    "share": 0.5,
    "start": 0,
    "term": regularizers.r1(1.0),
    "transform": noise,
}


def found(module: ModuleType, kind: object) -> dict[str, object]:
    """What each public function of a module gives that makes something of that kind."""
    made = {}
    for name, function in inspect.getmembers(module, inspect.isfunction):
        signature = inspect.signature(function)
        takes = signature.parameters.values()
        given = {x.name: GIVEN[x.name] for x in takes if x.name in GIVEN}
        needs = {x.name for x in takes if x.default is x.empty}
        if signature.return_annotation == kind and needs <= given.keys():
            made[name] = function(**given)
    return made


class Conditioning(NamedTuple):
    """How the classes come into the game, and what D and G have to say of them."""

    classes: int
    head: object = None  # None: the discriminator's own
    asks: PerPlayer | None = None
    coded: bool = False


AC, TWIN, TWICE = heads.Classifier, {"twin": True}, {"outputs_per_class": 2}
TWO_C = partial(heads.Contrastive, embedding_size=6)
CROSS, CLOSE = regularizers.cross_entropy(), regularizers.data_to_data()
CONDITIONINGS = {
    "no classes": Conditioning(0),
    "its own": Conditioning(CLASSES),
    "projection": Conditioning(CLASSES, heads.Projection),
    "AC": Conditioning(CLASSES, AC, regularizers.ac_gan(CROSS)),
    "TAC": Conditioning(CLASSES, partial(AC, **TWIN), regularizers.tac_gan(CROSS)),
    "ADC": Conditioning(CLASSES, partial(AC, **TWICE), regularizers.adc_gan(CROSS)),
    "multi-hinge": Conditioning(CLASSES, heads.MultiHinge, regularizers.multi_hinge()),
    "2C": Conditioning(CLASSES, TWO_C, regularizers.ac_gan(regularizers.contrastive())),
    "D2D-CE": Conditioning(CLASSES, TWO_C, regularizers.ac_gan(CLOSE)),
    "InfoGAN": Conditioning(
        0, partial(heads.Codes, **CODES), regularizers.mutual_information(), coded=True
    ),
}

NOTHING = Regularizer(lambda: (), lambda turn, memory: (jnp.zeros(()), memory))
OF_CONDITIONING = {"multi_hinge", "mutual_information"}
OF_DECODERS = {"reconstruction"}  # which no example has
OF_FEATURES = {"feature_matching", "pulling_away"}  # which D's head tells
ANYWHERE = {"identity", "fixed", "adaptive", "pseudo"}  # not on images alone
OF_G = {"path_length", "feature_matching", "mode_seeking", "pulling_away"}
AFTER = {"clip_weights"}  # what stands behind the optimizer


class Demand(NamedTuple):
    """What a game asks of its players besides the loss."""

    d: Regularizer = NOTHING
    g: Regularizer = NOTHING
    before: optax.GradientTransformation = optax.identity()
    after: optax.GradientTransformation = optax.identity()


def demands() -> dict[str, Demand]:
    """Every regularizer and Optax transformation, by name, on the side that it is for."""
    single, pairs = found(regularizers, Regularizer), found(regularizers, PerPlayer)
    single = {k: x for k, x in single.items() if k not in OF_DECODERS}
    moves = found(optim, optax.GradientTransformation)
    return (
        {"nothing": Demand()}
        | {k: Demand(g=x) if k in OF_G else Demand(d=x) for k, x in single.items()}
        | {k: Demand(*x) for k, x in pairs.items() if k not in OF_CONDITIONING}
        | {
            k: Demand(**{"after" if k in AFTER else "before": x})
            for k, x in moves.items()
        }
    )


class Architecture(NamedTuple):
    """Two examples that can play together."""

    g: Example
    d: Example


def maker(shape: tuple[int, ...]) -> Example:
    """A generator for a discriminator whose file has none."""
    return Example(partial(mlp.Generator, shape, width=8), (5,))


def architectures() -> dict[str, Architecture]:
    """Every network of every file at least once, against one of the same file."""
    made = {}
    for file in FILES:
        name = file.__name__.split(".")[-1]
        nets = sorted(getattr(file, "TINY", {}).items())
        gs, ds = ([x for x in nets if x[0][0] == side] for side in "gd")
        gs = gs or [("mlp", maker(d.shape)) for _, d in ds[:1]]
        for i in range(max(len(gs), len(ds))):
            (g, of_g), (d, of_d) = gs[i % len(gs)], ds[i % len(ds)]
            made[f"{name} {g} x {d}"] = Architecture(of_g, of_d)
    return made


def first_channel(transform: augment.Transform) -> augment.Transform:
    """A transform of images of one channel or three, on those of two."""

    def apply(key, image, p):
        return jnp.concatenate([transform(key, image[..., :1], p), image[..., 1:]], -1)

    return apply


def augments() -> dict[str, Augment]:
    """Every augmentation, and every transform as one that always acts."""
    transforms = found(augment, augment.Transform)
    ada = found(augment.ada, augment.Transform)
    transforms |= {f"ada {name}": first_channel(x) for name, x in ada.items()}
    fixed = {name: augment.fixed(x) for name, x in transforms.items()}
    return found(augment, Augment) | fixed


LEVELS = {
    "architecture": architectures(),
    "conditioning": CONDITIONINGS,
    "loss": {k: x for k, x in found(losses, Loss).items() if k != "zero"},
    "demand": demands(),
    "augment": augments(),
}


class Names(NamedTuple):
    """One level of everything, by its name."""

    architecture: str
    conditioning: str
    loss: str
    demand: str
    augment: str


def takes_a_head(net) -> bool:
    """Whether a discriminator's `head` is a network; SN-PatchGAN's is a number."""
    return hasattr(net, "head") and not isinstance(net.head, float)


@cache
def goes(i: int, a: str, j: int, b: str) -> bool:
    """Whether a level of factor i can meet one of factor j in a game."""
    names = dict(zip(np.take(Names._fields, [i, j]), (a, b), strict=True))
    if "architecture" not in names:
        return True
    g, d = LEVELS["architecture"][names["architecture"]]
    if "conditioning" in names:
        head = LEVELS["conditioning"][names["conditioning"]].head
        return head is None or takes_a_head(d.net())
    if "demand" in names:
        if names["demand"] == "path_length":
            return hasattr(g.net(), "synthesis")
        return names["demand"] not in OF_FEATURES or takes_a_head(d.net())
    return names.get("augment", "identity") in ANYWHERE or len(d.shape) == 3


def met(names: tuple[str | None, ...]) -> Iterator[tuple[int, str, int, str]]:
    """Every two levels of a game, or of a part of one."""
    for (i, a), (j, b) in itertools.combinations(enumerate(names), 2):
        if a is not None and b is not None:
            yield i, a, j, b


@cache
def games(at_least: int = AT_LEAST) -> list[Names]:
    """Games in which any two levels that can meet do, the same on every machine.

    Greedy: each begins with a pair that has not met and takes, factor by factor, what
    brings most new pairs; more are drawn until there are `at_least`.
    """
    levels = [sorted(names) for names in LEVELS.values()]
    couples = itertools.combinations(range(len(levels)), 2)
    new = {(i, a, j, b): None for i, j in couples for a in levels[i] for b in levels[j]}
    new = {pair: None for pair in new if goes(*pair)}
    made, rng = {}, np.random.default_rng(0)

    def filled(names: list[str | None], worth) -> Names:
        for i, options in enumerate(levels):
            if names[i] is None:
                tried = (
                    [*names[:i], x, *names[i + 1 :]] for x in rng.permutation(options)
                )
                able = [x for x in tried if all(goes(*pair) for pair in met(x))]
                names = max(able, key=worth)
        return Names(*map(str, names))

    while new:
        i, a, j, b = next(iter(new))
        start = [{i: a, j: b}.get(k) for k in range(len(levels))]
        game = filled(start, lambda names: sum(pair in new for pair in met(names)))
        made[game] = None
        for pair in met(game):
            new.pop(pair, None)
    while len(made) < at_least:
        made[filled([None] * len(levels), lambda names: 0)] = None
    return list(made)


def build(names: Names) -> tuple[GAN, tuple[int, ...]]:
    """The game, and the shape of one example for it."""
    levels = [LEVELS[field][name] for field, name in names._asdict().items()]
    (g, d), conditioning, loss, demand, augmentation = levels
    ask = conditioning.asks or Demand()
    d_net = d.net(classes=conditioning.classes)
    if conditioning.head:
        d_net = d_net.clone(head=conditioning.head)
    optimizer = optax.chain(demand.before, optax.adam(1e-3, b1=0.0), demand.after)
    player = lambda net, *terms: Player(
        net, optimizer, {str(i): term for i, term in enumerate(terms)}
    )
    size = int(np.prod(g.shape))
    prior = core.normal(size)
    if conditioning.coded:
        prior = regularizers.coded_prior(core.normal(size - 3), **CODES)
    made = GAN(
        g=player(g.net(classes=conditioning.classes), demand.g, ask.g),
        d=player(d_net, demand.d, ask.d),
        loss=loss,
        augment=augmentation,
        prior=lambda key: prior(key).reshape(g.shape),
        ema=optax.constant_schedule(0.9),
    )
    return made, d.shape
