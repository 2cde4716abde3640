"""The step as ganjax plays it, many in one call."""

import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from cases import CASES, Case

import ganjax
from ganjax import GAN, Player, augment, losses, parallel
from ganjax.core import ONE, Batch, Modality, Turns, d_turn, decoded, normal
from ganjax.modalities import IMAGES, POINTS
from ganjax.models import (
    biggan,
    dcgan,
    mlp,
    r3gan,
    resnet,
    sagan,
    stylegan2,
    tabular,
    wavegan,
)
from ganjax.models.tabular import continuous, discrete
from ganjax.regularizers import gradient_penalty, r1, r2


LONGEST = 64
R3GAN = {"widths": (64,) * 4, "cardinalities": (8,) * 4}
COLUMNS = (*continuous(10) * 4, *discrete(8) * 2, *discrete(4))
NETS = {  # name -> (G, D); what is random in D is left out where `calm`
    "mlp_digits": lambda calm: (mlp.Generator(), mlp.Discriminator()),
    "dcgan_32": lambda calm: (dcgan.Generator(width=64), dcgan.Discriminator(64)),
    "dcgan_64": lambda calm: (dcgan.Generator(64, width=64), dcgan.Discriminator(64)),
    "sngan_32": lambda calm: (resnet.Generator(width=128), resnet.Discriminator()),
    "wgangp_32": lambda calm: (resnet.Generator(width=128), resnet.Critic()),
    "sagan_32": lambda calm: (
        sagan.Generator((128,) * 3, classes=10, attention_resolution=32),
        sagan.Discriminator((128,) * 4, classes=10),
    ),
    "biggan_32": lambda calm: (
        biggan.Generator(ch=32, classes=10),
        biggan.Discriminator(ch=32, classes=10),
    ),
    "stylegan2_32": lambda calm: (
        stylegan2.Generator(width=128, w_dim=128, depth=2, noise=float(not calm)),
        stylegan2.Discriminator(width=128, group=4),
    ),
    "r3gan_32": lambda calm: (r3gan.Generator(**R3GAN), r3gan.Discriminator(**R3GAN)),
    "wavegan": lambda calm: (
        wavegan.Generator(4096, width=32),
        wavegan.Discriminator(32, radius=0 if calm else 2),
    ),
    "ctgan": lambda calm: (
        tabular.Generator(COLUMNS, noise=0.0 if calm else 1.0),
        tabular.Discriminator(dropout=0.0 if calm else 0.5),
    ),
}


def gan(name: str, case: Case, calm: bool = False) -> GAN:
    """The game of a case."""
    penalties = {"r1": r1(case.r1), "r2": r2(case.r2), "gp": gradient_penalty(case.gp)}
    paid = {key: term for key, term in penalties.items() if getattr(case, key)}
    adam = optax.adam(case.rate, *case.betas)
    g, d = NETS[name](calm)
    around = augment.identity(), normal(case.latent), optax.constant_schedule(0.999)
    loss = getattr(losses, case.loss)()
    return GAN(Player(g, adam), Player(d, adam, paid), loss, *around)


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
    batch = Batch(jnp.asarray(image), jnp.asarray(label))
    return Turns(jax.tree.map(lambda x: x[None], batch), batch)


def timer(name: str, case: Case, alone: bool) -> tuple[Callable[[int], float], float]:
    """A function that plays n steps and gives the seconds of one; seconds to compile.

    `alone` leaves out G's turn.
    """
    made, data = gan(name, case), turns(case)
    step = partial(only_d, made) if alone else ganjax.game(made).step
    seen = decoded(modality(case), data)
    state = jax.jit(ganjax.game(made).init)(jax.random.key(0), seen)
    draw = lambda data, window, step, place, on: decoded(modality(case), data)
    program = parallel.jit(parallel.scan(step, draw, LONGEST))
    began = time.perf_counter()
    state, _ = jax.block_until_ready(program(state, (data, 0, 0)))
    compiled = time.perf_counter() - began

    def run(n):
        nonlocal state
        began = time.perf_counter()
        for first in range(0, n, LONGEST):
            state, _ = program(state, (data, 0, min(LONGEST, n - first)))
        jax.block_until_ready(state)
        return (time.perf_counter() - began) / n

    return run, compiled


def only_d(made: GAN, state, turns: Turns, on=ONE):
    """D's turn alone."""
    key = jax.random.fold_in(state.key, state.step)
    state, logs = d_turn(made, on, state, (key, turns.g))
    return state.replace(step=state.step + 1), logs


def values(name: str) -> dict:
    """The first weights, as arrays by dotted path, and what the two sides must agree on."""
    case = CASES[name]
    made = gan(name, case, calm=True)
    data = decoded(modality(case), turns(case))
    state = shaken(ganjax.game(made).init(jax.random.key(0), data))
    z = np.random.default_rng(1).normal(size=(case.batch, case.latent)).astype("f")
    label = data.g.label
    real = data.g.x

    def bind(player, seat):
        stats = dict(seat.stats)
        if "spectral" in stats:
            unit = lambda u: jnp.full_like(u, u.size**-0.5)
            stats["spectral"] = jax.tree.map(unit, stats["spectral"])
        given = {"params": seat.params, **stats}
        rngs = {"noise": jax.random.key(1), "dropout": jax.random.key(2)}
        play = partial(player.net.apply, train=True, mutable=list(stats), rngs=rngs)
        return lambda x: play(given, x, label)[0]

    @jax.jit
    def look(state, z, real):
        g, d = bind(made.g, state.g), bind(made.d, state.d)
        fake = g(z)
        slopes = jax.grad(lambda image: d(image).sum())(real)
        seen = d(real), d(fake)
        return *seen, made.loss.d(*seen), made.loss.g(*seen), jnp.sum(slopes**2)

    paths = lambda tree: {
        ".".join(key.key for key in path): np.asarray(x)
        for path, x in jax.tree_util.tree_leaves_with_path(tree)
    }
    given = {"z": z, "image": np.asarray(real), "label": np.asarray(label)}
    weights = {"g": paths(state.g.params), "d": paths(state.d.params)}
    return {**weights, **given, "values": [np.asarray(x) for x in look(state, z, real)]}


def shaken(state):
    """The state with noise on every weight, so that none is zero."""
    rng = np.random.default_rng(2)
    shake = lambda x: x + rng.normal(0, 0.02, x.shape).astype("f")
    move = lambda seat: seat.replace(params=jax.tree.map(shake, seat.params))
    return state.replace(g=move(state.g), d=move(state.d))


def peak() -> float:
    """The most floating-point operations a second, in a product of two matrices."""
    x = jnp.ones((2048, 2048))
    product = jax.jit(jnp.matmul)
    return max(2 * 2048**3 / _seconds(lambda: product(x, x)) for _ in range(10))


def _seconds(run: Callable) -> float:
    began = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - began
