"""The types of the core: what a GAN consists of, and what changes while it trains.

Functions live in NamedTuples (`GAN`, `Player`, `Loss`, `Regularizer`, `Augment`), which
are fixed when a program is traced. Arrays live in dataclasses (`State`, `PlayerState`),
which are pytrees and pass through `jax.jit`. Only `Turn`, one player's view of a batch,
holds both; it exists within a step alone.

Shapes are written as jaxtyping has them: "b *z" is a batch axis and any axes after it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from zlib import crc32

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from ganjax.core.brief import brief_state


PyTree = Any
ArrayLike = Array | np.ndarray
# A coefficient: a constant, or a function of the step. `schedules.at` reads either.
Number = float | optax.Schedule


class Batch(NamedTuple):
    """Examples and their classes; the labels are all zero where the data has none."""

    # Arrays [..., *shape]: one array of images or points, or a tree of them, as a `Pair`.
    x: PyTree
    label: Any  # [...] int32


class Pair(NamedTuple):
    """An example of two images: what is to be translated, and what it is translated into.

    In unpaired translation, as of CycleGAN, each side is an image of its own domain, and
    the two do not belong together.
    """

    source: Any  # [..., h, w, c]
    target: Any


# All that is random in one turn: the key of its latents and noise, and its batch.
Draw = tuple[Key[Array, ""], Batch]
Logs = dict[str, Array]  # name -> scalar


class Turns(NamedTuple):
    """The data of one step: D plays once on each of its `n` batches, then G once."""

    d: PyTree  # Batch of [n, b_d, ...]
    g: PyTree  # Batch of [b_g, ...]


class Devices(NamedTuple):
    """All that a step knows of the devices it runs on; by default it runs on one.

    The compilers of `ganjax.parallel` fill it in. The step is written once: it averages by
    `mean` whatever is a mean over the batch, and draws by `keys` whatever is random per
    row.
    """

    # Averages over the replicas under `pmap`, whose steps see a part of the batch each.
    mean: Callable[[PyTree], PyTree] = lambda tree: tree
    # Which replica, or which microbatch, this is.
    index: Callable[[], Any] = lambda: 0
    # Constrains the sharding of arrays that are made within the step, such as latents.
    place: Callable[[Array], Array] = lambda rows: rows
    # How many replicas and microbatches share a batch, each of which sees its own rows.
    count: int = 1
    # Calls its first argument on the complete batch, or on its microbatches
    # (`games.accumulated`).
    accumulate: Callable = lambda part, kept, on, draw: part(kept, on, draw)

    def rows(self, n: int) -> Int[Array, " n"]:
        """Returns the numbers, in the whole batch, of the `n` rows computed here."""
        return self.place(self.index() * n + jnp.arange(n))

    def keys(self, key: Key[Array, ""], n: int) -> Key[Array, " n"]:
        """Returns one key for each of the `n` rows computed here.

        A row's key follows from its number in the whole batch, so that what is drawn for
        it does not depend on how many devices there are.
        """
        return jax.vmap(jax.random.fold_in, (None, 0))(key, self.rows(n))

    def average(self, gradient: Callable, player: Any, draw: Draw) -> tuple:
        """Averages a player's gradient over microbatches and over the replicas.

        Args:
            gradient: what `Player.gradient` makes of an objective, (params, stats, memory,
                on, draw) -> (gradient, ((stats, memory), logs)) of one part of the batch.
            player: the `PlayerState` of the player whose turn it is.
            draw: the turn's key and batch.

        Returns:
            ((stats, memory), gradient, logs).
        """

        # Statistics and memory are handed on; gradients and logs are means.
        def part(kept, on, draw):
            grads, (kept, logs) = gradient(player.params, *kept, on, draw)
            return kept, (grads, logs)

        kept = player.stats, player.memory
        # Statistics are averaged over the replicas, too: the state is the same on all.
        kept, (grads, logs) = self.mean(self.accumulate(part, kept, self, draw))
        return kept, grads, logs


ONE = Devices()


def stream(key: Key[Array, ""], name: str) -> Key[Array, ""]:
    """Derives the key of the random stream with this name, as `fold_in` does by number.

    Each purpose has a name of its own ("path_length", "present"), so that no two files can
    draw the same numbers by accident.

    Args:
        key: the key of a turn or of a step.
        name: what the numbers are for. A name is used in one place only, which
            `tests/contract/test_streams.py` checks.
    """
    # The CRC-32 is a fixed function of the name, unlike `hash`. It is far above the row
    # numbers that are folded in elsewhere, and above the parts of a split key, which are
    # the same keys as those of small numbers folded in.
    return jax.random.fold_in(key, np.uint32(crc32(name.encode())))


class DiscriminatorOutputs(NamedTuple):
    """One side of the batch, real or fake, and D's outputs on it in this turn."""

    x: Array  # [b, ...] before augmentation
    label: Int[Array, " b"]
    # More than one per image where D scores its parts, as PatchGAN does.
    logits: Float[Array, "b *n"]
    # x -> logits, with the augmentation, dropout and weights that gave `logits`.
    d: Callable
    # () -> the gradient of each logit by its x, [b, ...], from the same forward pass.
    input_gradients: Callable
    # What D sowed besides the logits, by name, as `layers.heads` does.
    heads: Mapping[str, Array]


class Turn(NamedTuple):
    """One player's turn: the batch, both networks with their weights, and their outputs.

    It is the argument of every regularizer, of either player, so a regularizer may use
    anything of the turn. What none of them reads is not computed: XLA removes it.
    """

    g: Callable  # (z, label, method=None) -> x
    d: Callable  # (x, label, method=None) -> logits, without augmentation
    z_drawn: Float[Array, "b *z"]  # as drawn from the prior
    z: Float[Array, "b *z"]  # as G was given it, after `GAN.steer`
    real: DiscriminatorOutputs
    fake: DiscriminatorOutputs
    # Both networks' non-parameter collections after this forward pass.
    g_stats: PyTree
    d_stats: PyTree
    key: Key[Array, ""]
    step: Int[Array, ""]
    on: Devices

    def keys(self, stream_name: str) -> Key[Array, " b"]:
        """Returns one key per row of the batch, from the random stream of this name."""
        return self.on.keys(stream(self.key, stream_name), len(self.real.label))


class Loss(NamedTuple):
    """What each player minimizes, as a function of the logits on (real, fake).

    `ganjax.losses` has those of the literature.
    """

    d: Callable[[Array, Array], Array]  # ([b], [b]) -> scalar
    g: Callable[[Array, Array], Array]


class Regularizer(NamedTuple):
    """A term of a player's objective and its memory, as optax pairs init and update.

    Most remember nothing; path-length regularization remembers its mean length, for
    example. `ganjax.regularizers` has those of the literature.
    """

    init: Callable[[], PyTree]  # () -> memory
    apply: Callable[[Turn, PyTree], tuple[Array, PyTree]]  # -> (value, memory)


class Augment(NamedTuple):
    """The augmentation of D's input, the same for real and fake images.

    `Augment()` does nothing. `ganjax.augment` has those of the literature.

    Attributes:
        init: () -> the state, such as ADA's probability p.
        apply: (state, key, image) -> the image as D sees it; for one image.
        update: (state, mean sign of D's logits on real images, step) -> the next state.
            Called after each turn of D.
        present: (state, keys, real images, () -> generated images) -> the images that D is
            given as real, [b, ...]. Generated images are made only if this calls for them;
            APA (Jiang et al., 2021) passes some of them off as real.
    """

    init: Callable[[], PyTree] = lambda: ()
    apply: Callable[[PyTree, Array, Array], Array] = lambda state, key, image: image
    update: Callable[[PyTree, Array, Array], PyTree] = lambda state, sign, step: state
    present: Callable[[PyTree, Array, Array, Callable[[], Array]], Array] = (
        lambda state, keys, real, fakes: real
    )


def gradient(objective: Callable) -> Callable:
    """Returns the gradient of an objective by its first argument, the weights."""
    return jax.grad(objective, has_aux=True)


class Player(NamedTuple):
    """One side of the game: a network, how it learns, and further terms of its objective.

    Attributes:
        net: a Linen module, called as `net(z or x, label, train=...)`.
        optim: the optimizer of its weights.
        regularizers: terms that are added to its loss, by the name they are logged under.
        gradient: makes a gradient function of an objective `(params, stats, memory, on,
            draw) -> (value, aux)`. By default it is `jax.grad(objective, has_aux=True)`;
            one of your own may clip gradients, or add noise to them.
    """

    net: nn.Module
    optim: optax.GradientTransformation
    regularizers: Mapping[str, Regularizer] = {}
    gradient: Callable[[Callable], Callable] = gradient

    def __repr__(self) -> str:
        terms = f", regularizers={[*self.regularizers]}" if self.regularizers else ""
        return f"Player({type(self.net).__name__}{terms})"


Steer = Callable[[Array, Array, Callable], Array]  # see `GAN.steer`


def as_drawn(
    keys: Key[Array, " b"], z: Float[Array, "b *z"], score: Callable
) -> Float[Array, "b *z"]:
    """Returns z as it was drawn, the default of `GAN.steer`."""
    return z


class GAN(NamedTuple):
    """A generator and a discriminator, with all that defines how they train.

    It is a plain value: `gan._replace(loss=...)` is another GAN.

    Attributes:
        g: the generator and its optimizer.
        d: the discriminator and its optimizer.
        loss: what both minimize, or a schedule, a function from the step to a `Loss`.
        prior: key -> one latent z.
        augment: the augmentation of D's input; by default there is none.
        ema: step -> the decay of the moving average of G's weights, in 0..1.
        steer: (keys [b], z, score) -> z as G is given it in training, where `score(z)` are
            D's logits [b] on G's images of z. LOGAN (Wu et al., 2019) optimizes z in this
            way. Sampling leaves z as drawn.
    """

    g: Player
    d: Player
    loss: Loss | Callable[[Array], Loss]
    prior: Callable[[Array], Array]
    augment: Augment = Augment()
    ema: optax.Schedule = optax.constant_schedule(0.999)
    steer: Steer = as_drawn

    def __repr__(self) -> str:
        return f"GAN(g={self.g!r}, d={self.d!r})"


@flax.struct.dataclass
class PlayerState:
    """All that changes on this player's own turn, and on no other."""

    params: PyTree
    # Every Linen collection but "params": batch norm, spectral norm, StyleGAN's w_avg.
    stats: PyTree
    # The memories of its regularizers by name: path-length mean, LeCam averages.
    memory: PyTree
    opt: optax.OptState

    def __repr__(self) -> str:
        return brief_state(self)


@flax.struct.dataclass
class State:
    """All that changes while a GAN trains, and so all that a checkpoint has to hold.

    The fields are arrays, or their shapes and shardings where nothing is computed.
    """

    step: PyTree  # int32 scalar
    # Never advanced: each step folds its own number into this one key, so that a resumed
    # run draws what an uninterrupted one would have drawn.
    key: PyTree
    g: PlayerState
    d: PlayerState
    ema: PyTree  # G's variables, params and stats, averaged over the steps
    augment: PyTree  # the state of `GAN.augment`, such as ADA's p

    def __repr__(self) -> str:
        return brief_state(self)
