"""PatchNCE, CUT's contrastive loss: a translated patch should match its source patch."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def patch_nce(
    q: Float[Array, "b n c"], k: Float[Array, "b n c"], tau: float = 0.07
) -> Float[Array, ""]:
    """Returns the cross entropy of finding each place of q among the n places of k.

    It is equation 3 of Park et al. (2020) for one feature map. Negatives are the other
    places of the same image. For those of the entire batch, as when the images are parts of
    a single one, give q and k as [1, b n, c].

    Args:
        q: the query: features of n places of each translated image, scaled to length 1.
        k: the keys: features of the same places of the source images, scaled likewise. No
            gradient passes through them.
        tau: the temperature, which divides the cosines.
    """
    k = jax.lax.stop_gradient(k)
    cosines = jnp.einsum("bnc,bmc->bnm", q, k)
    # A softmax over the places m, of which n itself is the correct one.
    log_probabilities = jax.nn.log_softmax(cosines / tau)
    return -jnp.diagonal(log_probabilities, axis1=1, axis2=2).mean()
