"""Gradient accumulation: a batch in parts is the whole batch, under every compiler."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Batch, Player, augment, game, losses, parallel
from ganjax.data import Sizes, resident
from ganjax.errors import Mistake
from ganjax.games import accumulated, lazy, tracked, unrolled
from ganjax.gan import ONE, Turns, points, uniform
from ganjax.models import mlp
from ganjax.regularizers import gradient_penalty as penalty, latent_consistency, moved
from ganjax.step import play
from tests import test_games, test_parallel
from tests.support import apart, same
from tests.test_run_training import args, found, train
from tests.test_step import made as counted, turns as few


SGD, KEY, PARTS = optax.sgd(0.1), jax.random.key(0), 4
RNG = np.random.default_rng(0)
POINTS = Batch(RNG.normal(size=(64, 2)).astype(np.float32), np.zeros(64, np.int32))


def made(width=8, terms=None, g_terms=None):
    """A game with draws for each row: latents, noise, and between real and fake."""
    shaken = lambda key, x, p: x + p * jax.random.normal(key, x.shape)
    g = mlp.Generator(shape=(2,), width=width, depth=1, output=mlp.linear)
    return GAN(
        g=Player(g, SGD, g_terms or {}),
        d=Player(mlp.Discriminator(width=width, depth=1), SGD, terms or {}),
        loss=losses.relativistic(),
        augment=augment.fixed(shaken, 0.3),
        prior=uniform(3),
        ema=optax.constant_schedule(0.9),
        decode=points,
    )


def turns(n=1, d=8, g=16):
    batch = lambda *rows: Batch(
        jnp.asarray(RNG.normal(size=(*rows, 2)), jnp.float32),
        jnp.zeros(rows, jnp.int32),
    )
    return Turns(batch(n, d), batch(g))


GAMES = {
    "two turns": (lambda: tracked(game(made(terms={"gp": penalty(1.0)}))), turns(2)),
    "lazy": (lambda: lazy(made(g_terms={"near": latent_consistency().g})), turns()),
    "unrolled": (lambda: unrolled(made(), 1), turns()),
}


@pytest.mark.parametrize("name", GAMES)
def test_parts_move_as_the_whole_batch_for_each_of_several_seeds(name):
    make, data = GAMES[name]
    each = make()
    seeds = jax.random.split(KEY, 2)
    start = jax.jit(jax.vmap(each.init, (0, None)))(seeds, data)
    step = lambda each: jax.jit(jax.vmap(each.step, (0, None)))(start, data)
    (whole, logs), (parts, said) = step(each), step(accumulated(each, PARTS))
    assert max(apart(parts, whole).values()) <= 1e-6
    assert max(apart(said, logs).values()) <= 1e-6
    assert max(apart(whole, start).values()) > 1e-3


def test_statistics_and_memory_go_from_part_to_part_in_order():
    """In the lazy game, where G is played in its turn, its payment, and D's turn."""
    gan, data = counted(), few(n=1)
    each = lazy(gan, shrink=1)
    start = each.init(KEY, data)
    state, logs = jax.jit(accumulated(each, 2).step)(start, data)
    assert state.g.stats["stats"]["calls"] == 3 * 2 and state.g.memory["paid"] == 2
    assert state.d.stats["stats"]["calls"] == 4 * 2 and state.d.memory["paid"] == 2
    assert logs["d"]["rows"] == 4 / 2 and logs["g"]["rows"] == 6 / 2
    key = jax.random.split(jax.random.fold_in(start.key, 0), 4)[2]
    z = play(gan, ONE, start, (key, jax.tree.map(lambda x: x[0], data.d))).z
    np.testing.assert_allclose(state.g.stats["stats"]["last"], z[2:].mean(), rtol=1e-6)


@pytest.mark.parametrize("layout", ["fsdp", "pmap"])
def test_parts_are_the_whole_batch_on_eight_devices(layout):
    stream = resident(POINTS, Sizes(2, 16, 32))
    whole, mesh = game(made(terms={"gp": penalty(1.0)})), parallel.mesh()
    start = lambda: test_parallel.begin(whole, stream)
    alone = parallel.jit(test_parallel.program(whole, stream))
    alone, _ = test_parallel.play(alone, start(), stream, (2,))
    run = test_parallel.program(accumulated(whole, 2), stream)
    rows, divided = (None, stream.rows, None), parallel.fsdp(start(), mesh.size, 8)
    together = {
        "fsdp": lambda: parallel.shard(run, rows, mesh, divided),
        "pmap": lambda: parallel.pmap(run, rows),
    }[layout]()
    together, _ = test_parallel.play(together, start(), stream, (2,))
    assert max(apart(together, alone).values()) <= 1e-6
    split = [x for x in jax.tree.leaves(together) if not x.is_fully_replicated]
    assert bool(split) == (layout == "fsdp")


def test_a_run_is_played_in_parts_and_may_go_on_in_others(tmp_path):
    flags = {"steps": 2, "devices": "jit"}
    state = train(tmp_path / "run", game(counted()), parts=4, **flags)
    assert state.g.memory["paid"] == 2 * 4
    again = args(tmp_path / "run", parts=2, **flags)
    same(found(again, game(counted())), state)


def test_the_program_needs_less_memory():
    """Also to look a step of D ahead, and to differentiate through it."""
    each, data = unrolled(made(width=64), 1), turns(d=1024, g=1024)
    start = jax.eval_shape(each.init, KEY, data)

    def temporary(step):
        compiled = jax.jit(step).lower(start, data).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary(accumulated(each, 8).step) < temporary(each.step) / 3


UNEVEN = {
    "parts that do not divide the batch": {"parts": 3, "devices": "jit"},
    "parts that do not divide a device's rows": {"parts": 4, "devices": "shard"},
    "parts that do not divide the batch of a seed": {"parts": 3, "seeds": 8},
}


@pytest.mark.parametrize("flags", UNEVEN.values(), ids=UNEVEN.keys())
def test_a_batch_that_cannot_be_divided_is_a_mistake(flags, tmp_path):
    with pytest.raises(Mistake, match=r"--parts \d cannot divide a batch of 16"):
        train(tmp_path / "run", **flags)
    assert not (tmp_path / "run").exists()


def test_a_game_that_cannot_be_played_in_parts_is_a_mistake(tmp_path):
    fewer = lazy(made(g_terms={"moved": moved()}))  # of a half of G's rows
    for each, parts, why in (
        (fewer, 16, "8 rows cannot be divided into 16 parts"),
        (test_games.two_generators(), 2, "whole batches"),
    ):
        with pytest.raises(Mistake, match=why):
            train(tmp_path / "run", each, parts=parts, devices="jit")
        assert not (tmp_path / "run").exists()
