"""Networks that compute in fewer bits than their weights have."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Mixed(nn.Module):
    """A network, or a block of one, that computes in `dtype`: bfloat16 by default.

    Its weights are stored, averaged and moved by the optimizer as they were, in float32,
    and so are its statistics and what it gives; only in between are inputs, weights and
    products rounded (Micikevicius et al., 2018). Batch norms still add up in float32.
    """

    net: nn.Module
    dtype: Any = jnp.bfloat16

    @nn.compact
    def __call__(
        self, x: Float[Array, "b ..."], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b ..."]:
        def call(net, x):
            return net(x, label, train=train)

        if self.is_initializing():
            return call(self.net, x)
        rounded = nn.map_variables(call, "params", self._round)
        return rounded(self.net, x.astype(self.dtype)).astype(x.dtype)

    def _round(self, params: Any) -> Any:
        return jax.tree.map(lambda weight: weight.astype(self.dtype), params)
