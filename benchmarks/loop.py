"""What the training loop adds to pure steps: `python benchmarks/loop.py`.

Runs are real ones, in temporary folders. Their steps are timed from one row of their
clock to another, with every picture, score and save in between. Before and after each
run the same program plays from its state, many steps in one call and nothing else.
"""

import contextlib
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
import tyro
from cases import check_names

import ganjax
from ganjax.core import PyTree
from ganjax.data import Spec, from_object
from ganjax.loop import step_of
from ganjax.report.markdown import print_header, print_row
from ganjax.run.config import make_config
from ganjax.run.training import Work, prepare
from ganjax.store import metrics


COLUMNS = ("run", "steps", "pictures", "scores", "saves")
COLUMNS += ("pure, ms", "in the loop, ms", "overhead")
CALLS = 3  # of which the median counts
IMAGES = 400  # of 32 px, random: too few to train a classifier for the untimed end


@dataclass(frozen=True)
class Args:
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ("mlp", "dcgan")
    repeats: int = 3
    """Runs of each kind; the medians count."""
    seconds: float = 4.0
    """Of one call of pure steps, whose beginning must not count."""
    digits_steps: int = 20_000
    """Timed steps of the digits MLP, from its first row on, all cadences its own."""
    dcgan_steps: int = 300
    """Timed steps of DCGAN-32. Pictures and saves come ten times as often as by
    default, and the first of them, which compile, come before."""


class Case(NamedTuple):
    """A run, and which of its steps are timed: those after `first`, up to `last`."""

    module: Any
    args: Any
    spec: Spec
    first: int
    last: int


def digits(steps: int, folder: Path) -> Case:
    """The digits MLP by default."""
    module = import_module("mlp")
    args = module.Args()
    first = args.run.log_every
    return Case(module, args, Spec("digits"), first, first + steps)


def dcgan(steps: int, folder: Path) -> Case:
    """DCGAN on 32 px, otherwise by default but for when pictures and saves come."""
    module, path, rng = import_module("dcgan"), folder / "images.npz", np.random
    image = rng.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3), np.uint8)
    np.savez(path, image=image, label=np.arange(IMAGES, dtype=np.int32) % 10)
    args = module.Args(data=str(path), size=32)
    often = {"sample_every": 100, "save_every": 250}
    args = replace(args, run=replace(args.run, **often))
    return Case(module, args, Spec(str(path), 32, 3), 300, 300 + steps)


def in_folder(case: Case, folder: Path) -> Any:
    """The case's arguments for a run in `folder`, up to its last timed step."""
    run = replace(case.args.run, workdir=str(folder), steps=case.last)
    return replace(case.args, run=run)


def in_the_loop(case: Case, folder: Path) -> tuple[float, PyTree]:
    """Seconds of a step of a whole run, and the state that it ends with."""
    args = in_folder(case, folder)
    with contextlib.redirect_stdout(sys.stderr):
        state = ganjax.train(case.module.make(args), case.spec, args.run, config=args)
    clock = {
        row["step"]: row["seconds"] for row in metrics.read(folder / metrics.CLOCK)
    }
    return (clock[case.last] - clock[case.first]) / (case.last - case.first), state


def pure(work: Work, state: PyTree, least: float) -> float:
    """Seconds of a step that nothing interrupts."""
    program, window = work.compiled.program, work.compiled.window(step_of(state))

    def seconds(state, count):
        began = time.perf_counter()
        state, _ = jax.block_until_ready(program(state, window, count))
        return (time.perf_counter() - began) / count, state

    _, state = seconds(state, 1)
    once, state = seconds(state, 2)
    count, found = min(work.stream.longest, 1 + int(least / once)), []
    for _ in range(CALLS):
        one, state = seconds(state, count)
        found.append(one)
    return statistics.median(found)


def row(name: str, case: Case, options: Args, folder: Path) -> float:
    """Prints a case's row and gives the overhead, as a share of the pure time."""
    args = in_folder(case, folder / "pure")
    with contextlib.ExitStack() as stack, contextlib.redirect_stdout(sys.stderr):
        game = case.module.make(args)
        data = from_object(case.spec, game.modality.load)
        config = make_config(args.run, args, globals())
        work, state = prepare(config, game, data, None, stack)
    alone, inside = [pure(work, state, options.seconds)], []
    for i in range(options.repeats):
        seconds, state = in_the_loop(case, folder / str(i))
        inside.append(seconds)
        alone.append(pure(work, state, options.seconds))
    beside = [(a + b) / 2 for a, b in zip(alone, alone[1:], strict=False)]
    pairs = zip(inside, beside, strict=True)
    more = statistics.median(a / b for a, b in pairs) - 1
    run, timed = case.args.run, case.last - case.first
    cells = [name, timed, *map(every, (run.sample_every, run.evaluate_every))]
    cells += [every(run.save_every)]
    cells += [f"{1e3 * statistics.median(x):.2f}" for x in (beside, inside)]
    print_row([*map(str, cells), f"{100 * more:.1f} %"])
    return more


def every(cadence: int) -> str:
    """How often something is due, in words."""
    return f"every {cadence}" if cadence else "at the end"


def main(args: Args) -> None:
    """Prints the table."""
    makers = {"mlp": (digits, args.digits_steps)}
    makers |= {"dcgan": (dcgan, args.dcgan_steps)}
    check_names("run", args.names, makers)
    sys.path.append(str(Path(__file__).parents[1] / "experiments"))
    print_header(COLUMNS)
    for name in args.names:
        make, steps = makers[name]
        with tempfile.TemporaryDirectory() as folder:
            row(name, make(steps, Path(folder)), args, Path(folder))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
