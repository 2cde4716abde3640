"""A Vision Transformer that is DINOv2, CLIP, MAE or SigLIP, a frozen network.

These networks (Oquab et al., 2023; Radford et al., 2021; He et al., 2022; Zhai et al.,
2023) are one architecture (Dosovitskiy et al., 2021) with a few differences, which are the
fields of `ViT`. The values below are released networks: `DINOV2_L`, `CLIP_L14`, `MAE_L` and
so on.

Weights are read under the names of timm, whose repositories on the Hugging Face Hub have
them as safetensors; of the authors of DINOv2 and MAE, whose names are the same but for a
few tensors; and of OpenAI's CLIP. A SigLIP 2 of a fixed size has SigLIP's architecture.

    where = vit.DINOV2_L_ADDRESS
    features = vit.features(where, vit.DINOV2_L, pytorch_bicubic(224), IMAGENET)
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from jaxtyping import Array, Float

from ganjax.core import PyTree
from ganjax.errors import UsageError
from ganjax.evaluation.feature_network import feature_network
from ganjax.evaluation.features import Features
from ganjax.evaluation.preprocessing import Normalization, Preprocessing
from ganjax.pretrained import tensors
from ganjax.pretrained.conversion import DENSE, Layout, Leaf, assemble


# The authors' weights of DINOv2's ViT-L/14, and of MAE's ViT-L/16, a part "model".
DINOV2_L_ADDRESS = (
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth"
)
DINOV2_L_SHA256 = "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428"
MAE_L_ADDRESS = "https://dl.fbaipublicfiles.com/mae/pretrain/mae_pretrain_vit_large.pth"

# Tensors of the authors' files that have no part in the features: DINOv2's token for masked
# patches, and MAE's decoder.
IGNORED = ("mask_token",)
# A convolution whose stride is its size, OIHW, is a dense layer of flattened patches, HWIO.
PATCHES = Layout(
    lambda x: x.transpose(2, 3, 1, 0).reshape(-1, len(x)),
    lambda x: _as_convolution(x),
)
TOKEN = Layout(lambda x: x[0, 0], lambda x: x[None, None])  # [1, 1, c] -> [c]
POSITIONS = Layout(lambda x: x[0], lambda x: x[None])  # [1, n, c] -> [n, c]
SMALL_INIT = nn.initializers.normal(0.02)
BATCH = 32  # images that `features` computes at once


def quick_gelu(x: Array) -> Array:
    """Returns x sigmoid(1.702 x), the approximation of GELU that CLIP has."""
    return x * jax.nn.sigmoid(1.702 * x)


gelu = partial(jax.nn.gelu, approximate=False)


class ViT(nn.Module):
    """Maps normalized RGB images to one vector each.

    The vector is the class token after the last norm, or where there is none, what an
    attention-pooling head makes of all patches.

    Attributes:
        width: features of a token.
        depth: number of blocks.
        heads: attention heads.
        patch: side of a patch in pixels.
        grid: patches along a side of the images that the positions were learned for. For
            images of another size the positions are interpolated as DINOv2's authors do.
        hidden: features between the two dense layers of a block; 0 for 4 `width`.
        activation: the nonlinearity between them.
        is_gated: whether it is a SwiGLU (Shazeer, 2020), as in DINOv2's ViT-g: the first
            layer has then twice the features, and `activation`'s half multiplies the other.
        has_layer_scale: whether what a block adds is multiplied by a gain for each feature
            (Touvron et al., 2021), as in DINOv2.
        has_first_norm: whether there is a norm before the first block, and the patches'
            layer has no bias, as in CLIP.
        has_class_token: whether the features are a class token's; else they are a
            head's that pools by attention, as in SigLIP.
        projection: features of a last dense layer, as in CLIP; 0 for none.
        epsilon: what is added to the variances of the norms.
    """

    width: int
    depth: int
    heads: int
    patch: int
    grid: int
    hidden: int = 0
    activation: Callable[[Array], Array] = gelu
    is_gated: bool = False
    has_layer_scale: bool = False
    has_first_norm: bool = False
    has_class_token: bool = True
    projection: int = 0
    epsilon: float = 1e-6

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Float[Array, "b f"]:
        use_bias = not self.has_first_norm
        x = _patches(image, self.patch)
        rows, columns = x.shape[1:3]
        x = nn.Dense(self.width, use_bias=use_bias, name="patch_embed")(x)
        x = x.reshape(len(x), rows * columns, self.width)

        count = self.grid**2 + self.has_class_token
        learned = self.param("pos_embed", SMALL_INIT, (count, self.width))
        positions = learned[int(self.has_class_token) :]
        x = x + _interpolated(positions, self.grid, rows, columns)[None]
        if self.has_class_token:
            # The class token has a position of its own, the first.
            token = self.param("cls_token", SMALL_INIT, (self.width,)) + learned[0]
            tokens = jnp.broadcast_to(token, (len(x), 1, self.width))
            x = jnp.concatenate([tokens, x], 1)

        norm = partial(nn.LayerNorm, epsilon=self.epsilon)
        if self.has_first_norm:
            x = norm(name="norm_pre")(x)
        for i in range(self.depth):
            x = self._block(x, f"blocks_{i}")
        x = norm(name="norm")(x)
        x = x[:, 0] if self.has_class_token else self._pooled(x)
        return nn.Dense(self.projection, name="head")(x) if self.projection else x

    def _block(self, x: Float[Array, "b n c"], name: str) -> Float[Array, "b n c"]:
        """Adds attention, and then two dense layers, each after a norm."""
        h = nn.LayerNorm(epsilon=self.epsilon, name=f"{name}_norm1")(x)
        q, k, v = jnp.split(nn.Dense(3 * self.width, name=f"{name}_qkv")(h), 3, -1)
        h = _attention(q, k, v, self.heads)
        h = nn.Dense(self.width, name=f"{name}_proj")(h)
        x = x + self._scaled(h, f"{name}_ls1")

        h = nn.LayerNorm(epsilon=self.epsilon, name=f"{name}_norm2")(x)
        return x + self._scaled(self._dense(h, name), f"{name}_ls2")

    def _scaled(self, x: Float[Array, "b n c"], name: str) -> Float[Array, "b n c"]:
        return _LayerScale(name=name)(x) if self.has_layer_scale else x

    def _dense(self, x: Float[Array, "... c"], name: str) -> Float[Array, "... c"]:
        hidden = self.hidden or 4 * self.width
        first = 2 * hidden if self.is_gated else hidden
        x = nn.Dense(first, name=f"{name}_fc1")(x)
        if self.is_gated:
            gate, x = jnp.split(x, 2, -1)
            x = self.activation(gate) * x
        else:
            x = self.activation(x)
        return nn.Dense(self.width, name=f"{name}_fc2")(x)

    def _pooled(self, x: Float[Array, "b n c"]) -> Float[Array, "b c"]:
        """Pools by attention: the query is learned, and the same for all images."""
        query = self.param("attn_pool_latent", SMALL_INIT, (self.width,))
        query = nn.Dense(self.width, name="attn_pool_q")(query)
        k, v = jnp.split(nn.Dense(2 * self.width, name="attn_pool_kv")(x), 2, -1)
        queries = jnp.broadcast_to(query, (len(x), 1, self.width))
        x = _attention(queries, k, v, self.heads)[:, 0]
        x = nn.Dense(self.width, name="attn_pool_proj")(x)
        h = nn.LayerNorm(epsilon=self.epsilon, name="attn_pool_norm")(x)
        return x + self._dense(h, "attn_pool")


class _LayerScale(nn.Module):
    """Multiplies each feature by a learned gain."""

    @nn.compact
    def __call__(self, x: Float[Array, "... c"]) -> Float[Array, "... c"]:
        gamma = self.param("gamma", nn.initializers.ones, (x.shape[-1],))
        return x * gamma.reshape((1,) * (x.ndim - 1) + (-1,))


def _patches(image: Float[Array, "b h w c"], side: int) -> Float[Array, "b H W p"]:
    """Returns the flattened patches of images."""
    batch, height, width, channels = image.shape
    if height % side or width % side:
        raise UsageError(
            f"Images of {height}x{width} pixels have no whole number of patches of {side}: "
            f"resize them to a multiple of it."
        )
    rows, columns = height // side, width // side
    x = image.reshape(batch, rows, side, columns, side, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, rows, columns, -1)


def _attention(
    q: Float[Array, "b m c"],
    k: Float[Array, "b n c"],
    v: Float[Array, "b n c"],
    heads: int,
) -> Float[Array, "b m c"]:
    """Computes softmax(q k / sqrt(c / heads)) v in each head."""
    q, k, v = (x.reshape(*x.shape[:2], heads, -1) for x in (q, k, v))
    logits = jnp.einsum("bmhc,bnhc->bhmn", q / q.shape[-1] ** 0.5, k)
    mixed = jnp.einsum("bhmn,bnhc->bmhc", jax.nn.softmax(logits), v)
    return mixed.reshape(*mixed.shape[:2], -1)


def _interpolated(
    positions: Float[Array, "n c"], grid: int, rows: int, columns: int
) -> Float[Array, "m c"]:
    """Returns the positions of rows x columns patches."""
    if (rows, columns) == (grid, grid):
        return positions
    x = positions.reshape(grid, grid, -1)
    x = jnp.einsum("rg,ghc->rhc", _bicubic_matrix(grid, rows), x)
    x = jnp.einsum("wh,rhc->rwc", _bicubic_matrix(grid, columns), x)
    return x.reshape(rows * columns, -1)


def _bicubic_matrix(grid: int, size: int) -> Float[np.ndarray, "size grid"]:
    """Returns the matrix that interpolates a side as DINOv2's program does.

    It is PyTorch's bicubic interpolation without antialiasing (Keys, 1981, with a = -0.75),
    by a factor of (size + 0.1) / grid, not of size / grid: a kludge against rounding errors
    that DINOv2 has from DINO, and that its published features have.
    """
    places = (np.arange(size) + 0.5) * (grid / (size + 0.1)) - 0.5
    first = np.floor(places).astype(int)
    a = -0.75
    matrix = np.zeros((size, grid))
    for tap in range(-1, 3):
        distance = np.abs(places - (first + tap))
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = a * (((distance - 5) * distance + 8) * distance - 4)
        weight = np.where(distance <= 1, near, far)
        # Beyond the border the last position is repeated.
        column = np.clip(first + tap, 0, grid - 1)
        np.add.at(matrix, (np.arange(size), column), weight)
    return matrix.astype(np.float32)


# Released networks, as timm has them. DINOv2's positions are those of images of 518 pixels.
DINOV2_S = ViT(384, 12, 6, 14, 37, has_layer_scale=True)
DINOV2_B = DINOV2_S.clone(width=768, heads=12)
DINOV2_L = DINOV2_S.clone(width=1024, depth=24, heads=16)
DINOV2_G = DINOV2_S.clone(
    width=1536, depth=40, heads=24, hidden=4096, activation=jax.nn.silu, is_gated=True
)
CLIP_B16 = ViT(
    *(768, 12, 12, 16, 14), activation=quick_gelu, has_first_norm=True, epsilon=1e-5
)
CLIP_L14 = CLIP_B16.clone(width=1024, depth=24, heads=16, patch=14, grid=16)
CLIP_L14_336 = CLIP_L14.clone(grid=24)
MAE_B = ViT(768, 12, 12, 16, 14)
MAE_L = MAE_B.clone(width=1024, depth=24, heads=16)
SIGLIP_B16 = ViT(768, 12, 12, 16, 14, has_class_token=False)
SIGLIP_L16_256 = SIGLIP_B16.clone(width=1024, depth=24, heads=16, grid=16)
SIGLIP_SO400M_14 = SIGLIP_B16.clone(
    width=1152, depth=27, heads=16, patch=14, grid=16, hidden=4304
)


def features(
    where: str,
    net: ViT,
    preprocessing: Preprocessing,
    normalization: Normalization,
    sha256: str = "",
    part: str = "",
    name: str = "vit",
) -> Features:
    """Returns a Vision Transformer's features for scores.

    Args:
        where: path or https URL of the weights.
        net: the network that they are of, such as `DINOV2_L`. CLIP's features are those
            that are compared with texts if it is `CLIP_L14.clone(projection=768)`.
        preprocessing: how images are brought to the network's size. EDM2's features of
            DINOv2 have `pytorch_bicubic(224)`, dgm-eval's `pil(224)`.
        normalization: `IMAGENET` for DINOv2 and MAE, `CLIP` for CLIP, `SYMMETRIC` for
            SigLIP.
        sha256: digest that the file must have; empty for no check.
        part: keys to the weights in a file that holds more, such as "model" in MAE's.
        name: what the features' name begins with.

    Raises:
        UsageError: the weights cannot be read, or are of another network; or the images
            that the preprocessing makes have no whole number of patches.
    """
    if preprocessing.size % net.patch:
        raise UsageError(
            f"{preprocessing.name} makes images of {preprocessing.size} pixels, and the "
            f"network's patches have {net.patch}: give a size that is a multiple."
        )
    weights = load(tensors.read(where, sha256, part), net)
    apply = partial(_apply, net)
    return feature_network(
        name, apply, weights, preprocessing, normalization, batch=BATCH
    )


def _apply(net: ViT, weights: PyTree, image: Array) -> Array:
    vectors: Any = net.apply({"params": weights}, image)
    return vectors


def load(given: Mapping[str, np.ndarray], net: ViT) -> dict[str, Any]:
    """Returns the network's weights, made of released tensors.

    Args:
        given: the tensors by name, such as `tensors.read` returns: timm's, the authors' of
            DINOv2 or MAE, or OpenAI's of CLIP.
        net: the network.

    Raises:
        UsageError: a tensor is missing, unknown, or of another shape; it is named.
    """
    # A classifier or projection at the end that the network leaves out.
    ignored = IGNORED if net.projection else (*IGNORED, "head.weight", "head.bias")
    return assemble(table(net), variable_shapes(net), timm_names(given), ignored)


def variable_shapes(net: ViT) -> dict[str, Any]:
    """Returns the shapes and types of the weights, by path."""
    side = net.grid * net.patch
    image = jnp.zeros((1, side, side, 3))
    params = jax.eval_shape(net.init, jax.random.key(0), image)["params"]
    shapes: Any = flatten_dict(params, sep="/")
    return shapes


def table(net: ViT) -> dict[str, Leaf]:
    """Returns which variable each tensor is, by timm's names."""
    leaves = {
        "pos_embed": Leaf("pos_embed", POSITIONS),
        "patch_embed.proj.weight": Leaf("patch_embed/kernel", PATCHES),
        **_norm("norm", "norm"),
    }
    if net.has_first_norm:
        leaves |= _norm("norm_pre", "norm_pre")
    else:
        leaves["patch_embed.proj.bias"] = Leaf("patch_embed/bias")
    for i in range(net.depth):
        leaves |= _norm(f"blocks.{i}.norm1", f"blocks_{i}_norm1")
        leaves |= _dense(f"blocks.{i}.attn.qkv", f"blocks_{i}_qkv")
        leaves |= _dense(f"blocks.{i}.attn.proj", f"blocks_{i}_proj")
        leaves |= _norm(f"blocks.{i}.norm2", f"blocks_{i}_norm2")
        for name in ("fc1", "fc2"):
            leaves |= _dense(f"blocks.{i}.mlp.{name}", f"blocks_{i}_{name}")
        for name in ("ls1", "ls2") if net.has_layer_scale else ():
            leaves[f"blocks.{i}.{name}.gamma"] = Leaf(f"blocks_{i}_{name}/gamma")
    if net.has_class_token:
        leaves["cls_token"] = Leaf("cls_token", TOKEN)
    else:
        leaves["attn_pool.latent"] = Leaf("attn_pool_latent", TOKEN)
        leaves |= _norm("attn_pool.norm", "attn_pool_norm")
        for name in ("q", "kv", "proj"):
            leaves |= _dense(f"attn_pool.{name}", f"attn_pool_{name}")
        for name in ("fc1", "fc2"):
            leaves |= _dense(f"attn_pool.mlp.{name}", f"attn_pool_{name}")
    if net.projection:
        leaves |= _dense("head", "head")
    return leaves


def _dense(theirs: str, ours: str) -> dict[str, Leaf]:
    return {
        f"{theirs}.weight": Leaf(f"{ours}/kernel", DENSE),
        f"{theirs}.bias": Leaf(f"{ours}/bias"),
    }


def _norm(theirs: str, ours: str) -> dict[str, Leaf]:
    return {
        f"{theirs}.weight": Leaf(f"{ours}/scale"),
        f"{theirs}.bias": Leaf(f"{ours}/bias"),
    }


def _as_convolution(kernel: np.ndarray) -> np.ndarray:
    """Returns a dense layer of flattened RGB patches as a convolution's kernel, OIHW."""
    side = int((len(kernel) // 3) ** 0.5)
    return kernel.reshape(side, side, 3, -1).transpose(3, 2, 0, 1)


# OpenAI's names of CLIP's tensors, after "visual.", and timm's; replaced in this order.
OPENAI = {
    "conv1": "patch_embed.proj",
    "positional_embedding": "pos_embed",
    "class_embedding": "cls_token",
    "transformer.resblocks.": "blocks.",
    "ln_pre": "norm_pre",
    "ln_post": "norm",
    "ln_": "norm",
    "in_proj_": "qkv.",
    "out_proj": "proj",
    "c_fc": "fc1",
    "c_proj": "fc2",
}
# DINOv2's names of the layers of a SwiGLU, and timm's.
DINOV2 = {".w12.": ".fc1.", ".w3.": ".fc2."}


def timm_names(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns tensors by the names that timm has for them.

    Tensors of CLIP's text tower are left out.

    Args:
        given: tensors by OpenAI's names of CLIP, by DINOv2's, or by timm's.
    """
    if "visual.class_embedding" not in given:
        return {_replaced(name, DINOV2): x for name, x in given.items()}
    found = {
        _replaced(name.removeprefix("visual."), OPENAI): x
        for name, x in given.items()
        if name.startswith("visual.")
    }
    found["cls_token"] = found["cls_token"][None, None]
    found["pos_embed"] = found["pos_embed"][None]
    # The projection is a matrix there, and a dense layer without bias here.
    projection = found.pop("proj")
    found["head.weight"] = projection.T
    found["head.bias"] = np.zeros(projection.shape[1], projection.dtype)
    return found


def _replaced(name: str, replacements: Mapping[str, str]) -> str:
    for old, new in replacements.items():
        name = name.replace(old, new)
    return name
