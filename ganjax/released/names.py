"""Which tensor of a released program is which leaf of a network, there and back."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array

from ganjax.errors import Mistake


Tensors = dict[str, np.ndarray]  # by the names of a released program


class Layout(NamedTuple):
    """How a tensor's axes stand there and here."""

    ours: Callable[[np.ndarray], np.ndarray]  # theirs -> ours
    theirs: Callable[[np.ndarray], np.ndarray]


def axes(*order: int) -> Layout:
    """Ours has their axes in this order."""
    back = tuple(np.argsort(order))
    return Layout(partial(np.transpose, axes=order), partial(np.transpose, axes=back))


PLAIN = Layout(lambda x: x, lambda x: x)
DENSE = axes(1, 0)  # [out, in] -> [in, out]
CONV = axes(2, 3, 1, 0)  # OIHW -> HWIO
IMAGE = axes(1, 2, 0)  # CHW -> HWC


def flattened(channels: int, height: int, width: int) -> Layout:
    """A dense layer's weight on images that were made one row: CHW there, HWC here."""
    here, there = (height, width, channels), (channels, height, width)

    def ours(x):
        return x.reshape(-1, *there).transpose(2, 3, 1, 0).reshape(-1, len(x))

    def theirs(x):
        return x.T.reshape(-1, *here).transpose(0, 3, 1, 2).reshape(x.shape[1], -1)

    return Layout(ours, theirs)


def images(channels: int, height: int, width: int) -> Layout:
    """What a dense layer puts out, [CHW, ...] there, to be made images: [..., HWC]."""

    def ours(x):
        x = x.reshape(channels, height, width, *x.shape[1:])
        return np.moveaxis(x, (1, 2, 0), (-3, -2, -1)).reshape(*x.shape[3:], -1)

    def theirs(x):
        x = x.reshape(*x.shape[:-1], height, width, channels)
        x = np.moveaxis(x, (-1, -3, -2), (0, 1, 2))
        return x.reshape(channels * height * width, *x.shape[3:])

    return Layout(ours, theirs)


def then(first: Layout, second: Layout) -> Layout:
    """`first` on the way to ours, then `second`."""
    return Layout(
        lambda x: second.ours(first.ours(x)), lambda x: first.theirs(second.theirs(x))
    )


ROW = Layout(lambda x: x[0], lambda x: x[None])  # [1, n] -> [n]
TABLE = Layout(lambda x: x[None], lambda x: x[0])  # [n] -> [1, n], of no classes
GAIN = Layout(lambda x: x[None] - 1, lambda x: x[0] + 1)  # less one here


class Leaf(NamedTuple):
    """A leaf of our variables, and how its tensor is laid out there."""

    path: str  # "params/Conv_0/kernel"
    layout: Layout = PLAIN


class Released(NamedTuple):
    """A network of ours that is a released one."""

    net: nn.Module
    shape: tuple[int, ...] | list[tuple[int, ...]]  # of one input, or of a list of them
    table: Mapping[str, Leaf]  # by their names
    constant: tuple[str, ...] = ()  # how names end of what is no weight


def layer(there: str, here: str, layout: Layout, bias: bool = True) -> dict[str, Leaf]:
    """The table of one layer's weight and bias."""
    table = {f"{there}.weight": Leaf(f"params/{here}/kernel", layout)}
    if bias:
        table[f"{there}.bias"] = Leaf(f"params/{here}/bias")
    return table


def batch_norm(there: str, here: str) -> dict[str, Leaf]:
    """The table of PyTorch's batch norm and of ours, without classes."""
    return averages(there, here) | {
        f"{there}.weight": Leaf(f"params/{here}/gain", GAIN),
        f"{there}.bias": Leaf(f"params/{here}/bias", TABLE),
    }


def averages(there: str, here: str) -> dict[str, Leaf]:
    """The table of what a batch norm remembers."""
    return {
        f"{there}.running_{name}": Leaf(f"batch_stats/{here}/BatchNorm_0/{name}")
        for name in ("mean", "var")
    }


def inputs(released: Released, make: Callable[[tuple[int, ...]], Array]) -> Any:
    """What the network is given, of what is made for each shape."""
    shape: Any = released.shape
    return [make(x) for x in shape] if isinstance(shape, list) else make(shape)


def shapes(released: Released) -> dict[str, Any]:
    """What the network's variables are: their shapes and types, by path."""
    key, init = jax.random.key(0), partial(released.net.init, train=False)
    x = inputs(released, lambda shape: jnp.zeros((1, *shape)))
    made = jax.eval_shape(init, key, x, jnp.zeros(1, jnp.int32))
    return flatten_dict(made, sep="/")


def load(released: Released, given: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The network's variables from the tensors of a released one.

    A `Mistake` names the first that is missing, of another shape, or unknown.
    """
    return fit(released.table, shapes(released), given, released.constant)


def fit(
    table: Mapping[str, Leaf],
    wanted: Mapping[str, Any],
    given: Mapping[str, np.ndarray],
    constant: tuple[str, ...],
) -> dict[str, Any]:
    """The leaves of a table, whose shapes and types by path are `wanted`, as a tree."""
    for name in sorted(table.keys() - given.keys()):
        raise Mistake(f"The weights have no tensor {name}: are they of this network?")
    for name in sorted(given.keys() - table.keys()):
        if not name.endswith(constant or "\0"):
            raise Mistake(f"The weights have a tensor {name} that this network lacks.")
    found = {}
    for name, leaf in table.items():
        array, here = np.asarray(given[name]), wanted[leaf.path]
        wants = shape_there(leaf, here.shape)
        if array.shape != wants:
            raise Mistake(
                f"{name} is {list(array.shape)}, and {list(wants)} in this network: were "
                "the weights made at another size or width?"
            )
        found[leaf.path] = jnp.asarray(leaf.layout.ours(array), here.dtype)
    return unflatten_dict(found, sep="/")


def shape_there(leaf: Leaf, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the tensor that a leaf of `shape` is."""
    return leaf.layout.theirs(np.zeros(shape)).shape


def dump(released: Released, variables: Mapping[str, Any]) -> Tensors:
    """The network's variables under the released program's names and layouts."""
    flat = flatten_dict(dict(variables), sep="/")
    back = lambda leaf: leaf.layout.theirs(np.asarray(flat[leaf.path]))
    return {
        name: np.asarray(back(leaf), order="C") for name, leaf in released.table.items()
    }
