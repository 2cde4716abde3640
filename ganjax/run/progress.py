"""The progress bar of a run: steps, examples per second, losses, time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ganjax.loop import Row
from ganjax.run.terminal import ErrorIgnoringStream
from ganjax.store.metrics import CLOCK, append


LOG_SECONDS = 30.0  # between lines in a log, where no terminal overwrites them


@contextmanager
def progress(
    folder: Path, done: int, steps: int, count: int, unit: str, log_every: int
) -> Iterator[Callable[[int, Row], None]]:
    """Yields a function (step, row) that shows how far the run is and logs its speed.

    Args:
        folder: the folder of the run, whose `clock.jsonl` is written.
        done: the step at which the run begins or is resumed.
        steps: the step at which it ends.
        count: how many real examples D sees in a step, over all seeds.
        unit: what they are, as in "images per second".
        log_every: steps between rows of `clock.jsonl`.
    """
    stream: Any = ErrorIgnoringStream(sys.stderr)
    is_terminal = stream.isatty()
    bar = tqdm(
        total=steps,
        file=stream,
        initial=done,
        unit="step",
        dynamic_ncols=True,
        mininterval=0.2 if is_terminal else LOG_SECONDS,
        maxinterval=1.0 if is_terminal else LOG_SECONDS,
    )
    # The clock starts anew each time the run is resumed; `report.record.total_seconds` sums
    # over these.
    start = time.perf_counter()

    def show(step: int, row: Row) -> None:
        seconds = time.perf_counter() - start
        speed = (step - done) * count / max(seconds, 1e-9)
        losses = {
            name: f"{row[name].mean():.3f}" for name in row if name.endswith("/loss")
        }
        bar.set_postfix(losses | {f"{unit}/s": f"{speed:,.0f}"}, refresh=False)
        bar.update(step - bar.n)
        if step % log_every == 0 or step == steps:
            clock = {"seconds": seconds, f"{unit}_per_second": speed}
            append(folder / CLOCK, step, clock)

    with bar:
        yield show
