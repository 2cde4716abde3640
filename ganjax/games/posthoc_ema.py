"""Post-hoc EMA: an average of G's weights whose length is chosen after training.

An average is a weighted mean of the weights over time; its profile is the weight of each
time. During training a few averages whose profiles are powers of time are tracked, and
stored now and then. Afterwards the average of any other length is approximated by a linear
combination of the stored ones, by least squares over their profiles (Karras et al., 2024,
"Analyzing and Improving the Training Dynamics of Diffusion Models", section 3 and appendix
C; equations and algorithms below are of that paper). Time is in steps. A length is a
`sigma_rel`, the standard deviation of the profile as a share of the time so far.
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

from ganjax.core import ONE, Devices, Game, PyTree, State
from ganjax.core.brief import brief_state
from ganjax.errors import UsageError


SIGMA_RELS = (0.05, 0.1)  # the paper's
MAX_SIGMA_REL = (
    12**-0.5
)  # sigma_rel of the uniform mean over all time, where gamma is 0
MAX_ERROR = 0.2  # above this error an approximated profile is refused
Numbers = np.ndarray | float


@flax.struct.dataclass
class PosthocEMAState:
    """The state of a game and averages of its G."""

    game: PyTree
    averages: PyTree  # a list of trees like G's weights, one for each sigma_rel

    @property
    def step(self) -> PyTree:
        """How many steps the game has played, an int32 scalar."""
        return self.game.step

    def __repr__(self) -> str:
        return brief_state(self)


class Fit(NamedTuple):
    """An approximation of a profile by a linear combination of others."""

    weights: Float[np.ndarray, " n"]  # their sum is one
    error: float  # L2 norm of what is left of the profile, relative to its own


def posthoc_ema(game: Game, sigma_rels: Sequence[float] = SIGMA_RELS) -> Game:
    """Makes the same game with a state that also tracks averages of G's weights.

    Samples are still those of the game's own average.

    Args:
        game: a game with one G, whose state is a `core.State`; others raise a `UsageError`
            when they are initialized.
        sigma_rels: the lengths of the averages to track.
    """
    gammas = [profile_exponent(sigma_rel) for sigma_rel in sigma_rels]

    def init(key, turns):
        state = game.init(key, turns)
        if not isinstance(state, State):
            raise UsageError(
                "Only a game with one G has averages to track: leave out --posthoc-ema."
            )
        return PosthocEMAState(
            state, [jax.tree.map(jnp.copy, state.g.params) for _ in gammas]
        )

    def step(state, turns, on: Devices = ONE):
        # `after.step` counts from 1, as the equations do.
        after, logs = game.step(state.game, turns, on)
        update = partial(update_average, after.g.params, after.step)
        return PosthocEMAState(after, list(map(update, gammas, state.averages))), logs

    def generate(state, z, condition, key):
        return game.generate(state.game, z, condition, key)

    def discriminate(state, x, label):
        assert game.discriminate is not None  # any game whose state is a `core.State`
        return game.discriminate(state.game, x, label)

    return game._replace(
        init=init,
        step=step,
        generate=generate,
        discriminate=discriminate if game.discriminate else None,
    )


def update_average(
    weights: PyTree, t: Int[Array, ""], gamma: float, average: PyTree
) -> PyTree:
    """Updates an average by the weights after step t (equation 127).

    The decay is beta = (1 - 1 / t)^(gamma + 1), which is 0 at the first step.
    """
    # 1 - beta without cancellation: after many steps beta is close to 1 in float32.
    moves = -jnp.expm1((gamma + 1) * jnp.log1p(-1 / t))
    return jax.tree.map(lambda a, w: a + moves * (w - a), average, weights)


def profile_exponent(sigma_rel: float) -> float:
    """Returns the power gamma of the profile with this `sigma_rel` (equation 123).

    It solves sigma_rel^2 = (gamma + 1) / ((gamma + 2)^2 (gamma + 3)), which has one
    positive solution (algorithm 2).

    Raises:
        UsageError: unless 0 < sigma_rel < 0.288, at which gamma is 0.
    """
    if not 0 < sigma_rel < MAX_SIGMA_REL:
        raise UsageError(
            f"No average has a sigma_rel of {sigma_rel:g}: give more than 0 and less than "
            "0.288."
        )
    # The equation as a cubic in gamma, whose largest root is the positive one.
    c = sigma_rel**-2.0
    return float(np.roots([1, 7, 16 - c, 12 - c]).real.max())


def profile_product(
    t: Numbers, gamma: Numbers, u: Numbers, delta: Numbers
) -> Float[np.ndarray, "..."]:
    """Returns the inner product of two profiles, of powers gamma and delta until t and u.

    The profile of power gamma until t is (gamma + 1) x^gamma / t^(gamma + 1) at the time x
    in 0..t, and 0 later (equations 121 and 151).
    """
    # The integral of both over 0..min(t, u), in a form whose powers cannot overflow.
    later = np.where(np.less(t, u), delta, gamma)
    first, last = np.minimum(t, u), np.maximum(t, u)
    scale = np.add(gamma, 1) * np.add(delta, 1) / (np.add(gamma, delta) + 1)
    return np.asarray(scale * (first / last) ** later / last)


def fit_profile(
    times: Real[np.ndarray, " n"], gammas: Real[np.ndarray, " n"], t: int, gamma: float
) -> Fit:
    """Approximates the profile of power gamma until t by those of `gammas` until `times`.

    The weights are those of least squares over time (algorithm 3), scaled to a sum of one.
    """
    # The normal equations, with inner products of functions in place of sums.
    gram = profile_product(times[:, None], gammas[:, None], times[None], gammas[None])
    wanted = profile_product(times, gammas, t, gamma)
    own = profile_product(t, gamma, t, gamma)
    weights = np.linalg.lstsq(gram, wanted, rcond=None)[0]
    weights /= weights.sum()
    left = own - 2 * wanted @ weights + weights @ gram @ weights
    return Fit(weights, float(np.sqrt(max(left, 0.0) / own)))


def reconstruct(
    state: PosthocEMAState,
    kept: Mapping[int, Callable[[], PyTree]],
    sigma_rels: Sequence[float],
    sigma_rel: float,
) -> PosthocEMAState:
    """Returns the state with G's average of this `sigma_rel` as the one that is sampled.

    Statistics stay those of the game's own average; `games.standing` computes fresh ones.

    Args:
        state: the last state, whose averages are used, too.
        kept: functions that read the averages stored earlier, by the step after which they
            were stored. Each is called once, so that few are in memory at a time.
        sigma_rels: the lengths that were tracked.
        sigma_rel: the length that is wanted.

    Raises:
        UsageError: if the averages are too few, or too far in length, for this `sigma_rel`.
    """
    # The best checkpoint may be earlier than the last stored averages, which are left out.
    now = int(state.step)
    each = {t: read for t, read in kept.items() if t < now}
    each[now] = lambda: state.averages
    # One profile for each stored step and tracked length, in this order.
    times = np.repeat([*each], len(sigma_rels))
    gammas = [profile_exponent(s) for s in sigma_rels]
    found = fit_profile(
        times, np.tile(gammas, len(each)), now, profile_exponent(sigma_rel)
    )
    if found.error > MAX_ERROR:
        raise UsageError(
            f"An average of sigma_rel {sigma_rel:g} cannot be made of the {len(each)} that "
            f"were kept for each of {', '.join(f'{s:g}' for s in sigma_rels)}: its profile "
            f"is missed by {found.error:.0%}; ask for one nearer to these, or keep more."
        )
    # The sum is in float64, as weights of either sign partly cancel.
    total = jax.tree.map(lambda x: np.zeros(x.shape), state.averages[0])
    rows = found.weights.reshape(len(each), len(sigma_rels))
    for read, row in zip(each.values(), rows, strict=True):
        for weight, average in zip(row, read(), strict=True):
            add = lambda sum, x, weight=weight: sum + weight * np.asarray(x, float)
            total = jax.tree.map(add, total, average)
    params = jax.tree.map(
        lambda x, w: jnp.asarray(x, w.dtype), total, state.averages[0]
    )
    game = replace(state.game, ema=state.game.ema | {"params": params})
    return replace(state, game=game)
