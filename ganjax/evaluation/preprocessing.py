"""Preprocessing: how images are brought to the size that a feature network takes.

Programs that compute the same score resize differently, and the score depends on it more
than on many an improvement of a generator (Parmar et al., 2022, "On Aliased Resizing and
Surprising Subtleties in GAN Evaluation"). So the resizing is a value here, and each
function below does what a published program does: in whole numbers where that one rounds,
in floats where it does not. Where Pillow is what the program uses, it is Pillow here; the
others are written in NumPy, so that neither PyTorch nor TensorFlow is needed.

Every program here sees RGB: gray images are repeated to three channels and a channel of
alpha is dropped, as `PIL.Image.convert("RGB")` does. (NVIDIA's and OpenAI's programs do not
take images with alpha.)
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from ganjax.errors import UsageError


BICUBIC = Image.Resampling.BICUBIC
Images = UInt8[np.ndarray, "n h w c"]
Resized = Float[np.ndarray, "n size size 3"]


class Preprocessing(NamedTuple):
    """A way to resize images.

    Attributes:
        name: part of the name of the features that use it, such as "tf1-bilinear".
        size: the side of the images that it returns.
        apply: images [n, h, w, c] in uint8, where c is 1, 3 or 4 -> float32 images
            [n, size, size, 3] in 0..255. They are whole numbers where the program that it
            follows rounds.
    """

    name: str
    size: int
    apply: Callable[[Images], Resized]


class Normalization(NamedTuple):
    """What a network takes instead of 0..255: (x - mean) / deviation, for each channel.

    Attributes:
        mean: what is subtracted, for R, G and B in 0..255.
        deviation: what is divided by.
    """

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


def _of_unit(mean: tuple[float, ...], deviation: tuple[float, ...]) -> Normalization:
    """Returns the normalization whose numbers are for 0..1, as most programs write them."""
    red, green, blue = (255 * x for x in mean)
    scales: tuple = tuple(255 * x for x in deviation)
    return Normalization((red, green, blue), scales)


# To -1..1, as pytorch-fid does (2 x - 1 for x in 0..1).
SYMMETRIC = Normalization((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
# In the graph of TensorFlow's Inception-v3, and hence in NVIDIA's, torch-fidelity's and
# clean-fid's programs.
TENSORFLOW = Normalization((128.0, 128.0, 128.0), (128.0, 128.0, 128.0))
# The means and deviations of ImageNet, for torchvision's networks, DINOv2 and MAE.
IMAGENET = _of_unit((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Those of CLIP's training images.
CLIP = _of_unit(
    (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
)


def pil(size: int, resample: Image.Resampling = BICUBIC) -> Preprocessing:
    """Returns Pillow's resizing of uint8 images, whose result is whole numbers.

    Images that already have the size stay as they are. Pillow antialiases: where it shrinks
    an image, its kernels (but for `NEAREST`) become wider. With `BICUBIC` this is what
    dgm-eval does, as torchvision's `Resize` of a Pillow image is the same function.

    Args:
        size: the side of the images that are returned.
        resample: Pillow's kernel, such as `PIL.Image.Resampling.LANCZOS`.
    """
    name = f"pil-{resample.name.lower()}"
    return _by_image(name, size, partial(_pil, size=size, resample=resample))


def clean(size: int = 299, resample: Image.Resampling = BICUBIC) -> Preprocessing:
    """Returns clean-fid's resizing: Pillow's, of each channel in float32.

    The result is cut to 0..255 and not rounded (Parmar et al., 2022).

    Args:
        size: the side of the images that are returned.
        resample: Pillow's kernel; clean-fid's FID has `BICUBIC`.
    """

    def resize(image):
        channels = _float_channels(image, size, resample)
        return channels.clip(0, 255)

    return _by_image(f"clean-{resample.name.lower()}", size, resize)


def tf1_bilinear(size: int = 299) -> Preprocessing:
    """Returns the bilinear resizing of TensorFlow 1, without half-pixel centers.

    The output at i is interpolated at i h / size, so that images move by up to half a pixel
    toward the start, and nothing is antialiased. It is a part of the graph of Inception-v3
    for which the FID was defined (Heusel et al., 2017). ADM's evaluation runs this graph,
    and torch-fidelity computes the same. See `affine_grid` for NVIDIA's translation.

    Args:
        size: the side of the images that are returned.
    """
    return _by_image(
        "tf1-bilinear", size, partial(_bilinear, size=size, axis=_tf1_axis)
    )


def affine_grid(size: int = 299) -> Preprocessing:
    """Returns TensorFlow 1's bilinear resizing as NVIDIA's Inception-v3 has it.

    The network of the StyleGANs' and EDM's FID, which clean-fid's mode "legacy_tensorflow"
    uses, too, resizes by an affine grid of PyTorch in float32. Its coordinates are rounded
    as there, which makes a difference from `tf1_bilinear` of up to 0.02 of 255 in images of
    up to 500 pixels, and of 0.06 in those of 2000.

    Args:
        size: the side of the images that are returned.
    """
    return _by_image(
        "affine-grid", size, partial(_bilinear, size=size, axis=_grid_axis)
    )


def pytorch_bilinear(size: int = 299) -> Preprocessing:
    """Returns PyTorch's bilinear `interpolate`, with half-pixel centers, not antialiased.

    It is what pytorch-fid does, and clean-fid's mode "legacy_pytorch".

    Args:
        size: the side of the images that are returned.
    """
    resize = partial(_bilinear, size=size, axis=_pytorch_axis)
    return _by_image("pytorch-bilinear", size, resize)


def pytorch_bicubic(size: int = 224) -> Preprocessing:
    """Returns PyTorch's bicubic, antialiased `interpolate`, neither cut nor rounded.

    EDM2 (Karras et al., 2024) resizes so for DINOv2 by default. Its kernel is Pillow's, so
    it differs from `pil` only in that results are not rounded, and can be outside 0..255.
    PyTorch rounds the kernel to float32, which makes a difference of up to 0.006 of 255.

    Args:
        size: the side of the images that are returned.
    """
    resize = partial(_float_channels, size=size, resample=BICUBIC)
    return _by_image("pytorch-bicubic", size, resize)


def to_uint8(
    images: Float[np.ndarray, "n h w c"],
) -> UInt8[np.ndarray, "n h w c"]:
    """Returns images in -1..1 as uint8 images, rounded and cut as for an image file."""
    return np.rint((np.asarray(images) + 1) * 127.5).clip(0, 255).astype(np.uint8)


def _by_image(
    name: str, size: int, resize: Callable[[np.ndarray], np.ndarray]
) -> Preprocessing:
    """Returns the preprocessing that resizes one image [h, w, 1 or 3] after the other."""
    if size < 1:
        raise UsageError(f"Images cannot be resized to {size} pixels: give 1 or more.")

    def apply(images: np.ndarray) -> Resized:
        images = np.asarray(images)
        shape = images.shape
        if images.dtype != np.uint8 or len(shape) != 4 or shape[-1] not in (1, 3, 4):
            raise UsageError(
                "Images for a feature network must be uint8 [n, h, w, 1, 3 or 4], not "
                f"{images.dtype} {list(shape)}."
            )
        if not images.size:
            raise UsageError(f"There are no pixels in images of shape {list(shape)}.")
        # Of gray images a single channel is resized.
        color = images[..., : min(shape[-1], 3)]
        # Pillow and NumPy let other threads run while they compute.
        with ThreadPoolExecutor() as pool:
            resized = np.stack(list(pool.map(resize, color)))
        resized = resized.astype(np.float32, copy=False)
        return resized.repeat(3, -1) if resized.shape[-1] == 1 else resized

    return Preprocessing(name, size, apply)


def _pil(
    image: UInt8[np.ndarray, "h w c"], size: int, resample: Image.Resampling
) -> UInt8[np.ndarray, "size size c"]:
    # Pillow has gray images without an axis of channels.
    pixels = image[..., 0] if image.shape[-1] == 1 else np.ascontiguousarray(image)
    resized = Image.fromarray(pixels).resize((size, size), resample)
    return np.asarray(resized).reshape(size, size, -1)


def _float_channels(
    image: UInt8[np.ndarray, "h w c"], size: int, resample: Image.Resampling
) -> Float[np.ndarray, "size size c"]:
    """Resizes each channel by itself, in float32."""
    channels = np.moveaxis(image, -1, 0).astype(np.float32)
    resized = [
        np.asarray(Image.fromarray(channel).resize((size, size), resample))
        for channel in channels
    ]
    return np.stack(resized, -1)


class _Axis(NamedTuple):
    """Between which two pixels of a side each output lies, and how far from the first."""

    low: Int[np.ndarray, " size"]
    high: Int[np.ndarray, " size"]
    fraction: Float[np.ndarray, " size"]


def _tf1_axis(side: int, size: int) -> _Axis:
    return _axis(side, np.arange(size, dtype=np.float32) * np.float32(side / size))


def _grid_axis(side: int, size: int) -> _Axis:
    # Every step is rounded to float32 where PyTorch rounds: in the middle of
    # `multiply-add`s, and so in `torch.linspace`, it does not.
    single = np.float32
    rows, step = np.arange(size), np.float64(single(2) / single(max(size - 1, 1)))
    rising, falling = -1 + step * rows, 1 - step * (size - 1 - rows)
    centers = np.where(rows < size // 2, rising, falling).astype(single)
    centers = centers * single(size - 1) / single(size)
    moved = centers + (single(1) / single(side) - single(1) / single(size))
    doubled = (moved + single(1)).astype(np.float64) * side - 1
    place = doubled.astype(single) / single(2)
    return _axis(side, np.clip(place, 0, single(side - 1)))


def _pytorch_axis(side: int, size: int) -> _Axis:
    # In float32, as in PyTorch: in large images its rounding is seen in the result.
    half = np.float32(0.5)
    centers = (np.arange(size, dtype=np.float32) + half) * np.float32(side / size)
    return _axis(side, np.maximum(centers - half, 0))


def _axis(side: int, place: Float[np.ndarray, " size"]) -> _Axis:
    low = np.minimum(place.astype(np.int64), side - 1)
    # There is no pixel after the last, which then stands for it.
    return _Axis(low, np.minimum(low + 1, side - 1), place - low.astype(np.float32))


def _bilinear(
    image: UInt8[np.ndarray, "h w c"], size: int, axis: Callable[[int, int], _Axis]
) -> Float[np.ndarray, "size size c"]:
    """Interpolates along the columns, then along the rows."""
    height, width, _ = image.shape
    if (height, width) == (size, size):
        return image.astype(np.float32)
    columns = axis(width, size)
    rows = axis(height, size)
    x = _interpolate(image[:, columns.low], image[:, columns.high], columns.fraction)
    return _interpolate(x[rows.low], x[rows.high], rows.fraction[:, None])


def _interpolate(
    a: np.ndarray, b: np.ndarray, fraction: np.ndarray
) -> Float[np.ndarray, "..."]:
    a = a.astype(np.float32)
    return a + (b.astype(np.float32) - a) * fraction[..., None]
