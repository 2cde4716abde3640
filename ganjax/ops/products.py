"""Convolutions as matrix products, in the way that is fastest on a CPU for their shape.

Matrix products run near the peak speed of a CPU, also inside a loop of steps, where XLA's
own gradients of convolutions are up to a hundred times slower. The ways are, in the order
in which they are tried:

- minimal filtering, for small square kernels (`winograd`) and for kernels of one row
  (`winograd_1d`), between many channels; it takes fewer multiplications;
- the product of patches (im2col) and a matrix, where there are few channels on the side
  that is cut into patches;
- a product for each place of the kernel, where there are many channels;
- otherwise, and only for outputs, XLA's convolution.

Strides are removed first by `geometry.fold_image`. A place of a kernel of m x n is one of
its m n pixels.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.ops import winograd, winograd_1d
from ganjax.ops.geometry import (
    IMAGE,
    KERNEL,
    LAYOUT,
    OUTPUT,
    Geometry,
    Start,
    fold_image,
    fold_kernel,
    pad_sides,
    phases,
    unfold_image,
    unfold_kernel,
)


# Where one way becomes faster than the next one, as measured on CPUs.
MIN_CHANNELS = 16  # of inputs and of outputs, for minimal filtering
MIN_GROUP_CHANNELS = 4  # the same, for each group of a grouped convolution
MANY_CHANNELS = 64  # enough for a matrix product at each place of a kernel
# The largest share of multiplications that minimal filtering of rows may need.
MAX_PRODUCT_SHARE = 2 / 3


def by_products(a: Array, b: Array, *, missing: int, geometry: Geometry) -> Array:
    """Computes the outputs of a convolution, or its gradient by the images or the kernel.

    For a gradient, `outputs` stands for the gradient by the outputs, and the array that is
    returned for the `missing` one.

    Args:
        a: The first of the two given arrays, in the order images, kernel, outputs.
        b: The second one.
        missing: Which array to compute: `IMAGE`, `KERNEL` or `OUTPUT`.
        geometry: The shapes.
    """
    if geometry.groups > 1 and not _grouped_winograd_pays(a, b, geometry):
        return by_patches(a, b, missing=missing, geometry=geometry)
    compute = {IMAGE: _image, KERNEL: _kernel, OUTPUT: _output}[missing]
    return compute(a, b, geometry)


def by_patches(a: Array, b: Array, *, missing: int, geometry: Geometry) -> Array:
    """Computes the same as a product of patches and a matrix, which `vmap` batches well.

    A depthwise convolution, in which each channel is a group by itself, is computed as a
    sum of shifted images instead. Arguments are those of `by_products`.
    """
    x, kernel = _shapes(a, b, missing, geometry)
    depthwise = kernel.shape[2:] == (1, geometry.groups)
    run = _depthwise if depthwise else _multiply_patches
    if missing == OUTPUT:
        return run(a, b, geometry)
    # The convolution is linear in images and in kernels, and its transposes compute either.
    if missing == IMAGE:
        return jax.linear_transpose(lambda x: run(x, a, geometry), x)(b)[0]
    return jax.linear_transpose(lambda kernel: run(a, kernel, geometry), kernel)(b)[0]


def _multiply_patches(x: Array, kernel: Array, geometry: Geometry) -> Array:
    # Folding makes a block's pixels channels, so groups are separated only after it.
    folded = geometry._replace(groups=1)
    x = fold_image(x, folded)
    matrix = fold_kernel(kernel, folded)
    m, n = geometry.kernel_blocks
    g = geometry.groups
    c, d = kernel.shape[-2:]
    patches = jnp.stack(list(_views(x, m, n)), axis=-2)  # [b, h, w, place, C]
    # [b, h, w, place, pixel of a block, g, c]
    patches = patches.reshape(*patches.shape[:4], -1, g, c)
    matrix = matrix.reshape(m * n, -1, c, g, d // g)
    y = jnp.einsum("bhwtsgc,tscgd->bhwgd", patches, matrix)
    return y.reshape(*y.shape[:3], -1)


def _depthwise(x: Array, kernel: Array, geometry: Geometry) -> Array:
    s, t = geometry.stride
    height, width = geometry.output
    x = jnp.pad(x, ((0, 0), *geometry.padding, (0, 0)))
    terms = []
    for p in range(geometry.kernel[0]):
        for q in range(geometry.kernel[1]):
            rows = slice(p, p + s * (height - 1) + 1, s)
            columns = slice(q, q + t * (width - 1) + 1, t)
            terms.append(x[:, rows, columns] * kernel[p, q][None, None])
    return _sum(terms)


def _shapes(
    a: Array, b: Array, missing: int, geometry: Geometry
) -> tuple[Array | jax.ShapeDtypeStruct, Array | jax.ShapeDtypeStruct]:
    """Returns images and kernel, or the shape of the one that is missing."""
    g = geometry.groups
    if missing == IMAGE:
        shape = (b.shape[0], *geometry.image, a.shape[2] * g)
        return jax.ShapeDtypeStruct(shape, b.dtype), a
    if missing == KERNEL:
        shape = (*geometry.kernel, a.shape[-1] // g, b.shape[-1])
        return a, jax.ShapeDtypeStruct(shape, a.dtype)
    return a, b


def _output(x: Array, kernel: Array, geometry: Geometry) -> Array:
    fold = partial(fold_image, geometry=geometry)
    return _convolve(x, fold_kernel(kernel, geometry), geometry.groups, fold)


def _image(kernel: Array, y: Array, geometry: Geometry) -> Array:
    """Computes the gradient by the images: padded outputs by the mirrored kernel."""
    g = geometry.groups
    folded = _swap_channels(fold_kernel(kernel, geometry), g)[::-1, ::-1]
    m, n = geometry.kernel_blocks
    starts = phases(geometry)
    has_few_channels = kernel.shape[2] < MIN_CHANNELS
    swapped = kernel.swapaxes(2, 3)
    # By phases if minimal filtering is faster for one of them, or if images have few
    # channels. Otherwise one convolution computes all pixels of a block.
    if starts and (
        has_few_channels
        or _winograd_pays((m, n), y, swapped)
        or _winograd_1d_pays((m, n), y, swapped)
    ):
        return _image_by_phases(folded, y, geometry, starts)
    pad = partial(pad_sides, rows=(m - 1, m - 1), columns=(n - 1, n - 1))
    return unfold_image(_convolve(y, folded, g, pad), geometry)


def _swap_channels(kernel: Array, groups: int) -> Array:
    """Returns a kernel [i, j, c_g, d] as [i, j, d_g, c], swapped within each group."""
    m, n, c, d = kernel.shape
    kernel = kernel.reshape(m, n, c, groups, d // groups).transpose(0, 1, 4, 3, 2)
    return kernel.reshape(m, n, d // groups, c * groups)


def _image_by_phases(
    folded: Array, y: Array, geometry: Geometry, starts: list[list[Start]]
) -> Array:
    """Computes the pixels of each phase by a convolution of their own.

    Unlike a single convolution, it computes no pixels that belong to the padding, which are
    many if images are small.
    """
    s, t = geometry.stride
    m, n = geometry.kernel_blocks
    height = geometry.image[0] // s
    width = geometry.image[1] // t
    kernels = folded.reshape(*folded.shape[:3], s, t, -1)
    strips = []
    for i, p in starts[0]:
        strip = []
        # Phases of the columns that begin in the same block share one convolution.
        for j, starts_in_block in groupby(starts[1], lambda start: start.block):
            places = [start.place for start in starts_in_block]
            # Outputs from i - m + 1 to i + height - 1; those that are none are zeros.
            part = partial(
                pad_sides,
                rows=(m - 1 - i, i + height - y.shape[1]),
                columns=(n - 1 - j, j + width - y.shape[2]),
            )
            weights = kernels[:, :, :, p, places[0] : places[-1] + 1]
            weights = weights.reshape(*folded.shape[:3], -1)
            strip.append(_convolve(y, weights, geometry.groups, part))
        strips.append(jnp.concatenate(strip, axis=-1))
    x = jnp.stack(strips, axis=2)  # [b, h, s, w, t c]
    return x.reshape(-1, *geometry.image, kernels.shape[-1])


def _kernel(x: Array, y: Array, geometry: Geometry) -> Array:
    """Computes the gradient by the kernel, as a product over all pixels."""
    fold = partial(fold_image, geometry=geometry)
    m, n = geometry.kernel_blocks
    if geometry.groups > 1 or _winograd_pays((m, n), jax.eval_shape(fold, x), y):
        kernel = winograd.kernel_gradient(x, y, geometry.groups, fold)
        return unfold_kernel(kernel, geometry)
    x = fold(x)
    if _winograd_1d_pays((m, n), x, y):
        kernel = winograd_1d.kernel_gradient(_merge_rows(x), _merge_rows(y))
    elif x.shape[-1] < MIN_CHANNELS:
        # Few channels: one product of patches with outputs, whose inner axis is all pixels.
        kernel = _pixels(_patches(x, m, n)).T @ _pixels(y)
    elif y.shape[-1] < MIN_CHANNELS:
        # The patches are those of y here, so the kernel comes out mirrored.
        y = jnp.pad(y, ((0, 0), (m - 1, m - 1), (n - 1, n - 1), (0, 0)))
        kernel = _pixels(_patches(y, m, n)).T @ _pixels(x)
        kernel = kernel.reshape(m, n, y.shape[-1], -1)[::-1, ::-1].swapaxes(2, 3)
    else:
        # Many channels: a product for each place of the kernel, without copies of patches.
        views = _views(x, m, n)
        kernel = jnp.stack([(_pixels(y).T @ _pixels(view)).T for view in views])
    return unfold_kernel(kernel.reshape(m, n, x.shape[-1], -1), geometry)


def _convolve(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "i j c_g d"],
    groups: int,
    prepare: Callable[[Array], Array],
) -> Float[Array, "b H W d"]:
    """Computes a convolution of stride 1 of prepared images, without further padding."""
    m, n, c, d = kernel.shape
    prepared = jax.eval_shape(prepare, x)
    if groups > 1 or _winograd_pays((m, n), prepared, kernel):
        return winograd.convolve(x, kernel, groups, prepare)
    x = prepare(x)
    if (m, n) == (1, 1):
        return x @ kernel[0, 0]
    if _winograd_1d_pays((m, n), x, kernel):
        y = winograd_1d.convolve(_merge_rows(x), kernel[0])
        return y.reshape(*x.shape[:2], *y.shape[1:])
    if c >= MIN_CHANNELS > d:
        return _scatter(x, kernel)
    if min(m, n) > 1 and c >= MANY_CHANNELS:
        weights = kernel.reshape(-1, c, d)
        pairs = zip(_views(x, m, n), weights, strict=True)
        return _sum([view @ weight for view, weight in pairs])
    # The barrier keeps XLA from merging the convolution with what made the kernel, such
    # as a reversal, into a slower one.
    kernel = jax.lax.optimization_barrier(kernel)
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "VALID", dimension_numbers=LAYOUT
    )


def _scatter(x: Array, kernel: Array) -> Array:
    """Computes by one product what each pixel adds to each output, then the sums."""
    m, n, c, d = kernel.shape
    height = x.shape[1] - m + 1
    width = x.shape[2] - n + 1
    # [b, h, w, m n d]: the term of input pixel (h, w) for each place of the kernel.
    terms = x @ kernel.transpose(2, 0, 1, 3).reshape(c, -1)
    terms = terms.reshape(*x.shape[:3], m, n, d)
    return _sum(
        [
            terms[:, i : i + height, j : j + width, i, j]
            for i in range(m)
            for j in range(n)
        ]
    )


def _views(x: Array, m: int, n: int) -> Iterator[Array]:
    """Yields the part of x, [b, H, W, c], that each place of an m x n kernel meets."""
    height = x.shape[1] - m + 1
    width = x.shape[2] - n + 1
    return (x[:, i : i + height, j : j + width] for i in range(m) for j in range(n))


def _patches(x: Array, m: int, n: int) -> Array:
    """Returns the patches that an m x n kernel meets, [b, H, W, m n c]."""
    return jnp.concatenate(list(_views(x, m, n)), axis=-1)


def _pixels(x: Array) -> Array:
    """Returns images as the rows of a matrix, [b h w, c]."""
    return x.reshape(-1, x.shape[-1])


def _merge_rows(x: Array) -> Array:
    """Returns images as signals [b h, w, c]."""
    return x.reshape(-1, *x.shape[2:])


def _sum(terms: list[Array]) -> Array:
    return sum(terms[1:], terms[0])


def _winograd_pays(
    size: tuple[int, ...], x: Array | jax.ShapeDtypeStruct, other: Array
) -> bool:
    """Returns whether minimal filtering is faster: small kernels, many channels."""
    square = size[0] == size[1] and size[0] in winograd.KERNEL_SIZES
    return square and min(x.shape[-1], other.shape[-1]) >= MIN_CHANNELS


def _winograd_1d_pays(size: tuple[int, ...], x: Array, other: Array) -> bool:
    """Returns whether minimal filtering of rows is faster."""
    if not size[0] == 1 < size[1]:
        return False
    if winograd_1d.product_share(size[1]) >= MAX_PRODUCT_SHARE:
        return False
    # How often each number of a transformed tile is used, compared with the cost of the
    # transformation.
    c = x.shape[-1]
    d = other.shape[-1]
    return c * d / (c + d) >= MANY_CHANNELS / 2


def _grouped_winograd_pays(a: Array, b: Array, geometry: Geometry) -> bool:
    """Returns whether minimal filtering is faster for a grouped convolution."""
    m, n = geometry.kernel
    channels = min(a.shape[-1], b.shape[-1]) // geometry.groups
    small = m == n and m in winograd.KERNEL_SIZES and geometry.stride == (1, 1)
    return small and channels >= MIN_GROUP_CHANNELS
