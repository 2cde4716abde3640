"""A live line: steps, images a second, losses, time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ganjax.loop import Row
from ganjax.run.logs import CLOCK, append
from ganjax.run.terminal import Patient


QUIET_SECONDS = 30.0  # between lines where no terminal rewrites them


@contextmanager
def progress(
    folder: Path, done: int, steps: int, images: int, log_every: int
) -> Iterator[Callable[[int, Row], None]]:
    """Gives a function (step, row) that shows how far the run is and logs its speed.

    `images` is how many real images a step shows to D.
    """
    stream: Any = Patient(sys.stderr)
    live = stream.isatty()
    bar = tqdm(
        total=steps,
        file=stream,
        initial=done,
        unit="step",
        dynamic_ncols=True,
        mininterval=0.2 if live else QUIET_SECONDS,
        maxinterval=1.0 if live else QUIET_SECONDS,
    )
    start, first = time.perf_counter(), done

    def show(step: int, row: Row) -> None:
        seconds = time.perf_counter() - start
        speed = (step - first) * images / max(seconds, 1e-9)
        losses = {
            name: f"{row[name].mean():.3f}" for name in row if name.endswith("/loss")
        }
        bar.set_postfix(losses | {"img/s": f"{speed:,.0f}"}, refresh=False)
        bar.update(step - bar.n)
        if step % log_every == 0 or step == steps:
            clock = {"seconds": seconds, "images_per_second": speed}
            append(folder / CLOCK, step, clock)

    with bar:
        yield show
