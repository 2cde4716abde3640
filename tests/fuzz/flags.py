"""Flags as they are typed: numbers, words for numbers, nothing, too much, and paths."""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from ganjax import cli
from ganjax.run.args import Range, check
from ganjax.run.command import exit_on_error, parse
from tests.fuzz import ready
from tests.fuzz.harness import Outcome, Situation, need, refused, worked
from tests.fuzz.pool import ODD, chance, chosen


NUMBERS = ["8", "1", "2", "0", "-1", "3.5", "1e3", "1e-3", "nan", "inf", "-inf", "NaN"]
NUMBERS += [
    "",
    " ",
    "eight",
    "8,",
    "1_0",
    "٨",
    "0x10",
    "8.0",
    "+3",
    "1e400",
    "-0",
    "1/2",
]
NUMBERS += [
    "99999999999999999999",
    "2147483648",
    "None",
    "true",
    "--",
    "1 2",
    "½",
    "1e",
]
PATHS = ["made.png", "made.npz", "deep/er/made.png", "MADE.PNG", "ü 猫.png", "[x].npz"]
PATHS += [
    "made.jpg",
    "made",
    "",
    ".",
    "/",
    "/dev/null/x.png",
    "/proc/made.png",
    "a%b.png",
]
PATHS += [
    ".png",
    "x" * 300 + ".png",
    "line\nbreak.png",
    "-o.png",
    "made.png/",
    "in.npz/x.png",
]
FOLDERS = [
    "nowhere",
    "",
    ".",
    "/",
    "~",
    "~nobody/x",
    "/dev/null",
    "file",
    "x" * 300,
    "[x]",
]
COMMANDS = ("sample", "translate", "complete", "evaluate", "check", "report", "prepare")


@dataclass
class Given:
    """What is typed, and what is right."""

    argv: list[str]
    bad: str = ""  # why it must be refused
    good: bool = False  # it must work
    out: str = ""
    values: dict[str, Any] = field(
        default_factory=dict
    )  # as an experiment must see them
    module: Any = None


def command(rng: np.random.Generator) -> Situation:
    """Flags of the command `ganjax`."""
    make = _sample if chance(rng, 0.6) else _any_command
    return Situation("command", make, _act, _right, traceless=True)


def _act(given: Given) -> None:
    cli.main(given.argv)


def _right(given: Given, outcome: Outcome) -> None:
    if given.bad:
        need(outcome.sentence, f"{given.argv} was not refused: {given.bad}")
    elif given.good:
        worked(outcome)
        need(
            not given.out or given.out in outcome.out,
            "where the samples are is not said",
        )


def _sample(root: Path, rng: np.random.Generator) -> Given:
    """`ganjax sample` on a whole run, with a few flags."""
    given = Given(["sample", str(ready.copied("ring", root / "run"))])
    (root.parent / "cwd" / "in.npz").write_text("a file")
    given.good = True
    out = chosen(rng, PATHS) if chance(rng, 0.5) else "made.npz"
    verdicts = [_flag(given, "--out", out, _is_output(out))]
    given.out = out if out.isascii() and out.isprintable() else ""
    names = ("--n", "--seed", "--label", "--member", "--sigma-rel", "--best")
    # None twice: the last one counts, so that a wrong one before it is no fault.
    for name in rng.choice(names, int(rng.integers(0, 3)), replace=False):
        text = chosen(rng, NUMBERS)
        if name == "--best":
            given.argv.append(
                chosen(rng, ("--best", "--no-best", "--trust", "--no-trust"))
            )
        elif name == "--label":
            # It was told of no classes; tyro takes the word None for no label.
            verdicts.append(_flag(given, name, text, None if text == "None" else False))
        elif name == "--n":
            text = "1" if text == "2147483648" else text  # long, but no fault
            number = _integer(text, 1)
            verdicts.append(_flag(given, name, text, number))
        elif name == "--seed":
            verdicts.append(_flag(given, name, text, _integer(text, 0, 2**31 - 1)))
        elif name == "--member":
            verdicts.append(_flag(given, name, text, _integer(text, 0, 0)))
        else:
            verdicts.append(_flag(given, name, text, _real(text, 0, 0)))
    if chance(rng, 0.1):
        verdicts.append(
            _flag(given, chosen(rng, ("--nope", "--n8", "-n", "--N")), "8", False)
        )
    if chance(rng, 0.06):
        given.argv.append("more")
        verdicts.append(False)
    if chance(rng, 0.05):
        given.argv += [chosen(rng, ("--n", "--seed", "--out"))]
        verdicts.append(False)
    if "-h" in given.argv:
        verdicts.append(None)
    _judge(given, verdicts)
    return given


def _any_command(root: Path, rng: np.random.Generator) -> Given:
    """Any command, on what is no run, or with other flags than it has."""
    (root / "file").write_text("a file")
    name = chosen(rng, COMMANDS)
    where = chosen(rng, FOLDERS)
    more = {"translate": ["x.png"], "complete": ["x.png", "--mask", "y.png"]}
    given = Given([name, where, *more.get(name, [])], bad="there is no run")
    if name == "prepare":
        given.argv = [
            name,
            chosen(rng, ("digits", "", "tfds:", "tfds:no_such", "tfds:../x")),
        ]
        given.bad = "there is no such set"
    way = rng.integers(8)
    if way == 0:
        given.argv = [
            chosen(rng, ["", "paint", "Sample", "sampel", "--run", *ODD[:20]])
        ]
        given.bad = "there is no such command"
        if given.argv[0] in ("--help", "-h"):
            given.bad = ""
    elif way == 1:
        given.argv = [name]
    elif way == 2:
        given.argv, given.bad, given.good = [], "nothing was typed", False
    elif way == 3:
        given.argv, given.bad, given.good = [name, "--help"], "", True
    elif way == 4:
        given.argv = given.argv[::-1]
    elif way == 5:
        given.argv.append(chosen(rng, ODD))
    if "--help" in given.argv and way != 3:
        given.bad = ""
    return given


def _flag(given: Given, name: str, text: str, right: bool | None) -> bool | None:
    given.argv += [f"{name}={text}"] if len(text) % 3 == 0 else [name, text]
    # What begins with a dash may be taken for a flag, which is no number either.
    return None if text.startswith("-") and right else right


def _judge(given: Given, verdicts: list[bool | None]) -> None:
    if False in verdicts:
        given.bad, given.good = "a flag that cannot be", False
    elif None in verdicts:
        given.good = False


def _is_output(path: str) -> bool | None:
    if path == "made.png/":
        return None
    bad = not path.lower().endswith((".png", ".npz")) or path.startswith(
        ("/", "in.npz/")
    )
    if bad or len(path) > 255:
        return False
    return None if path == ".png" or path.startswith("-") else True


def _integer(text: str, low: float, high: float = math.inf) -> bool | None:
    """Whether it is a whole number in that range; None where that may be argued."""
    number = _number(text)
    if number is None or not math.isfinite(number) or not low <= number <= high:
        return False
    if number != int(number):
        return False
    plain = text.isascii() and text.isdigit() and len(text) < 6
    return True if plain else None


def _real(text: str, low: float, high: float = math.inf) -> bool | None:
    number = _number(text)
    if number is None or not math.isfinite(number) or not low <= number <= high:
        return False
    plain = text.isascii() and text.strip() == text and "_" not in text
    return True if plain else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# An experiment's own flags.


def experiment(rng: np.random.Generator) -> Situation:
    """Flags of an experiment, parsed and checked, with nothing trained."""
    return Situation("experiment", _typed, _parse, _parsed, traceless=True)


def _typed(root: Path, rng: np.random.Generator) -> Given:
    paths = sorted(ready.EXPERIMENTS.glob("*.py"))
    path = chosen(rng, paths)
    # Its own folder is where it finds what it imports, as when it is run.
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = ready.module(path)
    given = Given([], module=module, good=True)
    known = dict(_fields(module.Args))
    verdicts: list[bool | None] = []
    for name in rng.choice(sorted(known), int(rng.integers(0, 4)), replace=False):
        hint, flag = known[name], f"--{name.replace('_', '-')}"
        if chance(rng, 0.1):
            flag = f"--{name}"
        kind, limit = _bare(hint)
        text = chosen(rng, NUMBERS)
        if kind is bool:
            word = chosen(rng, (flag, f"--no-{flag[2:]}"))
            given.argv.append(word)
            given.values[name] = word == flag
        elif kind is int:
            verdict = _flag(given, flag, text, _integer(text, *_ends(limit, True)))
            verdicts.append(verdict)
            number = _number(text)
            plain = text.isascii() and text.strip("+-").isdigit()
            given.values[name] = int(text) if plain else number
        elif kind is float:
            low, high = _ends(limit, False)
            verdict = _real(text, low, high)
            open_end = (
                limit is not None and limit.low_excluded and _number(text) == limit.low
            )
            unlimited = limit is None and _number(text) is not None
            verdict = False if open_end else None if unlimited else verdict
            verdicts.append(_flag(given, flag, text, verdict))
            given.values[name] = _number(text)
        elif kind is str:
            text = chosen(rng, [*ODD, *PATHS, "digits"])
            verdicts.append(None if text.startswith("-") else True)
            given.argv += [flag, text]
            given.values[name] = text
        elif get_origin(kind) is Literal:
            text = chosen(rng, [*get_args(kind), "tpu", "", "JIT", "8"])
            verdicts.append(_flag(given, flag, text, text in get_args(kind)))
            given.values[name] = text
        else:  # several values
            some = [chosen(rng, NUMBERS) for _ in range(int(rng.integers(0, 4)))]
            given.argv += [flag, *some]
            verdicts.append(None)
    if chance(rng, 0.12):
        given.argv += chosen(rng, (["--nope", "3"], ["more"], ["--"], [""], ["-x"]))
        verdicts.append(None if given.argv[-1] == "--" else False)
    _judge(given, verdicts)
    return given


def _parse(given: Given) -> Any:
    with exit_on_error():
        hint = get_type_hints(given.module.main)["args"]
        args = parse(hint, given.module.__doc__ or "", given.argv)
        check(args)
        return args


def _parsed(given: Given, outcome: Outcome) -> None:
    if given.bad:
        refused(outcome)
        return
    if outcome.sentence and not given.good:
        return
    worked(outcome)
    found = dict(_values(outcome.value))
    for name, right in given.values.items():
        same = found[name] == right and (
            not isinstance(right, bool) or found[name] is right
        )
        need(same, f"--{name} is {found[name]!r}, not {right!r}, by {given.argv}")


def _fields(kind: Any) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        inner, _ = _bare(hints[one.name])
        if is_dataclass(inner):
            yield from _fields(inner)
        else:
            yield one.name, hints[one.name]


def _values(args: Any) -> Iterator[tuple[str, Any]]:
    for one in fields(args):
        value = getattr(args, one.name)
        if is_dataclass(value):
            yield from _values(value)
        else:
            yield one.name, value


def _bare(hint: Any) -> tuple[Any, Range | None]:
    if get_origin(hint) is not Annotated:
        return hint, None
    kind, *more = get_args(hint)
    return kind, next((x for x in more if isinstance(x, Range)), None)


def _ends(limit: Range | None, whole: bool) -> tuple[float, float]:
    if limit is None:
        return -math.inf, math.inf
    low = limit.low + 1 if limit.low_excluded and whole else limit.low
    return low, limit.high
