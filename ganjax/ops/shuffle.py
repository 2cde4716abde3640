"""A pseudorandom permutation that is computed one position at a time.

Batches are drawn from a new permutation of the rows in every epoch.
`jax.random.permutation` would have to build and keep all of it; here `shuffle` computes the
row at any one position directly, so that the batch of a step is a pure function of
(seed, step).

All arithmetic is in uint32 with wraparound, and uses only operators that NumPy and JAX
share. The same code therefore runs on the host, for streamed data, and inside a compiled
program, for data in device memory, and both give the same rows.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from numpy import uint32 as _u32


# uint32, a scalar or an array, of NumPy or JAX.
UInts = Any
ROUNDS = _u32(48)  # of the swap-or-not shuffle


@runtime_checkable
class ForiLoop(Protocol):
    """A function with the interface of `jax.lax.fori_loop`."""

    def __call__(
        self,
        lower: UInts,
        upper: UInts,
        body_fun: Callable[[UInts, UInts], UInts],
        init_val: UInts,
        /,
    ) -> UInts: ...


def numpy_fori_loop(
    lower: UInts,
    upper: UInts,
    body_fun: Callable[[UInts, UInts], UInts],
    init_val: UInts,
) -> UInts:
    """Computes what `jax.lax.fori_loop` computes, for NumPy."""
    value = init_val
    for i in range(lower, upper):
        value = body_fun(_u32(i), value)
    return value


def shuffle(fori_loop: ForiLoop, position: UInts, length: int, *seeds: UInts) -> UInts:
    """Returns the rows at some positions of a pseudorandom permutation of 0..length - 1.

    This is the swap-or-not shuffle (Hoang, Morris & Rogaway, 2012, fig. 1) with a 32-bit
    mixer as its round function. It needs no setup and no memory, whatever the length.

    Args:
        fori_loop: `numpy_fori_loop` for NumPy arrays, `jax.lax.fori_loop` for JAX arrays.
        position: positions in the permutation, any shape, each below `length`.
        length: the number of rows.
        *seeds: scalars or arrays like `position`, which choose the permutation.

    Returns:
        The row at each position, in the shape of `position`.
    """
    # `position * 0` gives each constant the shape and the array type of `position`. The key
    # starts from the golden ratio in 32 bits: `_mix` maps 0 to 0, so seeds of 0 would leave
    # a key of 0 unmixed.
    key = position * _u32(0) + _u32(0x9E3779B9)
    for seed in seeds:
        key = _mix(key ^ (position * _u32(0) + seed))

    def swap_or_not(i, position):
        # The round pairs each position x with (pivot - x) mod length.
        pivot = _mix(key + (i * _u32(2) + _u32(1))) % _u32(length)
        # Written so that no intermediate value is negative, which uint32 cannot hold.
        partner = pivot + (_u32(length) - position)
        partner = partner - _u32(length) * (partner >= _u32(length))
        # Both of a pair must be swapped or neither, so the coin is a hash of the larger.
        larger = partner + (position - partner) * (position > partner)
        swap = _mix(_mix(key + (i * _u32(2) + _u32(2))) ^ larger) & _u32(1)
        return position + (partner - position) * swap

    return fori_loop(_u32(0), ROUNDS, swap_or_not, position)


def batch_rows(
    fori_loop: ForiLoop,
    seed: UInts,
    role: int,
    step: UInts,
    length: int,
    size: int,
    places: UInts,
) -> UInts:
    """Returns the rows at some places of the batch that belongs to a step.

    An epoch has as many steps as there are complete batches; the few rows left over differ
    from epoch to epoch. A batch larger than the data contains several permutations.

    Args:
        fori_loop: `numpy_fori_loop` for NumPy arrays, `jax.lax.fori_loop` for JAX arrays.
        seed: the seed of the run.
        role: a number that gives each player its own batches.
        step: the training step.
        length: the number of rows of the data.
        size: the number of rows of the batch.
        places: positions within the batch, any shape, each below `size`.

    Returns:
        The row at each place, in the shape of `places`.
    """
    # Each epoch has one permutation. If a batch is larger than the data, an "epoch" is one
    # step, and has several permutations.
    steps_per_epoch = max(length // size, 1)
    permutations_per_epoch = -(-size // length)
    position = places + step % _u32(steps_per_epoch) * _u32(size)
    # The number of the permutation that each place is in, from the beginning of the run.
    permutation = step // _u32(steps_per_epoch) * _u32(
        permutations_per_epoch
    ) + position // _u32(length)
    return shuffle(
        fori_loop, position % _u32(length), length, seed, _u32(role), permutation
    )


def _mix(x: UInts) -> UInts:
    """Returns a 32-bit integer hash with little bias (lowbias32; Wellons, 2018)."""
    x = (x ^ (x >> _u32(16))) * _u32(0x7FEB352D)
    x = (x ^ (x >> _u32(15))) * _u32(0x846CA68B)
    return x ^ (x >> _u32(16))
