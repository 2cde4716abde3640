"""A polite end: a signal asks, and the loop stops after its present call and saves."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


# Ctrl-C; kill, Kubernetes, Slurm at the time limit; a closed terminal; `sbatch --signal`.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], int]]:
    """Gives a function that says which signal asked for a stop, 0 if none did.

    A second Ctrl-C kills. What the process was started to ignore, as under `nohup`, it
    goes on ignoring. Threads other than the main one cannot be asked.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    asked: list[int] = []
    before = {}

    def ask(number, frame):
        asked.append(number)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    for name in NAMES:
        number = getattr(signal, name, None)  # Windows lacks some
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, ask)
    try:
        yield lambda: asked[0] if asked else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
