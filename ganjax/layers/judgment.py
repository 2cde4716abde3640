"""What a discriminator of several parts returns: the logits and feature maps of each part.

Discriminators of sound are many small ones that hear a signal in different ways. The loss
is summed over them, and a generator is also asked to match their features. So they have a
method `judge`, called as the network itself, which returns a `Judgment` for each part;
a call of the network returns all logits in one array, as any discriminator does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Judgment(NamedTuple):
    """The outputs of one part of a discriminator.

    Attributes:
        logits: [b, n], of n places of an example.
        features: the outputs of all its layers, the logits among them.
    """

    logits: Array
    features: Sequence[Array] = ()


def joined_logits(judgments: Sequence[Judgment]) -> Float[Array, "b n"]:
    """Returns the logits of all parts side by side."""
    return jnp.concatenate([each.logits for each in judgments], axis=1)


class PlaceProjection(nn.Module):
    """What a class adds to the logit of each place: its embedding times the features.

    It is the projection of Miyato & Koyama (2018) at every place.

    Attributes:
        classes: The number of classes.
    """

    classes: int

    @nn.compact
    def __call__(
        self, features: Float[Array, "b *n c"], label: Int[Array, " b"]
    ) -> Float[Array, "b *n 1"]:
        c = features.shape[-1]
        init = nn.initializers.variance_scaling(1.0, "fan_out", "normal")
        embedded = nn.Embed(self.classes, c, embedding_init=init)(label)
        embedded = embedded.reshape(-1, *(1,) * (features.ndim - 2), c)
        return jnp.sum(features * embedded, axis=-1, keepdims=True)
