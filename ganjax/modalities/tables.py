"""The modality of tables: rows of numbers, categories, dates and missing values.

A table's columns are known only from its data, so this modality is made of a
`data.schema.Schema`. Rows are stored as positions within modes and numbers of modes and
categories; networks see them as scalars and one-hot vectors. Samples are written to .csv
files, with all columns of the table. Pictures show the distribution of each column.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from PIL import Image, ImageDraw, ImageFont

from ganjax import evaluation
from ganjax.core import Modality
from ganjax.data import Source
from ganjax.data.names import shortened
from ganjax.data.rows import Sampler, by_sampling, load
from ganjax.data.schema import (
    Categorical,
    Continuous,
    Encoded,
    Schema,
    decode as decode_table,
    values_of,
)
from ganjax.data.source import ToReal, random_rows
from ganjax.data.tables import Table, to_csv
from ganjax.errors import UsageError
from ganjax.evaluation.columns import (
    COLUMN_SHAPES,
    MUTUAL_INFORMATION,
    PAIR_TRENDS,
    column_shapes,
    mutual_information,
    pair_trends,
)
from ganjax.evaluation.detection import (
    BOOSTED_DETECTION,
    LOGISTIC_DETECTION,
    boosted_detection,
    logistic_detection,
)
from ganjax.evaluation.efficacy import EFFICACY, efficacy
from ganjax.evaluation.evaluator import Evaluator, in_memory_scoring, no_scores
from ganjax.modalities.pictures import (
    BACKGROUND,
    LINE,
    check_samples,
    save_arrays,
    save_png,
)
from ganjax.store import write


PREVIEW = 1_000  # rows in a picture of a run
MAX_COMPARED = 2_000  # rows on either side of a comparison
MIN_COMPARED = 16  # with fewer there are no scores
K = 5  # nearest neighbors of precision, recall, density and coverage
MAX_PANELS = 24  # columns in a picture
MAX_BARS = 20  # of the distribution of one column
PANEL = (240, 150)  # pixels, width and height
MARGIN = 12  # pixels
TITLE = 14  # pixels, the height of a column's name
REAL_COLOR = (198, 203, 212)
SAMPLE_COLOR = (36, 88, 190)


def tables(schema: Schema, sampler: Sampler = by_sampling) -> Modality:
    """Makes the modality of the tables with these columns.

    Args:
        schema: what the columns are, as `ganjax.data.schema.infer` finds them.
        sampler: how training draws rows: `data.rows.by_sampling`, as of CTGAN, or
            `data.rows.as_they_occur`.

    Example:
        >>> schema = infer(read_split("people.csv"))
        >>> game = ganjax.game(gan, tables(schema))
    """

    def save_csv(path: Path, samples: np.ndarray, labels: np.ndarray) -> None:
        write(path, to_csv(table(samples)), parents=True)

    def table(samples: np.ndarray) -> Table:
        return decode_table(schema, harden(schema, samples))

    return Modality(
        name="tables",
        unit="rows",
        load=partial(load, schema=schema, sampler=sampler),
        decode=lambda stored: decode(schema, Encoded(**stored)),
        summary=partial(summarize, schema),
        describe=describe,
        remedy=remedy,
        preview=lambda classes: PREVIEW,
        render=partial(_render, schema),
        files={
            ".csv": save_csv,
            ".npz": save_arrays,
            ".png": lambda path, samples, labels: save_png(
                marginals(schema, samples), path
            ),
        },
        max_samples={},
        evaluator=partial(evaluator, schema),
        table=table,
    )


def decode(schema: Schema, stored: Encoded) -> Float[Array, "*b d"]:
    """Returns stored rows as networks see them: scalars and one-hot vectors.

    Args:
        schema: what the columns are.
        stored: rows [..., columns].
    """
    parts, place = [], 0
    for i, (is_continuous, width) in enumerate(schema.layout):
        if is_continuous:
            parts.append(jnp.asarray(stored.position[..., place, None]))
            place += 1
        parts.append(jax.nn.one_hot(stored.code[..., i], width))
    return jnp.concatenate(parts, axis=-1)


def harden(schema: Schema, samples: Float[np.ndarray, "n d"]) -> Encoded:
    """Returns samples as rows are stored: the most probable mode or category of each.

    Args:
        schema: what the columns are.
        samples: rows as networks see them.

    Raises:
        UsageError: a number is NaN or infinite, or the rows have another width.
    """
    samples = np.asarray(samples)
    width = sum(is_continuous + count for is_continuous, count in schema.layout)
    if samples.ndim != 2 or samples.shape[1] != width:
        raise UsageError(
            f"Rows of this table are [n, {width}] to networks, not {samples.shape}."
        )
    if not np.isfinite(samples).all():
        raise UsageError("Samples hold NaN or infinity: the generator has diverged.")
    positions, codes, start = [], [], 0
    for is_continuous, count in schema.layout:
        if is_continuous:
            positions.append(samples[:, start])
        start += is_continuous
        codes.append(samples[:, start : start + count].argmax(1))
        start += count
    position = np.zeros((len(samples), len(positions)), np.float32)
    for i, column in enumerate(positions):
        position[:, i] = column
    return Encoded(position, np.stack(codes, axis=1).astype(np.int32))


def summarize(schema: Schema, source: Source) -> str:
    """Returns the number of rows and columns, such as "120 rows of 5 columns"."""
    rows = natural(source).length
    return f"{rows:,} rows of {len(schema.columns)} columns"


def natural(source: Source) -> Source:
    """Returns the rows as they occur, of a source from which training samples them."""
    return source.components[0] if source.components else source


def describe(shape: tuple[int, ...]) -> str:
    """Returns what a row of this shape is: "rows of 31 numbers"."""
    return f"rows of {' x '.join(map(str, shape))} numbers"


def remedy(generated: tuple[int, ...], real: tuple[int, ...]) -> str:
    """Returns what to change where samples and data differ in shape."""
    return "make the networks of the layout of the same schema"


def marginals(schema: Schema, samples: Float[np.ndarray, "n d"]) -> Image.Image:
    """Draws the distribution of each column, in blue, before that of the table, in gray.

    Numbers are in bins of equal width. Of many categories the most frequent are shown.

    Args:
        schema: what the columns are, and how their values are distributed.
        samples: rows as networks see them.

    Raises:
        UsageError: there are no samples, or any number is not finite.
    """
    samples = np.asarray(samples)
    check_samples(samples)
    values = values_of(schema, harden(schema, samples))
    panels = [
        (column.name, *_shares(column, x))
        for column, x in zip(schema.modeled, values.T, strict=True)
    ][:MAX_PANELS]
    columns = max(1, min(4, len(panels)))
    rows = -(-len(panels) // columns)
    width, height = PANEL
    page = Image.new(
        "RGB",
        (columns * (width + MARGIN) + MARGIN, rows * (height + MARGIN) + MARGIN),
        BACKGROUND,
    )
    for i, (name, real, fake) in enumerate(panels):
        x = MARGIN + i % columns * (width + MARGIN)
        y = MARGIN + i // columns * (height + MARGIN)
        _draw_panel(ImageDraw.Draw(page), (x, y), name, real, fake)
    return page


class _Rows(NamedTuple):
    """Rows in both forms that scores need."""

    values: Float[np.ndarray, "n columns"]  # in the units of the table
    hard: Float[np.ndarray, "n d"]  # as networks see them, of one-hot vectors


def evaluator(
    schema: Schema,
    source: Source,
    held_out: Source | None,
    to_real: ToReal,
    *features: evaluation.Features,
    scratch: Path | None = None,
) -> Evaluator:
    """Makes the evaluator of tables.

    Samples are compared with held-out rows, or with the training rows where there are none:
    by single columns, pairs of columns and their dependence, two classifiers that tell them
    apart, and, if the schema has a target, by what they teach. Further scores are on the
    rows as networks see them: the Fréchet distance, precision and recall, and the distance
    to the closest training row, beside that of held-out ones. The other arguments are those
    of `Modality.evaluator`.

    Raises:
        UsageError: if features are given.
    """
    if features:
        raise UsageError("Tables are compared as they are: remove --features.")
    train = _read(schema, natural(source))
    test = _read(schema, natural(held_out)) if held_out else None
    compared = train if test is None else test
    count = len(compared.values)
    if min(count, len(train.values)) < MIN_COMPARED:
        return no_scores(count)
    rows = evaluation.points()._replace(name="rows")
    names = [column.name for column in schema.modeled]
    target = names.index(schema.target) if schema.target else None
    held = test.hard if test else None

    def score(samples: np.ndarray) -> dict[str, float]:
        fake = _rows(schema, harden(schema, samples))
        usual = evaluation.evaluate(fake.hard, train.hard, held, rows, K)
        return _scores(schema, compared, fake, target) | usual

    def real_scores() -> dict[str, float]:
        usual = evaluation.evaluate_real(train.hard, held, rows, count, K)
        if test is not None:
            # As many as there are samples, as scores depend on that.
            order = np.random.default_rng(0).permutation(len(train.values))[:count]
            fresh = _Rows(train.values[order], train.hard[order])
            return _scores(schema, test, fresh, target) | usual
        half = len(train.values) // 2
        first = _Rows(train.values[:half], train.hard[:half])
        second = _Rows(train.values[half:], train.hard[half:])
        return _scores(schema, first, second, target) | usual

    own = [BOOSTED_DETECTION, LOGISTIC_DETECTION]
    own += [COLUMN_SHAPES, PAIR_TRENDS, MUTUAL_INFORMATION]
    own += [EFFICACY] if target is not None else []
    return Evaluator(
        count=count,
        begin=in_memory_scoring(score),
        metrics=(*own, *evaluation.metrics_on(rows.name, held_out=test is not None)),
        headline=BOOSTED_DETECTION,
        real_scores=real_scores,
        reference="held-out rows" if test else "the training rows",
        shape=train.hard.shape[1:],
    )


def _scores(
    schema: Schema, real: _Rows, fake: _Rows, target: int | None
) -> dict[str, float]:
    categories = tuple(0 if has else width for has, width in schema.layout)
    pair = real.values, fake.values, categories
    scores = {
        BOOSTED_DETECTION.name: boosted_detection(*pair),
        LOGISTIC_DETECTION.name: logistic_detection(*pair),
        COLUMN_SHAPES.name: column_shapes(*pair),
        PAIR_TRENDS.name: pair_trends(*pair),
        MUTUAL_INFORMATION.name: mutual_information(*pair),
    }
    if target is not None:
        found = efficacy(fake.values, real.values, categories, target)
        scores[EFFICACY.name] = found
    return scores


def _read(schema: Schema, source: Source) -> _Rows:
    stored = source.read(random_rows(source, MAX_COMPARED)).x
    return _rows(schema, Encoded(**stored))


def _rows(schema: Schema, stored: Encoded) -> _Rows:
    return _Rows(values_of(schema, stored), np.asarray(decode(schema, stored)))


def _render(
    schema: Schema,
    samples: np.ndarray,
    classes: int = 0,
    real: np.ndarray | None = None,
) -> Image.Image:
    """The distributions of the columns; those of real rows are in the schema.

    Training shows rare values more often than they occur, so its examples are not drawn.
    """
    return marginals(schema, samples)


def _shares(
    column: Continuous | Categorical, values: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " bars"], Float[np.ndarray, " bars"]]:
    """The shares of real rows and of samples in each bar of a column's panel."""
    if isinstance(column, Categorical):
        real = column.weights
        fake = np.bincount(values.astype(int), minlength=len(real)) / len(values)
        shown = np.sort(np.argsort(-real, kind="stable")[:MAX_BARS])
        return real[shown], fake[shown]
    ends = np.linspace(column.low, column.high, MAX_BARS + 1)
    # The quantiles are at even shares, so that they are a sample of the real values.
    shares = (
        np.histogram(x, ends)[0] / max(len(x), 1)
        for x in (np.asarray(column.quantiles), values[np.isfinite(values)])
    )
    real, fake = shares
    return real, fake


def _draw_panel(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    name: str,
    real: Float[np.ndarray, " bars"],
    fake: Float[np.ndarray, " bars"],
) -> None:
    """Draws one column's bars; real ones fill their place, samples its middle."""
    x, y = corner
    width, height = PANEL
    font = ImageFont.load_default(TITLE - 2)
    draw.text((x, y), shortened(name)[:32], fill=(70, 75, 85), font=font)
    bottom, room = y + height, height - TITLE - 6
    highest = max(real.max(), fake.max(), 1e-9)
    step = width / len(real)
    for i, shares in enumerate(zip(real, fake, strict=True)):
        for share, color, inset in zip(
            shares, (REAL_COLOR, SAMPLE_COLOR), (0.05, 0.3), strict=True
        ):
            top = bottom - round(room * float(share / highest))
            left, right = x + step * (i + inset), x + step * (i + 1 - inset)
            if top < bottom:
                draw.rectangle((left, top, max(left, right), bottom), fill=color)
    draw.line((x, bottom, x + width, bottom), fill=LINE)
