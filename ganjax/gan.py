"""What a GAN is.

Functions live in NamedTuples and arrays in dataclasses; only `Turn`, which is the
board with the weights in hand, holds both.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from ganjax.errors import Mistake


PyTree = Any
ArrayLike = Array | np.ndarray
Number = float | optax.Schedule


class Batch(NamedTuple):
    """Examples and their classes; the labels are all zero where the data has none."""

    image: Any  # [..., h, w, c] uint8 as stored, or [..., d] for points
    label: Any  # [...] int32


Draw = tuple[Key[Array, ""], Batch]  # what chance brings to one turn
Logs = dict[str, Array]  # name -> scalar


class Turns(NamedTuple):
    """The data of one step: D plays once on each of its `n` batches, then G once."""

    d: PyTree  # Batch of [n, b_d, ...]
    g: PyTree  # Batch of [b_g, ...]


class Devices(NamedTuple):
    """Where the step meets the hardware. On one device all of it is the identity."""

    mean: Callable[[PyTree], PyTree] = lambda tree: tree  # average over replicas
    index: Callable[[], Any] = lambda: 0  # which replica this is
    place: Callable[[Array], Array] = lambda rows: rows  # lay a fresh batch out
    count: int = 1  # how many replicas share a batch that each sees only a part of
    parts: Callable = lambda play, kept, on, draw: play(kept, on, draw)  # all at once

    def rows(self, n: int) -> Int[Array, " n"]:
        """The numbers, in the whole batch, of the `n` rows that are computed here."""
        return self.place(self.index() * n + jnp.arange(n))

    def keys(self, key: Key[Array, ""], n: int) -> Key[Array, " n"]:
        """One key for each row: what is drawn does not depend on the devices."""
        return jax.vmap(jax.random.fold_in, (None, 0))(key, self.rows(n))

    def slope(self, objective: Callable, player: Any, draw: Draw) -> tuple:
        """What an objective asks of a player: ((stats, memory), gradient, logs).

        `objective(params, stats, memory, on, draw)` gives (value, ((stats, memory),
        logs)) of one part of the batch.
        """

        def play(kept, on, draw):
            slope = jax.grad(objective, has_aux=True)
            grads, (kept, logs) = slope(player.params, *kept, on, draw)
            return kept, (grads, logs)

        kept = player.stats, player.memory
        kept, (grads, logs) = self.mean(self.parts(play, kept, self, draw))
        return kept, grads, logs


ONE = Devices()


class Look(NamedTuple):
    """One side of the batch, real or fake, as D sees it on this turn."""

    image: Array  # [b, ...] before augmentation
    label: Int[Array, " b"]
    logits: Float[Array, "b *n"]  # several where D looks at an image's parts
    d: Callable  # image -> logits, through the augmentation and weights of `logits`
    slopes: Callable  # () -> gradient of each logit by its image, from that same pass
    heads: Mapping[str, Array]  # what else D's head said in it: `models.heads`


class Turn(NamedTuple):
    """The board as one player sees it, with both networks' weights in hand."""

    g: Callable  # (z, label, method=None) -> image
    d: Callable  # (image, label, method=None) -> logits, without augmentation
    start: Float[Array, "b *z"]  # as drawn from the prior
    z: Float[Array, "b *z"]  # as G was given it
    real: Look
    fake: Look
    g_stats: PyTree  # what the networks noticed while they played
    d_stats: PyTree
    key: Key[Array, ""]
    step: Int[Array, ""]
    on: Devices


class Loss(NamedTuple):
    """What each player minimises, as a function of the logits on (real, fake)."""

    d: Callable[[Array, Array], Array]  # ([b], [b]) -> scalar
    g: Callable[[Array, Array], Array]


class Regularizer(NamedTuple):
    """A term of a player's objective and its memory, as optax pairs init and update."""

    init: Callable[[], PyTree]  # () -> memory
    apply: Callable[[Turn, PyTree], tuple[Array, PyTree]]  # -> (value, memory)


class Augment(NamedTuple):
    """What stands in front of the discriminator, for real and fake alike.

    Before that, `present` says which images D takes for real, of the real ones and of
    generated ones, [b, ...] each; these are only made if it asks for them.
    """

    init: Callable[[], PyTree]  # () -> state
    apply: Callable[[PyTree, Array, Array], Array]  # (state, key, image) -> one image
    update: Callable[[PyTree, Array, Array], PyTree]  # (state, sign of real, step)
    present: Callable[[PyTree, Array, Array, Callable[[], Array]], Array] = (
        lambda state, keys, real, fakes: real
    )


class Player(NamedTuple):
    """One side of the game: a network, how it learns, what else it must respect.

    `net` is called as `net(z or image, label, train=...)`.
    """

    net: nn.Module
    optim: optax.GradientTransformation
    regularizers: Mapping[str, Regularizer] = {}


Steer = Callable[[Array, Array, Callable], Array]  # see GAN.steer


def stay(
    keys: Key[Array, " b"], z: Float[Array, "b *z"], liking: Callable
) -> Float[Array, "b *z"]:
    """z as it was drawn."""
    return z


def pixels(stored: ArrayLike) -> Float[Array, "*b h w c"]:
    """Bytes 0..255, [..., h, w, c], as the networks see them, -1..1.

    Raises a `Mistake` for anything but bytes, as floats of -1..1 would all come out
    about -1.
    """
    dtype = _dtype(stored)
    if dtype != np.uint8:
        raise Mistake(
            f"Images must be stored as bytes, uint8 of 0..255, and these are {dtype}: make "
            "bytes of them (`ganjax.gan.stored` does of -1..1), or give the GAN a `decode` "
            "that takes them as they are (`ganjax.gan.points`)."
        )
    return jnp.asarray(stored, jnp.float32) / 127.5 - 1


def stored(image: ArrayLike) -> np.ndarray:
    """Images of -1..1 as bytes 0..255: what `pixels` makes them of, to the nearest."""
    return np.rint((np.asarray(image) + 1) * 127.5).clip(0, 255).astype(np.uint8)


def points(stored: ArrayLike) -> Float[Array, "..."]:
    """Points of the plane, [..., d], or any floats, as they are.

    Raises a `Mistake` for whole numbers, as images that are stored as bytes.
    """
    dtype = _dtype(stored)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise Mistake(
            f"Points must be floats, and these are {dtype}: images of bytes are decoded by "
            "`ganjax.gan.pixels`; make floats of anything else."
        )
    return jnp.asarray(stored)


def _dtype(stored: Any) -> np.dtype:
    return np.dtype(getattr(stored, "dtype", None) or np.asarray(stored).dtype)


class GAN(NamedTuple):
    """Two players, what they play for, and what stands around them.

    `steer`, called as `steer(keys [b], z, liking)`, moves z before G is given it;
    `liking(z)` is what D says of the images, [b]. Sampling leaves z as drawn.
    """

    g: Player
    d: Player
    loss: Loss | Callable[[Array], Loss]  # or a schedule of one
    augment: Augment
    prior: Callable[[Array], Array]  # key -> one latent z
    ema: optax.Schedule  # step -> decay of G's average
    decode: Callable[[Array], Array] = pixels
    steer: Steer = stay


def by_class(n: int, classes: int, images: Callable) -> Int[np.ndarray, " n"]:
    """`n` labels that go through the classes in turn."""
    return np.arange(n, dtype=np.int32) % max(classes, 1)


class Game(NamedTuple):
    """All that the loop, the compilers, checkpoints and commands know of a game.

    A state is any pytree with `step` (int32 scalar) among its attributes; turns are
    any pytree. A game other than GAN's is one file that writes the first four functions;
    one that makes images of images the last two as well.
    """

    init: Callable[[Array, PyTree], PyTree]  # (key, turns) -> state
    step: Callable[..., tuple[PyTree, PyTree]]  # (state, turns, on) -> (state, logs)
    sample: Callable[[PyTree, Array, PyTree], Array]  # (state, key, asked) -> [n, ...]
    decode: Callable[[Array], Array]  # as stored -> as `sample` gives it
    ask: Callable[[int, int, Callable], PyTree] = by_class
    """(n, number of classes, images) -> what `sample` is asked for, [n, ...]: by default
    labels. `images(n)` reads as many examples as they are stored, held out if any are."""
    show: Callable[[PyTree, Array], Array] = lambda asked, samples: samples
    """(asked, samples) -> what a picture has of each sample"""
    classes: int | None = None
    """How many classes its networks are made for; 0: they heed none; None: unknown."""


def classes_of(*players: Player) -> int | None:
    """How many classes the networks of all players are made for.

    A network says so by a field `classes`, of its own or of a module within its fields.
    Gives the fewest that any is made for, 0 where all heed none, and None where no network
    says anything, as a user's own may do.
    """
    found = [count for player in players for count in _declared(player.net)]
    if not found:
        return None
    return min((count for count in found if count), default=0)


def _declared(value: Any) -> Iterator[int]:
    """Every `classes` within a module, or within what modules are made of."""
    if isinstance(value, nn.Module):
        inner = [x.name for x in fields(value) if x.name not in ("parent", "name")]
        given = {name: getattr(value, name) for name in inner}
    elif isinstance(value, partial):
        given = {**value.keywords, **dict(enumerate(value.args))}
    elif isinstance(value, Mapping):
        given = value
    elif isinstance(value, tuple | list):
        given = dict(enumerate(value))
    else:
        return
    for name, one in given.items():
        if name == "classes" and isinstance(one, int):
            yield one
        else:
            yield from _declared(one)


@flax.struct.dataclass
class PlayerState:
    """All that changes on this player's own turn, and on no other."""

    params: PyTree
    stats: PyTree  # batch norm, spectral norm, w_avg: every Linen collection but params
    memory: PyTree  # what regularizers remember: path-length mean, LeCam averages
    opt: optax.OptState


@flax.struct.dataclass
class State:
    """All that changes while a GAN trains."""

    step: PyTree  # int32 scalar
    key: PyTree  # one, never advanced: every step folds its own number in
    g: PlayerState
    d: PlayerState
    ema: PyTree  # G's variables, params and stats, averaged over the steps
    augment: PyTree  # ADA's p


def at(number: Any, step: Int[Array, ""]) -> Any:
    """The value of a number, or of anything that may be scheduled, at a step."""
    return number(step) if callable(number) else number


def normal(dim: int) -> Callable[[Key[Array, ""]], Float[Array, " z"]]:
    """The prior N(0, I) on `dim` numbers."""
    return lambda key: jax.random.normal(key, (dim,))


def uniform(dim: int) -> Callable[[Key[Array, ""]], Float[Array, " z"]]:
    """The prior U(-1, 1) on `dim` numbers (Radford et al., 2016)."""
    return lambda key: jax.random.uniform(key, (dim,), minval=-1.0)


def half_life(images: Number, batch: int, ramp: float = 0.0) -> optax.Schedule:
    """The EMA decay per step that halves an image's weight after `images` more.

    While fewer than `images / ramp` were seen before the step, the half-life is the
    share `ramp` of those, so that the random start is forgotten, in the first step at
    once (Karras et al., 2020; the released code uses a ramp of 0.05). `ramp` 0 keeps the
    half-life constant.
    """

    def decay(step):
        seen, life = jnp.asarray(step, jnp.float32) * batch, at(images, step)
        life = jnp.minimum(life, seen * ramp if ramp else life)
        return 0.5 ** (batch / jnp.maximum(life, 1e-8))

    return decay


def init(gan: GAN, key: Key[Array, ""], turns: PyTree) -> State:
    """The state before the first step; of `turns`, which are `Turns`, G's shapes matter."""
    check_turns(turns, ("g",))
    key, z_key, g_key, d_key = jax.random.split(key, 4)
    batch = turns.g
    z = jax.vmap(gan.prior)(jax.random.split(z_key, len(batch.label)))
    g = _seat(gan.g, g_key, z, batch.label)
    d = _seat(gan.d, d_key, gan.decode(batch.image), batch.label)
    ema = jax.tree.map(jnp.copy, {"params": g.params, **g.stats})
    step = jnp.zeros((), jnp.int32)
    return State(step, key, g, d, ema, gan.augment.init())


def check_turns(turns: Any, players: tuple[str, ...] = ("d", "g")) -> None:
    """Raises a `Mistake` unless these are the turns of one step, as `Turns` has them.

    Only types and shapes are looked at, so that in a compiled program it costs nothing.
    `players` are those whose data is of interest.
    """
    wanted = (
        "a step takes Turns(d, g), where d is a Batch of [turns, rows, ...] with labels "
        "[turns, rows] and g one of [rows, ...] with labels [rows]"
    )
    for name in players:
        if not hasattr(turns, name):
            raise Mistake(f"This is a {type(turns).__name__}, and {wanted}.")
        batch, axes = getattr(turns, name), {"d": 2, "g": 1}[name]
        if not hasattr(batch, "label"):
            raise Mistake(f"Turns.{name} is a {type(batch).__name__}, and {wanted}.")
        rows, image = np.shape(batch.label), getattr(batch.image, "shape", None)
        if len(rows) != axes:
            raise Mistake(
                f"The labels of Turns.{name} are of shape {rows}, and {wanted}."
            )
        if not np.issubdtype(_dtype(batch.label), np.integer):
            raise Mistake(
                f"The labels of Turns.{name} are {_dtype(batch.label)}: give the number of "
                "each example's class, a whole one, or zeros where there are no classes."
            )
        if image is not None and image[:axes] != rows:
            raise Mistake(
                f"Turns.{name} has examples of shape {image} and labels of shape {rows}: "
                "give one label for each example."
            )


def sample(
    gan: GAN, state: State, key: Key[Array, ""], label: Int[Array, " n"]
) -> Array:
    """One draw from the averaged generator for each label; row i is set by (key, i)."""
    z_key, noise = jax.random.split(key)
    z = jax.vmap(gan.prior)(ONE.keys(z_key, len(label)))
    rngs = {"noise": noise}
    image: Any = gan.g.net.apply(state.ema, z, label, train=False, rngs=rngs)
    return image


def _seat(player: Player, key: Array, *inputs: Array) -> PlayerState:
    stats = dict(player.net.init(key, *inputs, train=False))
    params = stats.pop("params")
    memory = {name: term.init() for name, term in player.regularizers.items()}
    return PlayerState(params, stats, memory, player.optim.init(params))
