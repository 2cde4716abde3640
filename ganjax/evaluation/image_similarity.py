"""Similarity of images to their originals, pixel by pixel: PSNR, SSIM, MS-SSIM, L1, edges.

For inpainting, translation and super-resolution, where each image has a known original. All
metrics take two arrays of images [n, h, w, c], compute in float64, and return one number
per pair, [n]. `data_range` is the difference between white and black: 2 for images in
[-1, 1], 1 for [0, 1], 255 for bytes.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from ganjax.errors import UsageError


# SSIM's constants (Wang et al., 2004, sections III.B and III.C).
RADIUS = 5
SIGMA = 1.5
K1 = 0.01
K2 = 0.03

# Weights of the scales of MS-SSIM, the finest first (Wang et al., 2003, section 3.2).
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

GRAY = (0.299, 0.587, 0.114)  # luma of RGB, ITU-R BT.601


def psnr(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "_ _ _ _"],
    data_range: float = 2.0,
) -> Float[np.ndarray, " n"]:
    """Computes the peak signal-to-noise ratio in dB, 10 log10(data_range^2 / MSE).

    It is infinite for equal images.

    Args:
        image: images to compare with their originals.
        original: the original of each.
        data_range: the difference between white and black.

    Raises:
        UsageError: unequal shapes, NaN or infinity.
    """
    image, original = _validated_pair(image, original)
    error = np.square(image - original).mean((1, 2, 3))
    # For equal images the error is 0, and dividing by it is intended.
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / error)


def ssim(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "_ _ _ _"],
    data_range: float = 2.0,
) -> Float[np.ndarray, " n"]:
    """Computes the structural similarity, -1 to 1 (Wang et al., 2004, eq. 13 and 17).

    Local moments are taken under an 11x11 Gaussian of sigma 1.5, for each channel, wherever
    the window lies within the image; the result is the mean over all windows. It is 1 for
    equal images.

    Args:
        image: images to compare with their originals.
        original: the original of each.
        data_range: the difference between white and black.

    Raises:
        UsageError: sides of less than 11 pixels, unequal shapes, NaN or infinity.
    """
    image, original = _validated_pair(image, original)
    if min(image.shape[1:3]) <= 2 * RADIUS:
        raise UsageError(
            f"SSIM needs sides of {2 * RADIUS + 1} or more: {image.shape}."
        )
    luminance, structure = _luminance_and_structure(image, original, data_range)
    return (luminance * structure).mean((1, 2, 3))


def ms_ssim(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "_ _ _ _"],
    data_range: float = 2.0,
    scales: tuple[float, ...] = SCALES,
) -> Float[np.ndarray, " n"]:
    """Computes the multi-scale structural similarity, 0 to 1 (Wang et al., 2003, eq. 7).

    Between scales, images are averaged over windows of 2x2 pixels; an odd row or column at
    the end is left out. The mean of contrast times structure at each scale, and of the SSIM
    at the coarsest, is raised to the weight of the scale. As in pytorch-msssim, negative
    means count as 0, and the product is taken for each channel before channels are
    averaged.

    Args:
        image: images to compare with their originals.
        original: the original of each.
        data_range: the difference between white and black.
        scales: the weight of each scale, the finest first. The five of the paper need sides
            of 176 pixels; give fewer for smaller images, with a sum of 1, and compare only
            scores of the same scales.

    Raises:
        UsageError: images too small for the scales, unequal shapes, NaN or infinity.
    """
    image, original = _validated_pair(image, original)
    smallest = (2 * RADIUS + 1) * 2 ** (len(scales) - 1)
    if not scales or min(image.shape[1:3]) < smallest:
        raise UsageError(
            f"MS-SSIM of {len(scales)} scales needs sides of {smallest} or more: "
            f"{image.shape}. Give fewer scales."
        )
    product = np.ones((len(image), image.shape[-1]))
    for i, weight in enumerate(scales):
        if i:
            image, original = _halve(image), _halve(original)
        luminance, structure = _luminance_and_structure(image, original, data_range)
        is_last = i == len(scales) - 1
        similarity = (luminance * structure if is_last else structure).mean((1, 2))
        product *= np.maximum(similarity, 0) ** weight
    return product.mean(1)


def hole_l1(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "_ _ _ _"],
    mask: Float[np.ndarray, "n h w 1"],
) -> Float[np.ndarray, " n"]:
    """Computes the mean absolute difference inside of holes, in the images' units.

    Args:
        image: completed images.
        original: the original of each.
        mask: 1 inside of the hole of each image, 0 outside.

    Raises:
        UsageError: a mask without a hole, unequal shapes, NaN or infinity.
    """
    image, original = _validated_pair(image, original)
    mask = np.asarray(mask, np.float64)
    # The number of hidden values, that is pixels times channels.
    hidden = mask.sum((1, 2, 3)) * image.shape[-1]
    if not np.all(hidden > 0):
        raise UsageError("A mask has no hole: it must be 1 for at least one pixel.")
    return (mask * np.abs(image - original)).sum((1, 2, 3)) / hidden


def edges(
    image: Float[np.ndarray, "n h w c"], threshold: float, data_range: float = 2.0
) -> Bool[np.ndarray, "n h w"]:
    """Detects edges where the gradient of the gray image is steep, by Sobel's operator.

    Unlike those of Canny's detector, edges are two pixels wide, so that the edges of two
    images overlap even if they are one pixel apart.

    Args:
        image: images of any number of channels.
        threshold: the gradient above which a pixel is an edge, as the change over two
            pixels in fractions of `data_range`: 1 next to a step from black to white.
        data_range: the difference between white and black.
    """
    image = np.asarray(image, np.float64) / data_range
    gray = image @ np.array(GRAY) if image.shape[-1] == 3 else image.mean(-1)
    # Sobel's operator is separable: smooth along an edge, differentiate across it.
    slopes = []
    for across, along in ((1, 2), (2, 1)):
        smooth = ndimage.correlate1d(gray, [0.25, 0.5, 0.25], along, mode="nearest")
        slopes.append(ndimage.correlate1d(smooth, [-1, 0, 1], across, mode="nearest"))
    return np.hypot(*slopes) > threshold


def edge_iou(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "_ _ _ _"],
    threshold: float = 0.1,
    data_range: float = 2.0,
) -> Float[np.ndarray, " n"]:
    """Computes the intersection over union of the `edges` of both images, 0 to 1.

    It is 1 if neither image has edges.

    Args:
        image: images to compare with their originals.
        original: the original of each.
        threshold: the gradient above which a pixel is an edge (see `edges`).
        data_range: the difference between white and black.

    Raises:
        UsageError: unequal shapes, NaN or infinity.
    """
    image, original = _validated_pair(image, original)
    a = edges(image, threshold, data_range)
    b = edges(original, threshold, data_range)
    intersection = (a & b).sum((1, 2))
    union = (a | b).sum((1, 2))
    return np.where(union > 0, intersection / np.maximum(union, 1), 1.0)


def _validated_pair(
    image: np.ndarray, original: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    image, original = (np.asarray(x, np.float64) for x in (image, original))
    if image.shape != original.shape or image.ndim != 4:
        raise UsageError(
            f"Images [n, h, w, c] and their originals must have one shape, not "
            f"{image.shape} and {original.shape}."
        )
    if not (np.isfinite(image).all() and np.isfinite(original).all()):
        raise UsageError("The images to compare contain NaN or infinity.")
    return image, original


def _luminance_and_structure(
    image: Float[np.ndarray, "n h w c"],
    original: Float[np.ndarray, "n h w c"],
    data_range: float,
) -> tuple[Float[np.ndarray, "n H W c"], Float[np.ndarray, "n H W c"]]:
    """Returns the two factors of SSIM around each pixel.

    Contrast and structure are one factor, as C3 is C2 / 2.
    """
    c1 = (K1 * data_range) ** 2
    c2 = (K2 * data_range) ** 2
    # Moments under the window, around every pixel.
    mean_x = _window_mean(image)
    mean_y = _window_mean(original)
    variance_x = _window_mean(image**2) - mean_x**2
    variance_y = _window_mean(original**2) - mean_y**2
    covariance = _window_mean(image * original) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return luminance, structure


def _halve(x: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n H W c"]:
    """Averages over windows of 2x2 pixels."""
    h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    x = x[:, :h, :w]
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def _window_mean(x: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n H W c"]:
    """Returns the mean under SSIM's window, wherever it lies within the image."""
    # The Gaussian is separable: 2 x 11 products for each pixel instead of 121.
    gaussian = np.exp(-np.square(np.arange(-RADIUS, RADIUS + 1)) / (2 * SIGMA**2))
    for axis in (1, 2):
        x = ndimage.correlate1d(x, gaussian / gaussian.sum(), axis)
    return x[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
