"""PatchNCE: what is seen at a place of an image is to be told by what was there before."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def patch_nce(
    q: Float[Array, "b n c"], k: Float[Array, "b n c"], tau: float = 0.07
) -> Float[Array, ""]:
    """The cross entropy of finding q's own place among all n of k (Park et al., 2020).

    Equation 3 for one map: q is of the translation, k, from which nothing is learned, of
    the source; both have vectors of length 1. The other places are those of the same
    image; for those of the whole batch, as for a single image in pieces, give both as
    [1, b n, c].
    """
    k = jax.lax.stop_gradient(k)
    cosines = jnp.einsum("bnc,bmc->bnm", q, k)
    logs = jax.nn.log_softmax(cosines / tau)
    return -jnp.diagonal(logs, axis1=1, axis2=2).mean()
