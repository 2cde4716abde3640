"""How a run is laid out on the devices."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax import Batch
from ganjax.core import Game, Turns
from ganjax.data import Sizes, Stream, resident
from ganjax.errors import UsageError
from ganjax.modalities import POINTS as POINTS_ARE
from ganjax.run import Run, compiled
from ganjax.run.compiled import check_sizes, compile_game, join_processes
from tests.helpers.runs import args, game


POINTS = Batch(np.zeros((64, 2), np.float32), np.zeros(64, np.int32))


def test_each_seed_of_a_population_sees_the_data_in_an_order_of_its_own():
    stream = resident(POINTS, Sizes(1, 4, 4))
    made = compile_game(args("runs/none", seed=5, seeds=8).run, game(), stream)
    wanted = [stream.window(seed, 3) for seed in range(5, 13)]
    np.testing.assert_array_equal(made.window(3), wanted)
    assert len(set(wanted)) == 8


class State(NamedTuple):
    """A state with a small array, and one that is worth dividing."""

    step: Any
    w: Any
    large: Any


def tiny_game(traced):
    """A game whose numbers can be followed by hand."""

    def init(key, turns):
        assert turns.d.x.shape == (3, 16, 2) and turns.g.x.shape == (8, 2)
        assert turns.g.label.dtype == jnp.int32
        large = jnp.zeros(2**16) + turns.d.x.sum()
        return State(jnp.int32(0), jax.random.normal(key, (2,)), large)

    def step(state, turns, on):
        traced.append(on.count)
        loss = on.mean(turns.g.x.mean())
        w = state.w + on.mean(turns.d.x.mean((0, 1)))
        return State(state.step + 1, w, state.large + loss), {"g": {"loss": loss}}

    def generate(state, z, condition, key):
        # Under `fsdp` this part of the sample lies on many devices.
        large = state.large.reshape(8, -1)[: len(z), :2]
        return z + state.w[None] + condition[:, None] + large

    draw = lambda key, n: jax.random.normal(key, (n, 2))
    return Game(init, step, draw, generate, POINTS_ARE)


def tiny_stream():
    """Rows that tell their seed, the first step of their window and their place."""
    shape = lambda *rows: Batch(
        jax.ShapeDtypeStruct((*rows, 2), jnp.float32),
        jax.ShapeDtypeStruct(rows, jnp.int32),
    )

    def window(seed, first):
        return np.arange(16, dtype=np.float32) + 100 * seed + 1000 * first

    def draw(data, window, step, place, on):
        x = jnp.broadcast_to((window + 10 * place)[:, None], (len(window), 2))
        label = jnp.zeros(len(window), jnp.int32)
        d = Batch(x[None] * data, label[None])
        return Turns(d, Batch(x, label))

    return Stream(
        data=lambda: np.float32(0.5),
        window=window,
        draw=draw,
        rows=0,
        longest=4,
        shapes=Turns(shape(3, 16), shape(8)),
    )


def spread(state):
    """On how many devices each array of a state lies, and whether each has all of it."""
    found = jax.tree.map(lambda x: (len(x.devices()), x.is_fully_replicated), state)
    return [found.step, found.w, found.large]


ONE, ALL, SPLIT = (1, True), (8, True), (8, False)
LAYOUTS = {
    "jit": [ONE, ONE, ONE],
    "shard": [ALL, ALL, ALL],
    "fsdp": [ALL, ALL, SPLIT],
    "pmap": [ALL, ALL, ALL],
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_plays_and_samples_the_same_game(name, monkeypatch):
    traced = []
    made, stream = tiny_game(traced), tiny_stream()
    run = Run("runs/none", steps=8, batch=16, seed=5, devices=name)
    found = compile_game(run, made, stream)
    state = found.init()
    assert spread(state) == LAYOUTS[name]
    # As a restored state is: it is played by the same compiled program.
    assert all(x.committed for x in jax.tree.leaves(state))
    assert jax.devices()[0] in state.w.devices()
    first = np.asarray(jax.random.normal(jax.random.key(5), (2,)))
    np.testing.assert_array_equal(state.w, first)
    assert found.window(7).tolist() == stream.window(5, 7).tolist()

    # Rows are 2007.5 on average, and 10 more with each step; D sees half of that.
    state, logs = found.program(state, found.window(2) - 500, 3)
    counted = len(traced)
    assert {*traced} == {8 if name == "pmap" else 1}
    np.testing.assert_allclose(logs["g"]["loss"][:3], [2007.5, 2017.5, 2027.5])
    assert int(state.step) == 3 and spread(state) == LAYOUTS[name]
    np.testing.assert_allclose(state.w, first + 0.5 * 6052.5, rtol=1e-6)
    np.testing.assert_allclose(state.large[-2:], 6052.5)
    state, _ = found.program(state, found.window(2), 0)
    assert len(traced) == counted, "the state lies where the program expects it"

    key, label = jax.random.key(3), np.arange(8, dtype=np.int32)
    drawn = []
    read = lambda x: drawn.append(x) or np.array(x)
    monkeypatch.setattr(compiled, "np", SimpleNamespace(asarray=read))
    sample = found.sample(state, key, label)
    assert drawn[0].is_fully_replicated, "each process can read all samples"
    z_key, _ = jax.random.split(key)
    z = np.asarray(jax.random.normal(z_key, (8, 2)))
    assert isinstance(sample, np.ndarray) and sample.shape == (1, 8, 2)
    wanted = z + np.asarray(state.w) + label[:, None] + np.asarray(state.large[0])
    np.testing.assert_allclose(sample[0], wanted, rtol=1e-5)


@pytest.mark.parametrize("devices", ["jit", "shard"])
def test_members_of_a_population_differ_by_their_seeds_and_share_latents(devices):
    made, stream = tiny_game([]), tiny_stream()
    run = Run("runs/none", steps=8, batch=16, seed=5, seeds=8, devices=devices)
    found = compile_game(run, made, stream)
    state = found.init()
    assert spread(state) == [SPLIT] * 3
    keys = [jax.random.key(seed) for seed in range(5, 13)]
    first = np.asarray([jax.random.normal(key, (2,)) for key in keys])
    np.testing.assert_allclose(state.w, first, rtol=1e-6)
    if devices == "shard":
        return
    state, logs = found.program(state, found.window(1), 2)
    loss = 1007.5 + 100 * np.arange(5, 13)
    np.testing.assert_allclose(logs["g"]["loss"][:, :2], loss[:, None] + [0, 10])
    sample = found.sample(state, jax.random.key(3), np.arange(5, dtype=np.int32))
    assert isinstance(sample, np.ndarray) and sample.shape == (8, 5, 2)
    moved = sample - np.asarray(state.w)[:, None] - np.asarray(state.large)[:, :1, None]
    np.testing.assert_allclose(moved, moved[:1].repeat(8, 0), atol=2e-3)


def shapes(d_batch, g_batch):
    label = lambda *rows: Batch(None, jax.ShapeDtypeStruct(rows, jnp.int32))
    return Turns(label(3, d_batch), label(g_batch))


REFUSED = {
    "G's batch": (
        {},
        (16, 12),
        "batch of 12 cannot be shared by 8 devices; give .* of 8",
    ),
    "D's batch": ({"devices": "pmap"}, (12, 16), "batch of 12 cannot be shared by 8"),
    "parts of a device's rows": (
        {"microbatches": 3, "devices": "fsdp"},
        (24, 16),
        "--microbatches 3 cannot divide a batch of 16; give .* multiple of 24,",
    ),
    "parts on one device": (
        {"microbatches": 3, "devices": "jit"},
        (12, 10),
        "--microbatches 3 cannot divide a batch of 10; give .* multiple of 3,",
    ),
    "parts of a member": (
        {"microbatches": 2, "seeds": 8},
        (6, 5),
        "--microbatches 2 cannot divide a batch of 5; give .* multiple of 2,",
    ),
    "seeds": ({"seeds": 12}, (16, 16), "--seeds 12 cannot be shared by 8 .* of 8"),
    "a divided population": (
        {"seeds": 8, "devices": "fsdp"},
        (16, 16),
        "population, which --devices fsdp cannot",
    ),
}


@pytest.mark.parametrize(("flags", "sizes", "says"), REFUSED.values(), ids=REFUSED)
def test_what_devices_cannot_share_is_refused(flags, sizes, says):
    with pytest.raises(UsageError, match=says):
        check_sizes(Run("r", steps=1, batch=1, **flags), shapes(*sizes))


@pytest.mark.parametrize(
    ("flags", "sizes"),
    [
        ({}, (16, 8)),
        ({"devices": "jit"}, (3, 5)),
        ({"devices": "jit", "seeds": 16}, (3, 5)),
        ({"seeds": 8}, (3, 5)),
        ({"seeds": 8, "microbatches": 3}, (3, 6)),
        ({"microbatches": 2}, (32, 16)),
        ({"devices": "jit", "microbatches": 5}, (5, 10)),
    ],
)
def test_what_devices_can_share_is_accepted(flags, sizes):
    check_sizes(Run("r", steps=1, batch=1, **flags), shapes(*sizes))


def test_a_distributed_run_joins_as_its_launcher_says(monkeypatch):
    joined, set_to = [], {}
    distributed = SimpleNamespace(
        is_initialized=lambda: False, initialize=lambda *given: joined.append(given)
    )
    config = SimpleNamespace(
        jax_platforms="cpu", update=lambda name, value: set_to.update({name: value})
    )
    pretended = SimpleNamespace(distributed=distributed, config=config)
    monkeypatch.setattr(compiled, "jax", pretended)
    asked = []
    monkeypatch.setattr(compiled, "need_device", lambda: asked.append(True))
    for name in ("COORDINATOR_ADDRESS", "NUM_PROCESSES", "PROCESS_ID"):
        monkeypatch.delenv(f"JAX_{name}", raising=False)
    run = Run("r", steps=1, batch=1)
    join_processes(run.distributed)
    assert len(asked) == 1 and not joined, "it is not distributed"
    many = Run("r", steps=1, batch=1, distributed=True)
    join_processes(many.distributed)
    assert joined.pop() == (None, None, None) and len(asked) == 1
    assert set_to == {"jax_cpu_collectives_implementation": "gloo"}
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "here:1")
    monkeypatch.setenv("JAX_NUM_PROCESSES", "3")
    monkeypatch.setenv("JAX_PROCESS_ID", "0")
    config.jax_platforms = None
    set_to.clear()
    join_processes(many.distributed)
    assert joined.pop() == ("here:1", 3, 0) and not set_to
    distributed.is_initialized = lambda: True
    join_processes(many.distributed)
    assert not joined, "a second run of the process finds it joined"
    distributed.is_initialized = lambda: False

    for error in (ValueError("no"), RuntimeError("no")):

        def fail(*given, error=error):
            raise error

        distributed.initialize = fail
        with pytest.raises(UsageError, match="found no other processes to join"):
            join_processes(many.distributed)
