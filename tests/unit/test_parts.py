"""Slips in the parts of a GAN are sentences."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import ganjax as gx
from ganjax.core import check_gan
from ganjax.errors import PartNote


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


def shifted(logits):
    return logits + jnp.zeros(3)


def with_term(apply, init=lambda: ()):
    term = gx.Regularizer(init, apply)
    return {"d": GOOD.d._replace(regularizers={"mine": term})}


def with_transform(transform):
    return {"augment": gx.augment.fixed(transform)}


def a_step(changes):
    """Traces a step on four points."""
    game = gx.game(GOOD._replace(**changes), gx.modalities.POINTS)
    turns = gx.turns(np.zeros((4, 2), np.float32))
    state = jax.eval_shape(game.init, jax.random.key(0), turns)
    jax.eval_shape(game.step, state, turns)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"loss": gx.Loss(d=lambda real, fake: real, g=gx.losses.hinge().g)},
            r"^The loss of D returned float32\[4\]: return a scalar",
        ),
        (
            with_term(lambda turn, memory: (turn.real.logits, memory)),
            r"^The regularizer mine returned float32\[4\]: return a scalar",
        ),
        (
            with_term(lambda turn, memory: turn.real.logits.mean()),
            r"^The regularizer mine returned float32\[\]: return its value and",
        ),
        (
            with_term(lambda turn, memory: (0.0, np.zeros(3)), lambda: np.zeros(2)),
            r"mine returned the memory float\d+\[3\], and it was float\d+\[2\]",
        ),
        (
            with_transform(lambda key, x, p: x[:1]),
            r"^The augmentation made \[1\] of an example \[2\]: return",
        ),
    ],
)
def test_what_a_part_may_not_return_is_a_sentence(changes, says):
    with pytest.raises(gx.UsageError, match=says):
        a_step(changes)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (
            {"loss": gx.Loss(d=lambda real, fake: shifted(real).mean(), g=None)},
            "The loss of D fails on real logits float32[4] and fake logits float32[4]",
        ),
        (
            {"loss": gx.losses.hinge()._replace(g=lambda real, fake: shifted(fake))},
            "The loss of G fails on real logits float32[4] and fake logits float32[4]",
        ),
        (
            with_term(lambda turn, memory: (shifted(turn.real.logits).mean(), memory)),
            "The regularizer mine fails on examples float32[4,2] and logits float32[4]",
        ),
        (
            with_transform(lambda key, x, p: shifted(x)),
            "The augmentation fails on one example float32[2]",
        ),
        # The innermost part is the one that fails: the penalty looks through D again.
        (
            with_transform(lambda key, x, p: unknown)  # noqa: F821
            | with_term(R1.apply, R1.init),
            "The augmentation fails on one example float32[2]",
        ),
    ],
)
def test_an_error_of_a_part_keeps_its_type_and_names_the_part(changes, note):
    with pytest.raises((TypeError, NameError)) as error:
        a_step(changes)
    notes = [x for x in error.value.__notes__ if isinstance(x, PartNote)]
    assert notes == [note]
