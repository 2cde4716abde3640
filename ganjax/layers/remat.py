"""Rematerialization: networks that compute their activations twice to save memory."""

from typing import Any

import flax.linen as nn


class Remat(nn.Module):
    """A network, or a block of one, whose activations are not kept for the backward pass.

    Only its inputs are kept. Everything else is computed again for each derivative, with
    the same statistics and random numbers (Chen et al., 2016). The activations of one
    `Remat` are recomputed all at once, so wrap each block of a network, rather than the
    network as one, to lower the peak of memory. On CPUs nothing is saved, as XLA merges the
    two computations.

    It is called as the network is. Pass arrays by position; what is passed by name, such as
    `train`, becomes a constant of the compiled program.

    Attributes:
        net: The network.
    """

    net: nn.Module

    @nn.compact
    def __call__(self, *inputs: Any, **constants: Any) -> Any:
        # `nn.remat` traces all arguments, so constants are passed in the closure.
        def call(net, *inputs):
            return net(*inputs, **constants)

        return nn.remat(call)(self.net, *inputs)
