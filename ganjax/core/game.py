"""The interface of a game, by which the loop, checkpoints and commands use it.

A `Game` is a tuple of functions around a state of its own. `ganjax.game(gan)` makes one of
a `GAN`, with one generator and one discriminator; `ganjax.games` has games with other
players or other steps, such as CycleGAN and pix2pix. What samples of a game are
conditioned on, classes or images, is its `conditions`: `Labels`, `ImageToImage`,
`Inpainting` or `Vocoding`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, NamedTuple, TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from ganjax.core.brief import brief_function
from ganjax.core.modality import Modality
from ganjax.core.types import ArrayLike, Player, PyTree
from ganjax.ops.spectra import Mel


T = TypeVar("T")
GOLDEN_RATIO = (1 + 5**0.5) / 2


class Labels(NamedTuple):
    """The conditions of a game that samples by class: labels [n].

    Attributes:
        classes: how many classes the networks are made for; 0 where they ignore the label,
            and None where they do not say.
        frequencies: the share of samples of each class, where that matters, as for the
            values of a table; () where all classes are sampled alike.
    """

    classes: int | None = None
    frequencies: tuple[float, ...] = ()

    def __repr__(self) -> str:
        """Names what was given; a table has thousands of frequencies."""
        more = f", {len(self.frequencies)} frequencies" if self.frequencies else ""
        return f"Labels(classes={self.classes}{more})"

    def make(self, n: int, classes: int, examples: Callable) -> Int[np.ndarray, " n"]:
        """Returns `n` labels that cycle through the data's classes: 0, 1, ..., 0, 1, ...

        With `frequencies` each class occurs as often as they say, in an order that spreads
        all classes evenly.
        """
        if not self.frequencies:
            return np.arange(n, dtype=np.int32) % max(classes, 1)
        # The multiples of the golden ratio, modulo 1, fill 0..1 evenly in any number.
        places = (np.arange(1, n + 1) * GOLDEN_RATIO) % 1
        ends = np.cumsum(self.frequencies)
        return np.searchsorted(ends[:-1], places * ends[-1], "right").astype(np.int32)

    @property
    def columns(self) -> tuple[str, ...]:
        """What a picture shows side by side, in words; () for the samples alone."""
        return ()

    def show(
        self, condition: PyTree, samples: ArrayLike, real: ArrayLike | None = None
    ) -> ArrayLike:
        """Returns what a picture of samples shows: here the samples alone."""
        return samples


class ImageToImage(NamedTuple):
    """The conditions of image-to-image translation: images [n, h, w, c] in -1..1.

    Attributes:
        source: examples, as networks see them -> conditions.
        paired: whether `Game.real` of an example is what its condition should become. In
            unpaired translation it is just another image.
    """

    source: Callable[[PyTree], Array]
    paired: bool = False

    def make(self, n: int, classes: int, examples: Callable) -> Array:
        """Returns the conditions of the first `n` examples."""
        return self.source(examples(n))

    @property
    def columns(self) -> tuple[str, ...]:
        """What a picture shows side by side, in words."""
        return ("input", "output", "target") if self.paired else ("input", "output")

    def show(
        self, condition: ArrayLike, samples: ArrayLike, real: ArrayLike | None = None
    ) -> Array:
        """Returns each image and, to its right, its translation, [n, h, 2 w, c].

        Of pairs, `real` images stand to the right of both.
        """
        # A gray input is repeated to the channels of its sample, and the small input of
        # super-resolution to its size.
        shape = (*condition.shape[:3], samples.shape[-1])
        times = samples.shape[1] // condition.shape[1]
        image = jnp.broadcast_to(condition, shape).repeat(times, 1).repeat(times, 2)
        targets = [] if real is None or not self.paired else [jnp.asarray(real)]
        return jnp.concatenate([image, samples, *targets], axis=2)


class Masked(NamedTuple):
    """Images of which a part is hidden."""

    image: Any  # [n, h, w, c] in -1..1; hidden pixels may have any value
    mask: Any  # [n, h, w, 1], 1 where the image is hidden and 0 where it is known


class Inpainting(NamedTuple):
    """The conditions of inpainting, a `Masked`: G fills in what is hidden."""

    source: Callable[[PyTree], Masked]  # examples, as networks see them -> conditions

    def make(self, n: int, classes: int, examples: Callable) -> Masked:
        """Returns the first `n` examples, each with a part hidden."""
        return self.source(examples(n))

    @property
    def columns(self) -> tuple[str, ...]:
        """What a picture shows side by side, in words."""
        return "input", "output", "original"

    def show(
        self, condition: Masked, samples: ArrayLike, real: ArrayLike | None = None
    ) -> Array:
        """Returns each image with a white hole, the completed one, and the `real` one."""
        hole = jnp.where(condition.mask > 0, 1.0, samples)
        originals = [] if real is None else [jnp.asarray(real)]
        return jnp.concatenate([hole, samples, *originals], axis=2)


class Vocoding(NamedTuple):
    """The conditions of a vocoder: log-mel spectrograms [n, frames, bands] of sounds.

    Attributes:
        source: examples, as networks see them -> conditions.
        mel: the numbers of the spectrograms, by which they are made of other sounds.
    """

    source: Callable[[PyTree], Array]
    mel: Mel

    def make(self, n: int, classes: int, examples: Callable) -> Array:
        """Returns the spectrograms of the first `n` examples."""
        return self.source(examples(n))

    @property
    def columns(self) -> tuple[str, ...]:
        """What a picture shows side by side, in words."""
        return "original", "output"

    def show(
        self, condition: ArrayLike, samples: ArrayLike, real: ArrayLike | None = None
    ) -> Array:
        """Returns each `real` sound, followed by what was made of its spectrogram."""
        originals = [] if real is None else [jnp.asarray(real)]
        return jnp.concatenate([*originals, samples], axis=1)


Conditions = Labels | ImageToImage | Inpainting | Vocoding


def identity(x: PyTree) -> PyTree:
    """Returns the examples unchanged, the default of `Game.real`."""
    return x


class Game(NamedTuple):
    """All that the loop, the compilers, checkpoints and commands know of a game.

    A state is any pytree with `step` (an int32 scalar) among its attributes; turns are
    `Turns` whose examples are as networks see them. A new game is one file that makes one
    of these.

    Sampling has two steps, so that a z can be stored, interpolated and edited: `latents`
    draws z, and `generate` is a function of z and of a key for the networks' own noise.

    Attributes:
        init: (key, turns) -> the state before the first step. Only the shapes of the turns
            matter.
        step: (state, turns, on) -> (state, logs): {player: {term: scalar}}. It is traced,
            and `on` is a `Devices`.
        latents: (key, n) -> z [n, ...], or () where nothing is drawn.
        generate: (state, z, condition, key) -> samples [n, ...].
        modality: the kind of data.
        conditions: what samples can be conditioned on.
        real: examples as networks see them -> real ones of the kind that `generate` makes,
            to compare samples with. In translation that is the target of a pair.
        discriminate: (state, x [n, ...], label [n]) -> D's logits; None where there is not
            one D of single examples.
        pretrained: the names of pretrained networks that training uses, such as those of
            Projected GAN's discriminator, which scores should not use as well.
        reconstruction: a game of the same state whose samples are reconstructions of the
            examples that they are conditioned on, as an autoencoder has; None where there
            is none. A run shows them, too.
    """

    init: Callable[[Array, PyTree], PyTree]
    step: Callable[..., tuple[PyTree, PyTree]]
    latents: Callable[[Array, int], PyTree]
    generate: Callable[[PyTree, PyTree, PyTree, Array], Array]
    modality: Modality
    conditions: Conditions = Labels()
    real: Callable[[PyTree], Array] = identity
    discriminate: Callable[[PyTree, Array, ArrayLike], Array] | None = None
    pretrained: tuple[str, ...] = ()
    reconstruction: "Game | None" = None

    def __repr__(self) -> str:
        parts = brief_function(self.step), self.modality.name, repr(self.conditions)
        return f"Game({', '.join(parts)})"

    def sample(self, state: PyTree, key: Key[Array, ""], condition: PyTree) -> Array:
        """Draws one sample for each row of `condition`; z of row i follows from (key, i).

        Args:
            state: the state of this game.
            key: the key of the latents and of the networks' noise.
            condition: labels [n], images or a `Masked`, as `conditions` has it.

        Returns:
            Samples [n, ...] as networks see them: images in -1..1.
        """
        z_key, noise_key = jax.random.split(key)
        z = self.latents(z_key, len(jax.tree.leaves(condition)[0]))
        return self.generate(state, z, condition, noise_key)


def classes_of(*players: Player) -> int | None:
    """Returns how many classes the networks of all players are made for.

    A network declares it by a field `classes`, of its own or of a module within its fields.

    Returns:
        The smallest number that any network declares, as a label must be valid for all;
        0 where all of them ignore the label; None where no network has such a field, as one
        of a user's own may not.
    """
    found = [n for player in players for n in _declared(player.net, "classes", int)]
    if not found:
        return None
    return min((count for count in found if count), default=0)


def pretrained_of(*players: Player) -> tuple[str, ...]:
    """Returns the names of the pretrained networks that the players see examples by.

    A network declares it by a field `pretrained`, as `models.projected.Frozen` has. Scores
    on the features of the same network flatter the samples.
    """
    found = {
        name for player in players for name in _declared(player.net, "pretrained", str)
    }
    return tuple(sorted(found - {""}))


def _declared(value: Any, field: str, kind: type[T]) -> Iterator[T]:
    """Every field of a name and type in a module, or in what modules are made of."""
    # Flax gives each module a field `parent`, which would lead out of it again.
    if isinstance(value, nn.Module):
        inner = [x.name for x in fields(value) if x.name not in ("parent", "name")]
        given = {name: getattr(value, name) for name in inner}
    # Modules are also passed as constructors with some arguments bound, as heads are.
    elif isinstance(value, partial):
        given = {**value.keywords, **dict(enumerate(value.args))}
    elif isinstance(value, Mapping):
        given = value
    elif isinstance(value, tuple | list):
        given = dict(enumerate(value))
    else:
        return
    for name, one in given.items():
        if name == field and isinstance(one, kind):
            yield one
        else:
            yield from _declared(one, field, kind)
