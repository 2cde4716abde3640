"""Post-hoc EMA: an average of G's weights whose length is chosen after training.

While a game is played a few averages are tracked whose profiles are powers of time, and
kept now and then. The average of any other length is near to a sum of those, by least
squares. Karras et al. (2024, "Analyzing and Improving the Training Dynamics of Diffusion
Models", section 3 and appendix C). Time is in steps; a length is a `std`, the standard
deviation of the profile as a share of the time so far.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Real

from ganjax.errors import Mistake
from ganjax.gan import ONE, Devices, Game, PyTree, State


STDS = (0.05, 0.1)
LONGEST = 12**-0.5  # the std of the even average over all of the time
FAR = 0.2  # the error of a profile that is another one
Numbers = np.ndarray | float


@flax.struct.dataclass
class Tracked:
    """The state of a game and averages of its G."""

    game: PyTree
    averages: PyTree  # for each std a tree like G's weights

    @property
    def step(self) -> PyTree:
        """How many steps the game has played, an int32 scalar."""
        return self.game.step


class Fit(NamedTuple):
    """A profile as a sum of others."""

    weights: Float[np.ndarray, " n"]  # their sum is one
    error: float  # the distance from the profile, as a share of its length


def tracked(game: Game, stds: Sequence[float] = STDS) -> Game:
    """The same game whose state carries an average of G for each of `stds`.

    The game's state is to be a GAN's, or else it is a `Mistake`. An average is of the
    weights after each step; samples are of the game's own, as ever.
    """
    gammas = [exponent(std) for std in stds]

    def init(key, turns):
        state = game.init(key, turns)
        if not isinstance(state, State):
            raise Mistake(
                "Only a game with one G has averages to track: leave out --track."
            )
        return Tracked(state, [jax.tree.map(jnp.copy, state.g.params) for _ in gammas])

    def step(state, turns, on: Devices = ONE):
        after, logs = game.step(state.game, turns, on)
        follow = partial(followed, after.g.params, after.step)
        return Tracked(after, list(map(follow, gammas, state.averages))), logs

    sample = lambda state, key, label: game.sample(state.game, key, label)
    return game._replace(init=init, step=step, sample=sample)


def followed(
    weights: PyTree, t: Int[Array, ""], gamma: float, average: PyTree
) -> PyTree:
    """The average after t steps, which led to these weights (equation 127).

    It keeps beta = (1 - 1 / t)^(gamma + 1) of itself; at the first step nothing.
    """
    moves = -jnp.expm1((gamma + 1) * jnp.log1p(-1 / t))  # 1 - beta, to all its digits
    return jax.tree.map(lambda a, w: a + moves * (w - a), average, weights)


def exponent(std: float) -> float:
    """The gamma of the profile with this `std` (equation 123 and algorithm 2).

    std^2 = (gamma + 1) / ((gamma + 2)^2 (gamma + 3)), which has one positive solution.
    Raises a `Mistake` unless 0 < std < 0.288, where gamma is 0.
    """
    if not 0 < std < LONGEST:
        raise Mistake(
            f"No average has a std of {std:g}: give more than 0 and less than 0.288."
        )
    c = std**-2.0
    return float(np.roots([1, 7, 16 - c, 12 - c]).real.max())


def product(
    t: Numbers, gamma: Numbers, u: Numbers, delta: Numbers
) -> Float[np.ndarray, "..."]:
    """The inner product of two profiles, of powers gamma and delta until t and u.

    A profile is (gamma + 1) x^gamma / t^(gamma + 1) of time x (equations 121 and 151).
    """
    later = np.where(np.less(t, u), delta, gamma)
    first, last = np.minimum(t, u), np.maximum(t, u)
    scale = np.add(gamma, 1) * np.add(delta, 1) / (np.add(gamma, delta) + 1)
    return np.asarray(scale * (first / last) ** later / last)


def fit(
    times: Real[np.ndarray, " n"], gammas: Real[np.ndarray, " n"], t: int, gamma: float
) -> Fit:
    """The profile of power gamma until t as a sum of those of `gammas` until `times`.

    By least squares over time (algorithm 3), then scaled to a sum of one.
    """
    gram = product(times[:, None], gammas[:, None], times[None], gammas[None])
    wanted, own = product(times, gammas, t, gamma), product(t, gamma, t, gamma)
    weights = np.linalg.lstsq(gram, wanted, rcond=None)[0]
    weights /= weights.sum()
    left = own - 2 * wanted @ weights + weights @ gram @ weights
    return Fit(weights, float(np.sqrt(max(left, 0.0) / own)))


def reconstruct(
    state: Tracked,
    kept: Mapping[int, Callable[[], PyTree]],
    stds: Sequence[float],
    std: float,
) -> Tracked:
    """The state whose game is sampled by the average of this `std`.

    It is made of the state's averages and of those that were `kept`, by the step after
    which they were, each read when its turn comes. Statistics stay those of the game's
    own average; `games.standing` has fresh ones. Raises a `Mistake` where what was kept
    is too little for this `std`.
    """
    now = int(state.step)
    each = {t: read for t, read in kept.items() if t < now}
    each[now] = lambda: state.averages
    times, gammas = np.repeat([*each], len(stds)), [exponent(s) for s in stds]
    found = fit(times, np.tile(gammas, len(each)), now, exponent(std))
    if found.error > FAR:
        raise Mistake(
            f"An average of std {std:g} cannot be made of the {len(each)} that were kept "
            f"for each of {', '.join(f'{s:g}' for s in stds)}: its profile is missed by "
            f"{found.error:.0%}; ask for one nearer to these, or keep more."
        )
    total = jax.tree.map(lambda x: np.zeros(x.shape), state.averages[0])
    rows = found.weights.reshape(len(each), len(stds))
    for read, row in zip(each.values(), rows, strict=True):
        for weight, average in zip(row, read(), strict=True):
            add = lambda sum, x, weight=weight: sum + weight * np.asarray(x, float)
            total = jax.tree.map(add, total, average)
    params = jax.tree.map(
        lambda x, w: jnp.asarray(x, w.dtype), total, state.averages[0]
    )
    game = replace(state.game, ema=state.game.ema | {"params": params})
    return replace(state, game=game)
