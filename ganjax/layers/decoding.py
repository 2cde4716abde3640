"""Autoregressive decoding of texts: token by token, soft ones while a GAN trains them.

A discrete choice has no gradient, so while it trains G gives the softmax of (logits +
Gumbel noise) * beta in its place (Jang et al., 2017), which comes closer to a choice as
beta grows. Where the gradient takes another way, as in REINFORCE, and when it is sampled, G
gives the choice itself. The noise is z, so that a text follows from z alone.

A network that decodes has three methods, of which `decode` makes one scan:

- what is before the first token: `first(label, length)` -> (state, embedded token)
- `next_token(state, embedded token)` -> (state, logits [b, v])
- `embed(token [b, v])` -> the embedded token
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


# Scores, which are logits and noise, to a token: one-hot or soft.
Choose = Callable[[Float[Array, "b v"]], Float[Array, "b v"]]


def count_turns(module: nn.Module) -> Any:
    """Returns the variable that counts G's own turns, to be made in `setup`.

    In D's turn updates of the collection "counter" are dropped, so only G's turns count.
    """
    # A float, as averages of weights are of floats.
    return module.variable("counter", "turns", lambda: jnp.zeros(()))


def chooser(
    module: nn.Module, turns: Any, beta: float, anneal: int, *, soft: bool, train: bool
) -> Choose:
    """Returns how tokens are chosen in this call, and counts the turn if it is one.

    Args:
        module: the generator.
        turns: its `count_turns`.
        beta: the largest inverse temperature of the softmax.
        anneal: turns over which it grows to that from 1, by a power (Nie et al., 2019).
        soft: whether tokens are soft while it trains.
        train: whether it trains.
    """
    is_turn = train and module.is_mutable_collection("counter")
    if is_turn and not module.is_initializing():
        turns.value = turns.value + 1
    if not (train and soft):
        return lambda scores: jax.nn.one_hot(scores.argmax(-1), scores.shape[-1])
    grown = beta ** jnp.clip(turns.value / anneal, 0, 1)
    return lambda scores: nn.softmax(grown * scores)


def decode(
    net: Any, start: tuple, z: Float[Array, "b n v"], choose: Choose
) -> Float[Array, "b n v"]:
    """Makes texts of as many tokens as there is noise for.

    Args:
        net: the generator.
        start: its `first`.
        z: the noise of each choice.
        choose: how a token follows from the scores of all.
    """

    def decode_one(module, carry, noise):
        state, token = carry
        state, logits = module.next_token(state, token)
        text = choose(logits + noise)
        return (state, module.embed(text)), text

    over_tokens = nn.scan(
        decode_one,
        variable_broadcast=("params", "counter"),
        split_rngs={"params": False},
    )
    # [n, b, v]: a scan is over the first axis.
    _, text = over_tokens(net, start, z.swapaxes(0, 1))
    return text.swapaxes(0, 1)


def given_class(label: Array, classes: int) -> Float[Array, "b c"]:
    """Returns what the first token is embedded of: the class, or a column of ones."""
    return jax.nn.one_hot(label, classes) if classes else jnp.ones((len(label), 1))
