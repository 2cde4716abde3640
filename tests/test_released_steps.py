"""Five steps of StyleGAN2-ADA, R3GAN and R3GAN2 as their authors' programs take them.

Those were handed the weights, latents and images that are drawn here, by the scripts
`experiments/released/fixtures_steps_*.py`.
"""

import importlib.util
import sys
from dataclasses import replace
from math import pi
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import erfinv

from ganjax import GAN, Batch, Player, augment, game, losses
from ganjax.augment.affine import Affine, move
from ganjax.augment.colours import Colours, recolour
from ganjax.games import lazy
from ganjax.gan import Turns, half_life, normal, points
from ganjax.optim import lazy_adam
from ganjax.regularizers import path_length, r1, r2
from ganjax.released import dump, load, r3gan, r3gan2, stylegan2_ada
from ganjax.released.names import shape_there, shapes


ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "experiments" / "released"))
from turns import START  # noqa: E402
from weights import by_fan_in, drawn, fill, images, unit  # noqa: E402


STEPS, BATCH, SIZE, LATENT = 5, 4, 16, 8
LABEL = jnp.zeros(BATCH, jnp.int32)


def weights(released, size):
    """A network's variables as the scripts draw them."""
    ours, table = shapes(released), released.table.items()
    there = lambda leaf: shape_there(leaf, ours[leaf.path].shape)
    return load(released, fill({name: there(leaf) for name, leaf in table}, size))


def seated(gan, made, released, size):
    """The first state, with drawn weights, and the key that the scripts know."""
    state = made.init(jax.random.key(1), turns(0, 0))
    for side, each in zip("gd", released, strict=True):
        stats = weights(each, size)
        params = stats.pop("params")
        seat = getattr(state, side)
        opt = getattr(gan, side).optim.init(params)
        state = replace(
            state, **{side: replace(seat, params=params, stats=stats, opt=opt)}
        )
    ema = jax.tree.map(jnp.copy, {"params": state.g.params, **state.g.stats})
    return replace(state, key=START, ema=ema)


def turns(d, g):
    """D's and G's batches, by the numbers of their images."""
    own = lambda number: Batch(jnp.asarray(images(number, BATCH, SIZE)), LABEL)
    return Turns(jax.tree.map(lambda x: x[None], own(d)), own(g))


def compare(name, released, state):
    """Every tensor of both players and the average, to 1e-4 of its largest value."""
    g, d = released
    sides = {"g": (g, state.g), "d": (d, state.d)}
    ours = {k: {"params": x.params, **x.stats} for k, (_, x) in sides.items()}
    found = {
        f"{k}/{n}": x
        for k, (r, _) in sides.items()
        for n, x in dump(r, ours[k]).items()
    }
    found |= {f"ema/{n}": x for n, x in dump(g, state.ema).items()}
    with np.load(ROOT / "tests" / "released" / f"{name}.npz") as file:
        wanted = {key: file[key] for key in file.files}
    assert found.keys() == {key for key in wanted if "/" in key}
    every = int(wanted.get("every", 1))
    gaps = {
        k: np.abs(x.ravel()[::every] - wanted[k].ravel()).max()
        / np.abs(wanted[k]).max()
        for k, x in found.items()
    }
    assert max(gaps.values()) <= 1e-4, max(gaps, key=gaps.get)
    return wanted


@pytest.mark.slow
def test_stylegan2_ada_trains_as_released():
    g = stylegan2_ada.generator(SIZE, 3, 0, LATENT, LATENT, 64, LATENT, 2)
    g = g._replace(net=g.net.clone(noise=0.0))
    d = stylegan2_ada.discriminator(SIZE, 3, 0, LATENT, 64, 2, BATCH)
    u, n = 0.3, erfinv(2 * 0.3 - 1)  # the scripts' percentile of all that is drawn
    moved = Affine(rotate90=np.floor(4 * u), xint=np.full(2, 0.125 * (2 * u - 1)))
    moved = moved.replace(scale=2 ** (0.2 * n))
    coloured = Colours(brightness=0.2 * n, contrast=2 ** (0.5 * n))
    show = lambda key, image, p: recolour(move(image, moved), coloured)
    gan = GAN(
        g=Player(g.net, lazy_adam(2.5e-3, every=4), {"path": path_length()}),
        d=Player(d.net, lazy_adam(2.5e-3, every=16), {"r1": r1(1.0)}),
        loss=losses.non_saturating(),
        augment=augment.adaptive(show, BATCH, target=-0.5, images=100),
        prior=normal(LATENT),
        ema=half_life(20, BATCH, ramp=0.5),
        decode=points,
    )
    made = lazy(gan)
    state, step = seated(gan, made, (g, d), unit), jax.jit(made.step)
    for i in range(STEPS):
        state, _ = step(state, turns(i, i))
    wanted = compare("steps_stylegan2_ada", (g, d), state)
    np.testing.assert_allclose(state.augment.p, wanted["p"], rtol=1e-6)
    np.testing.assert_allclose(state.g.memory["path"], wanted["path"], rtol=1e-3)


@pytest.mark.slow
def test_r3gan_trains_as_released():
    stages = (8, 8, 4), (4, 4, 2), 2, 0
    g, d = r3gan.generator(*stages, LATENT), r3gan.discriminator(*stages)
    along = lambda a, b: lambda i: b + (a - b) * (1 + jnp.cos(pi * i / STEPS)) / 2
    adam = optax.inject_hyperparams(optax.adam, static_args="b1")
    gamma = along(0.5, 0.05)
    optimizer = adam(along(2e-3, 5e-4), b1=0.0, b2=along(0.9, 0.99))
    gan = GAN(
        g=Player(g.net, optimizer),
        d=Player(d.net, optimizer, {"r1": r1(gamma), "r2": r2(gamma)}),
        loss=losses.relativistic(),
        augment=augment.identity(),
        prior=normal(LATENT),
        ema=half_life(along(0.0, 20.0), BATCH),
        decode=points,
    )
    made = game(gan)
    state, step = seated(gan, made, (g, d), by_fan_in), jax.jit(made.step)
    for i in range(STEPS):
        state, _ = step(state, turns(2 * i, 2 * i + 1))
    compare("steps_r3gan", (g, d), state)


@pytest.mark.slow
def test_r3gan2_trains_as_released(monkeypatch):
    """By its own experiment, but for the noise, which is one for all."""
    path = ROOT / "experiments" / "r3gan2.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    own = {"widths": (32, 16), "blocks": 1, "classes": 0}
    stages = own | {"latent": LATENT}
    run = replace(module.TINY.run, batch=BATCH)
    numbers = {
        "lr": 1e-3,
        "lr_left": 0.25,
        "gamma": 0.5,
        "fall": STEPS * BATCH,
        "rise": 8.0,
        "steady": 8.0,
    }
    args = module.Args(run, **stages, short=False, **numbers, p=0.0)
    (gan,) = module.make(args).step.args
    gan = gan._replace(decode=points)
    made, (g, d) = game(gan), (r3gan2.generator(**stages), r3gan2.discriminator(**own))
    state, step = seated(gan, made, (g, d), unit), jax.jit(made.step)
    normal = jax.random.normal

    def noise(key, shape=(), dtype=jnp.float32):
        if len(shape) < 4:
            return normal(key, shape, dtype)
        still = drawn(f"noise {shape[1]}", shape[1:3])
        return jnp.broadcast_to(still[None, ..., None], shape)

    monkeypatch.setattr(jax.random, "normal", noise)
    for i in range(STEPS):
        state, _ = step(state, turns(2 * i, 2 * i + 1))
    compare("steps_r3gan2", (g, d), state)
