"""Resampling of images by separable low-pass filters, as in StyleGAN2.

`resample` is the linear map known as upfirdn: insert up - 1 zeros after each pixel, pad,
apply an FIR filter, and keep every `down`th pixel. Its transpose is the same map with `up`
and `down` exchanged and the taps reversed. So it is a JAX primitive, `filter`, all of whose
derivatives are filters again.

It is computed as a few weighted sums of shifted images, none of which reads the inserted
zeros. On CPUs, a separate convolution of each channel takes much longer.
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


TAPS = (1.0, 3.0, 3.0, 1.0)  # StyleGAN2's filter, up to a factor


class Side(NamedTuple):
    """The length of an axis, and its padding once zeros are inserted.

    Attributes:
        pixels: The length.
        before: The zeros before it; a negative number cuts pixels off.
        after: The zeros after it, likewise.
    """

    pixels: int
    before: int
    after: int


class FilterSpec(NamedTuple):
    """All that defines a resampling, except for the images.

    Attributes:
        taps: The taps of both axes.
        sides: The axis of the rows, then that of the columns.
        up: up - 1 zeros are inserted after each pixel.
        down: Every `down`th pixel of the result is kept.
    """

    taps: tuple[float, ...]
    sides: tuple[Side, Side]
    up: int = 1
    down: int = 1

    @property
    def output(self) -> tuple[int, int]:
        """The height and width of the output."""
        rows, columns = (
            (s.pixels * self.up + s.before + s.after - len(self.taps)) // self.down + 1
            for s in self.sides
        )
        return rows, columns

    @property
    def transpose(self) -> "FilterSpec":
        """The transposed map, from outputs to images."""
        size = len(self.taps)
        sides = []
        for side, pixels in zip(self.sides, self.output, strict=True):
            # The transpose pads by size - 1, as a full convolution, less what is cut off.
            before = size - 1 - side.before
            after = (side.pixels - 1) * self.up + size - pixels * self.down - before
            sides.append(Side(pixels, before, after))
        return FilterSpec(self.taps[::-1], (sides[0], sides[1]), self.down, self.up)


def up(
    x: Float[Array, "b h w c"], taps: Sequence[float] = TAPS
) -> Float[Array, "b H W c"]:
    """Doubles the sides of images.

    Beyond the border are zeros; elsewhere, constant images keep their value.

    Args:
        x: Images.
        taps: The filter along either axis, up to a factor.
    """
    size = len(taps)
    return resample(x, taps, ((size + 1) // 2, (size - 2) // 2), tap_sum=2.0, up=2)


def down(
    x: Float[Array, "b h w c"], taps: Sequence[float] = TAPS
) -> Float[Array, "b H W c"]:
    """Halves the sides of images, as `up` doubles them."""
    size = len(taps)
    return resample(x, taps, ((size - 1) // 2, (size - 2) // 2), tap_sum=1.0, down=2)


def blur(
    x: Float[Array, "b h w c"],
    padding: tuple[int, int],
    tap_sum: float = 1.0,
    taps: Sequence[float] = TAPS,
) -> Float[Array, "b H W c"]:
    """Filters images without resampling; the arguments are those of `resample`."""
    return resample(x, taps, padding, tap_sum)


def resample(
    x: Float[Array, "b h w c"],
    taps: Sequence[float],
    padding: tuple[int, int],
    tap_sum: float = 1.0,
    up: int = 1,
    down: int = 1,
) -> Float[Array, "b H W c"]:
    """Inserts zeros, pads, filters and subsamples images along both axes.

    Args:
        x: Images.
        taps: The filter along either axis, up to a factor.
        padding: The zeros that are added before and after both axes, once zeros are
            inserted between pixels; negative numbers cut pixels off.
        tap_sum: What the taps are scaled to add up to. The inserted zeros divide the mean
            by `up` along each axis, which a sum of `up` makes up for.
        up: up - 1 zeros are inserted after each pixel.
        down: Every `down`th pixel of the result is kept, from the first one on.

    Returns:
        Images with sides (h up + sum(padding) - len(taps)) // down + 1.
    """
    # Reversed, as the sums below are a correlation, and a filter is a convolution.
    scaled = tuple(tap_sum * tap / sum(taps) for tap in taps)[::-1]
    height, width = (Side(pixels, *padding) for pixels in x.shape[1:3])
    return filter_p.bind(x, spec=FilterSpec(scaled, (height, width), up, down))


class Span(NamedTuple):
    """How the sums along one axis are laid out.

    Attributes:
        before: The padding before the axis, in pixels without inserted zeros.
        after: The padding after it, likewise.
        offset: Where the first tap is, in pixels with inserted zeros.
        count: The number of output pixels.
    """

    before: int
    after: int
    offset: int
    count: int


def _filter(x: Array, *, spec: FilterSpec) -> Array:
    spans = [_span(spec, axis) for axis in (0, 1)]
    pads = [(0, 0, 0), *((span.before, span.after, 0) for span in spans), (0, 0, 0)]
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), pads)
    # Without the barrier XLA merges the padding into the sums, each term of which would
    # then compare its position with the border.
    x = jax.lax.optimization_barrier(x)
    along_axis = _upsample_axis if spec.up > 1 else _downsample_axis
    for axis, span in zip((1, 2), spans, strict=True):
        x = along_axis(x, axis, spec, span)
    return x


def _span(spec: FilterSpec, axis: int) -> Span:
    side = spec.sides[axis]
    count = spec.output[axis]
    size = len(spec.taps)
    # The padding is as many pixels, with their inserted zeros, as fit into it; what remains
    # shifts the taps. For `down`, pixels are read in groups of `down`.
    before, offset = divmod(side.before, spec.up)
    if spec.up > 1:
        read = -(-count // spec.up) + (size - 1 - offset + spec.up - 1) // spec.up
    else:
        read = spec.down * (count - 1 + -(-size // spec.down))
    return Span(before, read - side.pixels - before, offset, count)


def _upsample_axis(x: Array, axis: int, spec: FilterSpec, span: Span) -> Array:
    """Filters with zeros inserted: each phase of the output has its own subset of taps."""
    n = -(-span.count // spec.up)
    phases = []
    for phase in range(spec.up):
        # `skip` is the tap at the first pixel; zeros stand for taps before the filter.
        skip = span.offset - phase
        taps = spec.taps[skip:] if skip >= 0 else (0.0,) * -skip + spec.taps
        phases.append(_correlate(x, axis, taps[:: spec.up], n))
    shape = (*x.shape[:axis], n * spec.up, *x.shape[axis + 1 :])
    x = jnp.stack(phases, axis + 1).reshape(shape)
    return jax.lax.slice_in_dim(x, 0, span.count, axis=axis)


def _downsample_axis(x: Array, axis: int, spec: FilterSpec, span: Span) -> Array:
    """Filters and subsamples: each phase of the input has its own subset of taps."""
    shape = (*x.shape[:axis], -1, spec.down, *x.shape[axis + 1 :])
    x = x.reshape(shape)
    terms = []
    for phase in range(min(spec.down, len(spec.taps))):
        pixels = jax.lax.index_in_dim(x, phase, axis + 1, keepdims=False)
        taps = spec.taps[phase :: spec.down]
        terms.append(_correlate(pixels, axis, taps, span.count))
    return sum(terms[1:], terms[0])


def _correlate(x: Array, axis: int, taps: Sequence[float], n: int) -> Array:
    """Returns the sum over k of taps[k] times the n pixels from k on."""

    def view(k):
        return jax.lax.slice_in_dim(x, k, k + n, axis=axis)

    terms = [tap * view(k) for k, tap in enumerate(taps) if tap]
    return sum(terms[1:], terms[0]) if terms else jnp.zeros_like(view(0))


def _output_aval(x, *, spec):
    return ShapedArray((x.shape[0], *spec.output, x.shape[-1]), x.dtype)


def _transpose(ct, x, *, spec):
    return [filter_p.bind(ct, spec=spec.transpose)]


def _batch(args, axes, *, spec):
    # `vmap`: the new axis joins the batch, as all images have the same filter.
    x = jnp.moveaxis(args[0], axes[0], 0)
    y = filter_p.bind(x.reshape(-1, *x.shape[2:]), spec=spec)
    return y.reshape(*x.shape[:2], *y.shape[1:]), 0


def _eager(x, *, spec):
    return _compiled(spec)(x)


@cache
def _compiled(spec):
    return jax.jit(partial(filter_p.bind, spec=spec))


# The rules of the primitive: evaluation, shapes, derivatives, `vmap` and lowering.
filter_p = jax.extend.core.Primitive("filter")
filter_p.def_impl(_eager)
filter_p.def_abstract_eval(_output_aval)
ad.deflinear2(filter_p, _transpose)
batching.primitive_batchers[filter_p] = _batch
mlir.register_lowering(filter_p, mlir.lower_fun(_filter, multiple_results=False))
