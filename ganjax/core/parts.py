"""Checks what a `GAN` is made of, where a slip would only be an error of a library."""

import inspect
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax

from ganjax.core.types import GAN, Augment, Loss, Player
from ganjax.errors import UsageError


def check_gan(gan: GAN) -> None:
    """Raises a `UsageError` for a part that cannot be what it is given as.

    Args:
        gan: the GAN, of which nothing is computed but the shape of a latent.
    """
    for name, player in (("g", gan.g), ("d", gan.d)):
        check_player(name, player)
    _check_loss(gan.loss)
    if not isinstance(gan.augment, Augment):
        raise UsageError(
            f"augment is {_kind(gan.augment)}: give an Augment, as "
            "ganjax.augment.fixed(transform) makes of a transform."
        )
    _check_prior(gan.prior)


def check_player(name: str, player: Any) -> None:
    """Raises a `UsageError` if a player's network, optimizer or regularizers are none.

    Args:
        name: what the player is called, for messages.
        player: the player.
    """
    if not isinstance(player, Player):
        raise UsageError(f"{name} is {_kind(player)}: give a Player(net, optim).")
    net = player.net
    if isinstance(net, type):
        raise UsageError(
            f"The network of {name} is the class {net.__name__}: give an instance, as "
            f"{net.__name__}(...)."
        )
    if not isinstance(net, nn.Module):
        raise UsageError(
            f"The network of {name} is {_kind(net)}: give a Linen module, or make one of "
            "two functions by ganjax.from_functions(init, apply), or of an NNX module by "
            "ganjax.from_nnx(make)."
        )
    if not (hasattr(player.optim, "init") and hasattr(player.optim, "update")):
        raise UsageError(
            f"The optimizer of {name} is {_kind(player.optim)}: give an Optax optimizer, "
            "such as optax.adam(2e-4)."
        )
    if not isinstance(player.regularizers, Mapping):
        raise UsageError(
            f"The regularizers of {name} are {_kind(player.regularizers)}: give a dict by "
            'name, such as {"r1": ganjax.regularizers.r1(1.0)}.'
        )
    for key, term in player.regularizers.items():
        if not (hasattr(term, "init") and hasattr(term, "apply")):
            raise UsageError(
                f"The regularizer {key} of {name} is {_kind(term)}: give a Regularizer, as "
                "ganjax.regularizers.stateless(function) makes of a function of the turn."
            )


def _check_loss(loss: Any) -> None:
    if isinstance(loss, Loss):
        return
    if not callable(loss):
        raise UsageError(
            f"loss is {_kind(loss)}: give a Loss, such as ganjax.losses.hinge()."
        )
    # A schedule of losses takes the step; what makes a loss takes nothing, or options.
    required = [
        each
        for each in inspect.signature(loss).parameters.values()
        if each.default is each.empty
    ]
    if not required:
        name = getattr(loss, "__name__", "the function")
        raise UsageError(f"loss is the function {name} itself: call it, as {name}().")


def _check_prior(prior: Any) -> None:
    advice = "give a function from a key to a latent, such as ganjax.priors.normal(64)"
    if not callable(prior):
        raise UsageError(f"prior is {_kind(prior)}: {advice}.")
    try:
        # The key is made within the trace, so that no device is started: the processes of a
        # distributed run must join before.
        jax.eval_shape(lambda: prior(jax.random.key(0)))
    except TypeError as error:
        raise UsageError(
            f"prior cannot draw a latent of a key ({type(error).__name__}): {advice}."
        ) from error


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
