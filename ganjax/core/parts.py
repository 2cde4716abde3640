"""Checks what a `GAN` is made of, where a slip would only be an error of a library.

`check_gan` looks at the parts before anything is computed. The functions below it call the
parts while a step is traced: a part that fails is named in a note on its error, and a part
that returns something else than it has to is a `UsageError`.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.core.brief import brief_array
from ganjax.core.types import (
    GAN,
    Augment,
    Loss,
    Player,
    PyTree,
    Regularizer,
    Turn,
)
from ganjax.errors import PartNote, UsageError


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


@contextmanager
def named(part: str, **given: PyTree) -> Iterator[None]:
    """Adds a note to an error of the block that says in which part of a GAN it arose.

    Args:
        part: the part, as the beginning of a sentence.
        given: what it was given, of which the note has the shapes, by name.
    """
    try:
        yield
    except Exception as error:
        notes = getattr(error, "__notes__", [])
        # Parts may contain one another: the innermost is the one to look at.
        if not any(isinstance(note, PartNote) for note in notes):
            shapes = [
                " ".join([name.replace("_", " "), *map(_shape, jax.tree.leaves(x))])
                for name, x in given.items()
            ]
            error.add_note(PartNote(f"{part} fails on {' and '.join(shapes)}"))
        raise


def loss_of(
    player: str, loss: Callable[[Array, Array], Array], turn: Turn
) -> Float[Array, ""]:
    """Returns the loss of a player on the logits of a turn.

    Args:
        player: what the player is called, for messages.
        loss: one of the two functions of a `Loss`.
        turn: the player's turn.

    Raises:
        UsageError: if it is not a scalar.
    """
    part = f"The loss of {player}{_name(loss)}"
    real, fake = turn.real.logits, turn.fake.logits
    with named(part, real_logits=real, fake_logits=fake):
        value = jnp.asarray(loss(real, fake))
    _check_scalar(part, value)
    return value


def term_of(
    name: str, regularizer: Regularizer, turn: Turn, memory: PyTree
) -> tuple[Float[Array, ""], PyTree]:
    """Returns the value of a regularizer and its next memory.

    Args:
        name: what it is called among the player's regularizers.
        regularizer: the regularizer.
        turn: the player's turn.
        memory: its memory.

    Raises:
        UsageError: if the value is not a scalar, or if the memory is of another form than
            the one before.
    """
    part = f"The regularizer {name}"
    with named(part, examples=turn.real.x, logits=turn.real.logits):
        returned = regularizer.apply(turn, memory)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise UsageError(
            f"{part} returned {_given(returned)}: return its value and its next memory, or "
            "make it by ganjax.regularizers.stateless if it has none."
        )
    value, next_memory = returned
    _check_scalar(part, value)
    before, after = (jax.tree.map(_shape, x) for x in (memory, next_memory))
    if before != after:
        raise UsageError(
            f"{part} returned the memory {after}, and it was {before}: return one of the "
            "same form as its init does."
        )
    return value, next_memory


def augmented(augment: Augment, state: PyTree, keys: Array, x: PyTree) -> PyTree:
    """Returns examples as D sees them.

    Args:
        augment: the augmentation.
        state: its state.
        keys: one key for each example.
        x: examples [b, ...].

    Raises:
        UsageError: if they have another shape than before.
    """
    one = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), x)

    def apply(key, x):
        return augment.apply(state, key, x)

    with named("The augmentation", one_example=one):
        seen = jax.vmap(apply)(keys, x)
    before, after = ([leaf.shape[1:] for leaf in jax.tree.leaves(y)] for y in (x, seen))
    if before != after:
        made, given = (" and ".join(str(list(s)) for s in y) for y in (after, before))
        raise UsageError(
            f"The augmentation made {made} of an example {given}: return one of the same "
            "shape."
        )
    return seen


def _check_scalar(part: str, value: Any) -> None:
    if jax.numpy.shape(value) != ():
        raise UsageError(
            f"{part} returned {_shape(value)}: return a scalar, such as the mean over the "
            "batch."
        )


def _name(function: Any) -> str:
    """The name of a function in parentheses; nothing for a lambda of no function."""
    name = getattr(function, "__qualname__", "").split(".<locals>")[0]
    return f" ({name})" if name and "<" not in name else ""


def _shape(x: Any) -> str:
    return brief_array(x if hasattr(x, "dtype") else jnp.asarray(x))


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"


def _given(value: Any) -> str:
    return _shape(value) if hasattr(value, "dtype") else _kind(value)
