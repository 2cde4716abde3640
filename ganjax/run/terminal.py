"""Prints lines for a person at the terminal, without ever raising an error.

A run of days must not end because a terminal was closed or cannot show a letter.
"""

import sys
from contextlib import suppress
from typing import Any

import jax
from tqdm import tqdm

from ganjax.errors import worded


def say(sentence: str) -> None:
    """Prints a line to the output stream, from the first process of a run alone.

    A progress bar that is being shown moves below it. A letter that the terminal's encoding
    lacks is printed as an escape, and nothing is printed to a terminal that is closed.
    """
    # Asking JAX which process this is starts its devices, which not every command needs.
    if not jax.distributed.is_initialized() or jax.process_index() == 0:
        _write(sentence, sys.stdout)


def warn(sentence: str) -> None:
    """Prints a line to the error stream, from every process."""
    _write(sentence, sys.stderr)


class ErrorIgnoringStream:
    """A stream that ignores errors while it is written to.

    Otherwise the progress bar would end the training when a pipe is closed, or when the
    disk of a log is full.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.encoding = getattr(stream, "encoding", None) or "ascii"

    def write(self, text: str) -> int:
        """Writes the text if that is possible, and returns its length."""
        if self.stream is not None:
            with suppress(OSError, ValueError):
                self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes the stream if that is possible."""
        if self.stream is not None:
            with suppress(OSError, ValueError):
                self.stream.flush()

    def isatty(self) -> bool:
        """Returns whether the stream is a terminal."""
        return self.stream is not None and self.stream.isatty()

    def fileno(self) -> int:
        """Returns the descriptor of the stream's file, by which tqdm finds its width."""
        if self.stream is None:
            raise OSError("there is no stream")
        return self.stream.fileno()


def _write(sentence: str, stream: Any) -> None:
    sentence = worded(sentence)
    if stream is None:  # closed before the start, as by 2>&-
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    printable = sentence.encode(encoding, "backslashreplace").decode(encoding)
    try:
        tqdm.write(printable, file=stream)
        stream.flush()
    except (OSError, ValueError):  # closed, as by `| head`, or a log on a full disk
        pass
