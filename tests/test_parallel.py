"""One step under every compiler, on eight devices: the same game."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec as P

from ganjax import GAN, Batch, Player, augment, game, losses, parallel
from ganjax.data import Sizes, resident
from ganjax.gan import Turns, normal
from ganjax.models import dcgan, layers, mlp
from ganjax.regularizers import lazily, r1
from tests.support import apart, same


STEPS, LONGEST = 10, 16
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (100, 16, 16, 1)).astype(np.uint8)
SHUFFLED = resident(Batch(IMAGES, np.zeros(100, np.int32)), Sizes(2, 16, 16))
POINTS = Batch(RNG.normal(size=(64, 2)).astype(np.float32), np.zeros(64, np.int32))


def conv_game(norm):
    """Batch norm (or none) in G, spectral norm and a lazy R1 in D, Adam with eps 1e-8."""
    adam = optax.adam(2e-4, b1=0.5, eps=1e-8)
    d = dcgan.Discriminator(width=4, norm=layers.Shift, wrap=layers.SpectralNorm)
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
            g=Player(mlp.Generator(shape=(2,), width=4, output=mlp.linear), adam),
            d=Player(mlp.Discriminator(width=4), adam),
            loss=losses.non_saturating(),
            augment=augment.identity(),
            prior=normal(2),
            ema=optax.constant_schedule(0.9),
            decode=jnp.asarray,
        )
    )


def begin(made, stream, seed=0):
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), stream.shapes)
    return made.init(jax.random.key(seed), zeros)


def play(compiled, state, stream, counts=(STEPS,), seed=0):
    for count in counts:
        window = stream.window(seed, int(state.step))
        state, logs = compiled(state, (stream.data(), window, np.int32(count)))
    return state, logs


def program(made, stream):
    return parallel.scan(made.step, stream.draw, LONGEST)


@pytest.fixture(scope="module")
def one():
    """Ten steps on one device, and the compiled program that played them."""
    made = conv_game(dcgan.NORM)
    compiled = parallel.jit(program(made, SHUFFLED))
    state, _ = play(compiled, begin(made, SHUFFLED), SHUFFLED)
    return made, compiled, state


def test_any_split_into_calls_gives_the_same_bits(one):
    made, compiled, state = one
    for counts in ((4, 6), (1,) * 10):
        again, _ = play(compiled, begin(made, SHUFFLED), SHUFFLED, counts)
        same(again, state)


@pytest.mark.parametrize("divide", [False, True], ids=["shard", "fsdp"])
def test_sharded_states_and_batches_play_the_same_game(one, divide):
    made, _, state = one
    mesh, start = parallel.mesh(), begin(made, SHUFFLED)
    layout = parallel.fsdp(start, mesh.size, smallest=64) if divide else parallel.WHOLE
    rows = (None, SHUFFLED.rows, None)
    compiled = parallel.shard(program(made, SHUFFLED), rows, mesh, layout)
    lay = lambda spec: NamedSharding(mesh, spec)
    lay = jax.tree.map(lay, layout, is_leaf=lambda x: isinstance(x, P))
    again, _ = play(compiled, jax.device_put(start, lay), SHUFFLED)
    assert max(apart(again, state).values()) <= 1e-5
    split = [x for x in jax.tree.leaves(again) if not x.is_fully_replicated]
    assert bool(split) == divide


def test_pmap_plays_the_same_game_without_batch_norm():
    made = conv_game(layers.Shift)
    run = program(made, SHUFFLED)
    alone, _ = play(parallel.jit(run), begin(made, SHUFFLED), SHUFFLED)
    mapped = parallel.pmap(run, (None, SHUFFLED.rows, None))
    together, _ = play(mapped, begin(made, SHUFFLED), SHUFFLED)
    assert max(apart(together, alone).values()) <= 1e-5


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
