"""Gradient accumulation: a batch in parts is the whole batch, under every compiler."""

import jax
import numpy as np
import pytest

from ganjax import Batch, game, parallel
from ganjax.core import ONE, make_turn
from ganjax.data import Sizes, resident
from ganjax.errors import UsageError
from ganjax.games import accumulated, lazy, posthoc_ema, unrolled
from ganjax.modalities import POINTS as OF_POINTS
from ganjax.regularizers import (
    gradient_penalty as penalty,
    latent_consistency,
    latent_step_penalty,
)
from tests.helpers import compilers
from tests.helpers.counting import made as counted, turns as few
from tests.helpers.marks import some
from tests.helpers.runs import args, found, train
from tests.helpers.shaken import RNG, made, turns
from tests.helpers.states import apart, same
from tests.helpers.two_generators import two_generators


KEY, PARTS = jax.random.key(0), 4
POINTS = Batch(RNG.normal(size=(64, 2)).astype(np.float32), np.zeros(64, np.int32))


SLOW = pytest.mark.slow
GAMES = {
    "two turns": (
        lambda: posthoc_ema(game(made(terms={"gp": penalty(1.0)}))),
        turns(2),
    ),
    "lazy": (lambda: lazy(made(g_terms={"near": latent_consistency().g})), turns()),
    "unrolled": (lambda: unrolled(made(), 1), turns()),
}


@pytest.mark.parametrize("name", some(GAMES, quick=lambda _, name: name == "two turns"))
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
    each = lazy(gan, batch_shrink=1)
    start = each.init(KEY, data)
    state, logs = jax.jit(accumulated(each, 2).step)(start, data)
    assert state.g.stats["stats"]["calls"] == 3 * 2 and state.g.memory["paid"] == 2
    assert state.d.stats["stats"]["calls"] == 4 * 2 and state.d.memory["paid"] == 2
    assert logs["d"]["rows"] == 4 / 2 and logs["g"]["rows"] == 6 / 2
    key = jax.random.split(jax.random.fold_in(start.key, 0), 4)[2]
    z = make_turn(gan, ONE, start, (key, jax.tree.map(lambda x: x[0], data.d))).z
    np.testing.assert_allclose(state.g.stats["stats"]["last"], z[2:].mean(), rtol=1e-6)


@pytest.mark.parametrize("layout", [pytest.param("fsdp", marks=SLOW), "pmap"])
def test_parts_are_the_whole_batch_on_eight_devices(layout):
    stream = resident(POINTS, Sizes(2, 16, 32))
    whole, mesh = game(made(terms={"gp": penalty(1.0)})), parallel.mesh()
    start = lambda: compilers.begin(whole, stream)
    alone = parallel.jit(compilers.program(whole, stream))
    alone, _ = compilers.play(alone, start(), stream, (2,))
    run = compilers.program(accumulated(whole, 2), stream)
    rows, divided = (None, stream.rows, None), parallel.fsdp(start(), mesh.size, 8)
    together = {
        "fsdp": lambda: parallel.shard(run, rows, mesh, divided),
        "pmap": lambda: parallel.pmap(run, rows),
    }[layout]()
    together, _ = compilers.play(together, start(), stream, (2,))
    assert max(apart(together, alone).values()) <= 1e-6
    split = [x for x in jax.tree.leaves(together) if not x.is_fully_replicated]
    assert bool(split) == (layout == "fsdp")


def test_a_run_is_played_in_parts_and_may_go_on_in_others(tmp_path):
    flags = {"steps": 2, "devices": "jit"}
    state = train(tmp_path / "run", game(counted(), OF_POINTS), microbatches=4, **flags)
    assert state.g.memory["paid"] == 2 * 4
    again = args(tmp_path / "run", microbatches=2, **flags)
    same(found(again, game(counted(), OF_POINTS)), state)


@pytest.mark.slow
def test_the_program_needs_less_memory():
    """Also to look a step of D ahead, and to differentiate through it."""
    each, data = unrolled(made(width=64), 1), turns(d=1024, g=1024)
    start = jax.eval_shape(each.init, KEY, data)

    def temporary(step):
        compiled = jax.jit(step).lower(start, data).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary(accumulated(each, 8).step) < temporary(each.step) / 3


UNEVEN = {
    "parts that do not divide the batch": {"microbatches": 3, "devices": "jit"},
    "parts that do not divide a device's rows": {"microbatches": 4, "devices": "shard"},
    "parts that do not divide the batch of a seed": {"microbatches": 3, "seeds": 8},
}


@pytest.mark.parametrize("flags", UNEVEN.values(), ids=UNEVEN.keys())
def test_a_batch_that_cannot_be_divided_is_a_mistake(flags, tmp_path):
    with pytest.raises(
        UsageError, match=r"--microbatches \d cannot divide a batch of 16"
    ):
        train(tmp_path / "run", **flags)
    assert not (tmp_path / "run").exists()


def test_a_game_that_cannot_be_played_in_parts_is_a_mistake(tmp_path):
    # Its regularizers are paid for a half of G's rows.
    fewer = lazy(made(g_terms={"moved": latent_step_penalty()}), modality=OF_POINTS)
    for each, parts, why in (
        (fewer, 16, "8 rows cannot be divided into 16 parts"),
        (two_generators(), 2, "whole batches"),
    ):
        with pytest.raises(UsageError, match=why):
            train(tmp_path / "run", each, microbatches=parts, devices="jit")
        assert not (tmp_path / "run").exists()
