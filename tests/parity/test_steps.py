"""Five training steps of StyleGAN2-ADA, R3GAN and R3GAN2 against the authors' programs.

The scripts `tools/fixtures_steps_*.py` ran the programs' own training code from the same
weights, with the same latents and images, and wrote all tensors of both networks after it.
"""

import importlib
from dataclasses import replace
from math import pi

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import erfinv
from turns import PATH_STREAM, START
from weights import by_fan_in, drawn, fill, images, unit

from ganjax import GAN, Batch, Player, augment, game, losses
from ganjax.augment.affine import AffineParams, apply_affine
from ganjax.augment.colors import ColorParams, apply_colors
from ganjax.core import Turns, half_life, normal
from ganjax.games import lazy
from ganjax.optim import lazy_adam
from ganjax.pretrained import dump, load, r3gan, r3gan2, stylegan2_ada
from ganjax.pretrained.conversion import released_shape, variable_shapes
from ganjax.regularizers import path_length, r1, r2
from tests.helpers.processes import FIXTURES


STEPS, BATCH, SIZE, LATENT = 5, 4, 16, 8
LABEL = jnp.zeros(BATCH, jnp.int32)


def weights(released, size):
    """A network's variables as the scripts draw them."""
    ours = variable_shapes(released)
    theirs = {
        name: released_shape(leaf, ours[leaf.path].shape)
        for name, leaf in released.table.items()
    }
    return load(released, fill(theirs, size))


def initial_state(gan, made, released, size):
    """The first state, with drawn weights, and the key whose latents the scripts use."""
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

    def batch(number):
        return Batch(jnp.asarray(images(number, BATCH, SIZE)), LABEL)

    return Turns(jax.tree.map(lambda x: x[None], batch(d)), batch(g))


def compare(name, released, state):
    """Every tensor of both players and the average, to 1e-4 of its largest value."""
    g, d = released
    variables = {
        "g": (g, {"params": state.g.params, **state.g.stats}),
        "d": (d, {"params": state.d.params, **state.d.stats}),
        "ema": (g, state.ema),
    }
    found = {
        f"{side}/{tensor}": x
        for side, (network, ours) in variables.items()
        for tensor, x in dump(network, ours).items()
    }
    with np.load(FIXTURES / f"{name}.npz") as file:
        wanted = {key: file[key] for key in file.files}
    assert found.keys() == {key for key in wanted if "/" in key}
    # Large fixtures hold only some of the numbers of each tensor.
    every = int(wanted.get("every", 1))
    errors = {
        k: np.abs(x.ravel()[::every] - wanted[k].ravel()).max()
        / np.abs(wanted[k]).max()
        for k, x in found.items()
    }
    assert max(errors.values()) <= 1e-4, max(errors, key=errors.get)
    return wanted


def path_noise(turn, stream, like):
    """The noise that the fixture was made with, of a stream with a number."""
    key = jax.random.fold_in(turn.key, PATH_STREAM)
    draw = lambda key: jax.random.normal(key, like.shape[1:], like.dtype)
    return jax.vmap(draw)(turn.on.keys(key, len(turn.real.label)))


@pytest.mark.slow
def test_stylegan2_ada_trains_as_released(monkeypatch):
    # By its name, as the package's attribute of that name is the function.
    module = importlib.import_module("ganjax.regularizers.path_length")
    monkeypatch.setattr(module, "normal", path_noise)
    g = stylegan2_ada.generator(SIZE, 3, 0, LATENT, LATENT, 64, LATENT, 2)
    g = g._replace(net=g.net.clone(noise=0.0))
    d = stylegan2_ada.discriminator(SIZE, 3, 0, LATENT, 64, 2, BATCH)
    u, n = 0.3, erfinv(2 * 0.3 - 1)  # the scripts' percentile of all that is drawn
    moved = AffineParams(rotate90=np.floor(4 * u), xint=np.full(2, 0.125 * (2 * u - 1)))
    moved = moved.replace(scale=2 ** (0.2 * n))
    colored = ColorParams(brightness=0.2 * n, contrast=2 ** (0.5 * n))
    show = lambda key, image, p: apply_colors(apply_affine(image, moved), colored)
    gan = GAN(
        g=Player(g.net, lazy_adam(2.5e-3, every=4), {"path": path_length()}),
        d=Player(d.net, lazy_adam(2.5e-3, every=16), {"r1": r1(1.0)}),
        loss=losses.non_saturating(),
        augment=augment.adaptive(show, BATCH, target=-0.5, images=100),
        prior=normal(LATENT),
        ema=half_life(20, BATCH, ramp=0.5),
    )
    made = lazy(gan)
    state, step = initial_state(gan, made, (g, d), unit), jax.jit(made.step)
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
    )
    made = game(gan)
    state, step = initial_state(gan, made, (g, d), by_fan_in), jax.jit(made.step)
    for i in range(STEPS):
        state, _ = step(state, turns(2 * i, 2 * i + 1))
    compare("steps_r3gan", (g, d), state)


@pytest.mark.slow
def test_r3gan2_trains_as_released(monkeypatch):
    """By its own experiment, but for the noise, which is one for all."""
    module = importlib.import_module("r3gan2")
    own = {"widths": (32, 16), "blocks": 1, "classes": 0}
    stages = own | {"latent": LATENT}
    run = replace(module.TINY.run, batch=BATCH)
    numbers = {
        "lr": 1e-3,
        "lr_left": 0.25,
        "gamma": 0.5,
        "decay_images": STEPS * BATCH,
        "rise": 8.0,
        "steady": 8.0,
    }
    args = module.Args(run, **stages, short=False, **numbers, p=0.0)
    (gan,) = module.make(args).step.args
    made, (g, d) = game(gan), (r3gan2.generator(**stages), r3gan2.discriminator(**own))
    state, step = initial_state(gan, made, (g, d), unit), jax.jit(made.step)
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
