"""What every experiment takes from the command line, and what a number may be."""

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

import tyro

from ganjax.errors import Mistake


class Range(NamedTuple):
    """From `low` to `high`, both included, or without `low` itself if `above`."""

    low: float
    high: float = math.inf
    above: bool = False

    def holds(self, x: float) -> bool:
        """Whether `x` lies in it; NaN and infinity lie in none."""
        return math.isfinite(x) and self.low <= x <= self.high and x != self._open()

    def __str__(self) -> str:
        low = f"more than {self.low:g}" if self.above else f"at least {self.low:g}"
        return low if self.high == math.inf else f"{low} and at most {self.high:g}"

    def _open(self) -> float | None:
        return self.low if self.above else None


KINDS = {int: "a whole number", float: "a number", str: "text", bool: "True or False"}

MOST = 2**31 - 1  # of a count: larger ones overflow, and no machine could play them
Count = Annotated[int, Range(1, MOST)]
Cadence = Annotated[int, Range(0, MOST)]
Positive = Annotated[float, Range(0, above=True)]
Weight = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, 1)]
Layout = Literal["jit", "pmap", "shard", "fsdp"]

T = TypeVar("T")
Flat = tyro.conf.OmitArgPrefixes[T]  # a group of flags without its own prefix


@dataclass(frozen=True)
class Run:
    """How long, how large, where and how often. A cadence of 0 means at the end only."""

    workdir: str
    """The run's folder; the same command again resumes what it finds there."""
    steps: Count
    """Generator steps in all."""
    batch: Count
    """Images of each of D's turns, over all devices."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 0
    seeds: Count = 1
    """Trains a population on seeds seed, seed + 1, ..., all at once."""
    parts: Count = 1
    """Parts of every batch that are played one after another, their gradients averaged,
    to need less memory."""
    devices: Layout = "shard"
    """How the devices share the work."""
    distributed: bool = False
    """Joins several processes into one run (address, number and count from the cluster
    or JAX_COORDINATOR_ADDRESS, JAX_PROCESS_ID and JAX_NUM_PROCESSES)."""
    log_every: Count = 100
    sample_every: Cadence = 1_000
    evaluate_every: Cadence = 0
    save_every: Cadence = 1_000
    keep_every: Cadence = 1_000
    """Steps between the averages that are kept with `--track`."""
    scores: bool = True
    """Scores samples during and after training; `--no-scores` turns it off."""
    track: tuple[float, ...] = ()
    """Lengths of averages of G, as 0.05 0.1, of which one of any length can be made
    afterwards: standard deviations as shares of the time so far."""
    init_from: str = ""
    """Starts from the weights of this run instead of random ones."""


# What a run may be resumed with: none of it changes a state, but for how long it plays.
FREE_TO_CHANGE = (
    "steps",
    "workdir",
    "parts",
    "devices",
    "distributed",
    "log_every",
    "sample_every",
    "evaluate_every",
    "save_every",
    "keep_every",
    "scores",
    "init_from",
)


def tidy(args: Any) -> Any:
    """The arguments of `train`, with whole floats as integers and paths as text.

    Raises a `Mistake` where they are not a dataclass with a `Run` named `run`, or where a
    value is of another kind than its annotation: flags were checked by their parser, but
    in Python anything can be given.
    """
    if isinstance(args, type) or not is_dataclass(args):
        raise Mistake(
            f"train is given {_article(args)} in place of an experiment's arguments: give "
            "a dataclass that has a `run: Run`."
        )
    if not isinstance(getattr(args, "run", None), Run):
        raise Mistake(
            f"{type(args).__name__} has no `run` that is a Run: train is given an "
            "experiment's dataclass, of which `run: Run` is one field."
        )
    return _tidy(args)


def _tidy(args: Any) -> Any:
    hints = get_type_hints(type(args))
    values = {f.name: getattr(args, f.name) for f in fields(args) if f.init}
    for name, value in values.items():
        values[name] = _as(name, value, _bare(hints.get(name, Any)))
    return replace(args, **values)


def _as(name: str, value: Any, kind: Any) -> Any:
    """The value as its annotation says, where that changes nothing about it."""
    if is_dataclass(value) and not isinstance(value, type):
        return _tidy(value)
    if kind is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    if get_origin(kind) is Literal and value not in get_args(kind):
        choices = ", ".join(map(str, get_args(kind)))
        raise Mistake(f"{name} is {value!r}: give one of {choices}.")
    if get_origin(kind) is tuple:
        return _as_tuple(name, value, kind)
    if kind not in KINDS or (kind in (str, bool) and isinstance(value, kind)):
        return value
    if isinstance(value, Real) and not isinstance(value, bool):  # NumPy's numbers, too
        if kind is float:
            return float(value)  # pyright: ignore[reportArgumentType]
        if kind is int and (isinstance(value, Integral) or float(value).is_integer()):
            return int(value)  # pyright: ignore[reportArgumentType]
    raise Mistake(f"{name} is {value!r}: give {KINDS[kind]}.")


def _as_tuple(name: str, value: Any, kind: Any) -> Any:
    first, *more = get_args(kind) or (Any,)
    if not isinstance(value, tuple | list):
        raise Mistake(f"{name} is {value!r}: give a tuple, such as ({value!r},).")
    if more != [...]:  # not of any length
        return value
    return tuple(_as(name, each, _bare(first)) for each in value)


def _article(value: object) -> str:
    return f"{type(value).__name__} {value!r}"[:80]


def defaults(args: Any) -> dict[str, Any]:
    """What every argument is where nobody gives it, nested ones as plain values, too."""
    found: dict[str, Any] = {}
    for field in fields(args):
        value = getattr(args, field.name)
        given = field.default
        if given is MISSING and field.default_factory is not MISSING:
            given = field.default_factory()
        if is_dataclass(value) and not isinstance(value, type):
            found |= defaults(value)
            if is_dataclass(given) and not isinstance(given, type):
                found |= plain(given)
        elif given is not MISSING:
            found[field.name] = json.loads(json.dumps(given, default=_text))
    return found


def check(args: Any) -> None:
    """Raises a `Mistake` that names the first flag whose number is out of its range."""
    for name, value, hint in _numbers(args):
        for limit in getattr(hint, "__metadata__", ()):
            if isinstance(limit, Range) and not limit.holds(value):
                flag = f"--{name.replace('_', '-')}"
                raise Mistake(f"{flag} {value} is out of range: give {limit}.")


def plain(args: Any) -> dict[str, Any]:
    """The arguments as nested plain values, as JSON gives them back."""
    return json.loads(json.dumps(asdict(args), default=_text))


def _text(value: Any) -> str:
    """A path as text; a `Mistake` for what could not be made anew from a file."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise Mistake(
        f"An argument of the experiment is {value!r}, which cannot be kept with the run: "
        "give numbers, text, paths or tuples of them, and make the rest in make(args)."
    )


def restore(kind: Any, values: dict[str, Any]) -> Any:
    """The arguments that `plain` made, of the dataclass `kind`.

    Raises a `Mistake` where a name is not one of its fields. Only `Run` belongs to ganjax
    itself: what another version had in it is left out, so that runs survive a release.
    """
    hints = get_type_hints(kind, include_extras=True)
    unknown = sorted(values.keys() - {field.name for field in fields(kind)})
    if unknown and kind == Run:
        values = {name: x for name, x in values.items() if name not in unknown}
    elif unknown:
        raise Mistake(
            f"The run has an argument {unknown[0]} that {kind.__name__} lacks."
        )

    def one(name, value):
        inner = _bare(hints[name])
        if is_dataclass(inner):
            return restore(inner, value)
        if isinstance(inner, type) and issubclass(inner, PurePath):
            return inner(value)
        return tuple(value) if isinstance(value, list) else value

    try:
        return kind(**{name: one(name, value) for name, value in values.items()})
    except (TypeError, AttributeError) as error:
        raise Mistake(
            f"The run's arguments do not fit {kind.__name__}: {error}."
        ) from error


def _numbers(args: Any) -> Iterator[tuple[str, Any, Any]]:
    hints = get_type_hints(type(args), include_extras=True)
    for field in fields(args):
        value = getattr(args, field.name)
        if is_dataclass(value):
            yield from _numbers(value)
        else:
            yield field.name, value, hints[field.name]


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
