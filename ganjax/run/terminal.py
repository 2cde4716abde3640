"""What is said to the person at the terminal: whole lines that never fail."""

import sys
from contextlib import suppress
from typing import Any

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


class Patient:
    """A stream to which a progress bar can be written whatever becomes of its reader.

    A bar that fails would end the training: a closed pipe, a log on a full disk.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.encoding = getattr(stream, "encoding", None) or "ascii"

    def write(self, text: str) -> int:
        """Writes, or does nothing."""
        if self.stream is not None:
            with suppress(OSError, ValueError):
                self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes, or does nothing."""
        if self.stream is not None:
            with suppress(OSError, ValueError):
                self.stream.flush()

    def isatty(self) -> bool:
        """Whether somebody looks on."""
        return self.stream is not None and self.stream.isatty()

    def fileno(self) -> int:
        """The number of the stream's file, by which its width is found."""
        if self.stream is None:
            raise OSError("there is no stream")
        return self.stream.fileno()


def _write(sentence: str, stream: Any) -> None:
    if stream is None:  # closed before the start, as by 2>&-
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    known = sentence.encode(encoding, "backslashreplace").decode(encoding)
    try:
        tqdm.write(known, file=stream)
        stream.flush()
    except (OSError, ValueError):  # closed, as by `| head`, or a log on a full disk
        pass
