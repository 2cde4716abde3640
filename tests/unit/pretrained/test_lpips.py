"""LPIPS on a small network, against its equation in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np

from ganjax.pretrained.lpips import FeatureNetwork, Layer, lpips_distance


NET = FeatureNetwork((Layer(20), Layer(30, size=1, pool=2)))


def test_the_distance_is_a_mean_over_positions_of_weighted_squares():
    """Of features of length 1, and a sum over the maps (Zhang et al., 2018, eq. 1)."""
    rng = np.random.default_rng(0)
    a, b = jnp.asarray(rng.uniform(-1, 1, (2, 3, 8, 6, 3)), jnp.float32)
    params = NET.init(jax.random.key(0), a)["params"]
    heads = [rng.uniform(0, 1, width).astype(np.float32) for width in (20, 30)]
    found = lpips_distance(NET, {"network": params, "heads": heads}, a, b)
    maps = [NET.apply({"params": params}, image) for image in (a, b)]
    wanted = np.zeros(3)
    for x, y, head in zip(*maps, heads, strict=True):
        x, y = (np.float64(z) / np.linalg.norm(z, axis=-1)[..., None] for z in (x, y))
        wanted += ((x - y) ** 2 @ np.float64(head)).mean((1, 2))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
