"""Convolution as one form, <y, x * w>, linear in images x, kernel w and outputs y.

Its gradient by any of the three is a function of the other two: by y the convolution,
by x the transposed convolution, by w the gradient that trains the kernel. So all
derivatives, of any order, forward and reverse, are the same three again, and how each
is computed is chosen where it is lowered: on a CPU by the products of `products`, as
XLA's own are slow there, above all inside a loop of steps; elsewhere by XLA.
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

from ganjax.models import products
from ganjax.models.geometry import IMAGE, KERNEL, LAYOUT, OUTPUT, Geometry, Padding


def conv(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "i j c_g d"],
    padding: Padding,
    stride: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Float[Array, "b H W d"]:
    """The convolution (correlation) of zero-padded images with a kernel.

    `groups` divides the channels: output channel k sees the c / groups input channels of
    its own group alone, as XLA's `feature_group_count` has it.
    """
    image, size = _pair(x.shape[1:3]), _pair(kernel.shape[:2])
    geometry = Geometry(image, size, padding, stride, groups)
    return form_p.bind(x, kernel, missing=OUTPUT, geometry=geometry)


def conv_transpose(
    y: Float[Array, "b h w d"],
    kernel: Float[Array, "i j c_g d"],
    padding: Padding,
    stride: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Float[Array, "b H W c"]:
    """The transpose of `conv` with the same arguments: it gives images to outputs.

    The images are as large as they can be to be given outputs of this size.
    """
    size = _pair(kernel.shape[:2])
    spans = zip(y.shape[1:3], stride, size, padding, strict=True)
    image = _pair([(n - 1) * s + k - sum(pad) for n, s, k, pad in spans])
    geometry = Geometry(image, size, padding, stride, groups)
    return form_p.bind(kernel, y, missing=IMAGE, geometry=geometry)


def same(size: int) -> tuple[int, int]:
    """The padding that keeps a side as it is under a kernel of `size`."""
    return ((size - 1) // 2, size // 2)


def keep(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b h w d"]:
    """The convolution that keeps the images' sides."""
    return conv(x, kernel, (same(len(kernel)), same(len(kernel))))


class Conv(nn.Module):
    """A square convolution, with a bias and as large as its images by default.

    `by` is what it does with images and a kernel [k, k, c, d].
    """

    features: int
    size: int = 3
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    by: Callable[[Array, Array], Array] = keep

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        x = self.by(x, kernel)
        if not self.use_bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.reshape(1, 1, 1, -1)


def _pair(sides: Sequence[int]) -> tuple[int, int]:
    height, width = sides
    return height, width


def _shape(a, b, *, missing, geometry, lead=0):
    """The shape of the missing array; the first `lead` axes count problems."""
    batch, (a_shape, b_shape) = a.shape[:lead], (x.shape[lead:] for x in (a, b))
    if missing == OUTPUT:
        shape = (a_shape[0], *geometry.output, b_shape[-1])
    elif missing == IMAGE:
        shape = (b_shape[0], *geometry.image, a_shape[2] * geometry.groups)
    else:
        shape = (*geometry.size, a_shape[-1] // geometry.groups, b_shape[-1])
    return ShapedArray((*batch, *shape), jnp.result_type(a, b))


def _by_xla(a, b, *, missing, geometry):
    run = partial(
        jax.lax.conv_general_dilated,
        window_strides=geometry.stride,
        padding=geometry.padding,
        feature_group_count=geometry.groups,
        dimension_numbers=LAYOUT,
    )
    if missing == OUTPUT:
        return run(a, b)
    like = _shape(a, b, missing=missing, geometry=geometry)
    if missing == IMAGE:
        return jax.linear_transpose(lambda x: run(x, a), like)(b)[0]
    return jax.linear_transpose(lambda w: run(a, w), like)(b)[0]


def _elsewhere(a, b, *, missing, geometry, lead=0):
    by = products.by_patches if lead else _by_xla  # XLA's would become a grouped one
    return _each(by, lead, a, b, missing=missing, geometry=geometry)


def _on_cpu(a, b, *, missing, geometry, lead=0):
    by = products.by_patches if lead else products.by_products
    short = jnp.result_type(a, b)  # a CPU multiplies no halves, but it can add them up
    a, b = (x.astype(jnp.promote_types(x.dtype, jnp.float32)) for x in (a, b))
    return _each(by, lead, a, b, missing=missing, geometry=geometry).astype(short)


def _each(by, lead, a, b, **params):
    run = partial(by, **params)
    for _ in range(lead):
        run = jax.vmap(run)
    return run(a, b)


def _transpose(which, ct, a, b, *, missing, geometry, lead=0):
    """The gradient by one operand: the form with that one missing instead."""
    roles = [role for role in (IMAGE, KERNEL, OUTPUT) if role != missing]
    wanted, known = roles[which], (a, b)[1 - which]
    arrays = {missing: ct, roles[1 - which]: known}
    pair = [arrays[role] for role in sorted(arrays)]
    return form_p.bind(*pair, missing=wanted, geometry=geometry, lead=lead)


def _batch(args, axes, *, missing, geometry, lead=0):
    """Many problems at once, folded into the images where all share one kernel."""
    size = next(x.shape[i] for x, i in zip(args, axes, strict=True) if i is not None)
    roles = [role for role in (IMAGE, KERNEL, OUTPUT) if role != missing]
    first = [
        None if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(args, axes, strict=True)
    ]
    bind = partial(form_p.bind, missing=missing, geometry=geometry)
    alone = [role for role, x in zip(roles, first, strict=True) if x is None]
    if alone == [KERNEL] and not lead:
        fold = lambda x: x.reshape(-1, *x.shape[2:])
        pairs = zip(args, first, strict=True)
        out = bind(*[x if many is None else fold(many) for x, many in pairs])
        return out.reshape(size, -1, *out.shape[1:]), 0
    repeat = lambda x: jnp.broadcast_to(x, (size, *x.shape))
    pairs = zip(args, first, strict=True)
    stacked = [repeat(x) if many is None else many for x, many in pairs]
    return bind(*stacked, lead=lead + 1), 0


def _eager(a, b, **params):
    with jax.disable_jit(False):  # what `jax.disable_jit` runs one by one ends in this
        return _compiled(tuple(sorted(params.items())))(a, b)


@cache
def _compiled(params):
    return jax.jit(partial(form_p.bind, **dict(params)))


form_p = jax.extend.core.Primitive("conv_form")
form_p.def_impl(_eager)
form_p.def_abstract_eval(_shape)
ad.defbilinear(form_p, partial(_transpose, 0), partial(_transpose, 1))
batching.primitive_batchers[form_p] = _batch
for by, platform in ((_elsewhere, None), (_on_cpu, "cpu")):
    mlir.register_lowering(form_p, mlir.lower_fun(by, multiple_results=False), platform)
