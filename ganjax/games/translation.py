"""What the games of translation share: two kinds of images, one behind the other.

The stored images are those of `Spec.beside`: x, what is translated, and behind it y, or
the other way around.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, UInt8

from ganjax.errors import Mistake
from ganjax.gan import ArrayLike, Game, PyTree, check_turns, pixels


class View(NamedTuple):
    """How much of an image is seen: all at `side`, cut out of `margin` pixels more.

    Training cuts anywhere and may turn left and right about; else it is the middle.
    """

    side: int
    margin: int = 0
    flip: bool = True

    def middle(
        self, stored: UInt8[ArrayLike, "n h w c"]
    ) -> UInt8[ArrayLike, "n s s c"]:
        """The central part of each image; of one no larger than `side`, all."""
        top, left = (max(0, (length - self.side) // 2) for length in stored.shape[1:3])
        return stored[:, top : top + self.side, left : left + self.side]

    def check(self, image: ArrayLike) -> None:
        """Raises a `Mistake` for images that are smaller than what is to be seen."""
        sides = image.shape[-3:-1]
        if len(image.shape) < 4 or min(sides) < self.side:
            raise Mistake(
                f"{self.side}x{self.side} pixels of each image are seen, and the data has "
                f"examples of shape {tuple(image.shape[1:])}: give images of at least "
                "--size plus --margin pixels a side."
            )

    def jitter(
        self, keys: Key[Array, " b"], image: Float[Array, "b h w c"]
    ) -> Float[Array, "b s s c"]:
        """A part of each image from anywhere, mirrored half of the time."""

        def one(key, image):
            place, coin = jax.random.split(key)
            most = jnp.array([x - self.side + 1 for x in image.shape[:2]])
            top, left = jax.random.randint(place, (2,), 0, most)
            size = self.side, self.side, image.shape[-1]
            part = jax.lax.dynamic_slice(image, (top, left, 0), size)
            turned = jax.random.bernoulli(coin) & self.flip
            return jnp.where(turned, part[:, ::-1], part)

        return jax.vmap(one)(keys, image)


def front(stored: ArrayLike) -> ArrayLike:
    """The first half of the channels."""
    return stored[..., : stored.shape[-1] // 2]


def back(stored: ArrayLike) -> ArrayLike:
    """The second half."""
    return stored[..., stored.shape[-1] // 2 :]


def check_pair(image: ArrayLike) -> None:
    """Raises a `Mistake` unless images can be two of one kind, one behind the other."""
    if image.shape[-1] % 2:
        raise Mistake(
            f"An example of shape {tuple(image.shape[1:])} is not two images, one behind "
            "the other: give both places of images (--data and --target), or files that "
            "hold two side by side where the experiment takes them."
        )


Sides = tuple[Callable, Callable]  # what x and y are of the stored images


def sides(reverse: bool) -> Sides:
    """The first is x and the second y, or with `reverse` the second is x."""
    return (back, front) if reverse else (front, back)


def translating(
    init: Callable, step: Callable, sample: Callable, view: View, of: Sides
) -> Game:
    """The game whose `sample(state, key, x, label)` turns x [n, h, w, c] into y's kind."""
    first, second = of

    def start(key: Array, turns: PyTree) -> PyTree:
        check_turns(turns, ("g",))
        check_pair(turns.g.image)
        view.check(turns.g.image)
        return init(key, turns)

    def answer(state: PyTree, key: Key[Array, ""], asked: ArrayLike) -> Array:
        return sample(state, key, pixels(asked), unlabelled(asked))

    return Game(
        start,
        step,
        answer,
        decode=lambda stored: pixels(view.middle(second(stored))),
        ask=lambda n, classes, images: first(view.middle(images(n))),
        show=lambda asked, samples: jnp.concatenate([pixels(asked), samples], axis=2),
        classes=0,
    )


def unlabelled(image: ArrayLike) -> Int[Array, " b"]:
    """The labels of images that have none."""
    return jnp.zeros(len(image), jnp.int32)


def linear_decay(rate: float, steps: int, flat: float = 0.5) -> optax.Schedule:
    """The rate, for a share `flat` of the steps; then a line to 0 (Zhu et al., 2017)."""
    falls = steps - int(flat * steps)
    return optax.linear_schedule(rate, 0.0, falls, steps - falls)
