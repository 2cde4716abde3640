"""LPIPS as released: torchvision's AlexNet or VGG-16, and heads of the authors' code.

The weights of the networks are torchvision's `alexnet-owt-7be5be79.pth` and
`vgg16-397923af.pth`; the package `lpips` holds its heads, `weights/v0.1/alex.pth` and
`vgg.pth`. Layers behind the convolutions are left out.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from jaxtyping import Array, ArrayLike

from ganjax.errors import Mistake
from ganjax.models.lpips import ALEX, VGG16, Sight, lpips
from ganjax.released import tensors
from ganjax.released.names import CONV, Layout, Leaf, fit


VGG_LAST = "features.28.weight"  # which only VGG-16 has
UNREAD = tuple(f"classifier.{i}.{x}" for i in range(7) for x in ("weight", "bias"))
HEAD = Layout(lambda x: x.reshape(-1), lambda x: x.reshape(1, -1, 1, 1))
SMALLEST = 32  # pixels a side


def distance(network: str, heads: str) -> Callable[[ArrayLike, ArrayLike], Array]:
    """LPIPS of pairs of images [n, h, w, c] in -1..1, grey or RGB: [n], 0 where equal.

    `network` and `heads` are paths or URLs of weights; VGG-16's are told from AlexNet's by
    their names. It has gradients, and so may be `regularizers.reconstruction`'s distance.
    Raises a `Mistake` for other weights and for images that are too small.
    """
    seen = tensors.read(network)
    net = Sight(VGG16 if VGG_LAST in seen else ALEX)
    weights = load(seen, tensors.read(heads), net)
    look = jax.jit(partial(lpips, net))

    def apply(image: ArrayLike, other: ArrayLike) -> Array:
        image, other = jnp.asarray(image), jnp.asarray(other)
        if image.shape != other.shape or image.shape[-1] not in (1, 3):
            raise Mistake(
                "LPIPS compares grey or RGB images of one shape, not "
                f"{image.shape} and {other.shape}."
            )
        if min(image.shape[1:3]) < SMALLEST:
            raise Mistake(f"LPIPS needs sides of {SMALLEST} or more: {image.shape}.")
        return look(weights, image, other)

    return apply


def load(
    network: Mapping[str, np.ndarray], heads: Mapping[str, np.ndarray], net: Sight
) -> dict[str, Any]:
    """The weights of a network and of its heads; `Mistake`s as `names`."""
    image = jnp.zeros((1, 2 * SMALLEST, 2 * SMALLEST, 3))
    made = jax.eval_shape(net.init, jax.random.key(0), image)["params"]
    wanted = flatten_dict(made, sep="/")
    sight = fit(table(net), wanted, network, UNREAD)
    widths = [layer.features for layer in net.layers if layer.seen]
    named = {f"lin{i}.model.1.weight": Leaf(str(i), HEAD) for i in range(len(widths))}
    shapes = {
        str(i): jax.ShapeDtypeStruct((c,), jnp.float32) for i, c in enumerate(widths)
    }
    found = fit(named, shapes, heads, ())
    return {"sight": sight, "heads": [found[leaf.path] for leaf in named.values()]}


def table(net: Sight) -> dict[str, Leaf]:
    """Torchvision's tensors: convolutions stand in a row with their ReLUs and maxima."""
    found, place = {}, 0
    for i, layer in enumerate(net.layers):
        place += bool(layer.pool)
        found[f"features.{place}.weight"] = Leaf(f"Conv_{i}/kernel", CONV)
        found[f"features.{place}.bias"] = Leaf(f"Conv_{i}/bias")
        place += 2
    return found
