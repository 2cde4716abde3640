"""The step as ganjax plays it, many in one call."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from cases import ADA_P, STYLEGAN2_BASE, Case

import ganjax
from ganjax import GAN, Game, Player, augment, losses, parallel
from ganjax.augment import ada
from ganjax.core import (
    ONE,
    Batch,
    Modality,
    Pair,
    Turns,
    d_turn,
    decoded,
    normal,
)
from ganjax.games.multiplayer import l1
from ganjax.games.paired import Task, joined, paired
from ganjax.games.translation import View
from ganjax.layers.mixed_precision import Mixed
from ganjax.layers.normalization import AdaIN
from ganjax.modalities import IMAGES, POINTS
from ganjax.models import (
    biggan,
    dcgan,
    mlp,
    patch,
    r3gan,
    resnet,
    sagan,
    stylegan2,
    tabular,
    unet,
    wavegan,
)
from ganjax.models.tabular import continuous, discrete
from ganjax.regularizers import gradient_penalty, r1, r2


LONGEST = 64
COLUMNS = (*continuous(10) * 4, *discrete(8) * 2, *discrete(4))
PRECISIONS = {  # the arithmetic of products -> JAX's name for it; the rest is float32
    "float32": "highest",
    "tf32": "tensorfloat32",
    "bfloat16": "bfloat16",
}


def _stages(case: Case) -> dict[str, tuple[int, ...]]:
    """R3GAN's widths and groups."""
    widths, groups = (case.width,) * case.stages, (case.width // 8,) * case.stages
    return {"widths": widths, "cardinalities": groups}


NETS = {  # -> (G, D); what is random in them is left out where `calm`
    "mlp": lambda case, calm: (mlp.Generator(), mlp.Discriminator()),
    "dcgan": lambda case, calm: (
        dcgan.Generator(case.shape[0], width=case.width),
        dcgan.Discriminator(case.width),
    ),
    "sngan": lambda case, calm: (
        resnet.Generator(width=case.width),
        resnet.Discriminator(width=case.width),
    ),
    "wgangp": lambda case, calm: (
        resnet.Generator(width=case.width),
        resnet.Critic(width=case.width),
    ),
    "sagan": lambda case, calm: (
        sagan.Generator((case.width,) * 3, classes=10, attention_resolution=32),
        sagan.Discriminator((case.width,) * 4, classes=10),
    ),
    "biggan": lambda case, calm: (
        biggan.Generator(
            case.shape[0],
            ch=case.width,
            classes=case.classes,
            attention_resolution=case.attention,
        ),
        biggan.Discriminator(
            case.shape[0],
            ch=case.width,
            classes=case.classes,
            attention_resolution=case.attention,
        ),
    ),
    "stylegan2": lambda case, calm: (
        stylegan2.Generator(
            case.shape[0],
            width=case.width,
            base=STYLEGAN2_BASE,
            w_dim=case.latent,
            depth=2,
            noise=float(not calm),
        ),
        stylegan2.Discriminator(width=case.width, base=STYLEGAN2_BASE, group=4),
    ),
    "r3gan": lambda case, calm: (
        r3gan.Generator(**_stages(case)),
        r3gan.Discriminator(**_stages(case)),
    ),
    "wavegan": lambda case, calm: (
        wavegan.Generator(case.shape[0], width=case.width),
        wavegan.Discriminator(case.width, radius=0 if calm else 2),
    ),
    "ctgan": lambda case, calm: (
        tabular.Generator(COLUMNS, noise=0.0 if calm else 1.0),
        tabular.Discriminator(dropout=0.0 if calm else 0.5),
    ),
    "pix2pix": lambda case, calm: (
        unet.Generator(
            width=case.width,
            multipliers=case.multipliers,
            dropout=0.0 if calm else 0.5,
            norm=AdaIN,
        ),
        patch.Pix2pix(case.width, norm=AdaIN),
    ),
}


class Made(NamedTuple):
    """A case's game, and its players' networks."""

    game: Game
    g: Any
    d: Any
    gan: GAN | None = None  # what the game was made of; none for pairs


def make(case: Case, calm: bool = False, mixed: bool = False) -> Made:
    """The game of a case, with both networks in bfloat16 where `mixed`."""
    penalties = {"r1": r1(case.r1), "r2": r2(case.r2), "gp": gradient_penalty(case.gp)}
    paid = {key: term for key, term in penalties.items() if getattr(case, key)}
    adam = optax.adam(case.rate, *case.betas)
    nets = NETS[case.net](case, calm)
    g, d = (Mixed(net) for net in nets) if mixed else nets
    loss = getattr(losses, case.loss)()
    if case.paired:
        task = Task(
            pair=lambda keys, pair: pair,
            view=View(case.shape[0], flip=False),
            d_input=joined,
            distances={"l1": lambda made, y: case.l1 * l1(made, y)},
        )
        return Made(paired(Player(g, adam), Player(d, adam), loss, task), g, d)
    seen = augment.fixed(ada.bgc(), ADA_P) if case.ada else augment.identity()
    players = Player(g, adam), Player(d, adam, paid)
    gan = GAN(*players, loss, normal(case.latent), augment=seen)
    return Made(ganjax.game(gan), g, d, gan)


def modality(case: Case) -> Modality:
    """Images are stored as bytes; signals and tables are floats."""
    return IMAGES if len(case.shape) > 2 else POINTS


def turns(case: Case) -> Turns:
    """The data of every step, as it is stored."""
    rng, shape = np.random.default_rng(0), (case.batch, *case.shape)
    if len(case.shape) > 2:
        image = rng.integers(0, 256, shape, np.uint8)
    else:
        image = rng.uniform(-1, 1, shape).astype(np.float32)
    label = rng.integers(0, max(case.classes, 1), case.batch, np.int32)
    x: Any = jnp.asarray(image)
    if case.paired:
        x = Pair(x[::-1], x)
    batch = Batch(x, jnp.asarray(label))
    return Turns(jax.tree.map(lambda x: x[None], batch), batch)


class Program(NamedTuple):
    """Many steps, compiled, and what they start from."""

    compiled: jax.stages.Compiled
    state: Any
    data: Any
    seconds: float  # it took to compile

    @property
    def megabytes(self) -> float:
        """What the device holds at once while it runs."""
        return parallel.memory_of(self.compiled) / 1e6


def compile_steps(case: Case, alone: bool = False, mixed: bool = False) -> Program:
    """Compiles the steps of a case; `alone` leaves out G's turn."""
    made, data = make(case, mixed=mixed), turns(case)
    step = partial(only_d, made.gan) if alone else made.game.step
    seen = decoded(modality(case), data)
    init = jax.jit(made.game.init)
    state = init(jax.random.key(0), seen)
    init.clear_cache()  # as in a run, which frees this program, too
    draw = lambda data, window, step, place, on: decoded(modality(case), data)
    program = parallel.jit(parallel.scan(step, draw, LONGEST)).jitted
    began = time.perf_counter()
    compiled = program.lower(state, (data, 0, 0)).compile()
    return Program(compiled, state, data, time.perf_counter() - began)


def player(program: Program) -> Callable[[int], float]:
    """A function that plays n steps and gives the seconds of one."""
    state, data = program.state, program.data

    def run(n):
        nonlocal state
        began = time.perf_counter()
        for first in range(0, n, LONGEST):
            count = min(LONGEST, n - first)
            state, _ = program.compiled(state, (data, 0, count))
        jax.block_until_ready(state)
        return (time.perf_counter() - began) / n

    return run


def timer(case: Case, alone: bool) -> tuple[Callable[[int], float], float]:
    """A function that plays n steps and gives the seconds of one; seconds to compile."""
    program = compile_steps(case, alone)
    return player(program), program.seconds


def only_d(gan: GAN, state: Any, turns: Turns, on: Any = ONE) -> tuple[Any, Any]:
    """D's turn alone."""
    key = jax.random.fold_in(state.key, state.step)
    state, logs = d_turn(gan, on, state, (key, turns.g))
    return state.replace(step=state.step + 1), logs


def shaken(params: Any) -> Any:
    """The weights with noise on every one, so that none is zero."""
    rng = np.random.default_rng(2)
    return jax.tree.map(lambda x: x + rng.normal(0, 0.02, x.shape).astype("f"), params)


class Look(NamedTuple):
    """Functions of the weights, all on the same latents and images."""

    g: dict[str, Any]  # first variables
    d: dict[str, Any]
    given: dict[str, np.ndarray]  # z, image, label, as arrays
    fake: Callable  # G's weights -> images
    logits: Callable  # D's weights, images -> logits
    losses: tuple[Callable, Callable]  # of logits: D's and G's


def look(case: Case, mixed: bool = False) -> Look:
    """What two sides, or two devices, must agree on."""
    made = make(case, calm=True, mixed=mixed)
    data = decoded(modality(case), turns(case)).g
    z = np.random.default_rng(1).normal(size=(case.batch, case.latent)).astype("f")
    real, label = data.x, data.label
    if case.paired:
        z, real = data.x.source, data.x.target
    join = lambda image: joined(jnp.asarray(z), image) if case.paired else image
    rngs = {"noise": jax.random.key(1), "dropout": jax.random.key(2)}
    keys = rngs | {"params": jax.random.key(0)}
    init = lambda net, x: jax.jit(partial(net.init, train=True))(keys, x, label)
    g, d = (dict(init(net, x)) for net, x in ((made.g, z), (made.d, join(real))))
    for variables in (g, d):
        variables["params"] = shaken(variables["params"])
        if "spectral" in variables:
            unit = lambda u: jnp.full_like(u, u.size**-0.5)
            variables["spectral"] = jax.tree.map(unit, variables["spectral"])

    def bind(net, variables):
        stats = {key: x for key, x in variables.items() if key != "params"}
        play = partial(net.apply, train=True, mutable=[*stats, "heads"], rngs=rngs)
        return lambda params, x: play({"params": params, **stats}, x, label)[0]

    play_g, play_d = bind(made.g, g), bind(made.d, d)
    loss = getattr(losses, case.loss)()
    given = {"z": z, "image": real, "label": label}
    return Look(
        g=g,
        d=d,
        given={key: np.asarray(x) for key, x in given.items()},
        fake=lambda params: play_g(params, z),
        logits=lambda params, image: play_d(params, join(image)),
        losses=(loss.d, loss.g),
    )


def slopes(seen: Look, params: Any, image: Any) -> Any:
    """The sum of the squared gradients of D's logits by the image."""
    return jnp.sum(jax.grad(lambda x: seen.logits(params, x).sum())(image) ** 2)


def values(case: Case) -> dict:
    """The first weights, as arrays by dotted path, and what the two sides must agree on."""
    seen = look(case)
    g, d = seen.g["params"], seen.d["params"]

    @jax.jit
    def all_of(g, d, real):
        logits = seen.logits(d, real), seen.logits(d, seen.fake(g))
        return *logits, *(loss(*logits) for loss in seen.losses), slopes(seen, d, real)

    paths = lambda tree: {
        ".".join(key.key for key in path): np.asarray(x)
        for path, x in jax.tree_util.tree_leaves_with_path(tree)
    }
    found = [np.asarray(x) for x in all_of(g, d, seen.given["image"])]
    return {"g": paths(g), "d": paths(d), **seen.given, "values": found}


def peak(n: int = 2048, dtype: Any = jnp.float32) -> float:
    """The most floating-point operations a second, in a product of two n x n matrices."""
    x = jax.random.normal(jax.random.key(0), (n, n)).astype(dtype)
    product = jax.jit(jnp.matmul)
    return max(2 * n**3 / _seconds(lambda: product(x, x)) for _ in range(10))


def _seconds(run: Callable) -> float:
    began = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - began
