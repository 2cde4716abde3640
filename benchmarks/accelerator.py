"""ganjax on an accelerator: `PYTHONPATH=. python benchmarks/accelerator.py`.

It needs a CUDA machine with JAX, Flax, Optax and PyTorch, no network, no installation.

First it compares small steps with those of the CPU: outputs, gradients, second gradients
and what a whole step leaves, in float32, TF32 and bfloat16. Then it times whole steps in
each of them, beside PyTorch's in its fastest mode. The table is written after every model,
and what does not fit into the time is left out, so that a run that is cut short keeps what
it has.
"""

import argparse
import gc
import importlib.util
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from cases import ACCELERATED, Case, check_names, small

from ganjax import store
from ganjax.report import markdown


PRECISIONS = ("float32", "tf32", "bfloat16")
# The largest differences from the CPU's float32 that are taken for rounding: the norm of
# the difference, by that of the values, where a wrong sign gives 2 and a missing term up to
# 1. TF32 rounds to 11 bits and bfloat16 to 8. On a CPU bfloat16 has a half to a tenth of
# what is allowed here; TF32 is allowed a quarter or less of that.
TOLERANCES = {
    "float32": {"outputs": 1e-4, "gradients": 1e-3, "second": 1e-3, "step": 2e-3},
    "tf32": {"outputs": 0.01, "gradients": 0.08, "second": 0.05, "step": 0.15},
    "bfloat16": {"outputs": 0.05, "gradients": 0.4, "second": 0.2, "step": 0.7},
}
SECONDS, REPEATS = 0.5, 5  # of one timing; the median counts
SECONDS_OF_CPU = 0.1  # where the program is only tried
HAS_TYRO = importlib.util.find_spec("tyro") is not None
NO_TIME, ENDED = "no time", "the process ended"  # in place of a result
OUR_SHARE = 0.6  # of a model's time at most is ours
# How much longer the largest models take than the others, most of it to compile.
SLOW = {"stylegan2_256": 3.0, "biggan_128": 3.0}
LEAST = 20.0  # seconds for which the training loop is not started
# A CPU's programs compiled so take a third of the time to compile, and more to run.
HASTE = {"xla_backend_optimization_level": 0}
CHECKS = ("model", "precision", *TOLERANCES["float32"], "")
STEPS = (
    "model",
    "batch",
    "precision",
    "ganjax, ms",
    "PyTorch, ms",
    "its mode",
    "ratio",
)
STEPS += ("examples/s", "of the peak", "ganjax, MB", "PyTorch, MB", "compile, s")
STEPS += ("torch.compile, s",)


class Measured(NamedTuple):
    """What a side says of its steps."""

    seconds: float  # of a step
    megabytes: float | None  # at most in use; unknown on a CPU
    compiled: float  # seconds to compile


class Page:
    """A text file, which is written anew with every line and printed, too."""

    def __init__(self, path: Path):
        self.path, self.lines = path, []

    def say(self, line: str = "") -> None:
        """Adds a line."""
        print(line, flush=True)
        self.lines.append(line)
        store.write(self.path, "\n".join(self.lines) + "\n")

    def row(self, cells: Iterable[str]) -> None:
        """Adds a row of a table."""
        self.say(markdown.row(cells))

    def header(self, columns: tuple[str, ...]) -> None:
        """Begins a table."""
        self.say(markdown.header(columns))


class Worker:
    """A process of its own that answers calls of one function after another."""

    def __init__(self):
        self.gone = ""  # why the process has ended
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def ask(self, until: float, function: Any, *args: Any) -> Any:
        """The function's result, or a sentence that says why there is none."""
        if self.gone:
            return self.gone
        try:
            self.pipe.send((function, args))
            if self.pipe.poll(max(0.0, until - time.time())):
                return self.pipe.recv()
            self.gone = NO_TIME
        except (EOFError, OSError):
            self.gone = ENDED
        self.close()
        return self.gone

    def close(self) -> None:
        """Ends the process, and with it frees the device."""
        self.process.kill()
        self.process.join()


def _serve(pipe: Any) -> None:
    while True:
        try:
            function, args = pipe.recv()
        except EOFError:
            return  # the program has ended
        try:
            pipe.send(function(*args))
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            pipe.send(f"{type(error).__name__}: {text}")


# What the workers do. Only they use JAX or PyTorch, each of them one of the two.


def our_device() -> tuple[str, str]:
    """The platform that JAX runs on, and the device's name."""
    import jax

    device = jax.devices()[0]
    return device.platform, device.device_kind


def our_check(case: Case, precision: str) -> dict[str, float]:
    """How far a small step in a precision is from the CPU's in float32."""
    import jax

    params, state, right = _reference(case)
    with jax.default_device(jax.devices()[0]):
        _, _, found = _results(case, precision, (params, state))
    return {name: _apart(found[name], right[name]) for name in right}


@cache
def _reference(case: Case) -> Any:
    import jax

    with jax.default_device(jax.devices("cpu")[0]):
        return _results(case, "float32", None)


def _results(case: Case, precision: str, given: Any) -> Any:
    """Weights and state that a step starts from, as given if so, and its results."""
    import jax
    import jax.numpy as jnp
    import optax
    import ours

    mixed = precision == "bfloat16"
    # What the CPU gives is not timed.
    jit = partial(jax.jit, compiler_options=HASTE if given is None else None)
    with jax.default_matmul_precision(ours.PRECISIONS[precision]):
        seen, made = ours.look(case, mixed), ours.make(case, calm=True, mixed=mixed)
        turns = ours.decoded(ours.modality(case), ours.turns(case))
        init = jit(made.game.init)
        if given is not None:  # only the structure is of use
            init = partial(jax.eval_shape, init)
        state = init(jax.random.key(0), turns)
        start = (seen.g["params"], seen.d["params"]), state
        if given is not None:
            # Initial weights may differ in their rounding: all start from the same ones.
            leaves = jax.device_put(jax.tree.leaves(given), jax.devices()[0])
            start = jax.tree.unflatten(jax.tree.structure(start), leaves)
        (g, d), state = start
        image = jnp.asarray(seen.given["image"])
        d_loss, g_loss = seen.losses

        @jit
        def outputs(g, d):
            fake = seen.fake(g)
            return fake, seen.logits(d, image), seen.logits(d, fake)

        @jit
        def gradients(g, d):
            judge = lambda g, d: (seen.logits(d, image), seen.logits(d, seen.fake(g)))
            by_d = jax.grad(lambda d: d_loss(*judge(g, d)))(d)
            return by_d, jax.grad(lambda g: g_loss(*judge(g, d)))(g)

        second = jit(jax.grad(lambda d: ours.slopes(seen, d, image)))
        after, _ = jit(made.game.step)(state, turns)
        # After the first step Adam's moments are the gradients of a whole step.
        moments = optax.tree_utils.tree_get_all_with_path(after, "mu")
        results = {
            "outputs": outputs(g, d),
            "gradients": gradients(g, d),
            "second": second(d),
            "step": [value for _, value in moments],
        }
    return (*start, jax.device_get({k: jax.tree.leaves(x) for k, x in results.items()}))


def _apart(found: list, right: list) -> float:
    import numpy as np

    norm = lambda arrays: sum(float(np.sum(np.float64(x) ** 2)) for x in arrays) ** 0.5
    gaps = [np.float64(a) - np.float64(b) for a, b in zip(found, right, strict=True)]
    return norm(gaps) / norm(right)


def our_steps(case: Case, precisions: tuple[str, ...]) -> dict[str, Measured]:
    """Times whole steps. The programs of all precisions are compiled side by side."""
    import jax
    import ours

    def compiled(precision):
        with jax.default_matmul_precision(ours.PRECISIONS[precision]):
            return ours.compile_steps(case, mixed=precision == "bfloat16")

    found = {}
    # All are compiled before any is timed, as compiling tries kernels on the device.
    with ThreadPoolExecutor() as pool:
        programs = list(pool.map(compiled, precisions))
    for name, program in zip(precisions, programs, strict=True):
        seconds = _timed(ours.player(program), jax.devices()[0].platform)
        found[name] = Measured(seconds, program.megabytes, program.seconds)
    return found


def our_peak(n: int, precision: str) -> float:
    """JAX's fastest product of matrices, in operations a second."""
    import jax
    import jax.numpy as jnp
    import ours

    with jax.default_matmul_precision(ours.PRECISIONS[precision]):
        return ours.peak(n, jnp.bfloat16 if precision == "bfloat16" else jnp.float32)


def their_peak(n: int, precision: str, device: str) -> float:
    """PyTorch's."""
    import theirs

    return theirs.peak(n, precision, device)


def their_flops(case: Case, device: str) -> int:
    """The operations of a whole step."""
    import theirs

    return theirs.flops(case, False, device)


def their_modes(case: Case, device: str) -> tuple[str, ...]:
    """What PyTorch is tried in; on a CPU it would compile longer than all else takes."""
    import theirs

    return tuple(x for x in theirs.modes(case) if (device, x) != ("cpu", "compile"))


def their_steps(case: Case, precision: str, mode: str, device: str) -> Measured:
    """Times whole steps in one of PyTorch's modes."""
    import theirs
    import torch

    # What an earlier mode left, and what trying kernels takes, are no part of a step.
    torch._dynamo.reset()
    gc.collect()
    if device != "cpu":
        torch.cuda.empty_cache()
    run, first = theirs.timer(case, False, mode, precision, device)
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    seconds = _timed(run, device)
    used = torch.cuda.max_memory_allocated() / 1e6 if device != "cpu" else None
    return Measured(seconds, used, first)


def _timed(run: Any, device: str) -> float:
    run(1)
    least = SECONDS_OF_CPU if device == "cpu" else SECONDS
    count = max(1, int(least / run(1)))
    return statistics.median(run(count) for _ in range(REPEATS))


# The program.


def precisions_of(platform: str) -> tuple[str, ...]:
    """The precisions that a platform has: a CPU has no TF32."""
    return tuple(p for p in PRECISIONS if (platform, p) != ("cpu", "tf32"))


def check(page: Page, names: list[str], platform: str, until: float) -> bool:
    """Writes the table of differences; whether all are within the tolerances."""
    precisions = precisions_of(platform)

    def differences(name):
        worker, case = Worker(), small(ACCELERATED[name])
        found = [worker.ask(until, our_check, case, p) for p in precisions]
        worker.close()
        return found

    page.header(CHECKS)
    right = True
    # Most of the time goes into tracing and compiling, which use little more than a core.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, row in zip(names, pool.map(differences, names), strict=True):
            for precision, found in zip(precisions, row, strict=True):
                bounds = TOLERANCES[precision]
                if isinstance(found, str):
                    page.row([name, precision, *("" for _ in bounds), found])
                    right = right and found == NO_TIME
                    continue
                far = [key for key in bounds if not found[key] <= bounds[key]]
                right = right and not far
                cells = [f"{found[key]:.0e}" for key in bounds]
                verdict = f"differs in {', '.join(far)}" if far else "agrees"
                page.row([name, precision, *cells, verdict])
    return right


def model(
    page: Page, name: str, case: Case, device: str, peaks: dict, until: float
) -> dict[str, float]:
    """Writes a model's rows, and gives the ratios."""
    precisions = precisions_of(device)
    worker, now = Worker(), time.time()
    ours = worker.ask(now + OUR_SHARE * (until - now), our_steps, case, precisions)
    worker.close()
    theirs, work = their_times(case, precisions, device, until)
    ratios = {}
    for precision in precisions:
        us = None if isinstance(ours, str) else ours[precision]
        modes = theirs[precision]
        times = {mode: x for mode, x in modes.items() if not isinstance(x, str)}
        best = min(times, key=lambda mode: times[mode].seconds, default="")
        # What was not tried, or failed, might have been faster.
        missing = [f"({mode}: {x})" for mode, x in modes.items() if isinstance(x, str)]
        cells = [name, str(case.batch), precision]
        cells += [f"{1e3 * us.seconds:.2f}" if us else str(ours)]
        cells += [f"{1e3 * times[best].seconds:.2f}" if best else ""]
        cells += [" ".join([best, *missing]).strip(), ""]
        if us and best:
            ratios[precision] = us.seconds / times[best].seconds
            cells[-1] = f"**{ratios[precision]:.2f}**"
        cells += [f"{case.batch / us.seconds:.0f}" if us else ""]
        share = us and work and 100 * work / us.seconds / peaks[precision]
        cells += [f"{share:.0f} %" if share else ""]
        for each in (us, times.get(best)):
            cells.append(f"{each.megabytes:.0f}" if each and each.megabytes else "")
        cells += [f"{us.compiled:.0f}" if us else ""]
        cells += [f"{times['compile'].compiled:.0f}" if "compile" in times else ""]
        page.row(cells)
    return ratios


def their_times(
    case: Case, precisions: tuple[str, ...], device: str, until: float
) -> tuple[dict[str, dict[str, Any]], int]:
    """PyTorch's times by precision and mode, and the operations of a step, or 0.

    In place of a time there may be a sentence that says why there is none. The plain modes
    come first, as compiling may take longer than there is time.
    """
    worker = Worker()
    modes = worker.ask(until, their_modes, case, device)
    if isinstance(modes, str):
        worker.close()
        return {precision: {"PyTorch": modes} for precision in precisions}, 0
    found: dict[str, dict[str, Any]] = {precision: {} for precision in precisions}
    for mode in sorted(modes, key="compile".__eq__):
        for precision in precisions:
            got = worker.ask(until, their_steps, case, precision, mode, device)
            found[precision][mode] = got
            if got == ENDED:
                worker = Worker()
    work = worker.ask(until, their_flops, case, device)
    worker.close()
    return found, 0 if isinstance(work, str) else work


def loop(page: Page, device: str, until: float) -> None:
    """Writes what the training loop adds to pure steps, if there is time."""
    if not HAS_TYRO:
        page.say("The training loop was not timed: it needs what ganjax depends on.")
        return
    program = [
        sys.executable,
        str(Path(__file__).with_name("loop.py")),
        "--repeats",
        "1",
    ]
    if device == "cpu":  # where there is time for the smallest run alone
        program += ["mlp", "--seconds", "0.5", "--digits-steps", "2000"]
    left = until - time.time()
    try:
        if left < LEAST:
            raise subprocess.TimeoutExpired(program, left)
        done = subprocess.run(program, timeout=left, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        page.say("There was no time for the training loop.")
        return
    for line in done.stdout.splitlines() if not done.returncode else ():
        page.say(line)
    if done.returncode:
        page.say("The training loop failed: " + done.stderr.strip().splitlines()[-1])


def main() -> None:
    """Writes the tables; the status is 1 if a check failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", default=[], metavar="MODEL")
    parser.add_argument("--minutes", type=float, default=8.0, help="time for all of it")
    parser.add_argument("--out", type=Path, default=Path("accelerator.md"))
    parser.add_argument("--small", action="store_true", help="what a CPU can do")
    args = parser.parse_args()
    check_names("model", args.names, ACCELERATED)
    names = args.names or list(ACCELERATED)
    begin = time.time()
    end = begin + 60 * args.minutes
    # The device is shared by two libraries, neither of which may take all of it at once.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if args.small:
        haste = [f"--{name}={value}" for name, value in HASTE.items()]
        os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *haste])
    else:
        # The CPU is needed beside the accelerator.
        os.environ.pop("JAX_PLATFORMS", None)
    page = Page(args.out)

    worker = Worker()
    device = worker.ask(end, our_device)
    worker.close()
    if isinstance(device, str):
        sys.exit(f"JAX finds no device: {device}")
    platform, kind = device
    if platform == "cpu" and not args.small:
        sys.exit("JAX finds no accelerator; --small tries the program on the CPU.")
    torch_device = "cpu" if platform == "cpu" else "cuda"
    n = 1024 if args.small else 8192
    worker = Worker()
    peaks = {p: worker.ask(end, our_peak, n, p) for p in PRECISIONS}
    worker.close()
    worker = Worker()
    for precision, ours in peaks.items():
        them = worker.ask(end, their_peak, n, precision, torch_device)
        both = [x for x in (ours, them) if not isinstance(x, str)]
        peaks[precision] = max(both, default=float("inf"))
        if isinstance(them, str):
            page.say(f"PyTorch does not run here: {them}")
    worker.close()
    told = ", ".join(f"{x / 1e12:.2f} in {p}" for p, x in peaks.items())
    page.say(f"{kind}. A product of {n} x {n} matrices reaches {told} TFLOP/s.\n")

    if args.small:
        page.say("Small steps, compiled in haste: the times try this program alone.\n")
    # The checks have a quarter of the time, the loop an eighth, and the models the rest.
    right = check(page, names, platform, begin + (end - begin) / 4)
    page.say()
    page.header(STEPS)
    models_end = end - (end - begin) / 8 if HAS_TYRO else end
    ratios: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for i, name in enumerate(names):
        case = small(ACCELERATED[name]) if args.small else ACCELERATED[name]
        left = sum(SLOW.get(other, 1.0) for other in names[i:])
        until = time.time() + (models_end - time.time()) * SLOW.get(name, 1.0) / left
        for key, ratio in model(page, name, case, torch_device, peaks, until).items():
            ratios[key].append(ratio)
    page.say()
    for precision, some in ratios.items():
        if some:
            mean, worst = statistics.geometric_mean(some), max(some)
            page.say(f"{precision}: geometric mean {mean:.2f}, at most {worst:.2f}.")
    every = [ratio for some in ratios.values() for ratio in some]
    if every:
        page.say(f"Of all: {statistics.geometric_mean(every):.2f}.\n")
    loop(page, torch_device, end)
    page.say(f"\nIt took {(time.time() - begin) / 60:.1f} minutes.")
    if not right:
        sys.exit("Some results differ from the CPU's by more than rounding.")


if __name__ == "__main__":
    main()
