"""Images made larger, smaller or smoother by a low-pass filter, as StyleGAN2 does it.

One linear form: zeros put between the pixels (`up`), padding, a separable filter, and
every `down`th pixel kept. Its transpose is the same form with `up` and `down` exchanged
and the taps turned around, so all derivatives are filters again. It is a few weighted
sums of shifted images, none of which reads the zeros; a CPU's convolutions of one channel
each take much longer.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.extend
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float


TAPS = (
    1.0,
    3.0,
    3.0,
    1.0,
)  # of StyleGAN2's filter, before they are made to add up to 1


class Side(NamedTuple):
    """How many pixels an axis has, and the zeros before and after the spread ones."""

    pixels: int
    before: int
    after: int


class Filter(NamedTuple):
    """All of the form but its images; the same taps along both axes."""

    taps: tuple[float, ...]
    sides: tuple[Side, Side]  # rows, columns
    up: int = 1
    down: int = 1

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of what comes out."""
        rows, columns = (
            (s.pixels * self.up + s.before + s.after - len(self.taps)) // self.down + 1
            for s in self.sides
        )
        return rows, columns

    @property
    def transpose(self) -> "Filter":
        """The form that gives the gradient by the images."""
        size, sides = len(self.taps), []
        for side, pixels in zip(self.sides, self.output, strict=True):
            before = size - 1 - side.before
            after = (side.pixels - 1) * self.up + size - pixels * self.down - before
            sides.append(Side(pixels, before, after))
        return Filter(self.taps[::-1], (sides[0], sides[1]), self.down, self.up)


def up(
    x: Float[Array, "b h w c"], taps: Sequence[float] = TAPS
) -> Float[Array, "b H W c"]:
    """[b, h, w, c] to [b, 2h, 2w, c]; constant images away from the border stay."""
    size = len(taps)
    return resample(x, taps, ((size + 1) // 2, (size - 2) // 2), total=2.0, up=2)


def down(
    x: Float[Array, "b h w c"], taps: Sequence[float] = TAPS
) -> Float[Array, "b H W c"]:
    """[b, 2h, 2w, c] to [b, h, w, c]."""
    size = len(taps)
    return resample(x, taps, ((size - 1) // 2, (size - 2) // 2), total=1.0, down=2)


def blur(
    x: Float[Array, "b h w c"],
    padding: tuple[int, int],
    total: float = 1.0,
    taps: Sequence[float] = TAPS,
) -> Float[Array, "b H W c"]:
    """The filter alone; `total` is what its taps add up to along either axis.

    `padding` goes before and after both axes.
    """
    return resample(x, taps, padding, total)


def resample(
    x: Float[Array, "b h w c"],
    taps: Sequence[float],
    padding: tuple[int, int],
    total: float = 1.0,
    up: int = 1,
    down: int = 1,
) -> Float[Array, "b H W c"]:
    """`up` - 1 zeros after each pixel, padding, the filter, every `down`th pixel kept.

    Negative padding cuts off. `total` is what the taps are made to add up to.
    """
    scaled = tuple(total * tap / sum(taps) for tap in taps)[::-1]  # so as to convolve
    height, width = (Side(pixels, *padding) for pixels in x.shape[1:3])
    return filter_p.bind(x, form=Filter(scaled, (height, width), up, down))


def _run(x: Array, *, form: Filter) -> Array:
    """The form, rows first, on images that have been padded for both axes at once."""
    spans = [_span(form, axis) for axis in (0, 1)]
    pads = [(0, 0, 0), *((span.before, span.after, 0) for span in spans), (0, 0, 0)]
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), pads)
    x = jax.lax.optimization_barrier(x)  # else every sum asks where the border is
    for axis, span in zip((1, 2), spans, strict=True):
        x = (_spread if form.up > 1 else _gather)(x, axis, form, span)
    return x


class Span(NamedTuple):
    """Of one axis: zeros before and after, the taps' offset, and how much comes out."""

    before: int
    after: int
    offset: int
    count: int


def _span(form: Filter, axis: int) -> Span:
    """Where an output begins with the spread zeros, those in front are passed over."""
    side, out, size = form.sides[axis], form.output[axis], len(form.taps)
    before, offset = divmod(side.before, form.up)
    if form.up > 1:
        seen = -(-out // form.up) + (size - 1 - offset + form.up - 1) // form.up
    else:
        seen = form.down * (out - 1 + -(-size // form.down))
    return Span(before, seen - side.pixels - before, offset, out)


def _spread(x: Array, axis: int, form: Filter, span: Span) -> Array:
    """Every place between two pixels has its own taps."""
    n, phases = -(-span.count // form.up), []
    for place in range(form.up):
        skip = span.offset - place
        taps = form.taps[skip:] if skip >= 0 else (0.0,) * -skip + form.taps
        phases.append(_slide(x, axis, taps[:: form.up], n))
    shape = *x.shape[:axis], n * form.up, *x.shape[axis + 1 :]
    x = jnp.stack(phases, axis + 1).reshape(shape)
    return jax.lax.slice_in_dim(x, 0, span.count, axis=axis)


def _gather(x: Array, axis: int, form: Filter, span: Span) -> Array:
    """Every `down`th pixel has its own taps."""
    shape = *x.shape[:axis], -1, form.down, *x.shape[axis + 1 :]
    x = x.reshape(shape)
    pick = lambda i: jax.lax.index_in_dim(x, i, axis + 1, keepdims=False)
    terms = [
        _slide(pick(i), axis, form.taps[i :: form.down], span.count)
        for i in range(min(form.down, len(form.taps)))
    ]
    return sum(terms[1:], terms[0])


def _slide(x: Array, axis: int, taps: Sequence[float], n: int) -> Array:
    """The sum of the taps times x[k : k + n]."""
    cut = lambda k: jax.lax.slice_in_dim(x, k, k + n, axis=axis)
    terms = [tap * cut(k) for k, tap in enumerate(taps) if tap]
    return sum(terms[1:], terms[0]) if terms else jnp.zeros_like(cut(0))


def _shape(x, *, form):
    return ShapedArray((x.shape[0], *form.output, x.shape[-1]), x.dtype)


def _transpose(ct, x, *, form):
    return [filter_p.bind(ct, form=form.transpose)]


def _batch(args, axes, *, form):
    x = jnp.moveaxis(args[0], axes[0], 0)
    y = filter_p.bind(x.reshape(-1, *x.shape[2:]), form=form)
    return y.reshape(*x.shape[:2], *y.shape[1:]), 0


def _eager(x, *, form):
    return _compiled(form)(x)


@cache
def _compiled(form):
    return jax.jit(partial(filter_p.bind, form=form))


filter_p = jax.extend.core.Primitive("filter")
filter_p.def_impl(_eager)
filter_p.def_abstract_eval(_shape)
ad.deflinear2(filter_p, _transpose)
batching.primitive_batchers[filter_p] = _batch
mlir.register_lowering(filter_p, mlir.lower_fun(_run, multiple_results=False))
