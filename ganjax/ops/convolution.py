"""Convolutions with derivatives of any order that are fast on CPUs, too.

A convolution x * w defines one multilinear form, <y, x * w>, of images x, a kernel w and
outputs y. Its gradient with respect to any of the three is a function of the other two:
for y the convolution itself, for x the transposed convolution, for w the gradient that
trains the kernel. All derivatives, of any order, forward and reverse, are these three
functions again. So there is a single JAX primitive, `conv_form`, whose parameter `missing`
tells which of the three it computes from the other two, which come in the order x, w, y.

How it is computed is decided when it is lowered. On CPUs it is matrix products
(`ganjax.ops.products`), as XLA's own gradients are slow there, above all inside a loop of
steps. Elsewhere it is XLA's convolution.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial

import flax.linen as nn
import jax
import jax.extend
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from ganjax.ops import products
from ganjax.ops.geometry import IMAGE, KERNEL, LAYOUT, OUTPUT, Geometry, Padding


NO_PADDING = ((0, 0), (0, 0))
# A function (images [b, h, w, c], kernel [k, k, c, d]) -> images [b, H, W, d].
ConvFn = Callable[[Array, Array], Array]


def conv(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "i j c_g d"],
    padding: Padding,
    stride: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Float[Array, "b H W d"]:
    """Computes the convolution (cross-correlation) of zero-padded images with a kernel.

    Args:
        x: Images.
        kernel: A kernel of i x j pixels, c / groups input and d output channels.
        padding: Zeros before and after the rows, then before and after the columns.
        stride: The step between outputs, along rows and columns.
        groups: The number of groups of channels; an output channel depends on the input
            channels of its own group only, as with XLA's `feature_group_count`.

    Returns:
        The outputs, of sides (h + padding - i) // stride + 1.
    """
    image = _pair(x.shape[1:3])
    geometry = Geometry(image, _pair(kernel.shape[:2]), padding, stride, groups)
    return form_p.bind(x, kernel, missing=OUTPUT, geometry=geometry)


def conv_transpose(
    y: Float[Array, "b h w d"],
    kernel: Float[Array, "i j c_g d"],
    padding: Padding,
    stride: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Float[Array, "b H W c"]:
    """Computes the transpose of `conv` with the same kernel, padding, stride and groups.

    Args:
        y: Images of the shape of the outputs of `conv`.
        kernel: The kernel of the convolution that is transposed: its last axis counts the
            channels of y.
        padding: The padding of that convolution, which is cut off here.
        stride: Its stride.
        groups: Its number of groups.

    Returns:
        Images of the shape of the images of `conv`. Where several sizes have outputs of the
        size of y, it is the smallest: sides are (h - 1) stride + i - padding.
    """
    size = _pair(kernel.shape[:2])
    axes = zip(y.shape[1:3], stride, size, padding, strict=True)
    image = _pair([(n - 1) * s + k - sum(pad) for n, s, k, pad in axes])
    geometry = Geometry(image, size, padding, stride, groups)
    return form_p.bind(kernel, y, missing=IMAGE, geometry=geometry)


def same_padding(size: int) -> tuple[int, int]:
    """Returns the padding with which a kernel of `size` pixels keeps a side's length."""
    return ((size - 1) // 2, size // 2)


def conv_same(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b h w d"]:
    """Computes the convolution with the padding that keeps the sides of the images."""
    side = same_padding(len(kernel))
    return conv(x, kernel, (side, side))


def conv_valid(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """Computes the convolution without padding; sides become shorter by k - 1."""
    return conv(x, kernel, NO_PADDING)


def conv_pad1(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """Computes the convolution with padding 1; a kernel of 4x4 takes a pixel off."""
    return conv(x, kernel, ((1, 1), (1, 1)))


class Conv(nn.Module):
    """A layer of a square convolution, by default with a bias and with sides kept.

    Attributes:
        features: The number of output channels.
        size: The side of the kernel in pixels.
        use_bias: Whether a bias is added.
        kernel_init: The initializer of the kernel [size, size, c, features].
        conv_fn: The convolution itself, which sets padding and stride.
    """

    features: int
    size: int = 3
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    conv_fn: ConvFn = conv_same

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        x = self.conv_fn(x, kernel)
        if not self.use_bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.reshape(1, 1, 1, -1)


def _pair(sides: Sequence[int]) -> tuple[int, int]:
    height, width = sides
    return height, width


def _output_aval(a, b, *, missing, geometry, batch_axes=0):
    """Returns the shape and type of the missing array, after axes added by `vmap`."""
    batch = a.shape[:batch_axes]
    a_shape = a.shape[batch_axes:]
    b_shape = b.shape[batch_axes:]
    if missing == OUTPUT:
        shape = (a_shape[0], *geometry.output, b_shape[-1])
    elif missing == IMAGE:
        shape = (b_shape[0], *geometry.image, a_shape[2] * geometry.groups)
    else:
        # The kernel has the input channels of one group only.
        shape = (*geometry.kernel, a_shape[-1] // geometry.groups, b_shape[-1])
    return ShapedArray((*batch, *shape), jnp.result_type(a, b))


def _xla_conv(a, b, *, missing, geometry):
    run = partial(
        jax.lax.conv_general_dilated,
        window_strides=geometry.stride,
        padding=geometry.padding,
        feature_group_count=geometry.groups,
        dimension_numbers=LAYOUT,
    )
    if missing == OUTPUT:
        return run(a, b)
    aval = _output_aval(a, b, missing=missing, geometry=geometry)
    if missing == IMAGE:
        return jax.linear_transpose(lambda x: run(x, a), aval)(b)[0]
    return jax.linear_transpose(lambda w: run(a, w), aval)(b)[0]


def _lower_default(a, b, *, missing, geometry, batch_axes=0):
    # Under `vmap` XLA would make a grouped convolution, which is slow.
    compute = products.by_patches if batch_axes else _xla_conv
    return _vmapped(compute, batch_axes, a, b, missing=missing, geometry=geometry)


def _lower_cpu(a, b, *, missing, geometry, batch_axes=0):
    compute = products.by_patches if batch_axes else products.by_products
    # CPUs do not multiply numbers of 16 bits, so these are computed in float32.
    dtype = jnp.result_type(a, b)
    a, b = (x.astype(jnp.promote_types(x.dtype, jnp.float32)) for x in (a, b))
    out = _vmapped(compute, batch_axes, a, b, missing=missing, geometry=geometry)
    return out.astype(dtype)


def _vmapped(compute, batch_axes, a, b, **params):
    run = partial(compute, **params)
    for _ in range(batch_axes):
        run = jax.vmap(run)
    return run(a, b)


def _transpose(operand, ct, a, b, *, missing, geometry, batch_axes=0):
    """Returns the gradient by one operand: the same form with that operand missing."""
    # The cotangent takes the place of the array that was computed, and the operand that is
    # differentiated by becomes the missing one.
    roles = [role for role in (IMAGE, KERNEL, OUTPUT) if role != missing]
    arrays = {missing: ct, roles[1 - operand]: (a, b)[1 - operand]}
    pair = [arrays[role] for role in sorted(arrays)]
    return form_p.bind(
        *pair, missing=roles[operand], geometry=geometry, batch_axes=batch_axes
    )


def _batch(args, axes, *, missing, geometry, batch_axes=0):
    """Defines `vmap`: where all share one kernel, the new axis joins that of the images."""
    size = next(x.shape[i] for x, i in zip(args, axes, strict=True) if i is not None)
    roles = [role for role in (IMAGE, KERNEL, OUTPUT) if role != missing]
    bind = partial(form_p.bind, missing=missing, geometry=geometry)
    shared = [role for role, axis in zip(roles, axes, strict=True) if axis is None]
    if shared == [KERNEL] and not batch_axes:
        folded = []
        for x, axis in zip(args, axes, strict=True):
            if axis is not None:
                x = jnp.moveaxis(x, axis, 0)
                x = x.reshape(-1, *x.shape[2:])
            folded.append(x)
        out = bind(*folded)
        return out.reshape(size, -1, *out.shape[1:]), 0
    # Otherwise the form gains one more leading axis on both of its operands.
    stacked = [
        jnp.broadcast_to(x, (size, *x.shape))
        if axis is None
        else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(args, axes, strict=True)
    ]
    return bind(*stacked, batch_axes=batch_axes + 1), 0


def _eager(a, b, **params):
    # The form has to be compiled even under `jax.disable_jit`.
    with jax.disable_jit(False):
        return _compiled(tuple(sorted(params.items())))(a, b)


@cache
def _compiled(params):
    return jax.jit(partial(form_p.bind, **dict(params)))


# The rules of the primitive: evaluation, shapes, derivatives, `vmap` and lowering.
form_p = jax.extend.core.Primitive("conv_form")
form_p.def_impl(_eager)
form_p.def_abstract_eval(_output_aval)
ad.defbilinear(form_p, partial(_transpose, 0), partial(_transpose, 1))
batching.primitive_batchers[form_p] = _batch
mlir.register_lowering(form_p, mlir.lower_fun(_lower_default, multiple_results=False))
mlir.register_lowering(
    form_p, mlir.lower_fun(_lower_cpu, multiple_results=False), "cpu"
)
