"""Small examples of networks, by which the shared tests find and call each network.

A file of networks has a dictionary `TINY` of examples:

    TINY = {
        "g": Example(partial(Generator, size=8, width=4), (5,)),
        "d": Example(partial(Discriminator, width=4), (8, 8, 3)),
    }

Names of generators begin with "g", those of discriminators with "d". All generators of a
file make images for all discriminators of it.
"""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn


class Example(NamedTuple):
    """A small network without its number of classes, and the shape of its input.

    Attributes:
        net: A function that returns the network, called as `net(classes=n)`.
        shape: The shape of one z, or of one image, without the batch axis.
    """

    net: Callable[..., nn.Module]
    shape: tuple[int, ...]
