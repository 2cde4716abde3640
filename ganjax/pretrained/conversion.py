"""Conversion between a released program's tensors and the variables of a network.

The programs are PyTorch's, or named like them. Their tensors have names such as
"layer1.conv.weight"; the variables of a Flax network are a tree whose leaves have paths
such as "params/Conv_0/kernel". A table maps each name to a `Leaf`: the path, and the
`Layout` that converts the array, whose axes often differ. For example PyTorch stores the
kernel of a convolution as [out, in, height, width] and Flax as [height, width, in, out].

The modules of this package build the tables, by the functions `layer`, `batch_norm` and
others below. In them `theirs` is the beginning of a name in the released program, and
`ours` that of a path in the network.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array

from ganjax.errors import UsageError


Tensors = dict[str, np.ndarray]  # by the names of a released program


class Layout(NamedTuple):
    """How a tensor is converted: two functions, each the inverse of the other."""

    to_ours: Callable[[np.ndarray], np.ndarray]
    to_theirs: Callable[[np.ndarray], np.ndarray]


def permuted(*order: int) -> Layout:
    """Returns the layout whose axes in ganjax are the program's axes in this order."""
    inverse = tuple(np.argsort(order))
    return Layout(
        partial(np.transpose, axes=order), partial(np.transpose, axes=inverse)
    )


def flattened_input(channels: int, height: int, width: int) -> Layout:
    """Returns the layout of a dense kernel whose input is a flattened image.

    The program flattens images as [c, h, w], ganjax as [h, w, c].
    """

    def to_ours(x):
        x = x.reshape(-1, channels, height, width)  # [out, c, h, w]
        return x.transpose(2, 3, 1, 0).reshape(-1, len(x))

    def to_theirs(x):
        x = x.T.reshape(-1, height, width, channels)  # [out, h, w, c]
        return x.transpose(0, 3, 1, 2).reshape(len(x), -1)

    return Layout(to_ours, to_theirs)


def flattened_output(channels: int, height: int, width: int) -> Layout:
    """Returns the layout of a dense layer whose output is reshaped to an image.

    It is for the kernel, [chw, in] in the program and [in, hwc] here, and for the bias.
    """

    def to_ours(x):
        # [c, h, w, in] -> [in, h, w, c]; the axis `in` is missing for a bias.
        x = x.reshape(channels, height, width, *x.shape[1:])
        return np.moveaxis(x, (1, 2, 0), (-3, -2, -1)).reshape(*x.shape[3:], -1)

    def to_theirs(x):
        x = x.reshape(*x.shape[:-1], height, width, channels)
        x = np.moveaxis(x, (-1, -3, -2), (0, 1, 2))
        return x.reshape(channels * height * width, *x.shape[3:])

    return Layout(to_ours, to_theirs)


def compose(first: Layout, second: Layout) -> Layout:
    """Returns the layout that applies `first`, then `second`, on the way to ours."""
    return Layout(
        lambda x: second.to_ours(first.to_ours(x)),
        lambda x: first.to_theirs(second.to_theirs(x)),
    )


PLAIN = Layout(lambda x: x, lambda x: x)
DENSE = permuted(1, 0)  # [out, in] -> [in, out]
CONV = permuted(2, 3, 1, 0)  # OIHW -> HWIO
TRANSPOSED_CONV = permuted(2, 3, 0, 1)  # IOHW -> HWIO
IMAGE = permuted(1, 2, 0)  # CHW -> HWC
# A dense layer that is a 1x1 convolution here: [out, in] -> [1, 1, in, out].
POINTWISE = Layout(lambda x: x.T[None, None], lambda x: x[0, 0].T)
ROW = Layout(lambda x: x[0], lambda x: x[None])  # [1, n] -> [n]
# Norms have a table with a row for each class, or a single row: [n] -> [1, n].
TABLE = Layout(lambda x: x[None], lambda x: x[0])
# The table of gains holds their differences from one.
GAIN = Layout(lambda x: x[None] - 1, lambda x: x[0] + 1)


class Leaf(NamedTuple):
    """A variable of our network, and the layout of its tensor in the program.

    Attributes:
        path: the path in the tree of variables, such as "params/Conv_0/kernel".
        layout: how the tensor is converted.
    """

    path: str
    layout: Layout = PLAIN


class Released(NamedTuple):
    """A network of ganjax that has the architecture of a released one.

    Attributes:
        net: the network.
        input_shape: shape of one example of its input, or a list of shapes for a network
            whose input is a list.
        table: which variable each tensor of the program is, by the tensors' names.
        ignored: suffixes of the names of tensors that are not weights, such as counters.
    """

    net: nn.Module
    input_shape: tuple[int, ...] | list[tuple[int, ...]]
    table: Mapping[str, Leaf]
    ignored: tuple[str, ...] = ()


def layer(theirs: str, ours: str, layout: Layout, bias: bool = True) -> dict[str, Leaf]:
    """Returns the table of a layer's kernel and, if `bias` is true, of its bias."""
    table = {f"{theirs}.weight": Leaf(f"params/{ours}/kernel", layout)}
    if bias:
        table[f"{theirs}.bias"] = Leaf(f"params/{ours}/bias")
    return table


def batch_norm(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of PyTorch's batch norm and `BatchNorm`, without classes."""
    return running_averages(theirs, ours) | {
        f"{theirs}.weight": Leaf(f"params/{ours}/gain", GAIN),
        f"{theirs}.bias": Leaf(f"params/{ours}/bias", TABLE),
    }


def running_averages(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of a batch norm's running mean and variance."""
    return {
        f"{theirs}.running_{name}": Leaf(f"batch_stats/{ours}/BatchNorm_0/{name}")
        for name in ("mean", "var")
    }


def make_inputs(released: Released, make: Callable[[tuple[int, ...]], Array]) -> Any:
    """Returns an input of the network, of arrays that `make` returns for a shape.

    The shapes are those of one example, so `make` adds the batch axis.
    """
    shape: Any = released.input_shape
    return [make(x) for x in shape] if isinstance(shape, list) else make(shape)


def variable_shapes(released: Released) -> dict[str, Any]:
    """Returns the shapes and types of the network's variables, by their paths."""
    init = partial(released.net.init, train=False)
    x = make_inputs(released, lambda shape: jnp.zeros((1, *shape)))
    # Only shapes are computed, since initial weights would be overwritten.
    variables = jax.eval_shape(init, jax.random.key(0), x, jnp.zeros(1, jnp.int32))
    shapes: Any = flatten_dict(variables, sep="/")
    return shapes


def load(released: Released, given: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the network's variables, made of a released program's tensors.

    Args:
        released: the network, as a function of one of this package's modules returns it.
        given: the program's tensors by name, such as `tensors.read` returns.

    Returns:
        The variables to pass to `released.net.apply`.

    Raises:
        UsageError: a tensor is missing, unknown, or of another shape; it is named.
    """
    return assemble(released.table, variable_shapes(released), given, released.ignored)


def assemble(
    table: Mapping[str, Leaf],
    wanted: Mapping[str, Any],
    given: Mapping[str, np.ndarray],
    ignored: tuple[str, ...],
) -> dict[str, Any]:
    """Returns the tree of variables of a table, made of a program's tensors.

    Args:
        table: which variable each tensor is.
        wanted: shapes and types of the variables, by path.
        given: the program's tensors by name.
        ignored: suffixes of the names of tensors that may be given without being in the
            table.

    Raises:
        UsageError: a tensor is missing, unknown, or of another shape; it is named.
    """
    # Of several errors always the same one is raised: the first name in sorted order.
    missing = sorted(table.keys() - given.keys())
    if missing:
        raise UsageError(
            f"The weights have no tensor {missing[0]}: are they of this network?"
        )
    unknown = sorted(
        name for name in given.keys() - table.keys() if not name.endswith(ignored)
    )
    if unknown:
        raise UsageError(
            f"The weights have a tensor {unknown[0]} that this network lacks."
        )
    leaves = {}
    for name, leaf in table.items():
        array = np.asarray(given[name])
        ours = wanted[leaf.path]
        # Errors speak of shapes in the program, which the user can compare with the file.
        shape = released_shape(leaf, ours.shape)
        if array.shape != shape:
            raise UsageError(
                f"{name} is {list(array.shape)}, and {list(shape)} in this network: were "
                "the weights made at another size or width?"
            )
        leaves[leaf.path] = jnp.asarray(leaf.layout.to_ours(array), ours.dtype)
    return unflatten_dict(leaves, sep="/")


def released_shape(leaf: Leaf, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape in the released program of a variable of `shape`."""
    return leaf.layout.to_theirs(np.zeros(shape)).shape


def dump(released: Released, variables: Mapping[str, Any]) -> Tensors:
    """Returns the network's variables as the tensors of the released program.

    It is the inverse of `load`; `tensors.write` writes them to a file.

    Args:
        released: the network, as a function of one of this package's modules returns it.
        variables: the variables of `released.net`.
    """
    flat = flatten_dict(dict(variables), sep="/")
    return {
        # `to_theirs` may return a view in another order, and files store contiguous arrays.
        name: np.asarray(leaf.layout.to_theirs(np.asarray(flat[leaf.path])), order="C")
        for name, leaf in released.table.items()
    }
