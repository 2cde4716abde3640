"""Autoencoders: an encoder makes a code of an example, a decoder the example of the code.

They have no adversary. Their decoder is what a GAN's generator is compared with, and a run
samples, scores and compares it like one, with z from the prior; `Game.reconstruction` is
the same run as a translator of examples to their reconstructions.

- `vae`, the variational autoencoder (Kingma & Welling, 2014): the encoder gives a Gaussian
  q(z | x) for each example, and both networks maximize the evidence lower bound.
- `autoencoder`, the plain one: the code is a function of x, and no term draws the codes to
  the prior.

Both are trained on G's batches of a step. Both players move at once, each by its own
optimizer.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from ganjax.core import (
    ONE,
    ArrayLike,
    Devices,
    Game,
    ImageToImage,
    Labels,
    Logs,
    Modality,
    Number,
    Player,
    PlayerState,
    PyTree,
    Turns,
    as_turns,
    at,
    bind,
    check_turns,
    classes_of,
    gradient,
    identity,
    init_player,
    priors,
    stream,
    update,
)
from ganjax.core.brief import brief_state
from ganjax.errors import UsageError
from ganjax.likelihoods import Likelihood
from ganjax.modalities import IMAGES


# Samples are those of the weights as they are.
NOT_AVERAGED = optax.constant_schedule(0.0)


@flax.struct.dataclass
class AutoencoderState:
    """All that changes while an autoencoder trains, named as in a GAN's state."""

    step: PyTree  # int32 scalar
    key: PyTree  # one, never advanced: every step folds its own number in
    e: PlayerState
    g: PlayerState
    ema: PyTree  # G's variables, averaged over the steps, which are sampled

    def __repr__(self) -> str:
        return brief_state(self)


class Pass(NamedTuple):
    """The forward pass of one batch.

    Attributes:
        loss: what both players minimize.
        terms: further numbers for the logs.
        e_stats: the statistics of the encoder afterwards.
        g_stats: those of the decoder.
    """

    loss: Array
    terms: Logs
    e_stats: PyTree
    g_stats: PyTree


class _Parts(NamedTuple):
    """What both autoencoders consist of; `code` is the encoder's output -> a z for it."""

    e: Player
    g: Player
    likelihood: Likelihood
    latent: int
    ema: optax.Schedule
    code: Callable[[Array], Array]


# (step, noise [b, latent], E, G, the batch) -> the pass. Both networks are as
# `core.bind` returns them.
Forward = Callable[..., Pass]


def vae(
    e: Player,
    g: Player,
    likelihood: Likelihood,
    latent: int,
    modality: Modality = IMAGES,
    kl_weight: Number = 1.0,
    ema: optax.Schedule = NOT_AVERAGED,
) -> Game:
    """Makes the game of a variational autoencoder (Kingma & Welling, 2014).

    Both players maximize the evidence lower bound of equation 3, here for one draw of z:

        ELBO(x) = E_q(z|x) log p(x | z) - KL(q(z | x) || p(z)),

    where q(z | x) is a Gaussian with a diagonal covariance, p(z) a standard normal, z is
    drawn by equation 4's reparameterization, and KL has the closed form of appendix B.

    Args:
        e: the encoder, whose network maps x to the means of z and their log-variances,
            [b, 2 latent]: a discriminator with the head `layers.autoencoders.Posterior`.
        g: the decoder, whose network maps z to what `likelihood` takes.
        likelihood: p(x | z), one of `ganjax.likelihoods`.
        latent: the numbers of a z.
        modality: the kind of data.
        kl_weight: the weight of KL: 1 is the bound, another one beta-VAE (Higgins et al.,
            2017), and a schedule that begins at 0 a warm-up. The logged ELBO has weight 1.
        ema: step -> the decay of the moving average of the decoder's weights, which are
            sampled.

    Returns:
        A game that logs "g/loss", "g/elbo" and "g/kl", in nats an example, and where the
        likelihood is that of discrete values "g/bits_per_dim", the negative ELBO.

    Example:
        >>> head = partial(layers.autoencoders.Posterior, latent=16)
        >>> e = Player(models.mlp.Discriminator(head=head), optax.adam(1e-3))
        >>> g = Player(models.mlp.Generator(), optax.adam(1e-3))
        >>> vae(e, g, likelihoods.bernoulli(), latent=16)
    """

    def forward(step, noise, encode, decode, batch):
        found, e_stats = encode(batch.x, batch.label)
        mean, log_variance = _halves(found, latent)
        # Equation 4: z = mean + deviation * noise.
        z = mean + jnp.exp(0.5 * log_variance) * noise
        made, g_stats = decode(z, batch.label)
        log_likelihood = likelihood.log_prob(made, batch.x).mean()
        kl = gaussian_kl(mean, log_variance).mean()
        elbo = log_likelihood - kl
        terms = {"elbo": elbo, "kl": kl}
        if likelihood.is_discrete:
            dimensions = np.prod(batch.x.shape[1:])
            terms["bits_per_dim"] = -elbo / (dimensions * jnp.log(2.0))
        loss = at(kl_weight, step) * kl - log_likelihood
        return Pass(loss, terms, e_stats, g_stats)

    parts = _Parts(e, g, likelihood, latent, ema, lambda x: _halves(x, latent)[0])
    return _game(parts, forward, modality)


def autoencoder(
    e: Player,
    g: Player,
    likelihood: Likelihood,
    latent: int,
    modality: Modality = IMAGES,
    ema: optax.Schedule = NOT_AVERAGED,
) -> Game:
    """Makes the game of an autoencoder, which maximizes log p(x | z) of z = E(x).

    Samples are decoded from a standard normal z. Nothing draws the codes to it, so that
    they are worse than a VAE's; the head `layers.autoencoders.Code` gives codes the same
    scale.

    Args:
        e: the encoder, whose network maps x to z [b, latent].
        g: the decoder, whose network maps z to what `likelihood` takes.
        likelihood: p(x | z); of `fixed(gaussian(), 1.0)` the loss is half the squared
            error and a constant.
        latent: the numbers of a z.
        modality: the kind of data.
        ema: as for `vae`.
    """

    def forward(step, noise, encode, decode, batch):
        z, e_stats = encode(batch.x, batch.label)
        made, g_stats = decode(z, batch.label)
        loss = -likelihood.log_prob(made, batch.x).mean()
        return Pass(loss, {}, e_stats, g_stats)

    return _game(_Parts(e, g, likelihood, latent, ema, identity), forward, modality)


def gaussian_kl(
    mean: Float[Array, "b z"], log_variance: Float[Array, "b z"]
) -> Float[Array, " b"]:
    """Returns KL(N(mean, variance) || N(0, 1)), summed over the numbers of each z.

    It is the closed form of Kingma & Welling (2014), appendix B.
    """
    squares = mean**2 + jnp.exp(log_variance)
    return 0.5 * (squares - log_variance - 1).sum(axis=1)


def _game(parts: _Parts, forward: Forward, modality: Modality) -> Game:
    for name, player in (("e", parts.e), ("g", parts.g)):
        if player.regularizers or player.gradient is not gradient:
            raise UsageError(
                f"The player {name!r} has regularizers or a gradient rule of its own, "
                "which an autoencoder does not use: leave them out."
            )
    classes = classes_of(parts.e, parts.g)
    prior = priors.normal(parts.latent)
    game = Game(
        init=partial(_init, parts),
        step=partial(_step, parts, forward),
        latents=lambda key, n: jax.vmap(prior)(ONE.keys(key, n)),
        generate=partial(_generate, parts),
        modality=modality,
        conditions=Labels(classes),
    )
    # An image that is to be reconstructed comes without its class.
    if classes or modality is not IMAGES:
        return game
    view = game._replace(
        latents=lambda key, n: (),
        generate=partial(_reconstruct, parts),
        conditions=ImageToImage(source=identity),
    )
    return game._replace(reconstruction=view)


def _init(parts: _Parts, key: Key[Array, ""], turns: PyTree) -> AutoencoderState:
    turns = as_turns(turns)
    check_turns(turns, ("g",))
    x, label = turns.g
    key, e_key, g_key = jax.random.split(key, 3)
    e = init_player(parts.e, e_key, x, label)
    g = init_player(parts.g, g_key, jnp.zeros((len(label), parts.latent)), label)
    # A copy, as a step donates its state, and no buffer can be donated twice.
    ema = jax.tree.map(jnp.copy, {"params": g.params, **g.stats})
    return AutoencoderState(jnp.zeros((), jnp.int32), key, e, g, ema)


def _step(
    parts: _Parts,
    forward: Forward,
    state: AutoencoderState,
    turns: Turns,
    on: Devices = ONE,
) -> tuple[AutoencoderState, dict[str, Logs]]:
    # The gradient is taken by the weights of both players, as of one player.
    e, g = state.e, state.g
    params, stats = {"e": e.params, "g": g.params}, {"e": e.stats, "g": g.stats}
    both = PlayerState(params, stats, memory=(), opt=())

    def objective(params, stats, memory, on, draw):
        key, batch = draw
        e_key, g_key, noise_key = jax.random.split(key, 3)
        here = on.index()
        encode = bind(
            parts.e,
            replace(e, params=params["e"], stats=stats["e"]),
            jax.random.fold_in(e_key, here),
        )
        decode = bind(
            parts.g,
            replace(g, params=params["g"], stats=stats["g"]),
            jax.random.fold_in(g_key, here),
        )
        # One key a row: its noise does not depend on how many devices there are.
        keys = on.keys(stream(noise_key, "posterior"), len(batch.label))
        noise = on.place(jax.vmap(priors.normal(parts.latent))(keys))
        found = forward(state.step, noise, encode, decode, batch)
        after = {"e": found.e_stats, "g": found.g_stats}
        return found.loss, ((after, memory), {"loss": found.loss, **found.terms})

    key = jax.random.fold_in(state.key, state.step)
    (stats, _), grads, logs = on.average(gradient(objective), both, (key, turns.g))
    e = update(parts.e, e, grads["e"], stats["e"], e.memory)
    g = update(parts.g, g, grads["g"], stats["g"], g.memory)
    weights = {"params": g.params, **g.stats}
    ema = optax.incremental_update(weights, state.ema, 1 - parts.ema(state.step))
    state = replace(state, step=state.step + 1, e=e, g=g, ema=ema)
    return state, {"g": logs}


def _generate(
    parts: _Parts,
    state: AutoencoderState,
    z: Float[Array, "b z"],
    label: ArrayLike,
    key: Key[Array, ""],
) -> Array:
    made = parts.g.net.apply(state.ema, z, jnp.asarray(label), train=False)
    return parts.likelihood.generate(made, key)


def _reconstruct(
    parts: _Parts, state: AutoencoderState, z: tuple, x: ArrayLike, key: Key[Array, ""]
) -> Array:
    """The reconstructions of x by the weights as they are, which belong together."""
    label = jnp.zeros(len(x), jnp.int32)
    code = parts.code(_apply(parts.e, state.e, jnp.asarray(x), label))
    return parts.likelihood.generate(_apply(parts.g, state.g, code, label), key)


def _apply(player: Player, state: PlayerState, x: Array, label: Array) -> PyTree:
    variables = {"params": state.params, **state.stats}
    return player.net.apply(variables, x, label, train=False)


def _halves(found: Float[Array, "b n"], latent: int) -> tuple[Array, Array]:
    """The means and the log-variances of an encoder's output."""
    if found.shape[-1] != 2 * latent:
        raise UsageError(
            f"The encoder gives {found.shape[-1]} numbers of an example, not the means and "
            f"log-variances of a z of {latent}: give it the head Posterior, with this "
            "latent."
        )
    return found[:, :latent], found[:, latent:]
