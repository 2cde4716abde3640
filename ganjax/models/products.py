"""How a CPU computes the convolution's form: in the fastest way that its shape allows.

XLA's own convolution is near the machine's peak, in a loop of steps too, if its operands
are laid out as images, kernel and images; what it makes by itself of a gradient is up to
a hundred times slower. Small kernels between many channels take fewer products still.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.models import winograd
from ganjax.models.geometry import (
    Geometry,
    fold_image,
    fold_kernel,
    phases,
    unfold_image,
    unfold_kernel,
)


LAYOUT = ("NHWC", "HWIO", "NHWC")
FEWEST = 16  # channels on either side for which minimal filtering pays


def by_products(a: Array, b: Array, *, missing: int, geometry: Geometry) -> Array:
    """The array of role `missing` from the other two, in the order of their roles."""
    if geometry.groups > 1:
        return _grouped(a, b, missing, geometry)
    return (_image, _kernel, _output)[missing](a, b, geometry)


def by_patches(a: Array, b: Array, *, missing: int, geometry: Geometry) -> Array:
    """The same as products of patches and a matrix, batched ones under `vmap`."""

    def run(x: Array, kernel: Array) -> Array:
        folded = geometry._replace(groups=1)
        x, matrix = fold_image(x, folded), fold_kernel(kernel, folded)
        (m, n), (h, w), g = geometry.steps, geometry.output, geometry.groups
        seen = [
            x[:, i : i + h, j : j + w].reshape(
                -1, h, w, x.shape[-1] // per, g, per // g
            )
            for per in [kernel.shape[2] * g]
            for i in range(m)
            for j in range(n)
        ]
        seen = jnp.stack(seen, axis=-4)  # b h w taps squares g c
        matrix = matrix.reshape(m * n, -1, kernel.shape[2], g, kernel.shape[3] // g)
        y = jnp.einsum("bhwtsgc,tscgd->bhwgd", seen, matrix)
        return y.reshape(*y.shape[:3], -1)

    if missing == 2:
        return run(a, b)
    x, kernel = _shapes(a, b, missing, geometry)
    if missing == 0:
        return jax.linear_transpose(lambda x: run(x, a), x)(b)[0]
    return jax.linear_transpose(lambda kernel: run(a, kernel), kernel)(b)[0]


def _shapes(a, b, missing, geometry):
    if missing == 0:
        c = a.shape[2] * geometry.groups
        return jax.ShapeDtypeStruct((b.shape[0], *geometry.image, c), b.dtype), None
    c = a.shape[-1] // geometry.groups
    return None, jax.ShapeDtypeStruct((*geometry.size, c, b.shape[-1]), a.dtype)


def _output(x: Array, kernel: Array, geometry: Geometry) -> Array:
    return _convolve(fold_image(x, geometry), fold_kernel(kernel, geometry))


def _image(kernel: Array, y: Array, geometry: Geometry) -> Array:
    folded = fold_kernel(kernel, geometry)[::-1, ::-1].swapaxes(2, 3)
    m, n = geometry.steps
    y = jnp.pad(y, ((0, 0), (m - 1, m - 1), (n - 1, n - 1), (0, 0)))
    starts = phases(geometry)
    if starts and _pays((m, n), y, kernel.swapaxes(2, 3)):
        return _interleaved(folded, y, geometry, starts)
    return unfold_image(_convolve(y, folded), geometry)


def _interleaved(
    folded: Array, y: Array, geometry: Geometry, starts: list[list[tuple[int, int]]]
) -> Array:
    """Every stride's first pixels, its second ones, and so on, each by a convolution.

    No pixel is computed that the padding takes away, which on small images is a lot.
    """
    (s, t), (m, n) = geometry.stride, geometry.steps
    high, wide = geometry.image[0] // s, geometry.image[1] // t
    kernels = jnp.split(folded, s * t, axis=-1)
    rows = []
    for i, p in starts[0]:
        row = [
            _convolve(
                y[:, i : i + high + m - 1, j : j + wide + n - 1], kernels[p * t + q]
            )
            for j, q in starts[1]
        ]
        rows.append(jnp.stack(row, axis=3))
    x = jnp.stack(rows, axis=2)  # b h s w t c
    return x.reshape(-1, *geometry.image, x.shape[-1])


def _kernel(x: Array, y: Array, geometry: Geometry) -> Array:
    x = fold_image(x, geometry)
    if geometry.steps == (1, 1):
        flat = lambda x: x.reshape(-1, x.shape[-1])
        kernel = (flat(y).T @ flat(x)).T[None, None]
    elif _pays(geometry.steps, x, y):
        kernel = winograd.kernel(x, y)
    else:
        x, y = x.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3)
        kernel = _by_xla(x, y).transpose(1, 2, 0, 3)
    return unfold_kernel(kernel, geometry)


def _convolve(
    x: Float[Array, "b h w c"], kernel: Float[Array, "i j c d"]
) -> Float[Array, "b H W d"]:
    """Without padding, at stride 1."""
    if kernel.shape[:2] == (1, 1):
        return x @ kernel[0, 0]
    if _pays(kernel.shape[:2], x, kernel):
        return winograd.output(x, kernel)
    return _by_xla(x, kernel)


def _pays(size: tuple[int, ...], x: Array, other: Array) -> bool:
    """Whether minimal filtering does: small square kernels, many channels."""
    square = size[0] == size[1] and size[0] in winograd.FILTERS
    return square and min(x.shape[-1], other.shape[-1]) >= FEWEST


def _by_xla(x: Array, kernel: Array) -> Array:
    """XLA's own, which must not see how the kernel was made, lest it undo that."""
    kernel = jax.lax.optimization_barrier(kernel)
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "VALID", dimension_numbers=LAYOUT
    )


def _grouped(a: Array, b: Array, missing: int, geometry: Geometry) -> Array:
    """One convolution for each group, side by side in the channels."""
    g, alone = geometry.groups, geometry._replace(groups=1)
    each = zip(jnp.split(a, g, axis=-1), jnp.split(b, g, axis=-1), strict=True)
    parts = [by_products(x, y, missing=missing, geometry=alone) for x, y in each]
    return jnp.concatenate(parts, axis=-1)
