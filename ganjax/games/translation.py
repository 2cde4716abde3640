"""What games of image-to-image translation share: views of images, pairs, and the `Game`.

Examples are a `Pair` of a source and a target. By default x, the image to be translated, is
the source and y, an image of the wanted domain, the target; `sides` exchanges them. In
unpaired translation, as of CycleGAN and CUT, x and y do not belong together.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, Key

from ganjax.core import (
    ArrayLike,
    Game,
    ImageToImage,
    Pair,
    PyTree,
    as_turns,
    check_turns,
)
from ganjax.errors import UsageError
from ganjax.modalities import IMAGES


class View(NamedTuple):
    """Which part of a stored image is used: a random crop in training, else the middle.

    Attributes:
        side: the side of the square crop, in pixels.
        margin: how many pixels stored images are larger, so that crops differ.
        flip: whether training mirrors half of the crops.
    """

    side: int
    margin: int = 0
    flip: bool = True

    def middle(self, x: PyTree) -> PyTree:
        """Returns the central crop of images [n, h, w, c], of one array or a `Pair`.

        Images that are no larger than `side` are returned whole.
        """

        def cut(image):
            height, width = image.shape[1:3]
            top = max(0, (height - self.side) // 2)
            left = max(0, (width - self.side) // 2)
            return image[:, top : top + self.side, left : left + self.side]

        return jax.tree.map(cut, x)

    def check(self, x: PyTree) -> None:
        """Raises a `UsageError` for images that are smaller than the crop."""
        for image in jax.tree.leaves(x):
            if image.ndim < 4 or min(image.shape[-3:-1]) < self.side:
                raise UsageError(
                    f"{self.side}x{self.side} pixels of each image are seen, and the data "
                    f"has examples of shape {tuple(image.shape[1:])}: give images of at "
                    "least --size plus --margin pixels a side."
                )

    def jitter(self, keys: Key[Array, " b"], x: PyTree) -> PyTree:
        """Returns a random crop of each image, mirrored half of the time if `flip`.

        The images of a `Pair` are cropped and mirrored alike, so that they still match.
        """

        def one(key, image):
            place, coin = jax.random.split(key)
            # One above the last place of the crop's corner: `randint` excludes its bound.
            most = jnp.array([length - self.side + 1 for length in image.shape[:2]])
            top, left = jax.random.randint(place, (2,), 0, most)
            size = (self.side, self.side, image.shape[-1])
            part = jax.lax.dynamic_slice(image, (top, left, 0), size)
            mirrored = jax.random.bernoulli(coin) & self.flip
            return jnp.where(mirrored, part[:, ::-1], part)

        # The same keys for every image of a pair.
        return jax.tree.map(lambda image: jax.vmap(one)(keys, image), x)


def check_pair(x: PyTree) -> None:
    """Raises a `UsageError` unless the examples are a `Pair` of images."""
    if not isinstance(x, Pair):
        raise UsageError(
            f"An example of shape {tuple(jnp.shape(x)[1:])} is a single image, and pairs "
            "are wanted: give both places of images (--data and --target), or files that "
            "hold two side by side where the experiment takes them."
        )


class Sides(NamedTuple):
    """Which image of a `Pair` is x, the one to be translated, and which is y."""

    x: Callable[[Pair], Array]
    y: Callable[[Pair], Array]


def sides(reverse: bool) -> Sides:
    """Returns the source as x and the target as y, or with `reverse` the other way."""

    def source(pair):
        check_pair(pair)
        return pair.source

    def target(pair):
        check_pair(pair)
        return pair.target

    return Sides(target, source) if reverse else Sides(source, target)


def unpaired(
    init: Callable, step: Callable, generate: Callable, view: View, of: Sides
) -> Game:
    """Makes the game of unpaired translation, as of CycleGAN and CUT.

    Args:
        init: (key, turns) -> state.
        step: (state, turns, on) -> (state, logs).
        generate: (state, x, label) -> images of y's domain.
        view: which part of the stored images is used.
        of: which side of the pairs is x.
    """

    def checked_init(key: Array, turns: PyTree) -> PyTree:
        turns = as_turns(turns)
        turns = as_turns(turns)
        check_turns(turns, ("g",))
        check_pair(turns.g.x)
        view.check(turns.g.x)
        return init(key, turns)

    def answer(state: PyTree, z: PyTree, x: Array, key: Key[Array, ""]) -> Array:
        return generate(state, x, unlabeled(x))

    return Game(
        init=checked_init,
        step=step,
        latents=no_latents,
        generate=answer,
        modality=IMAGES,
        conditions=ImageToImage(source=lambda x: view.middle(of.x(x))),
        real=lambda x: view.middle(of.y(x)),
    )


def no_latents(key: Key[Array, ""], n: int) -> tuple[()]:
    """Returns an empty tuple, the latents of a game that draws none."""
    return ()


def unlabeled(image: ArrayLike) -> Int[Array, " b"]:
    """Returns zeros, the labels of images without classes, one for each."""
    return jnp.zeros(len(image), jnp.int32)


def linear_decay(rate: float, steps: int, flat: float = 0.5) -> optax.Schedule:
    """Returns CycleGAN's schedule of the learning rate (Zhu et al., 2017).

    It is constant for a share `flat` of the steps, then falls linearly to 0 at the last.
    """
    falls = steps - int(flat * steps)
    return optax.linear_schedule(rate, 0.0, falls, steps - falls)
