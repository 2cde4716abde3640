"""Perceptual path length: how smoothly images change along a path between two latents."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ganjax.errors import UsageError
from ganjax.evaluation.metric import lower_is_better


PATH_LENGTH = lower_is_better(
    "path_length", "Perceptual distance of images along a path, for each unit of it."
)

EPSILON = 1e-4
DISCARD = 0.01


def perceptual_path_length(
    generate: Callable[[Array], ArrayLike],
    start: Float[Array | np.ndarray, "n ..."],
    end: Float[Array | np.ndarray, "_ ..."],
    distance: Callable[[ArrayLike, ArrayLike], ArrayLike],
    *,
    mapping: Callable[[Array], Array] | None = None,
    at_ends: bool = False,
    epsilon: float = EPSILON,
    discard: float = DISCARD,
    batch: int = 32,
    seed: int = 0,
) -> float:
    """Computes the mean of d(G(x(t)), G(x(t + epsilon))) / epsilon^2 over paths x.

    With a mapping network f the path is the straight line between f(z1) and f(z2), and the
    score is that in W (Karras et al., 2019, eq. 3). Without, it is the great circle between
    z1 and z2 (eq. 2), which normal latents lie on. As in the authors' code, values outside
    of the 1 % and 99 % quantiles are left out.

    The distance is one that grows as the square of a small change, as LPIPS does, which is
    why it is divided by epsilon squared.

    Args:
        generate: latents, or what `mapping` makes of them, to images [n, h, w, c] in -1..1,
            without randomness of its own.
        start: latents z1 at which paths begin, drawn from the prior.
        end: latents z2 at which they end.
        distance: the distance of each pair of images, [n], as `lpips.distance` returns.
        mapping: latents to what the path runs through; by default the latents themselves.
        at_ends: measure at t = 0 instead of a random t in 0..1, as the authors do to leave
            out places between two latents that are not likely under the prior.
        epsilon: the step along the path.
        discard: which fraction of the smallest and of the largest values is left out.
        batch: how many paths are computed at once.
        seed: the seed of the positions t.

    Raises:
        UsageError: no paths, latents of unequal shapes, or distances that are not finite.
    """
    if start.shape != end.shape or len(start) == 0:
        raise UsageError(
            f"Paths need one or more latents at both ends, not {list(start.shape)} and "
            f"{list(end.shape)}."
        )
    t = np.random.default_rng(seed).random(len(start))
    t = np.zeros(len(start)) if at_ends else t
    interpolate = _great_circle if mapping is None else _line
    found = []
    for i in range(0, len(start), batch):
        ends = [jnp.asarray(x[i : i + batch]) for x in (start, end)]
        a, b = ends if mapping is None else map(mapping, ends)
        position = jnp.asarray(t[i : i + batch], a.dtype)
        # Of very large steps in float32, the difference of the two is exact to 1e-7 / 1e-4.
        first, second = (
            generate(interpolate(a, b, position + step)) for step in (0.0, epsilon)
        )
        found.append(np.asarray(distance(first, second), np.float64))
    values = np.concatenate(found) / epsilon**2
    if not np.isfinite(values).all():
        raise UsageError("The distances along the paths are not finite.")
    low = np.quantile(values, discard, method="lower")
    high = np.quantile(values, 1 - discard, method="higher")
    return float(values[(values >= low) & (values <= high)].mean())


@jax.jit
def _line(a: Array, b: Array, t: Array) -> Array:
    return a + (b - a) * _per_row(t, a)


@jax.jit
def _great_circle(a: Array, b: Array, t: Array) -> Array:
    """Interpolates on the sphere, all axes but the first taken as one vector."""
    axes = tuple(range(1, a.ndim))
    unit = lambda x: x / jnp.sqrt(jnp.square(x).sum(axes, keepdims=True))
    a, b = unit(a), unit(b)
    cosine = (a * b).sum(axes, keepdims=True)
    angle = _per_row(t, a) * jnp.arccos(jnp.clip(cosine, -1, 1))
    # The direction at `a` in which `b` lies.
    toward = unit(b - cosine * a)
    return unit(a * jnp.cos(angle) + toward * jnp.sin(angle))


def _per_row(t: Array, like: Array) -> Array:
    return t.reshape(-1, *(1,) * (like.ndim - 1))
