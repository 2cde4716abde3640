"""A game on a stream, played for some steps by a compiled program."""

import jax
import jax.numpy as jnp
import numpy as np

from ganjax import parallel


STEPS, LONGEST = 10, 16


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
