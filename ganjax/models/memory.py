"""Networks that compute their activations twice rather than keep them."""

from typing import Any

import flax.linen as nn


class Remat(nn.Module):
    """A network, or a block of one, that keeps only what goes in for the way back.

    What lies between is computed again for each derivative (Chen et al., 2016), with the
    same statistics and draws. Arrays are given by position; what is given by name, as
    `train` is, is a constant of the program. All of a network comes back at once, so it
    is blocks that make the peak lower. On a CPU they do not: XLA merges the two.
    """

    net: nn.Module

    @nn.compact
    def __call__(self, *inputs: Any, **constants: Any) -> Any:
        def call(net, *inputs):
            return net(*inputs, **constants)

        return nn.remat(call)(self.net, *inputs)
