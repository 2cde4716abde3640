"""How a CPU computes the convolution's form: in the fastest way that its shape allows.

Nearly all ways are products of matrices, which are near the machine's peak in a loop of
steps too; what XLA makes by itself of a gradient is up to a hundred times slower. Small
square kernels and rows between many channels take fewer products still; where one side
has few channels, the patches of that side are gathered, being small.
"""

from collections.abc import Iterator
from itertools import groupby

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.models import rows, winograd
from ganjax.models.geometry import (
    LAYOUT,
    Geometry,
    fold_image,
    fold_kernel,
    phases,
    unfold_image,
    unfold_kernel,
)


FEWEST = 16  # channels on either side for which minimal filtering pays
FEWEST_A_GROUP = 4
WIDE = 64  # channels that fill a product for each place of a kernel
MOST = 2 / 3  # of the products that filtering of rows may still take where it pays


def by_products(a: Array, b: Array, *, missing: int, geometry: Geometry) -> Array:
    """The array of role `missing` from the other two, in the order of their roles."""
    if geometry.groups > 1 and not _pays_grouped(a, b, geometry):
        return by_patches(a, b, missing=missing, geometry=geometry)
    return (_image, _kernel, _output)[missing](a, b, geometry)


def by_patches(a: Array, b: Array, *, missing: int, geometry: Geometry) -> Array:
    """The same as products of patches and a matrix, batched ones under `vmap`.

    Where each channel is by itself there are no products, but sums of shifted images.
    """
    x, kernel = _shapes(a, b, missing, geometry)
    run = _sum if kernel.shape[2:] == (1, geometry.groups) else _multiply
    if missing == 2:
        return run(a, b, geometry)
    if missing == 0:
        return jax.linear_transpose(lambda x: run(x, a, geometry), x)(b)[0]
    return jax.linear_transpose(lambda kernel: run(a, kernel, geometry), kernel)(b)[0]


def _multiply(x: Array, kernel: Array, geometry: Geometry) -> Array:
    folded = geometry._replace(groups=1)
    x, matrix = fold_image(x, folded), fold_kernel(kernel, folded)
    (m, n), g, (*_, c, d) = geometry.steps, geometry.groups, kernel.shape
    seen = jnp.stack(list(_places(x, m, n)), axis=-2)  # b h w taps C
    seen = seen.reshape(*seen.shape[:4], -1, g, c)  # b h w taps squares g c
    matrix = matrix.reshape(m * n, -1, c, g, d // g)
    y = jnp.einsum("bhwtsgc,tscgd->bhwgd", seen, matrix)
    return y.reshape(*y.shape[:3], -1)


def _sum(x: Array, kernel: Array, geometry: Geometry) -> Array:
    (i, j), (s, t), (high, wide) = geometry.size, geometry.stride, geometry.output
    x = jnp.pad(x, ((0, 0), *geometry.padding, (0, 0)))
    cut = lambda start, by, count: slice(start, start + by * (count - 1) + 1, by)
    return _add(
        [
            x[:, cut(p, s, high), cut(q, t, wide)] * kernel[p, q][None, None]
            for p in range(i)
            for q in range(j)
        ]
    )


def _shapes(a, b, missing, geometry):
    """Of images and kernel, the one that is missing by its shape."""
    g = geometry.groups
    if missing == 0:
        shape = b.shape[0], *geometry.image, a.shape[2] * g
        return jax.ShapeDtypeStruct(shape, b.dtype), a
    if missing == 1:
        shape = *geometry.size, a.shape[-1] // g, b.shape[-1]
        return a, jax.ShapeDtypeStruct(shape, a.dtype)
    return a, b


def _output(x: Array, kernel: Array, geometry: Geometry) -> Array:
    folded = fold_kernel(kernel, geometry)
    return _convolve(fold_image(x, geometry), folded, geometry.groups)


def _image(kernel: Array, y: Array, geometry: Geometry) -> Array:
    g = geometry.groups
    folded = _exchange(fold_kernel(kernel, geometry), g)[::-1, ::-1]
    m, n = geometry.steps
    y = jnp.pad(y, ((0, 0), (m - 1, m - 1), (n - 1, n - 1), (0, 0)))
    starts = phases(geometry)
    few = kernel.shape[2] < FEWEST
    sides = y, kernel.swapaxes(2, 3)
    if starts and (few or _pays((m, n), *sides) or _pays_long((m, n), *sides)):
        return _interleaved(folded, y, geometry, starts)
    return unfold_image(_convolve(y, folded, g), geometry)


def _exchange(kernel: Array, groups: int) -> Array:
    """[i, j, c_g, d] as [i, j, d_g, c], in and out exchanged within each group."""
    m, n, c, d = kernel.shape
    kernel = kernel.reshape(m, n, c, groups, d // groups).transpose(0, 1, 4, 3, 2)
    return kernel.reshape(m, n, d // groups, c * groups)


def _interleaved(
    folded: Array, y: Array, geometry: Geometry, starts: list[list[tuple[int, int]]]
) -> Array:
    """Every stride's first pixels, its second ones, and so on, each by a convolution.

    No pixel is computed that the padding takes away, which on small images is a lot.
    """
    (s, t), (m, n) = geometry.stride, geometry.steps
    high, wide = geometry.image[0] // s, geometry.image[1] // t
    kernels = folded.reshape(*folded.shape[:3], s, t, -1)
    strides = []
    for i, p in starts[0]:
        row = []
        for j, alike in groupby(starts[1], lambda start: start[0]):
            columns = [q for _, q in alike]  # that see the same
            seen = y[:, i : i + high + m - 1, j : j + wide + n - 1]
            weights = kernels[:, :, :, p, columns[0] : columns[-1] + 1]
            weights = weights.reshape(*folded.shape[:3], -1)
            row.append(_convolve(seen, weights, geometry.groups))
        strides.append(jnp.concatenate(row, axis=-1))
    x = jnp.stack(strides, axis=2)  # b h s w (t c)
    return x.reshape(-1, *geometry.image, kernels.shape[-1])


def _kernel(x: Array, y: Array, geometry: Geometry) -> Array:
    x = fold_image(x, geometry)
    if geometry.groups > 1 or _pays(geometry.steps, x, y):
        return unfold_kernel(winograd.kernel(x, y, geometry.groups), geometry)
    m, n = geometry.steps
    if _pays_long((m, n), x, y):
        kernel = rows.kernel(_rows(x), _rows(y))
    elif x.shape[-1] < FEWEST:
        kernel = _flat(_gather(x, m, n)).T @ _flat(y)
    elif y.shape[-1] < FEWEST:
        y = jnp.pad(y, ((0, 0), (m - 1, m - 1), (n - 1, n - 1), (0, 0)))
        kernel = _flat(_gather(y, m, n)).T @ _flat(x)
        kernel = kernel.reshape(m, n, y.shape[-1], -1)[::-1, ::-1].swapaxes(2, 3)
    else:
        places = _places(x, m, n)
        kernel = jnp.stack([(_flat(y).T @ _flat(seen)).T for seen in places])
    return unfold_kernel(kernel.reshape(m, n, x.shape[-1], -1), geometry)


def _convolve(
    x: Float[Array, "b h w c"], kernel: Float[Array, "i j c_g d"], groups: int = 1
) -> Float[Array, "b H W d"]:
    """Without padding, at stride 1."""
    m, n, c, d = kernel.shape
    if (m, n) == (1, 1):
        return x @ kernel[0, 0]
    if groups > 1 or _pays((m, n), x, kernel):
        return winograd.output(x, kernel, groups)
    if _pays_long((m, n), x, kernel):
        y = rows.output(_rows(x), kernel[0])
        return y.reshape(*x.shape[:2], *y.shape[1:])
    if c >= FEWEST > d:
        return _scatter(x, kernel)
    if min(m, n) > 1 and c >= WIDE:
        pairs = zip(_places(x, m, n), kernel.reshape(-1, c, d), strict=True)
        return _add([seen @ weight for seen, weight in pairs])
    kernel = jax.lax.optimization_barrier(kernel)  # lest XLA undo how it was made
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "VALID", dimension_numbers=LAYOUT
    )


def _scatter(x: Array, kernel: Array) -> Array:
    """What each pixel gives to all that see it, as one product, and the sum of it."""
    m, n, c, d = kernel.shape
    high, wide = x.shape[1] - m + 1, x.shape[2] - n + 1
    given = x @ kernel.transpose(2, 0, 1, 3).reshape(c, -1)
    given = given.reshape(*x.shape[:3], m, n, d)
    return _add(
        [given[:, i : i + high, j : j + wide, i, j] for i in range(m) for j in range(n)]
    )


def _places(x: Array, m: int, n: int) -> Iterator[Array]:
    """What the places of an m x n kernel see: [b, H, W, c] each."""
    high, wide = x.shape[1] - m + 1, x.shape[2] - n + 1
    return (x[:, i : i + high, j : j + wide] for i in range(m) for j in range(n))


def _gather(x: Array, m: int, n: int) -> Array:
    """The same side by side, [b, H, W, m n c]."""
    return jnp.concatenate(list(_places(x, m, n)), axis=-1)


def _flat(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])


def _rows(x: Array) -> Array:
    return x.reshape(-1, *x.shape[2:])


def _add(terms: list[Array]) -> Array:
    return sum(terms[1:], terms[0])


def _pays(size: tuple[int, ...], x: Array, other: Array) -> bool:
    """Whether minimal filtering does: small square kernels, many channels."""
    square = size[0] == size[1] and size[0] in winograd.SIZES
    return square and min(x.shape[-1], other.shape[-1]) >= FEWEST


def _pays_long(size: tuple[int, ...], x: Array, other: Array) -> bool:
    """Whether it does along rows alone, where each number of a tile is used more often."""
    c, d = x.shape[-1], other.shape[-1]
    used = c * d / (c + d)
    return size[0] == 1 < size[1] and rows.share(size[1]) < MOST and used >= WIDE / 2


def _pays_grouped(a: Array, b: Array, geometry: Geometry) -> bool:
    (m, n), per = geometry.size, min(a.shape[-1], b.shape[-1]) // geometry.groups
    small = m == n and m in winograd.SIZES and geometry.stride == (1, 1)
    return small and per >= FEWEST_A_GROUP
