"""ganjax against PyTorch, step by step: `python benchmarks/compare.py`.

Each side has a process of its own; they take turns, and what counts is the median of the
ratios of neighboring turns. PyTorch plays in the fastest of its modes. Before that both
give logits, losses and D's slopes from the same weights, which must agree. `--penalties`
times D's turn alone: plain, and with R1 and R2 on every step. Needs
`pip install -e .[speed]`.
"""

import ctypes
import importlib
import multiprocessing
import statistics
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro
from cases import CASES, Case, check_names, exact, plain

from ganjax.report.results import Column, Table, write_results


SECONDS = 1.5  # of one turn, at least
STEPS = 4  # of one turn, at least: a run plays many steps in one call
AGREE = 1e-3  # how far values may be apart, as a share of the largest
STUDY = "Training steps of ganjax and PyTorch"
WHOLE = (
    Column("step"),
    Column("ganjax, ms", ",.1f"),
    Column("PyTorch, ms", ",.1f"),
    Column("mode of PyTorch"),
    Column("ratio", ".2f"),
    Column("examples/s", ",.0f"),
    Column("GFLOP/s", ".0f"),
    Column("of the peak", ".0%"),
    Column("ganjax, MB", ",.0f"),
    Column("PyTorch, MB", ",.0f"),
    Column("compile, s", ".0f"),
    Column("difference", ".0e"),
)
D_TURN = (
    Column("D's turn"),
    Column("plain, ms", ",.1f"),
    Column("R1 + R2, ms", ",.1f"),
    Column("PyTorch, R1 + R2, ms", ",.1f"),
    Column("mode of PyTorch"),
    Column("ratio", ".2f"),
    Column("R1 + R2 / plain", ".2f"),
    Column("memory, R1 + R2 / plain", ".2f"),
)


@dataclass(frozen=True)
class Args:
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = tuple(CASES)
    pairs: int = 5
    """How often the two take turns."""
    batch: int = 0
    """Examples in a batch; 0 is each case's own."""
    penalties: bool = False
    """Compares D's turn alone, plain and with R1 and R2, instead of whole steps."""
    out: str = ""
    """A JSON file to write the table to, as those of docs/performance."""


class Side:
    """A process that plays one side of one case."""

    def __init__(self, module: str, *args: Any):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, module, *args))
        self.process.start()
        theirs.close()
        self.compiled = self.pipe.recv()
        self.steps = max(STEPS, int(SECONDS / self._ask(1)))

    def seconds(self) -> float:
        """How long a step takes."""
        return self._ask(self.steps)

    def memory(self) -> float:
        """The most memory that playing takes, beyond the libraries' own, in MB."""
        return self._ask(-1)

    def close(self) -> None:
        """Ends the process."""
        self.pipe.send(0)
        self.process.join()

    def _ask(self, steps: int) -> float:
        self.pipe.send(steps)
        return self.pipe.recv()


def serve(pipe: Any, module: str, *args: Any) -> None:
    """What the process does: compile, say how long that took, play when asked."""
    play = importlib.import_module(module)
    before = _kilobytes("VmRSS")
    run, compiled = play.timer(*args)
    pipe.send(compiled)
    while steps := pipe.recv():
        if steps > 0:
            pipe.send(run(steps))
            continue
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak until now
        run(2)
        pipe.send((_kilobytes("VmHWM") - before) / 1024)


def _kilobytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def alone(module: str, function: str, *args: Any) -> Any:
    """A function's result, from a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_call, (module, function, *args))


def _call(module: str, function: str, *args: Any) -> Any:
    return getattr(importlib.import_module(module), function)(*args)


def agree(name: str, case: Case) -> float:
    """How far apart the two are on the same weights."""
    apart = alone("theirs", "compare", case, alone("ours", "values", case))
    if not apart <= AGREE:
        sys.exit(f"{name}: the two sides differ by {apart:.1e}; they are not the same.")
    return apart


def fastest(case: Case, only_d: bool) -> tuple[Side, str]:
    """PyTorch in its fastest mode."""
    best, found = None, ("", float("inf"))
    for mode in alone("theirs", "modes", case):
        side = Side("theirs", case, only_d, mode)
        seconds = side.seconds()
        if seconds < found[1]:
            best, side, found = side, best, (mode, seconds)
        if side:
            side.close()
    assert best
    return best, found[0]


def take_turns(sides: list[Side], pairs: int) -> list[list[float]]:
    """The seconds of a step, for each pair of turns and each side."""
    return [[side.seconds() for side in sides] for _ in range(pairs)]


def median_ratio(turns: list[list[float]], a: int, b: int) -> float:
    """How long side `a` takes in side `b`'s time."""
    return statistics.median(turn[a] / turn[b] for turn in turns)


def whole_step(name: str, case: Case, table: Table, pairs: int, peak: float) -> float:
    """Adds a case's row to the table and gives the ratio."""
    apart = agree(name, case)
    work = alone("theirs", "flops", case, False)
    best, mode = fastest(case, False)
    sides = [Side("ours", case, False), best]
    turns = take_turns(sides, pairs)
    us, them = (statistics.median(side) for side in zip(*turns, strict=True))
    ratio = median_ratio(turns, 0, 1)
    speed = case.batch / us, work / us / 1e9, work / us / peak
    memory = [side.memory() for side in sides]
    table.add(
        name,
        1e3 * us,
        1e3 * them,
        mode,
        ratio,
        *speed,
        *memory,
        sides[0].compiled,
        apart,
    )
    for side in sides:
        side.close()
    return ratio


def d_turn(name: str, case: Case, table: Table, pairs: int) -> float:
    """Adds a case's row of D's turn and gives the ratio with penalties."""
    best, mode = fastest(exact(case), True)
    ours = [Side("ours", make(case), True) for make in (plain, exact)]
    turns = take_turns([*ours, best], pairs)
    us, paid, them = (statistics.median(side) for side in zip(*turns, strict=True))
    ratio, more = median_ratio(turns, 1, 2), median_ratio(turns, 1, 0)
    memory = [side.memory() for side in ours]
    times = [1e3 * seconds for seconds in (us, paid, them)]
    table.add(name, *times, mode, ratio, more, memory[1] / memory[0])
    for side in [*ours, best]:
        side.close()
    return ratio


def main(args: Args) -> None:
    """Prints the table, and writes it where a file is given."""
    check_names("case", args.names, CASES)
    cases = {name: CASES[name] for name in args.names}
    if args.batch:
        cases = {name: case._replace(batch=args.batch) for name, case in cases.items()}
    row = partial(d_turn, pairs=args.pairs)
    columns = D_TURN
    if not args.penalties:
        peak = max(alone(side, "peak") for side in ("ours", "theirs"))
        print(f"A matrix product of 2048 reaches {peak / 1e9:.0f} GFLOP/s.\n")
        row, columns = partial(whole_step, pairs=args.pairs, peak=peak), WHOLE
    table = Table("penalties" if args.penalties else "steps", columns)
    table.print_header()
    ratios = {name: row(name, case, table) for name, case in cases.items()}
    of = [ratios[name] for name in cases if CASES[name].convolutional]
    print(
        f"\nGeometric mean of the ratios: {statistics.geometric_mean(ratios.values()):.2f}"
    )
    if of:
        print(f"Of those with convolutions: {statistics.geometric_mean(of):.2f}")
    if args.out:
        write_results(args.out, STUDY, [table])


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
