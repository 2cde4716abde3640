"""Weight normalization (Salimans & Kingma, 2016): the length of a kernel as a parameter.

A layer's kernel v is replaced by g v / |v|, so that its direction and its length g learn
apart. Like `SpectralNorm` it is a `Wrap`: `WeightNorm(layer)(x, train=train)`.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array


# |v| of kernels from PyTorch's usual initializer, of variance 1 / (3 fan_in).
PYTORCH_LENGTH = 3**-0.5


class WeightNorm(nn.Module):
    """A layer whose kernels have directions and lengths as parameters.

    The lengths are parameters of this module, named after the kernel ("kernel_gain"); the
    layer's own parameter gives the direction alone, so its scale is arbitrary. Biases are
    left alone.

    Attributes:
        layer: The layer.
        axis: The axis of the kernel along which each index has a length of its own: the
            last one, of the outputs, or -2, of the inputs, which it is for transposed
            convolutions in PyTorch.
        gain_init: The initializer of the lengths.
    """

    layer: nn.Module
    axis: int = -1
    gain_init: nn.initializers.Initializer = nn.initializers.constant(PYTORCH_LENGTH)

    @nn.compact
    def __call__(self, *args: Any, train: bool) -> Any:
        def call(layer):
            return layer(*args)

        def normalize(params):
            return jax.tree_util.tree_map_with_path(self._normalize, params)

        # Inside `map_variables` the layer would store weights that are already normalized,
        # so it is initialized by a call outside.
        if self.is_initializing():
            call(self.layer)
        return nn.map_variables(call, "params", normalize)(self.layer)

    def _normalize(self, path: tuple, weight: Array) -> Array:
        if weight.ndim < 2:
            return weight
        name = ".".join(entry.key for entry in path if entry.key != "params")
        axis = self.axis % weight.ndim
        others = [i for i in range(weight.ndim) if i != axis]
        length = jnp.sqrt(jnp.sum(weight**2, axis=tuple(others), keepdims=True))
        gain = self.param(f"{name}_gain", self.gain_init, (weight.shape[axis],))
        return weight * gain.reshape(length.shape) / length
