"""Mixed precision: networks that compute in fewer bits than their weights have."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from ganjax.core import PyTree


class Mixed(nn.Module):
    """A network, or a block of one, that computes in `dtype`, by default bfloat16.

    Its weights are stored, updated and averaged in float32; its statistics and its output
    are float32, too. Within a call, inputs, weights and activations are rounded to `dtype`
    (Micikevicius et al., 2018), except that batch normalization sums in float32. No scaling
    of the loss is needed, as bfloat16 has the exponents of float32.

    Attributes:
        net: The network, called as `net(x, label, train=...)`.
        dtype: What it computes in.
    """

    net: nn.Module
    dtype: DTypeLike = jnp.bfloat16

    @nn.compact
    def __call__(
        self, x: Float[Array, "b ..."], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b ..."]:
        def call(net, x):
            return net(x, label, train=train)

        # Inside `map_variables` weights would be initialized, and stored, in `dtype`.
        if self.is_initializing():
            return call(self.net, x)
        # The gradient with respect to the rounded weights is cast back to float32.
        rounded = nn.map_variables(call, "params", self._round)
        return rounded(self.net, x.astype(self.dtype)).astype(x.dtype)

    def _round(self, params: PyTree) -> PyTree:
        return jax.tree.map(lambda weight: weight.astype(self.dtype), params)
