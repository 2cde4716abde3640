"""Slips in the parts of a GAN are sentences."""

from typing import Any

import flax.linen as nn
import optax
import pytest
from flax import nnx

import ganjax as gx
from ganjax.core import check_gan


ADAM = optax.adam(1e-3)
G = gx.models.mlp.Generator((2,), width=4)
D = gx.models.mlp.Discriminator(width=4)
R1 = gx.regularizers.r1(1.0)
GOOD = gx.GAN(
    gx.Player(G, ADAM), gx.Player(D, ADAM), gx.losses.hinge(), gx.priors.normal(2)
)


class Plain(nnx.Module):
    pass


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"g": G}, "g is a Generator: give a Player"),
        (
            {"d": gx.Player(gx.models.mlp.Discriminator, ADAM)},
            "is the class Discriminator",
        ),
        ({"g": gx.Player(Plain(), ADAM)}, "give a Linen module, or make one of"),
        (
            {"g": gx.Player((len, len), ADAM)},
            "network of g is a tuple: .*from_functions",
        ),
        (
            {"g": gx.Player(G, optax.adam)},
            "optimizer of g is a function: give an Optax",
        ),
        ({"d": gx.Player(D, 1e-3)}, "optimizer of d is a float"),
        ({"d": gx.Player(D, ADAM, [R1])}, "regularizers of d are a list: give a dict"),
        ({"d": gx.Player(D, ADAM, {"x": len})}, "regularizer x of d is a builtin"),
        ({"loss": "hinge"}, "loss is a str: give a Loss"),
        ({"loss": gx.losses.hinge}, r"loss is the function hinge itself: call it"),
        ({"augment": gx.augment.color()}, "augment is a .*: give an Augment"),
        ({"prior": 64}, "prior is a int: give a function"),
        ({"prior": gx.priors.normal}, "prior cannot draw a latent"),
    ],
)
def test_what_is_no_part_of_a_gan_is_a_sentence(changes: dict[str, Any], says):
    check_gan(GOOD)
    plain: Any = getattr(check_gan, "__wrapped__", check_gan)
    with pytest.raises(gx.UsageError, match=says):
        plain(GOOD._replace(**changes))
    assert isinstance(GOOD.g.net, nn.Module)


def test_a_loss_may_be_a_schedule():
    hinge, log = gx.losses.hinge(), gx.losses.non_saturating()
    check_gan(GOOD._replace(loss=lambda step: hinge if step == 0 else log))
