"""Signals that stop a run: the loop ends after its current call, and the run is saved.

Clusters announce the end of an allocation by a signal some seconds or minutes before they
kill the process. That is enough to save, so nothing is lost.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


NAMES = (
    "SIGINT",  # Ctrl-C
    "SIGTERM",  # `kill`, Kubernetes, and Slurm at the time limit
    "SIGHUP",  # a closed terminal
    "SIGUSR1",  # `sbatch --signal`
)


@contextmanager
def catch_stop_signals() -> Iterator[Callable[[], int]]:
    """Yields a function that returns the first of `NAMES` that has arrived, or 0.

    After the first signal, Ctrl-C ends the process at once. Signals that are ignored from
    the start, as under `nohup`, stay ignored. Python delivers signals to the main thread
    alone, so on another thread the function always returns 0. The earlier handlers are
    restored at the end of the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    arrived: list[int] = []
    before = {}

    def handle(number, frame):
        arrived.append(number)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    for name in NAMES:
        number = getattr(signal, name, None)  # Windows lacks some
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, handle)
    try:
        yield lambda: arrived[0] if arrived else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
