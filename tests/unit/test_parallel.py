"""One step under every compiler, on eight devices: the same game."""

import re
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec as P

from ganjax import GAN, Batch, Player, augment, game, losses, parallel
from ganjax.core import Turns, normal
from ganjax.data import Sizes, Source, Spec, decoding, resident, streamed
from ganjax.data.source import example_struct
from ganjax.layers.normalization import Shift
from ganjax.layers.spectral_norm import SpectralNorm
from ganjax.modalities import IMAGES as IMAGES_ARE
from ganjax.models import dcgan, mlp
from ganjax.regularizers import lazily, r1
from tests.helpers.compilers import LONGEST, STEPS, begin, play, program
from tests.helpers.marks import some
from tests.helpers.states import apart, same


RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (100, 16, 16, 1)).astype(np.uint8)
SHUFFLED = decoding(
    resident(Batch(IMAGES, np.zeros(100, np.int32)), Sizes(2, 16, 16)), IMAGES_ARE
)
POINTS = Batch(RNG.normal(size=(64, 2)).astype(np.float32), np.zeros(64, np.int32))


def conv_game(norm):
    """Batch norm (or none) in G, spectral norm and a lazy R1 in D, Adam with eps 1e-8."""
    adam = optax.adam(2e-4, b1=0.5, eps=1e-8)
    d = dcgan.Discriminator(width=4, norm=Shift, wrap=SpectralNorm)
    return game(
        GAN(
            g=Player(dcgan.Generator(size=16, channels=1, width=4, norm=norm), adam),
            d=Player(d, adam, {"r1": lazily(2, r1(1.0))}),
            loss=losses.relativistic(),
            augment=augment.pseudo(augment.fixed(augment.flip(), 0.5)),
            prior=normal(4),
            ema=optax.constant_schedule(0.9),
        )
    )


def point_game():
    adam = optax.adam(1e-3)
    return game(
        GAN(
            g=Player(mlp.Generator(shape=(2,), width=8, output=mlp.linear), adam),
            d=Player(mlp.Discriminator(width=8), adam, {"r1": lazily(2, r1(1.0))}),
            loss=losses.non_saturating(),
            augment=augment.identity(),
            prior=normal(2),
            ema=optax.constant_schedule(0.9),
        )
    )


EXAMPLES = Sizes(2, 16, 16)
SLOW = pytest.mark.slow
# Whether batch norm is that of the whole batch, and convolutions are divided as others
# are, is seen on images; points take a fraction of the time to compile.
GAMES = {
    "points": (point_game, resident(POINTS, EXAMPLES)),
    "images": (partial(conv_game, dcgan.NORM), SHUFFLED),
}


@pytest.fixture(scope="module", params=["points", pytest.param("images", marks=SLOW)])
def one(request):
    """A game, its data, its compiled program, and ten steps of it on one device."""
    make, stream = GAMES[request.param]
    made = make()
    compiled = parallel.jit(program(made, stream))
    state, _ = play(compiled, begin(made, stream), stream)
    return made, stream, compiled, state


def test_any_split_into_calls_gives_the_same_bits(one):
    made, stream, compiled, state = one
    for counts in ((4, 6), (1,) * 10):
        again, _ = play(compiled, begin(made, stream), stream, counts)
        same(again, state)


@pytest.mark.parametrize("divide", [False, True], ids=["shard", "fsdp"])
def test_sharded_states_and_batches_play_the_same_game(one, divide):
    made, stream, _, state = one
    mesh, start = parallel.mesh(), begin(made, stream)
    layout = (
        parallel.fsdp(start, mesh.size, smallest=64) if divide else parallel.REPLICATED
    )
    rows = (None, stream.rows, None)
    compiled = parallel.shard(program(made, stream), rows, mesh, layout)
    lay = lambda spec: NamedSharding(mesh, spec)
    lay = jax.tree.map(lay, layout, is_leaf=lambda x: isinstance(x, P))
    again, _ = play(compiled, jax.device_put(start, lay), stream)
    assert max(apart(again, state).values()) <= 1e-5
    split = [x for x in jax.tree.leaves(again) if not x.is_fully_replicated]
    assert bool(split) == divide


WITHOUT_BATCH_NORM = {
    "points": GAMES["points"],
    "images": (partial(conv_game, Shift), SHUFFLED),
}


@pytest.mark.parametrize("name", ["points", pytest.param("images", marks=SLOW)])
def test_pmap_plays_the_same_game_without_batch_norm(name):
    make, stream = WITHOUT_BATCH_NORM[name]
    made = make()
    run = program(made, stream)
    alone, _ = play(parallel.jit(run), begin(made, stream), stream)
    mapped = parallel.pmap(run, (None, stream.rows, None))
    together, _ = play(mapped, begin(made, stream), stream)
    assert max(apart(together, alone).values()) <= 1e-5


@pytest.mark.parametrize("layout", some(["shard", "pmap"]))
def test_what_is_read_as_it_is_needed_is_the_same_game_on_many_devices(layout):
    """A streamed set against the same examples on one device."""
    many = Sizes(2, 16, 32)
    source = Source(
        Spec("points"), 64, example_struct((2,), POINTS.x.dtype), (), rows_of(POINTS)
    )
    made, held, read = point_game(), resident(POINTS, many), streamed(source, many)
    alone = parallel.jit(program(made, held))
    alone, _ = play(alone, begin(made, held), held, (3, 2))
    run, rows = program(made, read), (None, read.rows, None)
    together = {
        "shard": lambda: parallel.shard(run, rows, parallel.mesh()),
        "pmap": lambda: parallel.pmap(run, rows),
    }[layout]()
    together, _ = play(together, begin(made, read), read, (3, 2))
    assert max(apart(together, alone).values()) <= 1e-6


def rows_of(batch):
    return lambda rows: jax.tree.map(lambda x: x[rows], batch)


def test_a_large_array_is_divided_along_the_longest_axis_that_allows_it():
    wanted = {
        (16, 32): P(None, "data"),
        (32, 16): P("data", None),
        (16, 16): P("data", None),
        (40, 12): P("data", None),
        (33, 24): P(None, "data"),
        (3, 3, 8, 16): P(None, None, None, "data"),
        (33, 35): P(),
        (7,): P(),
        (): P(),
    }
    arrays = {shape: jnp.zeros(shape) for shape in wanted}
    assert parallel.fsdp(arrays, 8, smallest=8) == wanted
    kept = parallel.fsdp(arrays, 8, smallest=513)
    assert kept == {x: wanted[x] if np.prod(x) > 512 else P() for x in wanted}
    assert parallel.fsdp({"a": jnp.zeros(2**16)}, 8) == {"a": P("data")}
    assert parallel.fsdp({"a": jnp.zeros(2**16 - 8)}, 8) == {"a": P()}


def test_a_member_of_a_population_is_the_run_of_its_seed():
    made, stream = point_game(), resident(POINTS, Sizes(1, 8, 8))
    run = program(made, stream)
    states = [begin(made, stream, seed) for seed in range(8)]
    stacked = jax.tree.map(lambda *each: jnp.stack(each), *states)
    many = parallel.population(run, parallel.mesh())
    windows = np.stack([stream.window(seed, 0) for seed in range(8)])
    many, logs = many(stacked, (stream.data(), windows, np.int32(STEPS)))
    assert logs["g"]["loss"].shape == (8, LONGEST)
    alone = parallel.jit(run)
    for seed in (0, 5):
        single, _ = play(alone, begin(made, stream, seed), stream, seed=seed)
        member = jax.tree.map(lambda x, seed=seed: x[seed], many)
        assert max(apart(member, single).values()) <= 1e-5
    assert max(apart(states[0].g, jax.tree.map(lambda x: x[5], many).g).values()) > 0


def test_eight_devices_share_the_work():
    """Latents drawn inside a program would be made on every device if not laid out."""
    made, stream = point_game(), resident(POINTS, Sizes(1, 512, 512))
    turns = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), stream.shapes)
    start = begin(made, stream)
    flops = lambda step: step.lower(start, turns).compile().cost_analysis()["flops"]
    along = lambda *axes: NamedSharding(parallel.mesh(), P(*axes))
    rows = along(parallel.AXIS)
    place = lambda x: jax.lax.with_sharding_constraint(x, rows)
    shared = jax.jit(
        partial(made.step, on=parallel.Devices(place=place)),
        in_shardings=(along(), Turns(d=along(None, parallel.AXIS), g=rows)),
    )
    assert flops(jax.jit(made.step)) / flops(shared) > 6


class Tiny(NamedTuple):
    """A state of a few numbers."""

    step: Any
    w: Any


ROWS = np.arange(32, dtype=np.float32).reshape(2, 16)


def tell(state, feed, on=parallel.ONE):
    """A program that tells what it learns of the devices, of rows along axis 1."""
    x, factor = feed
    made = on.place(jnp.zeros((16, 3)) + factor)
    logs = {
        "mean": on.mean(x.mean()),
        "order": on.mean(x[0].mean() * on.index()),
        "index": on.mean(jnp.float32(on.index())),
        "count": jnp.int32(on.count),
        "made": made.sum(),
    }
    return Tiny(state.step + 1, state.w + on.mean(x.sum() * factor)), logs


def tiny():
    return Tiny(jnp.int32(4), jnp.arange(8.0))


COMPILERS = {
    "jit": lambda: parallel.jit(tell),
    "shard": lambda: parallel.shard(tell, (1, None), parallel.mesh()),
    "pmap": lambda: parallel.pmap(tell, (1, None)),
}


@pytest.mark.parametrize("name", COMPILERS)
def test_a_program_sees_all_rows_once_and_its_state_is_given_up(name):
    start = tiny()
    if name == "shard":
        start = jax.device_put(start, NamedSharding(parallel.mesh(), P()))
    state, logs = COMPILERS[name]()(start, (ROWS, np.float32(2)))
    replicas = 8 if name == "pmap" else 1
    assert int(state.step) == 5 and int(logs["count"]) == replicas
    # Under pmap each replica sums its own rows, and the sums are averaged.
    moved = np.arange(8) + 2 * ROWS.sum() / replicas
    np.testing.assert_allclose(state.w, moved, rtol=1e-6)
    assert float(logs["mean"]) == ROWS.mean() and float(logs["made"]) == 16 * 3 * 2
    own = ROWS[0].reshape(replicas, -1).mean(1)
    np.testing.assert_allclose(logs["order"], np.mean(own * np.arange(replicas)))
    if name != "pmap":
        assert start.w.is_deleted(), "two states need more memory than one"


@pytest.mark.parametrize("name", COMPILERS)
def test_a_program_tells_its_memory_and_is_compiled_once(name):
    names = []

    def listen(event, _, fun_name="", **more):
        if event.endswith("backend_compile_duration"):
            names.append(fun_name)

    start = tiny()._replace(w=jnp.zeros(10_000))
    if name == "shard":
        start = jax.device_put(start, NamedSharding(parallel.mesh(), P()))
    compiled, feed = COMPILERS[name](), (ROWS, np.float32(2))
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        needed = compiled.memory(start, feed)
        asked = len(names)
        compiled(start, feed)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    # The state, which is donated, and little else; the rows are a few bytes.
    assert 40_000 < needed < 80_000 + 4_000
    assert asked and names[asked - 1] not in names[asked:]


def test_a_replica_has_its_number_among_those_of_all_processes(monkeypatch):
    monkeypatch.setattr(jax, "process_index", lambda: 2)
    monkeypatch.setattr(jax, "device_count", lambda: 24)
    compiled = parallel.pmap(tell, (1, None))
    monkeypatch.undo()
    _, logs = compiled(tiny(), (ROWS, np.float32(2)))
    assert float(logs["index"]) == np.mean(range(16, 24)) and int(logs["count"]) == 24


def test_what_is_made_within_a_sharded_step_lies_as_the_batch_does():
    mesh = parallel.mesh()
    assert mesh.shape == {"data": 8} and {*mesh.devices.flat} == {*jax.devices()}
    compiled, feed = parallel.jit_sharded(tell, (1, None), mesh)
    assert [each.spec for each in feed] == [P(None, "data"), P()]
    text = compiled.lower(tiny(), (ROWS, np.float32(2))).as_text()
    assert re.search(r"sharding_constraint .*\[\{\"data\"\}, \{\}\]", text)


def test_members_of_a_population_share_the_devices_and_the_data():
    def program(state, feed):
        data, window, count = feed
        w = state.w + data.sum() * window + count
        return Tiny(state.step + count, w), {"loss": w[:2]}

    start = Tiny(jnp.zeros(8, jnp.int32), jnp.zeros((8, 3)))
    members = NamedSharding(parallel.mesh(), P("data"))
    start = jax.device_put(start, members)
    feed = np.ones(5, np.float32), np.arange(8, dtype=np.float32), np.int32(4)
    state, logs = parallel.population(program, parallel.mesh())(start, feed)
    wanted = np.repeat(5 * np.arange(8)[:, None] + 4, 3, axis=1)
    np.testing.assert_array_equal(state.w, wanted)
    np.testing.assert_array_equal(logs["loss"], wanted[:, :2])
    assert state.w.sharding.is_equivalent_to(members, 2)
    assert logs["loss"].sharding.is_equivalent_to(members, 2)
    assert start.w.is_deleted()


def test_a_program_plays_as_many_steps_as_it_is_told_and_fills_as_many_logs():
    drawn = lambda data, window, step, place, on: data + window[place] * step
    step = lambda state, turns, on: (
        Tiny(state.step + 1, state.w + turns),
        {"x": turns, "n": state.step},
    )
    program = jax.jit(parallel.scan(step, drawn, 4))
    feed = jnp.float32(100), jnp.asarray([1.0, 2.0, 3.0, 4.0]), np.int32(3)
    state, logs = program(Tiny(jnp.int32(5), jnp.float32(0)), feed)
    turns = [100 + 1 * 5, 100 + 2 * 6, 100 + 3 * 7]
    assert int(state.step) == 8 and float(state.w) == sum(turns)
    assert logs["x"][:3].tolist() == turns and logs["n"][:3].tolist() == [5, 6, 7]
    assert logs["x"].shape == (4,) and logs["n"].dtype == jnp.int32
    same, _ = program(Tiny(jnp.int32(5), jnp.float32(0)), (*feed[:2], np.int32(0)))
    assert (int(same.step), float(same.w)) == (5, 0)


def test_what_lies_as_it_should_stays_and_a_process_gives_its_own_share(monkeypatch):
    along = NamedSharding(parallel.mesh(), P("data"))
    copied = NamedSharding(parallel.mesh(), P())
    there = jax.device_put(np.arange(8), along)
    a, (b, c) = parallel.put((there, (there, np.ones(2))), (along, copied))
    assert a is there and b is not there
    assert b.sharding == c.sharding == copied and c.tolist() == [1, 1]
    given = []
    make = lambda sharding, x: given.append((sharding, x.tolist())) or there
    monkeypatch.setattr(jax, "make_array_from_process_local_data", make)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    parallel.put((there, (np.ones(2), [3])), (along, copied))
    assert given == [(copied, [1, 1]), (copied, 3)]


def test_processes_wait_for_each_other_where_there_are_several(monkeypatch):
    waited = []
    monkeypatch.setattr(parallel, "sync_global_devices", waited.append)
    parallel.barrier("alone")
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    parallel.barrier("together")
    assert waited == ["together"]


def test_a_program_for_a_cpu_frees_arrays_soon():
    assert parallel.compiler_options("gpu") is parallel.compiler_options("tpu") is None
    assert parallel.compiler_options("cpu")

    # Of each of twelve large arrays one number is made.
    def numbers(state, feed, on=None):
        rows = [jnp.sort(feed * i) for i in range(1, 13)]
        return state + sum(jnp.vdot(row, feed) for row in rows), {}

    state, feed = jnp.zeros(()), jnp.arange(2**18, dtype=jnp.float32)
    held = parallel.jit(numbers).memory(state, feed)
    assert 1 < held / feed.nbytes < 4
