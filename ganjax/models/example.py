"""How a file of networks shows each of them to the tests: small, and ready to play.

A file's `TINY` maps "g" and "d", or other names that begin so, to an example each.
"""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn


class Example(NamedTuple):
    """A small network but for its classes, and the shape of one z or image for it.

    Every g of a file makes images for every d of it.
    """

    net: Callable[..., nn.Module]  # classes=n -> the network
    shape: tuple[int, ...]
