"""How like its original each of several images is, pixel by pixel: completions, for one.

All are computed in float64 and give one number for each pair of images [n, h, w, c].
`data_range` is from black to white: 2 for images in -1..1, 1 or 255 for others.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from ganjax.errors import Mistake


RADIUS, SIGMA = 5, 1.5  # of SSIM's window
K1, K2 = 0.01, 0.03  # SSIM's constants (section III.B)
GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601


def psnr(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "_ _ _ _"],
    data_range: float = 2.0,
) -> Float[np.ndarray, " n"]:
    """The peak signal-to-noise ratio in decibels: 10 log10(range^2 / mean squared error).

    It is infinite for equal images.
    """
    image, original = _pair(image, original)
    error = np.square(image - original).mean((1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / error)


def ssim(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "_ _ _ _"],
    data_range: float = 2.0,
) -> Float[np.ndarray, " n"]:
    """Structural similarity, -1 to 1: Wang et al. (2004), eq. 13, and 1 for equal images.

    Moments are those under an 11x11 Gaussian of sigma 1.5 (their section III.C), at every
    place where it lies within the image, a channel at a time; the mean is over all of
    these (eq. 17). `Mistake` if the images have fewer than 11 pixels a side.
    """
    image, original = _pair(image, original)
    if min(image.shape[1:3]) <= 2 * RADIUS:
        raise Mistake(f"SSIM needs sides of {2 * RADIUS + 1} or more: {image.shape}.")
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mx, my = _window(image), _window(original)
    sxx = _window(image**2) - mx**2
    syy = _window(original**2) - my**2
    sxy = _window(image * original) - mx * my
    light = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
    structure = (2 * sxy + c2) / (sxx + syy + c2)
    return (light * structure).mean((1, 2, 3))


def hole_l1(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "_ _ _ _"],
    mask: Float[np.ndarray, "n h w 1"],
) -> Float[np.ndarray, " n"]:
    """The mean absolute difference where the mask is 1, in the images' own units.

    `Mistake` if some mask hides nothing.
    """
    image, original = _pair(image, original)
    mask = np.asarray(mask, np.float64)
    hidden = mask.sum((1, 2, 3)) * image.shape[-1]
    if not np.all(hidden > 0):
        raise Mistake("There is no error inside of a hole that has no pixels.")
    return (mask * np.abs(image - original)).sum((1, 2, 3)) / hidden


def edges(
    image: Float[np.ndarray, "n h w c"], threshold: float, data_range: float = 2.0
) -> Bool[np.ndarray, "n h w"]:
    """Where the slope of the grey image is steep, by Sobel's operator (Sobel, 1968).

    The slope is the change over two pixels as a share of the range, 1 beside a step from
    black to white; steep is what exceeds `threshold`. Unlike Canny's (1986), lines stay
    two pixels wide, so that those of two images meet though they are a pixel apart.
    """
    image = np.asarray(image, np.float64) / data_range
    grey = image @ np.array(GREY) if image.shape[-1] == 3 else image.mean(-1)
    slopes = []
    for across, along in ((1, 2), (2, 1)):
        smooth = ndimage.correlate1d(grey, [0.25, 0.5, 0.25], along, mode="nearest")
        slopes.append(ndimage.correlate1d(smooth, [-1, 0, 1], across, mode="nearest"))
    return np.hypot(*slopes) > threshold


def edge_iou(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "_ _ _ _"],
    threshold: float = 0.1,
    data_range: float = 2.0,
) -> Float[np.ndarray, " n"]:
    """How far the edges of two images agree: those of both over those of either, 0 to 1.

    This is the Jaccard index of `edges`, and 1 where neither image has any.
    """
    image, original = _pair(image, original)
    a, b = (edges(x, threshold, data_range) for x in (image, original))
    both, either = (a & b).sum((1, 2)), (a | b).sum((1, 2))
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def _pair(image: np.ndarray, original: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64; `Mistake` if their shapes differ or a value is not finite."""
    image, original = (np.asarray(x, np.float64) for x in (image, original))
    if image.shape != original.shape or image.ndim != 4:
        raise Mistake(
            f"Images [n, h, w, c] and their originals must have one shape, not "
            f"{image.shape} and {original.shape}."
        )
    if not (np.isfinite(image).all() and np.isfinite(original).all()):
        raise Mistake("The images to compare contain NaN or infinity.")
    return image, original


def _window(x: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n H W c"]:
    """The mean under SSIM's window, wherever that lies within the image."""
    bell = np.exp(-np.square(np.arange(-RADIUS, RADIUS + 1)) / (2 * SIGMA**2))
    for axis in (1, 2):
        x = ndimage.correlate1d(x, bell / bell.sum(), axis)
    return x[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
