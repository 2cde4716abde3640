"""What is said to the person at the terminal: whole lines that never fail."""

import sys

import jax
from tqdm import tqdm


def say(sentence: str) -> None:
    """Prints a line, once whatever the number of processes.

    A progress bar that is being shown moves below it. A letter that the terminal's
    encoding lacks is written as its number, and a terminal that went away hears nothing.
    """
    # Asking JAX which process this is starts its devices, which not every command needs.
    if not jax.distributed.is_initialized() or jax.process_index() == 0:
        _write(sentence, sys.stdout)


def warn(sentence: str) -> None:
    """Prints a line to the error stream."""
    _write(sentence, sys.stderr)


def _write(sentence: str, stream) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    known = sentence.encode(encoding, "backslashreplace").decode(encoding)
    try:
        tqdm.write(known, file=stream)
        stream.flush()
    except (OSError, ValueError):  # closed, as by `| head`, or a log on a full disk
        pass
