"""A shuffle that can be asked for any one place, alike in NumPy and in JAX."""

from collections.abc import Callable
from typing import Any

from numpy import uint32 as _u32


ROUNDS = _u32(48)
Repeat = Callable[[Any, Any, Callable, Any], Any]  # as `jax.lax.fori_loop`


def loop(first: Any, last: Any, body: Callable, value: Any) -> Any:
    """`jax.lax.fori_loop` for NumPy."""
    for i in range(first, last):
        value = body(_u32(i), value)
    return value


def shuffle(repeat: Repeat, position: Any, length: int, *seeds: Any) -> Any:
    """Which row stands at each `position` (uint32, below `length`) of a permutation.

    The seeds choose the permutation. It costs nothing to set up, whatever the length,
    and nothing to keep: the swap-or-not shuffle (Hoang, Morris & Rogaway, 2012, fig. 1)
    with a 32-bit mixer for its round functions. `repeat` is `loop` for NumPy arrays,
    `jax.lax.fori_loop` for JAX's; both give the same rows.
    """
    key = position * _u32(0) + _u32(0x9E3779B9)
    for seed in seeds:
        key = _mix(key ^ (position * _u32(0) + seed))

    def swap_or_not(turn, position):
        pivot = _mix(key + (turn * _u32(2) + _u32(1))) % _u32(length)
        partner = pivot + (_u32(length) - position)
        partner = partner - _u32(length) * (partner >= _u32(length))
        highest = partner + (position - partner) * (position > partner)
        swap = _mix(_mix(key + (turn * _u32(2) + _u32(2))) ^ highest) & _u32(1)
        return position + (partner - position) * swap

    return repeat(_u32(0), ROUNDS, swap_or_not, position)


def order(
    repeat: Repeat, seed: Any, role: int, step: Any, length: int, size: int, places: Any
) -> Any:
    """Rows for the given `places` of the batch of `size` that belongs to `step`.

    An epoch is as many steps as fill whole batches; the few rows left over change from
    epoch to epoch. A batch larger than the data goes through it more than once. `seed`,
    `step` and `places` are uint32 arrays or scalars, NumPy's or JAX's as in `shuffle`.
    """
    steps, laps = max(length // size, 1), -(-size // length)
    position = places + step % _u32(steps) * _u32(size)
    lap = step // _u32(steps) * _u32(laps) + position // _u32(length)
    return shuffle(repeat, position % _u32(length), length, seed, _u32(role), lap)


def _mix(x: Any) -> Any:
    x = (x ^ (x >> _u32(16))) * _u32(0x7FEB352D)
    x = (x ^ (x >> _u32(15))) * _u32(0x846CA68B)
    return x ^ (x >> _u32(16))
