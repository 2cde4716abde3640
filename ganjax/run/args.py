"""The arguments that every run has (`Run`), and those that choose its weights (`Save`).

An experiment's arguments are a frozen dataclass with a `Run` as its field `run`; tyro makes
flags of its fields, with their docstrings as help:

    @dataclass(frozen=True)
    class Args:
        run: NoPrefix[Run] = Run("runs/ring", steps=10_000, batch=256)
        lr: PositiveFloat = 1e-4

The ranges of numbers are written in their annotations (`PositiveFloat`, `Fraction`, ...)
and checked by `check`. A run's folder keeps its arguments as JSON (`to_json`, `from_json`).
"""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass, replace
from numbers import Integral, Real
from pathlib import PurePath
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
import tyro

from ganjax.errors import UsageError
from ganjax.store import json_object


class Range(NamedTuple):
    """The finite numbers from `low` to `high`, both included unless `low_excluded`."""

    low: float
    high: float = math.inf
    low_excluded: bool = False

    def contains(self, x: float) -> bool:
        """Returns whether `x` is in the range; NaN and infinity are in none."""
        if not math.isfinite(x) or (self.low_excluded and x == self.low):
            return False
        return self.low <= x <= self.high

    def __str__(self) -> str:
        word = "more than" if self.low_excluded else "at least"
        low = f"{word} {_number(self.low)}"
        return (
            low if self.high == math.inf else f"{low} and at most {_number(self.high)}"
        )


# The types of plain arguments, in words.
TYPE_NAMES = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "True or False",
}

MAX_INT = 2**31 - 1  # larger counts overflow in JAX's int32
PositiveInt = Annotated[int, Range(1, MAX_INT)]
NonNegativeInt = Annotated[int, Range(0, MAX_INT)]
PositiveFloat = Annotated[float, Range(0, low_excluded=True)]
NonNegativeFloat = Annotated[float, Range(0)]
Fraction = Annotated[float, Range(0, 1)]
Layout = Literal["jit", "pmap", "shard", "fsdp"]

# Arguments of commands; the help shows the word in capitals in place of the type.
RunFolder = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
PathText = Annotated[str, tyro.conf.arg(metavar="PATH")]

T = TypeVar("T")
# A group of flags without a prefix: --steps, where the field `run` would make --run.steps.
NoPrefix = tyro.conf.OmitArgPrefixes[T]
_, _NO_PREFIX = get_args(tyro.conf.OmitArgPrefixes[int])


@dataclass(frozen=True)
class Run:
    """The settings of a run: its folder and length, its devices, and what it writes.

    Pictures, scores and saves are also made at the end; an interval of 0 makes them at the
    end only.
    """

    workdir: str
    """The run's folder; the same command again resumes what it finds there."""
    steps: PositiveInt
    """Training steps, counted from the first start: each has one update of G."""
    batch: PositiveInt
    """Batch size of each discriminator update, summed over devices; by default also that
    of G's update."""
    seed: Annotated[int, Range(0, MAX_INT)] = 0
    """Determines the weights, the order of the data and all noise."""
    seeds: PositiveInt = 1
    """Trains a population on seeds seed, seed + 1, ..., all at once."""
    microbatches: PositiveInt = 1
    """Gradient accumulation: every batch is divided into as many microbatches, which are
    played one after another to need less memory, and their gradients are averaged."""
    devices: Layout = "shard"
    """How the devices share the work: one device (jit), each device its own rows (pmap),
    one batch divided over the devices (shard), the state divided as well (fsdp)."""
    distributed: bool = False
    """Joins several processes into one run (coordinator address, process index and process
    count from the cluster, or from JAX_COORDINATOR_ADDRESS, JAX_PROCESS_ID and
    JAX_NUM_PROCESSES)."""
    log_every: PositiveInt = 100
    """Steps between rows of the metrics."""
    sample_every: NonNegativeInt = 1_000
    """Steps between pictures of samples."""
    evaluate_every: NonNegativeInt = 0
    """Steps between scores of samples."""
    save_every: NonNegativeInt = 1_000
    """Steps between saves."""
    keep_every: NonNegativeInt = 1_000
    """Steps between the averages that are kept with `--posthoc-ema`; 0 keeps them at the
    end only."""
    scores: bool = True
    """Scores samples during and after training; `--no-scores` turns it off."""
    posthoc_ema: tuple[float, ...] = ()
    """Tracks EMAs of G's weights with these relative standard deviations (e.g. 0.05 0.1),
    from which an EMA of any length can be reconstructed after training (EDM2)."""
    init_from: str = ""
    """Starts from the weights of this run instead of random ones."""
    init_parts: tuple[str, ...] = ()
    """Of `--init-from`, takes only the weights of these players, such as d; all by
    default."""


# The fields of `Run` that may change when a run is resumed. Most affect no state. `steps`
# says how long it is trained. `microbatches` and `devices` say how batches are divided,
# which makes a difference only to networks that compare rows, as batch norm does.
CHANGEABLE_ON_RESUME = (
    "steps",
    "workdir",
    "microbatches",
    "devices",
    "distributed",
    "log_every",
    "sample_every",
    "evaluate_every",
    "save_every",
    "keep_every",
    "scores",
    "init_from",
    "init_parts",
)


@dataclass(frozen=True)
class Save:
    """Which weights of a run."""

    best: bool = False
    """Takes the save with the best score instead of the newest."""
    member: Annotated[int, Range(0)] = 0
    """The member of a population, counted from 0."""
    sigma_rel: NonNegativeFloat = 0.0
    """Relative standard deviation of the post-hoc EMA of G; 0 is the run's own average."""
    trust: bool = False
    """Executes the run's experiment file although it is not known here."""


def convert_types(args: Any) -> Any:
    """Returns the arguments of a run with values of their annotated types.

    Flags were checked by their parser, but in Python anything can be given. Where nothing
    is lost by it, values are converted: whole floats to integers, NumPy's numbers and
    booleans to Python's, paths to text.

    Args:
        args: a dataclass, whose fields may be dataclasses, too.

    Returns:
        A dataclass of the same type.

    Raises:
        UsageError: if a value has another type than its annotation.
    """
    # Only fields that the constructor takes: `replace` refuses the others.
    hints = get_type_hints(type(args))
    values = {f.name: getattr(args, f.name) for f in fields(args) if f.init}
    for name, value in values.items():
        values[name] = _convert(name, value, _without_range(hints.get(name, Any)))
    return replace(args, **values)


def _convert(name: str, value: Any, kind: Any) -> Any:
    """The value of one argument, converted to its annotated type if nothing is lost."""
    if is_dataclass(value) and not isinstance(value, type):
        return convert_types(value)
    if kind is bool and isinstance(value, np.bool_):
        return bool(value)
    if kind is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    if get_origin(kind) is Literal and value not in get_args(kind):
        choices = ", ".join(map(str, get_args(kind)))
        raise UsageError(f"{name} is {value!r}: give one of {choices}.")
    if get_origin(kind) is tuple:
        return _convert_tuple(name, value, kind)
    if kind not in TYPE_NAMES or (kind in (str, bool) and isinstance(value, kind)):
        return value
    # NumPy's numbers are `Real`, too; and so is bool, which is not a number here.
    if isinstance(value, Real) and not isinstance(value, bool):
        if kind is float:
            return float(value)  # pyright: ignore[reportArgumentType]
        if kind is int and (isinstance(value, Integral) or float(value).is_integer()):
            return int(value)  # pyright: ignore[reportArgumentType]
    raise UsageError(f"{name} is {value!r}: give {TYPE_NAMES[kind]}.")


def _convert_tuple(name: str, value: Any, kind: Any) -> Any:
    first, *more = get_args(kind) or (Any,)
    if not isinstance(value, tuple | list):
        raise UsageError(f"{name} is {value!r}: give a tuple, such as ({value!r},).")
    if more != [...]:  # only tuples of any length, `tuple[int, ...]`, are converted
        return value
    return tuple(_convert(name, item, _without_range(first)) for item in value)


def brief(value: object) -> str:
    """Returns the type and the beginning of a value, for messages."""
    return f"{type(value).__name__} {value!r}"[:80]


def defaults(args: Any) -> dict[str, Any]:
    """Returns the default of every argument that has one, as JSON would give it back.

    Args:
        args: a dataclass, whose fields may be dataclasses, too.

    Returns:
        The defaults by the paths of their fields, such as "run.steps".
    """
    values: dict[str, Any] = {}
    for field in fields(args):
        value = getattr(args, field.name)
        default = field.default
        if default is MISSING and field.default_factory is not MISSING:
            default = field.default_factory()
        if is_dataclass(value) and not isinstance(value, type):
            group = defaults(value)
            # An experiment's own default of a group, such as `Run(steps=...)`, wins over
            # those of the group's fields.
            if is_dataclass(default) and not isinstance(default, type):
                group |= json_object.flatten(to_json(default))
            values |= {f"{field.name}.{name}": x for name, x in group.items()}
        # Through JSON, as manifests hold what JSON gives back: a list for a tuple.
        elif default is not MISSING:
            values[field.name] = json.loads(json.dumps(default, default=path_text))
    return values


def check(args: Any) -> None:
    """Checks that every number is within the range of its annotation.

    Args:
        args: a dataclass, whose fields may be dataclasses, too.

    Raises:
        UsageError: if one is not; it names the flag.
    """
    for flag, value, hint in _leaves(args):
        for limit in getattr(hint, "__metadata__", ()):
            if isinstance(limit, Range) and not limit.contains(value):
                raise UsageError(f"{flag} {value} is out of range: give {limit}.")


def to_json(args: Any) -> dict[str, Any]:
    """Returns a dataclass as nested dictionaries of what JSON holds: a tuple is a list.

    Raises:
        UsageError: if a value is neither a number, text or path, nor a tuple of these.
    """
    return json.loads(json.dumps(asdict(args), default=path_text))


def path_text(value: Any) -> str:
    """Returns a path as text, for `json.dumps`.

    Raises:
        UsageError: for anything else that JSON cannot hold.
    """
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise UsageError(
        f"An argument of the experiment is {value!r}, which cannot be kept with the run: "
        "give numbers, text, paths or tuples of them, and make the rest in make(args)."
    )


def from_json(kind: type[T], values: dict[str, Any]) -> T:
    """Returns the arguments of which `to_json` made `values`.

    Unknown names are ignored for `Run` (another version may have written them) and refused
    for an experiment's own dataclass.

    Args:
        kind: the dataclass of the arguments.
        values: nested dictionaries.

    Raises:
        UsageError: if a name is not one of the fields, or a value does not fit its field.
    """
    hints = get_type_hints(kind, include_extras=True)
    names = {field.name for field in fields(kind)}  # pyright: ignore[reportArgumentType]
    unknown = sorted(values.keys() - names)
    if unknown and kind is Run:
        values = {name: x for name, x in values.items() if name not in unknown}
    elif unknown:
        raise UsageError(
            f"The run has an argument {unknown[0]} that {kind.__name__} lacks."
        )

    # JSON has neither paths nor tuples nor dataclasses: the annotations bring them back.
    def typed(name: str, value: Any) -> Any:
        inner = _without_range(hints[name])
        if isinstance(inner, type) and is_dataclass(inner):
            return from_json(inner, value)
        if isinstance(inner, type) and issubclass(inner, PurePath):
            return inner(value)
        return tuple(value) if isinstance(value, list) else value

    try:
        return kind(**{name: typed(name, value) for name, value in values.items()})
    except (TypeError, AttributeError) as error:
        raise UsageError(
            f"The run's arguments do not fit {kind.__name__}: {error}."
        ) from error


def _leaves(
    args: Any, prefix: str = "--", no_prefix: bool = False
) -> Iterator[tuple[str, Any, Any]]:
    """Yields flag, value and annotation of every argument, also of those within groups."""
    hints = get_type_hints(type(args), include_extras=True)
    for field in fields(args):
        value, hint = getattr(args, field.name), hints[field.name]
        flag = f"{prefix}{field.name.replace('_', '-')}"
        if is_dataclass(value):
            # As in tyro, a group without a prefix has no groups with one.
            bare = no_prefix or _NO_PREFIX in getattr(hint, "__metadata__", ())
            yield from _leaves(value, "--" if bare else f"{flag}.", bare)
        else:
            yield flag, value, hint


def _without_range(hint: Any) -> Any:
    """The type itself of an annotation that may have a range."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _number(x: float) -> str:
    # Counts with all their digits, where :g would round 2147483647 to 2.14748e+09.
    return str(int(x)) if float(x).is_integer() else f"{x:g}"
