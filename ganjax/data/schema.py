"""What the columns of a table are, and how their cells become numbers and text again.

A `Schema` is a tuple of columns of four kinds:

- `Continuous`: numbers and dates, encoded by mode-specific normalization (CTGAN; Xu et al.,
  2019, section 4.2). A value is the mode of its column that it belongs to, and its position
  within that mode. Missing and other special values are further modes, as of CTAB-GAN (Zhao
  et al., 2021).
- `Categorical`: text and numbers of few values; booleans are such, too.
- `Constant`: one value in all rows.
- `Key`: another value in each row, which is made anew for rows that are generated.

`infer` finds the kind of each column, and `kinds` overrides that. A schema is plain values,
so that a run can record it: `to_json` and `from_json`.
"""

import json
import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from ganjax.data.names import listed, shortened, sort_classes
from ganjax.data.tables import Table, is_missing
from ganjax.errors import UsageError


# The constants of mode-specific normalization, as in the package `ctgan`.
MAX_MODES = 10  # Gaussians that are fitted to a column
MIN_MODE_WEIGHT = 0.005  # a mode of less weight is left out
MODE_STDS = 4  # a mode reaches to so many standard deviations on either side
MAX_FITTED = 50_000  # rows that modes are fitted to; of more, so many at random
MAX_POSITION = 0.99  # within -1..1

MAX_CATEGORIES = 1_000  # with more, the rarest share one output of the networks
RARE = "any rare value"  # the name of the category of those
MIN_POINT_MASS = 0.2  # a value in this share of a column's numbers is special
FEW_NUMBERS = 10  # a column of whole numbers with at most so many values is categorical
KEY_GAPS = 2  # keys that are numbers cover a range of at most so many times the rows
MIN_KEY_ROWS = 20  # in fewer rows, different values need not be a key
SECONDS_PER_DAY = 86_400
DAY_DECIMALS = 6  # of a day, for dates with a time: a tenth of a second
MAX_EXACT = 2**53  # floats hold whole numbers up to this one exactly
EPOCH = datetime(1970, 1, 1)
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%b-%Y",
    "%b %d %Y",
    "%Y-%m",
)
# A plain number. Text such as 0123, a code with a leading zero, is none.
NUMBER = re.compile(
    r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
)

COMMA = re.compile(r"[+-]?[0-9]+,([0-9]+)")  # a number with a decimal comma


class Continuous(NamedTuple):
    """A column of numbers or dates.

    Attributes:
        name: its name.
        weights: the weight of each mode.
        means: its mean.
        stds: its standard deviation.
        low: the smallest value.
        high: the largest value.
        decimals: digits after the point; 0 for whole numbers.
        special: values that are modes of their own.
        missing: the text of a missing value; None where no value is missing.
        date: the format of dates, as `strptime` takes it; "" for numbers.
        quantiles: the values at 100 even shares of the rows, to compare samples with.
        point: the sign before the decimals, "." or ",".
    """

    name: str
    weights: tuple[float, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    low: float
    high: float
    decimals: int
    special: tuple[float, ...] = ()
    missing: str | None = None
    date: str = ""
    quantiles: tuple[float, ...] = ()
    point: str = "."

    @property
    def width(self) -> int:
        """The number of modes, special and missing values included."""
        return len(self.means) + len(self.special) + (self.missing is not None)


class Categorical(NamedTuple):
    """A column of few values.

    Attributes:
        name: its name.
        values: the text of each value. Of more than `MAX_CATEGORIES`, the most frequent
            come first, and all from the last output of the networks on share that one.
        counts: in how many rows each occurs.
        missing: the text of a missing value, which is one of the values, or None.
    """

    name: str
    values: tuple[str, ...]
    counts: tuple[int, ...]
    missing: str | None = None

    @property
    def width(self) -> int:
        """The number of categories that networks see."""
        return min(len(self.values), MAX_CATEGORIES)

    @property
    def weights(self) -> Float[np.ndarray, " width"]:
        """The share of rows in each category that networks see."""
        counts = np.asarray(self.counts, float)
        last = self.width - 1
        shared = np.append(counts[:last], counts[last:].sum())
        return shared / shared.sum()


class Constant(NamedTuple):
    """A column of one value, which networks do not see."""

    name: str
    value: str


class Key(NamedTuple):
    """A column whose values differ in all rows, which networks do not see.

    Attributes:
        name: its name.
        prefix: what all values begin with.
        digits: the number of digits that follow, with zeros before; 0 for plain numbers.
        first: the first number of rows that are generated.
    """

    name: str
    prefix: str
    digits: int
    first: int


Column = Continuous | Categorical | Constant | Key
# (name, cells) -> what the column is.
Kind = Callable[[str, Shaped[np.ndarray, " rows"]], Column]


class Encoded(NamedTuple):
    """Rows in numbers, for the columns that networks see."""

    position: Any  # [..., continuous columns] float32, in -1..1 within the mode
    code: Any  # [..., columns] int32, the mode or the category


class Schema(NamedTuple):
    """What the columns of a table are.

    Attributes:
        columns: the columns, in the order of the table.
        target: the column that is to be predicted from the others, for scores; "" for none.
        rows: the number of rows that it was inferred from.
    """

    columns: tuple[Column, ...]
    target: str = ""
    rows: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(column.name for column in self.columns)

    @property
    def modeled(self) -> tuple[Continuous | Categorical, ...]:
        """The columns that networks see."""
        return tuple(
            each for each in self.columns if isinstance(each, Continuous | Categorical)
        )

    @property
    def categorical(self) -> tuple[Categorical, ...]:
        """The columns that samples can be conditioned on."""
        return tuple(each for each in self.columns if isinstance(each, Categorical))

    @property
    def continuous(self) -> tuple[Continuous, ...]:
        """The columns that have positions."""
        return tuple(each for each in self.columns if isinstance(each, Continuous))

    @property
    def layout(self) -> tuple[tuple[bool, int], ...]:
        """Of each column that networks see: whether it has a position, and its width."""
        return tuple(
            (isinstance(column, Continuous), column.width) for column in self.modeled
        )

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of all conditions, "column=value", column by column."""
        return tuple(
            f"{column.name}={_shown(column, i)}"
            for column in self.categorical
            for i in range(column.width)
        )

    @property
    def frequencies(self) -> tuple[float, ...]:
        """The share of each condition: all columns alike, values as they occur."""
        parts = [column.weights / len(self.categorical) for column in self.categorical]
        return tuple(np.concatenate(parts).tolist()) if parts else ()


def infer(
    table: Table, kinds: Mapping[str, Kind] | None = None, target: str = ""
) -> Schema:
    """Infers what the columns of a table are, and fits the modes of its numbers.

    Args:
        table: the table.
        kinds: a column's name -> its kind, `continuous`, `categorical`, `key` or
            `with_special(...)`, where that is not to be inferred.
        target: the column that is to be predicted from the others, for scores.

    Raises:
        UsageError: a name is not that of a column, a column cannot be of the kind that is
            given, or no column is left that a network could learn.
    """
    kinds = kinds or {}
    for name in [*kinds, *([target] if target else [])]:
        table.column(name)
    columns = tuple(
        kinds.get(name, inferred)(name, table.column(name)) for name in table.names
    )
    schema = Schema(columns, target, len(table))
    if not schema.modeled:
        raise UsageError(
            f"No column of the table ({listed(table.names)}) has values to learn, as each "
            "is constant or a key: give more columns, or the kinds of these."
        )
    if target and target not in [column.name for column in schema.modeled]:
        raise UsageError(
            f"The target {shortened(target)!r} is constant or a key: give another column."
        )
    return schema


def inferred(name: str, cells: Shaped[np.ndarray, " rows"]) -> Column:
    """Returns what a column is, by its values.

    Whole numbers of at most `FEW_NUMBERS` values are categorical. A key is text that
    differs in all rows, or whole numbers that count the rows, at most half of which lack.
    Among other numbers a value that at least `MIN_POINT_MASS` of them have is special, as
    is 0 where most people have no capital gain.
    """
    present = cells[~is_missing(cells)]
    values = set(present)
    if len(values) < 2 and len(present) in (0, len(cells)):
        return Constant(name, str(cells[0]))
    numbers = _numbers(present, _point(present))
    is_unique = len(values) == len(cells) >= MIN_KEY_ROWS
    if numbers is None:
        if _date_format(present):
            return continuous(name, cells)
        return key(name, cells) if is_unique else categorical(name, cells)
    is_whole = bool((numbers == np.floor(numbers)).all())
    # Of rows that are counted some are held out, and others may have been deleted.
    if is_unique and is_whole and np.ptp(numbers) < KEY_GAPS * len(cells):
        return key(name, cells)
    if is_whole and len(values) <= FEW_NUMBERS:
        return categorical(name, cells)
    return _continuous(name, cells, _point_masses(numbers))


def _point_masses(numbers: Float[np.ndarray, " n"]) -> tuple[float, ...]:
    """The values that many numbers have, where others are left that modes can be fitted to.

    A single value may be that of many rows by chance where there are few values.
    """
    values, counts = np.unique(numbers, return_counts=True)
    if len(values) <= FEW_NUMBERS:
        return ()
    return tuple(values[counts >= MIN_POINT_MASS * len(numbers)].tolist())


def continuous(name: str, cells: Shaped[np.ndarray, " rows"]) -> Column:
    """Returns a column of numbers or dates, with its modes.

    Raises:
        UsageError: a value is neither, or is infinite.
    """
    return _continuous(name, cells, ())


def with_special(*values: float) -> Kind:
    """Returns the kind of a column of numbers with special values (CTAB-GAN's mixed type).

    Args:
        values: values that mean something of their own, such as 0 where most people have no
            capital gain. Each becomes a mode.
    """
    return lambda name, cells: _continuous(name, cells, tuple(map(float, values)))


def categorical(name: str, cells: Shaped[np.ndarray, " rows"]) -> Column:
    """Returns a column of which each value is a category, as is a missing value."""
    absent = is_missing(cells)
    missing = _missing_text(cells, absent)
    counts = Counter(cells[~absent].tolist())
    if missing is not None:
        counts[missing] = int(absent.sum())
    values = sort_classes(counts)
    if len(values) > MAX_CATEGORIES:
        values = [value for value, _ in counts.most_common()]
    return Categorical(name, tuple(values), tuple(counts[x] for x in values), missing)


def key(name: str, cells: Shaped[np.ndarray, " rows"]) -> Column:
    """Returns a column of keys, which are made anew for generated rows.

    They go on where the largest number ends, after the beginning that all keys share.
    """
    keys = [str(cell) for cell in cells]
    prefix = re.sub(r"\d+$", "", _common_prefix(keys))
    rests = [text[len(prefix) :] for text in keys]
    numbers = [int(rest) for rest in rests if re.fullmatch("[0-9]{1,18}", rest)]
    digits = {len(rest) for rest in rests}
    is_padded = len(digits) == 1 and any(rest.startswith("0") for rest in rests)
    return Key(
        name,
        prefix,
        max(digits) if is_padded else 0,
        max(numbers) + 1 if len(numbers) == len(keys) else 1,
    )


KINDS: Mapping[str, Kind] = {
    "continuous": continuous,
    "categorical": categorical,
    "key": key,
}


def parse_kinds(texts: Sequence[str]) -> dict[str, Kind]:
    """Returns the kinds of columns that flags name, for `infer`.

    Args:
        texts: such as "zip=categorical", "customer=key", or "gain=0,99999" for numbers of
            which these are special.

    Raises:
        UsageError: a text is none of these.
    """
    kinds = {}
    for text in texts:
        # The name of a column may have "=" in it, and a kind has not.
        name, found, kind = text.rpartition("=")
        values = _numbers(np.array(kind.split(","), object)) if found else None
        if kind not in KINDS and values is None:
            raise UsageError(
                f"{shortened(text)!r} is not the kind of a column: give COLUMN=KIND, where "
                f"KIND is {', '.join(KINDS)}, or special numbers such as 0,99999."
            )
        kinds[name] = KINDS[kind] if values is None else with_special(*values)
    return kinds


def encode(schema: Schema, table: Table, seed: int = 0) -> Encoded:
    """Encodes the rows of a table.

    A value's mode is drawn from its posterior, as published; equal seeds draw the same.

    Args:
        schema: what the columns are.
        table: a table with these columns, such as the held-out rows.
        seed: the seed of the modes.

    Raises:
        UsageError: the table has other columns, or a cell is none of its column's values.
    """
    positions, codes = [], []
    for i, column in enumerate(schema.modeled):
        cells = table.column(column.name)
        if isinstance(column, Categorical):
            codes.append(_categories(column, cells))
        else:
            rng = np.random.default_rng([seed, i])
            position, code = _modes(column, cells, rng)
            positions.append(position)
            codes.append(code)
    return Encoded(
        _stacked(positions, len(table), np.float32),
        _stacked(codes, len(table), np.int32),
    )


def is_known(schema: Schema, table: Table) -> Bool[np.ndarray, " rows"]:
    """Returns which rows can be encoded: none of their values is new to the schema.

    Rows that were held out when it was inferred may have a category of their own.
    """
    known = np.ones(len(table), bool)
    for column in schema.modeled:
        cells = table.column(column.name)
        if isinstance(column, Continuous):
            known &= ~is_missing(cells) | (column.missing is not None)
        elif len(column.values) == column.width:
            known &= np.isin(_with_one_missing_text(column, cells), column.values)
    return known


def values_of(schema: Schema, rows: Encoded) -> Float[np.ndarray, "rows columns"]:
    """Returns each row in the units of the table, for the columns that networks see.

    Continuous columns have their values, rounded and within the range of the column, dates
    in days, and NaN where a value is missing; categorical columns have the number of the
    category.
    """
    values = np.empty(rows.code.shape, np.float64)
    place = 0
    for i, column in enumerate(schema.modeled):
        code = np.asarray(rows.code[:, i])
        if isinstance(column, Categorical):
            values[:, i] = code
        else:
            values[:, i] = _denormalized(column, rows.position[:, place], code)
            place += 1
    return values


def decode(schema: Schema, rows: Encoded, seed: int = 0) -> Table:
    """Decodes rows to a table with all columns: the inverse of `encode`.

    Args:
        schema: what the columns are.
        rows: the rows.
        seed: the seed by which rare categories are drawn that share one number.
    """
    rng = np.random.default_rng(seed)
    values = values_of(schema, rows)
    count = len(values)
    texts: dict[str, list[str]] = {}
    for column, numbers in zip(schema.modeled, values.T, strict=True):
        if isinstance(column, Categorical):
            texts[column.name] = _category_texts(column, numbers.astype(int), rng)
        else:
            texts[column.name] = [_number_text(column, x) for x in numbers]
    for column in schema.columns:
        if isinstance(column, Constant):
            texts[column.name] = [column.value] * count
        elif isinstance(column, Key):
            texts[column.name] = [_key_text(column, i) for i in range(count)]
    cells = np.empty((count, len(schema.columns)), object)
    for i, name in enumerate(schema.names):
        cells[:, i] = texts[name]
    return Table(schema.names, cells)


def to_json(schema: Schema) -> str:
    """Returns the schema as JSON text of one line."""
    columns = [
        {"kind": type(column).__name__.lower(), **column._asdict()}
        for column in schema.columns
    ]
    stored = {"target": schema.target, "rows": schema.rows, "columns": columns}
    return json.dumps(stored, ensure_ascii=False)


def from_json(text: str) -> Schema:
    """Returns the schema that `to_json` wrote.

    Raises:
        UsageError: the text is not that of a schema.
    """
    types = {
        each.__name__.lower(): each for each in (Continuous, Categorical, Constant, Key)
    }
    try:
        stored = json.loads(text)
        columns = []
        for each in stored["columns"]:
            make = types[each.pop("kind")]
            columns.append(make(**{k: _hashable(x) for k, x in each.items()}))
        return Schema(tuple(columns), str(stored["target"]), int(stored["rows"]))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"This is not the schema of a table ({type(error).__name__}): give what "
            "ganjax.data.schema.to_json writes."
        ) from error


def remarks(schema: Schema) -> tuple[str, ...]:
    """Returns a sentence on each thing that a user should know of the columns."""
    sentences = []
    for column in schema.categorical:
        if len(column.values) > column.width:
            sentences.append(
                f"Column {shortened(column.name)!r} has {len(column.values):,} values: the "
                f"rarest {len(column.values) - column.width + 1:,} are one category to the "
                "networks, and are drawn as often as they occur."
            )
    special = [
        f"{shortened(column.name)} ({listed([f'{x:g}' for x in column.special])})"
        for column in schema.continuous
        if column.special
    ]
    if special:
        sentences.append(
            f"Special values, each a mode of its own: {listed(special, 8)}."
        )
    for kind, what in ((Constant, "constant"), (Key, "keys, which are made anew")):
        names = [each.name for each in schema.columns if isinstance(each, kind)]
        if names:
            sentences.append(f"Not learned: {listed(names, 8)} ({what}).")
    return tuple(sentences)


def _continuous(
    name: str, cells: Shaped[np.ndarray, " rows"], special: tuple[float, ...]
) -> Column:
    absent = is_missing(cells)
    date = _date_format(cells[~absent])
    point = _point(cells[~absent])
    numbers = _days(cells[~absent], date) if date else _numbers(cells[~absent], point)
    if numbers is None or not len(numbers):
        raise UsageError(
            f"Column {shortened(name)!r} holds text, as in "
            f"{shortened(_first_text(cells[~absent]))!r}: give it the kind categorical."
        )
    ordinary = numbers[~np.isin(numbers, special)]
    if not len(ordinary):
        raise UsageError(
            f"Column {shortened(name)!r} has no values but special ones: give it the kind "
            "categorical."
        )
    if date:
        is_whole = bool((numbers == np.floor(numbers)).all())
        decimals = 0 if is_whole else DAY_DECIMALS
    else:
        decimals = max(_decimals(text.replace(point, ".")) for text in cells[~absent])
    weights, means, stds = fit_modes(ordinary)
    return Continuous(
        name=name,
        weights=weights,
        means=means,
        stds=stds,
        low=float(numbers.min()),
        high=float(numbers.max()),
        decimals=decimals,
        special=special,
        missing=_missing_text(cells, absent),
        date=date,
        quantiles=_quantiles(numbers),
        point="." if date else point,
    )


def _quantiles(numbers: Float[np.ndarray, " n"]) -> tuple[float, ...]:
    """The middles of 100 parts of equally many rows, as precise as a picture needs."""
    found = np.quantile(numbers, np.linspace(0.005, 0.995, 100))
    return tuple(float(f"{x:.6g}") for x in found)


def fit_modes(
    values: Float[np.ndarray, " n"],
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Returns the weights, the means and the standard deviations of a column's modes.

    They are the components of a variational Gaussian mixture, with the constants of the
    package `ctgan`.
    """
    # Not above: its import takes a second.
    from sklearn.mixture import BayesianGaussianMixture
    from threadpoolctl import threadpool_limits

    if len(values) > MAX_FITTED:
        values = np.random.default_rng(0).choice(values, MAX_FITTED, replace=False)
    mixture = BayesianGaussianMixture(
        n_components=min(MAX_MODES, len(values)),
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=0.001,
        random_state=0,
    )
    # Each product is of one column, on which several threads only wait for each other. A
    # fit that has not converged, or finds fewer different values, is good enough.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixture.fit(values[:, None])
    kept = mixture.weights_ > MIN_MODE_WEIGHT
    stds = np.sqrt(mixture.covariances_.ravel()[kept])
    return (
        tuple(mixture.weights_[kept].tolist()),
        tuple(mixture.means_.ravel()[kept].tolist()),
        tuple(np.maximum(stds, 1e-9).tolist()),
    )


def _modes(
    column: Continuous, cells: Shaped[np.ndarray, " rows"], rng: np.random.Generator
) -> tuple[Float[np.ndarray, " rows"], Int[np.ndarray, " rows"]]:
    """The position within its mode, and the mode, of each cell."""
    absent = is_missing(cells)
    if column.missing is None and absent.any():
        raise UsageError(
            f"Column {shortened(column.name)!r} has missing values here and had none where "
            "the schema is from: infer the schema from all rows."
        )
    present = cells[~absent]
    found = (
        _days(present, column.date) if column.date else _numbers(present, column.point)
    )
    if found is None:
        raise UsageError(
            f"Column {shortened(column.name)!r} has "
            f"{shortened(_first_text(present))!r} where numbers or dates are expected: "
            "give it another kind."
        )
    values = np.full(len(cells), column.means[0])
    values[~absent] = found
    means, stds = np.asarray(column.means), np.asarray(column.stds)
    # A mode is drawn from its posterior given the value, to which `ctgan` adds 1e-6.
    scaled = (values[:, None] - means) / stds
    log_odds = np.log(column.weights) - np.log(stds) - 0.5 * scaled**2
    odds = np.exp(log_odds - log_odds.max(1, keepdims=True))
    posterior = odds / odds.sum(1, keepdims=True) + 1e-6
    ends = (posterior / posterior.sum(1, keepdims=True)).cumsum(1)
    code = (rng.random(len(cells))[:, None] > ends[:, :-1]).sum(1)
    position = (scaled[np.arange(len(cells)), code] / MODE_STDS).clip(
        -MAX_POSITION, MAX_POSITION
    )
    # Special values are modes without an extent.
    for i, value in enumerate(column.special):
        code = np.where(values == value, len(means) + i, code)
    code = np.where(absent, column.width - 1, code)
    return np.where(code < len(means), position, 0.0), code


def _denormalized(
    column: Continuous,
    position: Float[np.ndarray, " rows"],
    code: Int[np.ndarray, " rows"],
) -> Float[np.ndarray, " rows"]:
    """The value of each row in the column's own units, NaN where it is missing."""
    centers = np.concatenate([column.means, column.special, [0.0]])
    extents = np.zeros(len(centers))
    extents[: len(column.stds)] = MODE_STDS * np.asarray(column.stds)
    position = np.asarray(position, np.float64).clip(-1, 1)
    values = centers[code] + position * extents[code]
    values = np.round(values, column.decimals).clip(column.low, column.high)
    is_missing_mode = (code == column.width - 1) & (column.missing is not None)
    return np.where(is_missing_mode, np.nan, values)


def _categories(
    column: Categorical, cells: Shaped[np.ndarray, " rows"]
) -> Int[np.ndarray, " rows"]:
    """The category of each cell; where rare values share one, new ones have it, too."""
    numbers = {value: i for i, value in enumerate(column.values)}
    last = column.width - 1
    cells = _with_one_missing_text(column, cells)
    is_open = len(column.values) > column.width
    new = [] if is_open else [cell for cell in cells if cell not in numbers]
    if new:
        raise UsageError(
            f"Column {shortened(column.name)!r} has the value {shortened(new[0])!r}, which "
            "no row has that the schema is from: infer the schema from all rows."
        )
    return np.array([min(numbers.get(cell, last), last) for cell in cells], int)


def _with_one_missing_text(
    column: Categorical, cells: Shaped[np.ndarray, " rows"]
) -> Shaped[np.ndarray, " rows"]:
    """The cells, of which all missing ones have the same text."""
    if column.missing is None:
        return cells
    return np.where(is_missing(cells), column.missing, cells).astype(object)


def _category_texts(
    column: Categorical, code: Int[np.ndarray, " rows"], rng: np.random.Generator
) -> list[str]:
    """The text of each category; one of those that share the last number by frequency."""
    last = column.width - 1
    rare = np.asarray(column.counts[last:], float)
    drawn = last + rng.choice(len(rare), len(code), p=rare / rare.sum())
    return [column.values[i] for i in np.where(code == last, drawn, code)]


def _number_text(column: Continuous, value: float) -> str:
    if math.isnan(value):
        return column.missing or ""
    if column.date:
        seconds = round(float(value) * SECONDS_PER_DAY)
        return (EPOCH + timedelta(seconds=seconds)).strftime(column.date)
    return repr(float(value)).removesuffix(".0").replace(".", column.point)


def _key_text(column: Key, i: int) -> str:
    return f"{column.prefix}{str(column.first + i).zfill(column.digits)}"


def _shown(column: Categorical, code: int) -> str:
    """The name of a category as conditions have it."""
    is_shared = code == column.width - 1 and len(column.values) > column.width
    return RARE if is_shared else column.values[code]


def _point(cells: Shaped[np.ndarray, " rows"]) -> str:
    """The decimal point of a column of numbers: "," where that cannot be for thousands."""
    found = [COMMA.fullmatch(cell) for cell in cells if "," in cell]
    if not found or not all(found):
        return "."
    return "," if any(len(each[1]) != 3 for each in found if each) else "."


def _numbers(
    cells: Shaped[np.ndarray, " rows"], point: str = "."
) -> Float[np.ndarray, " rows"] | None:
    """The cells as finite numbers; None if any is not, or is no exact float."""
    if point != ".":
        cells = np.array([cell.replace(point, ".") for cell in cells], object)
    if not all(NUMBER.fullmatch(cell) for cell in cells):
        return None
    values = np.array([float(cell) for cell in cells], np.float64)
    # Whole numbers beyond this are codes, which floats would change.
    return values if bool((np.abs(values) < MAX_EXACT).all()) else None


def _date_format(cells: Shaped[np.ndarray, " rows"]) -> str:
    """The format of a column of dates, "" if it is none."""
    if not len(cells) or _numbers(cells[:1]) is not None:
        return ""
    # A format that fits the first cells may still not fit them all: 3/4/2020 is ambiguous.
    likely = (each for each in DATE_FORMATS if _are_dates(cells[:20], each))
    return next((each for each in likely if _are_dates(cells, each)), "")


def _are_dates(cells: Shaped[np.ndarray, " rows"], date: str) -> Any:
    try:
        return _days(cells, date) is not None
    except ValueError:
        return False


def _days(cells: Shaped[np.ndarray, " rows"], date: str) -> Float[np.ndarray, " rows"]:
    """Dates in days since 1970."""
    days = [
        (datetime.strptime(cell, date) - EPOCH) / timedelta(days=1) for cell in cells
    ]
    return np.array(days, np.float64)


def _decimals(text: str) -> int:
    """The digits after the point of a number; those of an exponent are counted, too."""
    mantissa, _, exponent = text.lower().partition("e")
    digits = len(mantissa.partition(".")[2]) - int(exponent or 0)
    return min(max(digits, 0), 15)


def _missing_text(
    cells: Shaped[np.ndarray, " rows"], absent: Bool[np.ndarray, " rows"]
) -> str | None:
    """The most frequent text of a missing value; None where none is missing."""
    if not absent.any():
        return None
    return str(Counter(cells[absent].tolist()).most_common(1)[0][0])


def _first_text(cells: Shaped[np.ndarray, " rows"]) -> str:
    """The first cell that is not a number."""
    return next(
        (cell for cell in cells if _numbers(np.array([cell], object)) is None), ""
    )


def _common_prefix(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    same = (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(same, min(len(first), len(last)))]


def _stacked(columns: list[np.ndarray], rows: int, dtype: Any) -> np.ndarray:
    if not columns:
        return np.zeros((rows, 0), dtype)
    return np.stack(columns, axis=1).astype(dtype)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
