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

from ganjax.report.markdown import print_header, print_row


SECONDS = 1.5  # of one turn, at least
STEPS = 4  # of one turn, at least: a run plays many steps in one call
AGREE = 1e-3  # how far values may be apart, as a share of the largest
WHOLE = ("step", "ganjax, ms", "PyTorch, ms", "its mode", "ratio", "examples/s")
WHOLE += ("GFLOP/s", "of the peak", "ganjax, MB", "PyTorch, MB", "compile, s", "apart")
D_TURN = ("D's turn", "plain, ms", "R1+R2, ms", "PyTorch R1+R2, ms", "its mode")
D_TURN += ("ratio", "R1+R2 / plain", "memory, R1+R2 / plain")


@dataclass(frozen=True)
class Args:
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = tuple(CASES)
    pairs: int = 5
    """How often the two take turns."""
    batch: int = 0
    """Examples in a batch; 0 is each case's own."""
    penalties: bool = False
    """Compares D's turn alone, plain and with R1 and R2, instead of whole steps."""


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


def whole_step(name: str, case: Case, pairs: int, peak: float) -> float:
    """Prints a case's row and gives the ratio."""
    apart = agree(name, case)
    work = alone("theirs", "flops", case, False)
    best, mode = fastest(case, False)
    sides = [Side("ours", case, False), best]
    turns = take_turns(sides, pairs)
    us, them = (statistics.median(side) for side in zip(*turns, strict=True))
    ratio = median_ratio(turns, 0, 1)
    cells = [name, f"{1e3 * us:.1f}", f"{1e3 * them:.1f}", mode, f"**{ratio:.2f}**"]
    cells += [f"{case.batch / us:.0f}", f"{work / us / 1e9:.0f}"]
    cells += [f"{100 * work / us / peak:.0f} %", *(f"{s.memory():.0f}" for s in sides)]
    cells += [f"{sides[0].compiled:.0f}", f"{apart:.0e}"]
    print_row(cells)
    for side in sides:
        side.close()
    return ratio


def d_turn(name: str, case: Case, pairs: int) -> float:
    """Prints a case's row of D's turn and gives the ratio with penalties."""
    best, mode = fastest(exact(case), True)
    ours = [Side("ours", make(case), True) for make in (plain, exact)]
    turns = take_turns([*ours, best], pairs)
    us, paid, them = (statistics.median(side) for side in zip(*turns, strict=True))
    ratio, more = median_ratio(turns, 1, 2), median_ratio(turns, 1, 0)
    memory = [side.memory() for side in ours]
    cells = [name, *(f"{1e3 * s:.1f}" for s in (us, paid, them)), mode]
    cells += [f"**{ratio:.2f}**", f"{more:.2f}", f"{memory[1] / memory[0]:.2f}"]
    print_row(cells)
    for side in [*ours, best]:
        side.close()
    return ratio


def main(args: Args) -> None:
    """Prints the table."""
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
    print_header(columns)
    ratios = {name: row(name, case) for name, case in cases.items()}
    of = [ratios[name] for name in cases if CASES[name].convolutional]
    print(
        f"\nGeometric mean of the ratios: {statistics.geometric_mean(ratios.values()):.2f}"
    )
    if of:
        print(f"Of those with convolutions: {statistics.geometric_mean(of):.2f}")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
