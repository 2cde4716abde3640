"""Networks that compute their activations twice rather than keep them."""

from typing import Any

import flax.linen as nn


class Remat(nn.Module):
    """A network, or a block of one, that keeps only what goes in for the way back.

    What lies between is computed again when a derivative wants it (Chen et al., 2016),
    the same to the bit. Arrays go in by position; what is given by name, as `train` is,
    belongs to the program.
    """

    net: nn.Module

    @nn.compact
    def __call__(self, *inputs: Any, **static: Any) -> Any:
        def call(net, *inputs):
            return net(*inputs, **static)

        return nn.remat(call)(self.net, *inputs)
