"""What each experiment makes of its flags: optimizers, losses, averages, data, networks."""

import dataclasses
import importlib
import inspect
import types
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax import GAN, augment
from ganjax.augment import ada, blur
from ganjax.augment.affine import affine
from ganjax.augment.colors import colors
from ganjax.augment.corruption import cutout
from ganjax.augment.transform import pipeline
from ganjax.core import ONE, DiscriminatorOutputs, Turn, normal, uniform
from ganjax.data import Spec
from ganjax.modalities import IMAGES, POINTS
from ganjax.models import (
    stylegan2,
    stylegan3,
)
from ganjax.regularizers import ac_gan, contrastive, data_to_data, path_length
from tests.helpers.abstract import captured
from tests.helpers.processes import EXPERIMENTS


lazy, logan, unrolled = (
    importlib.import_module(f"ganjax.games.{name}")
    for name in ("lazy", "logan", "unrolled")
)


NAMES = sorted(path.stem for path in EXPERIMENTS.glob("*.py"))
STEPS, BATCH = 4, 10
# Small, so that an epsilon shows.
GRADIENTS = 1e-6 * np.array([1.0, -2.0, 0.5, 3.0])
REAL, FAKE = np.array([0.3, -1.2, 2.0]), np.array([0.5, -0.4, -1.7])


def unlike(args, keep=()):
    """Flags that are all different, so that one in the place of another shows."""
    changed = {}
    for i, field in enumerate(dataclasses.fields(args)):
        value = getattr(args, field.name)
        if field.name in keep or isinstance(value, bool):
            continue
        if isinstance(value, int):
            changed[field.name] = value + 3 * i + 1
        elif isinstance(value, float):
            changed[field.name] = (value or 1.0) * (1 - 0.01 * i)
    run = dataclasses.replace(args.run, steps=STEPS, batch=BATCH)
    return dataclasses.replace(args, run=run, **changed)


TEXTS = {"lstm", "relgan", "scratchgan", "transformer"}  # experiments on texts
KEPT = {
    "projected": ("size",),
    "progressive": ("size",),
    "sagan": ("size",),
    "biggan": ("size",),
    "reacgan": ("size",),
    "superres": ("size", "times"),
    "wavegan": ("rate", "length", "channels"),
    "hifigan": ("rate", "length", "segment", "size", "convs", "d_width"),
    "specgan": ("rate", "length", "frame", "hop", "bands", "griffin_lim"),
    "audio_stylegan": ("rate", "length", "frame", "hop", "bands"),
    "transformer": ("width", "layers", "heads"),
}
OTHER = {
    ("superres", "times"): 2,
    ("wavegan", "channels"): 2,
    ("hifigan", "convs"): 1,
    ("hifigan", "rates"): (8, 4, 2, 2),
    ("specgan", "griffin_lim"): 4,
    **{(name, "vocabulary"): 9 for name in TEXTS},
    **{
        (name, field): value
        for name in ("ctgan", "tvae")
        for field, value in (
            ("data", "iris"),
            ("kinds", ("magnesium=categorical",)),
            ("target", "cultivar"),
        )
    },
}


class Made:
    """What an experiment's `main` gives to `train`."""

    def __init__(self, name, **flags):
        module = importlib.import_module(name)
        if name == "projected":
            flags = {"trained": False, **flags}
        args = unlike(module.Args(), KEPT.get(name, ()))
        self.args = dataclasses.replace(args, **flags)
        self.game, data, self.turns = captured(module, self.args)
        self.spec = data.spec
        given = getattr(self.game.step, "args", ())
        self.gan = next((x for x in given if isinstance(x, GAN)), None)
        if self.gan:
            self.players = {"g": self.gan.g, "d": self.gan.d}
            self.loss, self.within = self.gan.loss, {}
        elif given:  # a game of one player
            self.players, self.loss, self.within = {"g": given[0]}, None, {}
        else:
            self.within = within(self.game.step)
            self.players, self.loss = self.within["players"], self.within["loss"]


def within(function):
    """What a function holds, by name."""
    return inspect.getclosurevars(inspect.unwrap(function)).nonlocals


def told(x, names=None):
    """A description of a value, and of a function by all that it holds."""
    if dataclasses.is_dataclass(x) and type(x).__name__ == "Args":
        fields = [field.name for field in dataclasses.fields(x)]
        return {name: told(getattr(x, name)) for name in fields if name in names}
    if isinstance(x, partial):
        return told(x.func), told(x.args), told(x.keywords)
    if isinstance(x, types.FunctionType):
        if x.__module__.startswith("ganjax"):
            x = inspect.unwrap(x)  # of what checks its types
        held = [cell.cell_contents for cell in x.__closure__ or ()]
        more = x.__defaults__, x.__kwdefaults__
        return x.__qualname__, [told(each, used(x.__code__)) for each in held], more
    if isinstance(x, dict):
        return {str(key): told(value) for key, value in x.items()}
    if isinstance(x, tuple | list):
        return type(x).__name__, [told(each) for each in x]
    if hasattr(x, "__dataclass_fields__") and not isinstance(x, type):
        fields = [name for name in x.__dataclass_fields__ if name != "parent"]
        return type(x).__name__, {name: told(getattr(x, name)) for name in fields}
    if hasattr(x, "__qualname__"):
        return x.__qualname__
    return told({"type": type(x), **vars(x)}) if callable(x) else repr(x)


def used(code):
    """The names that a function's code speaks of, with those of functions within it."""
    inner = [used(x) for x in code.co_consts if isinstance(x, types.CodeType)]
    return {*code.co_names}.union(*inner)


def description(made):
    return str(told((made.game, made.spec, jax.tree.leaves(made.turns))))


UNUSED = {
    ("projected", "features"),
    ("projected", "sha256"),
    ("ctgan", "schema"),  # which a run writes for itself
    ("tvae", "schema"),
    ("specgan", "moments"),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_flag_changes_what_is_played_or_what_is_read(name, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(f"line {i}" for i in range(99)))
    plain = Made(name)
    before = description(plain)
    assert description(Made(name)) == before
    for field in dataclasses.fields(plain.args):
        value = getattr(plain.args, field.name)
        if field.name in ("run", "trained") or (name, field.name) in UNUSED:
            continue
        if isinstance(value, bool):
            other = not value
        elif isinstance(value, str):
            other = value + "other"
        elif isinstance(value, tuple):
            other = tuple(x / 2 if isinstance(x, float) else 2 * x for x in value)
        else:
            other = 2 * value
        if field.name == "deviation":
            other = value / 2
        if field.name == "data" and name in TEXTS:
            other = str(lines)
        other = OTHER.get((name, field.name), other)
        if (name, field.name) == ("sagan", "size"):
            continue
        after = description(Made(name, **{field.name: other}))
        assert after != before, field.name


def adam(rate, b1, b2, eps=1e-8):
    """The moves of one weight by Adam, in float64; the rate may be one for each step."""
    m = v = 0.0
    moves = []
    rates = np.broadcast_to(rate, STEPS)
    for t, (gradient, rate) in enumerate(zip(GRADIENTS, rates, strict=True), 1):
        m, v = b1 * m + (1 - b1) * gradient, b2 * v + (1 - b2) * gradient**2
        moves.append(-rate * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps))
    return moves


def lazy_adam(rate, every):
    """Of a player whose regularizers have every so many steps one of their own."""
    c = every / (every + 1)
    return adam(c * rate, 0.0, 0.99**c)


def to_zero(rate, turns=1):
    """A rate that falls in a line to zero at the end of the run, in all of D's turns."""
    return rate * (1 - np.arange(STEPS) / (STEPS * turns))


def halfway(rate, flat=0.5):
    """A rate that falls to zero from a share of the run on."""
    falls = STEPS - int(flat * STEPS)
    return rate * np.minimum(1, (STEPS - np.arange(STEPS)) / max(falls, 1))


def decided(optim):
    """The moves of one weight by an optimizer."""
    weight = {"w": jnp.ones(())}
    state, moves = optim.init(weight), []
    for gradient in GRADIENTS:
        update, state = optim.update({"w": jnp.float32(gradient)}, state, weight)
        moves.append(float(update["w"]))
    return moves


# In each place what D pays and what G pays, of REAL and FAKE.
cross = lambda x: np.log1p(np.exp(-x)).mean()
square = lambda x: (x**2).mean()
HINGE = np.maximum(0, 1 - REAL).mean() + np.maximum(0, 1 + FAKE).mean(), -FAKE.mean()
LOG = cross(REAL) + cross(-FAKE), cross(FAKE)
PAIRS = cross(REAL - FAKE), cross(FAKE - REAL)
CRITIC = FAKE.mean() - REAL.mean(), -FAKE.mean()
SQUARES = (square(REAL - 1) + square(FAKE)) / 2, square(FAKE - 1)
PIX2PIX = LOG[0] / 2, LOG[1]
real, fake = REAL - FAKE.mean(), FAKE - REAL.mean()
AVERAGE = cross(real) + cross(-fake), cross(fake) + cross(-real)


def half_life(images, ramp=0.05):
    """An average's weights halve in `images`, of which it is a share early in a run."""

    def decay(step):
        life = min(images, ramp * step * BATCH) if ramp else images
        return 0.5 ** (BATCH / life) if life else 0.0

    return decay


def from_step(start, decay):
    return lambda step: decay if step >= start else 0.0


def always(decay):
    return lambda step: decay


# By experiment: G's moves and D's, the loss, the decay of the average, the prior.
WANTED = {
    "audio_stylegan": lambda a: (
        adam(a.g_lr, 0.0, 0.99),
        adam(a.d_lr, 0.0, 0.99),
        LOG,
        always(a.ema),
    ),
    "biggan": lambda a: (
        adam(a.g_lr, a.beta1, 0.999, 1e-6),
        adam(a.d_lr, a.beta1, 0.999, 1e-6),
        HINGE,
        from_step(a.start, a.ema),
    ),
    "dcgan": lambda a: (
        *2 * [adam(a.lr, a.beta1, 0.999)],
        LOG,
        half_life(22_000),
    ),
    "diff_augment": lambda a: (
        *2 * [adam(a.lr, 0.5, 0.999)],
        HINGE,
        half_life(22_000),
    ),
    "logan": lambda a: (*2 * [adam(a.lr, 0.0, 0.99)], PAIRS, always(0.999)),
    "mlp": lambda a: (*2 * [adam(a.lr, 0.0, 0.99)], PAIRS, always(0.999)),
    "progressive": lambda a: (*2 * [adam(a.lr, 0.0, 0.99)], CRITIC, always(0.999)),
    "projected": lambda a: (
        adam(a.lr, 0.0, 0.99),
        lazy_adam(a.lr, 16),
        HINGE,
        half_life(a.ema, a.ramp),
    ),
    "reacgan": lambda a: (
        *2 * [adam(a.lr, 0.5, 0.999, 1e-6)],
        HINGE,
        from_step(1000, 0.9999),
    ),
    "relativistic": lambda a: (*2 * [adam(a.lr, 0.0, 0.99)], PAIRS, always(0.999)),
    "ring": lambda a: (*2 * [adam(a.lr, 0.0, 0.99)], PAIRS, always(0.999)),
    "sagan": lambda a: (
        adam(a.g_lr, 0.0, 0.999),
        adam(a.d_lr, 0.0, 0.999),
        HINGE,
        always(0.0),
    ),
    "sngan": lambda a: (
        adam(to_zero(a.lr), 0.0, 0.9),
        adam(to_zero(a.lr, a.d_turns), 0.0, 0.9),
        HINGE,
        always(0.0),
    ),
    "stylegan2_ada": lambda a: (
        lazy_adam(a.lr, 4),
        lazy_adam(a.lr, 16),
        LOG,
        half_life(a.ema, a.ramp),
    ),
    "stylegan3": lambda a: (
        adam(a.g_lr, 0.0, 0.99),
        lazy_adam(a.d_lr, 16),
        LOG,
        half_life(a.ema, a.ramp),
    ),
    "unrolled": lambda a: (
        adam(a.g_lr, a.beta1, 0.999),
        adam(a.d_lr, a.beta1, 0.999),
        (LOG[0], -LOG[0]),
        always(0.0),
    ),
    "specgan": lambda a: (
        *2 * [adam(a.lr, a.beta1, 0.999)],
        HINGE,
        half_life(22_000),
    ),
    "wavegan": lambda a: (*2 * [adam(a.lr, 0.5, 0.9)], CRITIC, always(0.0)),
    "wgan_gp": lambda a: (
        adam(to_zero(a.lr), 0.0, 0.9),
        adam(to_zero(a.lr, a.d_turns), 0.0, 0.9),
        CRITIC,
        always(0.0),
    ),
    "colors": lambda a: (*2 * [adam(halfway(a.lr), 0.5, 0.999)], PIX2PIX),
    "pix2pix": lambda a: (*2 * [adam(halfway(a.lr), 0.5, 0.999)], PIX2PIX),
    "completion": lambda a: (
        adam(halfway(a.g_lr, a.flat), 0.5, 0.999),
        adam(halfway(a.d_lr, a.flat), 0.5, 0.999),
        HINGE,
    ),
    "deidentify": lambda a: (*2 * [adam(a.lr, 0.5, 0.999)], HINGE),
    "superres": lambda a: (
        adam(halfway(a.g_lr), 0.9, 0.99),
        adam(halfway(a.d_lr), 0.9, 0.99),
        (AVERAGE[0] / 2, AVERAGE[1] * a.adversarial / 2),
    ),
    "cut": lambda a: (*3 * [adam(halfway(a.lr, a.flat), 0.5, 0.999)], SQUARES),
    "cyclegan": lambda a: (*4 * [adam(halfway(a.lr), 0.5, 0.999)], SQUARES),
}
# Their numbers change with the step; they have a test of their own below.
GOING = {"r3gan", "r3gan2"}


@pytest.mark.parametrize("name", WANTED)
def test_players_move_and_pay_and_are_averaged_as_it_is_said(name):
    made = Made(name)
    *wanted, loss = WANTED[name](made.args)[: len(made.players) + 1]
    for moves, player in zip(wanted, made.players.values(), strict=True):
        np.testing.assert_allclose(decided(player.optim), moves, rtol=2e-5)
    logits = jnp.float32(REAL), jnp.float32(FAKE)
    paid = made.loss.d(*logits), made.loss.g(*logits)
    np.testing.assert_allclose(paid, loss, rtol=1e-5)
    if made.gan:
        average = WANTED[name](made.args)[-1]
        for step in (0, 1, 500, 999, 1000, 1061, 10**6):
            decay = made.gan.ema(jnp.int32(step))
            np.testing.assert_allclose(decay, average(step), rtol=1e-5, atol=1e-12)


ALONG = 4000.0  # images


@pytest.mark.parametrize("name", sorted(GOING))
def test_rates_penalties_and_averages_go_along_half_a_cosine(name):
    """And those of R3GAN2 rise first and are divided by a root in the end."""
    more = {"rise": 500.0} if name == "r3gan2" else {}
    made = Made(name, decay_images=ALONG, **more)
    args, terms = made.args, made.players["d"].regularizers
    for step in (0, 20, 100, 400, 10**5):
        done = min(step * BATCH / ALONG, 1.0)
        share = (1 + np.cos(np.pi * done)) / 2
        along = lambda first, last, share=share: last + (first - last) * share
        rate = along(args.lr, args.lr / 4)
        if name == "r3gan2":
            seen = step * BATCH
            rate = along(args.lr, args.lr * args.lr_left) * min(seen / 500, 1)
            rate /= max(seen / args.steady, 1) ** 0.5
        for player in made.players.values():
            numbers = hyperparameters(player.optim, step)
            np.testing.assert_allclose(numbers["learning_rate"], rate, rtol=1e-5)
            np.testing.assert_allclose(numbers["b2"], along(0.9, 0.99), rtol=1e-5)
        paid = [terms[each].apply(look(step), ())[0] for each in ("r1", "r2")]
        wanted = along(args.gamma, args.gamma / 10) * np.array([R1, R2])
        np.testing.assert_allclose(paid, wanted, rtol=1e-5)
        augment = made.gan.augment
        p = augment.update(augment.init(), jnp.zeros(()), jnp.int32(step - 1)).p
        np.testing.assert_allclose(p, along(0, args.p), rtol=1e-5, atol=1e-7)
        if name == "r3gan":
            life = along(0, args.ema)
            decay = 0.5 ** (BATCH / life) if life else 0.0
            np.testing.assert_allclose(made.gan.ema(jnp.int32(step)), decay, rtol=1e-5)
    logits = jnp.float32(REAL), jnp.float32(FAKE)
    np.testing.assert_allclose(made.loss.d(*logits), PAIRS[0], rtol=1e-5)
    np.testing.assert_allclose(made.loss.g(*logits), PAIRS[1], rtol=1e-5)


def hyperparameters(optim, step):
    """The numbers that an optimizer goes by in a step, of which the first betas are 0."""
    weight = {"w": jnp.ones(2)}
    state = optim.init(weight)
    own, *rest = (state,) if hasattr(state, "hyperparams") else state
    counts = jax.tree.map(lambda _: jnp.int32(step), own.hyperparams_states)
    own = own._replace(count=jnp.int32(step), hyperparams_states=counts)
    _, after = optim.update(weight, (own, *rest) if rest else own, weight)
    own = after[0] if rest else after
    mean = jax.tree.leaves(own.inner_state[0].mu)[0]
    np.testing.assert_array_equal(mean, weight["w"])
    return own.hyperparams


SLOPES = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
R1, R2 = (SLOPES**2).sum(2).mean(1) / 2  # for a gamma of 1
LINE = np.array([1.0, -2.0, 0.5, 3.0], np.float32)
PENALTY = (np.linalg.norm(LINE) - 1) ** 2
NOW, LATER = np.random.default_rng(1).normal(size=(2, 3, 2)).astype(np.float32)


def look(step=0):
    """A turn in which D is a line, but for the slopes that it says to have had."""
    label, key = jnp.zeros(3, jnp.int32), jax.random.key(0)
    sides = [
        DiscriminatorOutputs(
            x=jnp.asarray(slopes),
            label=label,
            logits=jnp.asarray(logits, jnp.float32),
            d=lambda x: x @ jnp.asarray(LINE),
            input_gradients=lambda slopes=slopes: jnp.asarray(slopes),
            heads={},
        )
        for slopes, logits in zip(SLOPES, (REAL, FAKE), strict=True)
    ]
    z = jnp.asarray(NOW), jnp.asarray(LATER)
    return Turn(None, None, *z, *sides, {}, {}, key, jnp.int32(step), ONE)


R3GAN = lambda a: {"r1": a.gamma * R1, "r2": a.gamma * R2}
# By experiment: what D pays beside its loss, and what G does.
PAID = {
    # The sum over the batch, in the first of eight steps.
    "audio_stylegan": lambda a: ({"r1": a.gamma * BATCH * R1}, {}),
    "logan": lambda a: (
        R3GAN(a) | {"moved": a.weight * MOVED},
        {"moved": a.weight * MOVED},
    ),
    "mlp": lambda a: (R3GAN(a), {}),
    "progressive": lambda a: (
        {
            "gradient_penalty": a.penalty * PENALTY,
            "drift": a.drift * (REAL**2).mean(),
        },
        {},
    ),
    "relativistic": lambda a: (R3GAN(a), {}),
    "ring": lambda a: (R3GAN(a), {}),
    "stylegan2_ada": lambda a: ({"r1": a.gamma * R1}, {}),
    "stylegan3": lambda a: ({"r1": a.gamma * R1}, {}),
    "wavegan": lambda a: ({"gradient_penalty": a.penalty * PENALTY}, {}),
    "wgan_gp": lambda a: ({"gradient_penalty": a.penalty * PENALTY}, {}),
}
MOVED = ((NOW - LATER) ** 2).sum(1).mean()
ELSEWHERE = {"r3gan", "r3gan2", "reacgan"}


@pytest.mark.parametrize("name", [name for name in WANTED if name not in ELSEWHERE])
def test_players_pay_for_slopes_and_moves_as_much_as_flags_say(name):
    more = {"path": 0.0} if name == "stylegan2_ada" else {}
    made = Made(name, **more)
    wanted = PAID.get(name, lambda args: ({}, {}))(made.args)
    ends = "d" if made.gan else "", "g" if made.gan else ""
    for terms, who in zip(wanted, ends, strict=True):
        if not who:
            given = [player.regularizers for player in made.players.values()]
            assert not any(given)
            continue
        found = {
            each: term.apply(look(), term.init())[0]
            for each, term in made.players[who].regularizers.items()
        }
        assert found.keys() == terms.keys()
        for each, value in terms.items():
            np.testing.assert_allclose(found[each], value, rtol=1e-5)


def test_a_vocoder_learns_by_adam_with_decayed_weights_and_rates_and_squares():
    made = Made("hifigan", epoch=2, decay=0.5)
    rates = made.args.lr * np.array([1, 1, 0.5, 0.5])
    wanted = adam(rates, 0.8, 0.99)
    for player in made.players.values():
        moves = [move - 0.01 * rate for move, rate in zip(wanted, rates, strict=True)]
        np.testing.assert_allclose(decided(player.optim), moves, rtol=2e-5)
    logits = jnp.float32(REAL), jnp.float32(FAKE)
    paid = made.loss.d(*logits), made.loss.g(*logits)
    squares = square(REAL - 1) + square(FAKE), square(FAKE - 1)
    np.testing.assert_allclose(paid, squares, rtol=1e-5)


def test_a_path_length_that_is_asked_for_is_a_term_of_g():
    made = Made("stylegan2_ada", path=3.0)
    terms = made.players["g"].regularizers
    assert told(terms) == told({"path": path_length(3.0)})


@pytest.mark.parametrize("d2d_ce", [True, False])
def test_reacgan_pulls_images_to_their_class_on_either_side(d2d_ce):
    made = Made("reacgan", d2d_ce=d2d_ce)
    args = made.args
    near = contrastive(args.temperature)
    if d2d_ce:
        near = data_to_data(args.temperature, args.margin)
    d, g = ac_gan(near, args.weight)
    assert told(made.players["d"].regularizers) == told({"classes": d})
    assert told(made.players["g"].regularizers) == told({"classes": g})


HALF = dict.fromkeys(("brightness", "contrast", "lumaflip", "hue", "saturation"), 0.5)
AUGMENTED = {
    "audio_stylegan": lambda a: augment.adaptive(
        augment.jitter(), BATCH, a.target, a.images, every=6
    ),
    "diff_augment": lambda a: augment.fixed(augment.diff_augment(), a.p),
    "projected": lambda a: augment.fixed(
        augment.chain(augment.color(), augment.translation(), augment.cutout(0.2))
    ),
    "stylegan2_ada": lambda a: augment.adaptive(ada.bgc(), BATCH, a.target),
    "stylegan3": lambda a: augment.adaptive(ada.bgc(), BATCH, a.target),
}
POINTED = ("ring", "unrolled")
HEARD = ("audio_stylegan", "specgan", "wavegan")


@pytest.mark.parametrize("name", list(WANTED))
def test_images_are_augmented_and_latents_drawn_as_it_is_said(name):
    more = {"blur": 0.0} if name == "stylegan3" else {}
    made = Made(name, **more)
    if name in HEARD:
        assert made.game.modality.name == "sounds"
    else:
        assert made.game.modality is (POINTS if name in POINTED else IMAGES)
    if made.gan:
        wanted = AUGMENTED.get(name, lambda args: augment.identity())(made.args)
        assert told(made.gan.augment) == told(wanted)
        z, key = getattr(made.args, "latent", 2), jax.random.key(0)
        prior = uniform if name in ("logan", "wavegan") else normal
        np.testing.assert_array_equal(made.gan.prior(key), prior(z)(key))


@pytest.mark.parametrize("name", sorted(GOING))
def test_r3gan_is_augmented_in_place_and_in_its_colors_half_as_often(name):
    made = Made(name)
    shown = {
        "r3gan": pipeline(affine(), colors(**HALF), cutout()),
        "r3gan2": augment.chain(
            pipeline(affine(), colors(**HALF)), importlib.import_module("r3gan2").filled
        ),
    }[name]
    assert within(made.gan.augment.apply).keys() == {"transform"}
    assert told(within(made.gan.augment.apply)["transform"]) == told(shown)
    assert told(Made(name, p=0.0).gan.augment) == told(augment.identity())


def test_a_blur_of_d_s_images_fades_before_they_are_augmented():
    made = Made("stylegan3", blur=2.0, fade=100.0)
    augment = made.gan.augment
    first, second = (within(augment.apply)[each] for each in ("first", "second"))
    assert told(within(first.apply)["transform"]) == told(blur(2.0))
    assert told(within(second.apply)["transform"]) == told(ada.bgc())
    for step, p in ((0, 0.9), (4, 0.5), (9, 0.0), (50, 0.0)):
        after, _ = augment.update(augment.init(), jnp.zeros(()), jnp.int32(step))
        np.testing.assert_allclose(after.p, p, atol=1e-6)
    assert augment.init()[0].p == 1


def test_stylegan_pays_now_and_then_and_others_look_ahead_or_move_z():
    for name in ("stylegan2_ada", "stylegan3"):
        step = Made(name).game.step
        assert step.func is lazy.train_step
        assert step.args[1:] == (lazy.Intervals(g=4, d=16), 2)
    ahead = Made("unrolled")
    assert ahead.game.step.func is unrolled.unrolled_step
    assert ahead.game.step.args[1:] == (ahead.args.unroll,)
    moved = Made("logan")
    args = moved.args
    assert moved.gan.steer.func is logan.optimize_latents
    assert moved.gan.steer.args == (args.alpha, args.beta, args.fraction)


TURNS = {
    "biggan": 1,
    "reacgan": 1,
    "sngan": 2,
    "wavegan": 1,
    "wgan_gp": 2,
}  # images of G for one of D
VIEWED = (
    "colors",
    "completion",
    "cut",
    "cyclegan",
    "deidentify",
    "pix2pix",
    "superres",
)
PLACES = {
    **dict.fromkeys(("logan", "mlp"), Spec("digits")),
    **dict.fromkeys(("ring", "unrolled"), Spec("ring")),
    "relativistic": Spec("stacked_digits"),
    **dict.fromkeys(HEARD, Spec("tones")),
}


@pytest.mark.parametrize("name", sorted(WANTED.keys() | GOING))
def test_data_is_read_from_where_and_as_large_as_flags_say(name):
    made = Made(name)
    args = made.args
    channels = getattr(args, "channels", 3)
    margin = args.margin if name in VIEWED else 0
    if name in PLACES:
        wanted = PLACES[name]
    else:
        wanted = Spec(args.data, getattr(args, "size", 32) + margin, channels)
        wanted = wanted._replace(mirror=getattr(args, "mirror", False))
    if name in ("cut", "cyclegan"):
        wanted = wanted._replace(target=args.data)
    if name == "pix2pix":
        wanted = wanted._replace(side_by_side=True)
    assert made.spec == wanted
    d, g = made.turns.d.label.shape, made.turns.g.label.shape
    turns = args.d_turns if name in TURNS else 1
    assert d == (turns, BATCH) and g == (TURNS.get(name, 1) * BATCH,)


def test_images_of_the_other_kind_may_be_elsewhere():
    for name in ("cut", "cyclegan"):
        spec = Made(name, target="there").spec
        assert (spec.target, spec.paired, spec.side_by_side) == ("there", False, False)
    spec = Made("pix2pix", target="there").spec
    assert (spec.target, spec.paired, spec.side_by_side) == ("there", True, False)


def test_networks_may_be_residual_or_rotated_or_short():
    made = Made("stylegan2_ada", residual=True)
    assert made.players["d"].net.block is stylegan2.Residual
    made = Made("stylegan3", rotated=True)
    net, args = made.players["g"].net, made.args
    plain = stylegan3.GeneratorR()
    assert type(net) is type(plain) and net.kernel == plain.kernel
    assert net.downsample is plain.downsample
    assert (net.width, net.base) == (2 * args.width, 2 * args.base)
    assert made.players["d"].net.width == args.width
    net = Made("r3gan2", short=False).players["g"].net
    assert net.dtype == jnp.float32
