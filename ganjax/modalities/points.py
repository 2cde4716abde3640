"""The modality of points of the plane, as of toy mixtures, and of other short vectors.

They are stored as floats, and networks see them unchanged. Points of the plane are drawn as
scatter plots, all others as curves over the numbers of each.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from ganjax import evaluation
from ganjax.core import Modality, points
from ganjax.data import Source, load
from ganjax.data.describe import summarize_points
from ganjax.data.source import ToReal, read_some
from ganjax.errors import UsageError
from ganjax.evaluation.evaluator import Evaluator, in_memory_scoring
from ganjax.evaluation.frechet import FRECHET
from ganjax.modalities.pictures import (
    BACKGROUND,
    LINE,
    check_samples,
    save_arrays,
    save_png,
)


PREVIEW = 2_000  # points in a picture of a run
PLOT_SIDE = 480  # pixels, the side of a scatter plot
MAX_CURVES = 40  # more would hide each other
OVERSAMPLING = 4  # plots are drawn this much larger and reduced, which smooths edges
DOT_RADIUS = 2.2  # pixels
WINDOW = 1.5  # a plot shows -WINDOW..WINDOW on both axes
REAL_COLOR = (198, 203, 212, 255)
SAMPLE_COLOR = (36, 88, 190, 150)
MAX_COMPARED = 2_000  # points on either side of a comparison


def describe(shape: tuple[int, ...]) -> str:
    """Returns what an example of this shape is, such as "points of 2 numbers"."""
    if len(shape) == 1:
        return f"points of {shape[0]} number{'s' * (shape[0] != 1)}"
    return f"examples of shape {shape}"


def remedy(generated: tuple[int, ...], real: tuple[int, ...]) -> str:
    """Returns what to change where samples and data differ in shape."""
    return "change the data or the networks, so that both are alike"


def scatter(
    points: Float[np.ndarray, "..."],
    behind: Float[np.ndarray, "m 2"] | None = None,
    window: float = WINDOW,
) -> Image.Image:
    """Draws points [n, 2] as a scatter plot.

    Args:
        points: the points; those far outside of the window are left out.
        behind: real points, which are drawn behind the others in a pale color.
        window: both axes go from -window to window.

    Raises:
        UsageError: if points do not have two coordinates, if there are none, or if any is
            NaN or infinite.
    """
    points = np.asarray(points)
    check_samples(points)
    if points.ndim != 2 or points.shape[-1] != 2:
        raise UsageError(
            f"Points of shape {points.shape} cannot be drawn: give points [n, 2]."
        )
    if not 0 < window < np.inf:
        raise UsageError("A scatter plot's window must be above 0.")
    side = PLOT_SIDE * OVERSAMPLING
    page = Image.new("RGB", (side, side), BACKGROUND)
    draw = ImageDraw.Draw(page, "RGBA")
    draw.line((0, side / 2, side, side / 2), fill=LINE, width=OVERSAMPLING)
    draw.line((side / 2, 0, side / 2, side), fill=LINE, width=OVERSAMPLING)
    if behind is not None:
        _dots(draw, behind, window, REAL_COLOR)
    _dots(draw, points, window, SAMPLE_COLOR)
    draw.rectangle((0, 0, side - 1, side - 1), outline=LINE, width=OVERSAMPLING)
    return page.reduce(OVERSAMPLING)


def curves(
    samples: Float[np.ndarray, "n ..."],
    behind: Float[np.ndarray, "m ..."] | None = None,
) -> Image.Image:
    """Draws each example as a curve over its numbers, such as signals and rows of tables.

    Args:
        samples: examples [n, ...]; the first `MAX_CURVES` are drawn.
        behind: real examples, which are drawn behind the others in a pale color. The range
            of the plot is theirs.

    Raises:
        UsageError: if there are no samples, or if any number is NaN or infinite.
    """
    samples = np.asarray(samples)
    check_samples(samples)
    side = PLOT_SIDE * OVERSAMPLING
    page = Image.new("RGB", (side, side), BACKGROUND)
    draw = ImageDraw.Draw(page, "RGBA")
    shown = samples if behind is None else np.asarray(behind)
    low, high = float(shown.min()), float(shown.max())
    margin = 0.05 * (high - low) or 1.0
    for color, examples in ((REAL_COLOR, behind), (SAMPLE_COLOR, samples)):
        for example in [] if examples is None else examples[:MAX_CURVES]:
            y = np.asarray(example, np.float64).ravel()
            # One number is a level, drawn as a line from side to side.
            y = np.repeat(y, 2) if len(y) == 1 else y
            heights = (high + margin - y) / (high - low + 2 * margin)
            x = np.linspace(0, side, len(y))
            line = list(zip(x, (heights * side).clip(-side, 2 * side), strict=True))
            draw.line(line, fill=color, width=OVERSAMPLING)
    draw.rectangle((0, 0, side - 1, side - 1), outline=LINE, width=OVERSAMPLING)
    return page.reduce(OVERSAMPLING)


def evaluator(
    source: Source,
    held_out: Source | None,
    to_real: ToReal,
    *features: evaluation.Features,
    scratch: Path | None = None,
) -> Evaluator:
    """Makes the evaluator of points, which compares them by their coordinates.

    Samples are compared with fresh points, or with the training points where the source has
    no held-out ones. The arguments are those of `Modality.evaluator`.

    Raises:
        UsageError: if features are given.
    """
    if features:
        raise UsageError("Points are compared as they are: remove --features.")
    # The points are the same at every step, so that scores can be compared.
    train = np.asarray(to_real(read_some(source, MAX_COMPARED).x))
    test = (
        np.asarray(to_real(read_some(held_out, MAX_COMPARED).x)) if held_out else None
    )
    compared = train if test is None else test
    coordinates = evaluation.points()

    def score(samples):
        return evaluation.evaluate(samples, train, test, coordinates)

    return Evaluator(
        count=len(compared),
        begin=in_memory_scoring(score),
        metrics=evaluation.metrics_on(coordinates.name, held_out=held_out is not None),
        headline=FRECHET.on(coordinates.name),
        real_scores=lambda: evaluation.evaluate_real(
            train, test, coordinates, len(compared)
        ),
        reference="fresh points" if held_out else "the training points",
        shape=compared.shape[1:],
    )


def _dots(
    draw: ImageDraw.ImageDraw,
    points: Float[np.ndarray, "n 2"],
    window: float,
    color: tuple[int, ...],
) -> None:
    side = PLOT_SIDE * OVERSAMPLING
    # Dots far beyond the window would not show: they are not drawn.
    near = points[(np.abs(points) <= 2 * window).all(1)]
    for x, y in near.astype(np.float64) / window:
        # The y axis of a picture points down.
        center = ((1 + x) / 2 * side, (1 - y) / 2 * side)
        draw.circle(center, radius=DOT_RADIUS * OVERSAMPLING, fill=color)


def _render(
    samples: np.ndarray, classes: int = 0, real: np.ndarray | None = None
) -> Image.Image:
    """Points of the plane as a scatter plot, and anything else as curves."""
    is_plane = np.ndim(samples) == 2 and np.shape(samples)[1] == 2
    return scatter(samples, behind=real) if is_plane else curves(samples, behind=real)


POINTS = Modality(
    name="points",
    unit="points",
    load=load,
    decode=points,
    summary=summarize_points,
    describe=describe,
    remedy=remedy,
    preview=lambda classes: PREVIEW,
    render=_render,
    files={
        ".png": lambda path, samples, labels: save_png(_render(samples), path),
        ".npz": save_arrays,
    },
    max_samples={},
    evaluator=evaluator,
)
