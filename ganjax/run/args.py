"""What every experiment takes from the command line, and what a number may be."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
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


Count = Annotated[int, Range(1)]
Cadence = Annotated[int, Range(0)]
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
    track: tuple[float, ...] = ()
    """Lengths of averages of G, as 0.05 0.1, of which one of any length can be made
    afterwards: standard deviations as shares of the time so far."""
    init_from: str = ""
    """Starts from the weights of this run instead of random ones."""


FREE_TO_CHANGE = ("steps", "workdir", "parts", "devices", "distributed")


def check(args: Any) -> None:
    """Raises a `Mistake` that names the first flag whose number is out of its range."""
    for name, value, hint in _numbers(args):
        for limit in getattr(hint, "__metadata__", ()):
            if isinstance(limit, Range) and not limit.holds(value):
                flag = f"--{name.replace('_', '-')}"
                raise Mistake(f"{flag} {value} is out of range: give {limit}.")


def plain(args: Any) -> dict[str, Any]:
    """The arguments as nested plain values, as JSON gives them back."""
    return json.loads(json.dumps(asdict(args)))


def restore(kind: Any, values: dict[str, Any]) -> Any:
    """The arguments that `plain` made, of the dataclass `kind`.

    Raises a `Mistake` where a name is not one of its fields.
    """
    hints = get_type_hints(kind, include_extras=True)
    unknown = sorted(values.keys() - {field.name for field in fields(kind)})
    if unknown:
        raise Mistake(
            f"The run has an argument {unknown[0]} that {kind.__name__} lacks."
        )

    def one(name, value):
        inner = _bare(hints[name])
        if is_dataclass(inner):
            return restore(inner, value)
        return tuple(value) if isinstance(value, list) else value

    return kind(**{name: one(name, value) for name, value in values.items()})


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
