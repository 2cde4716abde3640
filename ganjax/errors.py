"""The exceptions of this package. What a user can fix raises a `UsageError`.

Its sentence names arguments, which a command line has as flags ("--d-width 8") and Python
by name ("`d_width` 8"). It is written with flags, and `worded` gives it to who reads it.
"""

import os
import re
from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager


FLAG = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*)")
# What to write in Python for a flag that takes no value.
SWITCHES = {
    "distributed": "distributed=True",
    "no-scores": "scores=False",
    "trust": "trust=True",
}
_command_lines = 0  # how many blocks of `command_line` are open


@contextmanager
def command_line() -> Iterator[None]:
    """Within this block sentences name arguments as the flags of a command line."""
    global _command_lines
    _command_lines += 1
    try:
        yield
    finally:
        _command_lines -= 1


def worded(sentence: str) -> str:
    """Returns a sentence whose arguments are flags, with their names in Python instead.

    On a command line, and within backticks, which quote commands, flags stay.
    """
    if _command_lines or "--" not in sentence:
        return sentence

    def name(flag: re.Match) -> str:
        return f"`{SWITCHES.get(flag[1], flag[1].replace('-', '_'))}`"

    parts = sentence.split("`")
    parts[::2] = [FLAG.sub(name, part) for part in parts[::2]]
    return "`".join(parts)


class UsageError(Exception):
    """Bad input. Its text is one sentence that says what is wrong and what to do.

    The command line prints that sentence alone and exits with status 2.
    """

    def __str__(self) -> str:
        return worded(super().__str__())


class PartNote(str):
    """A note on an error: which part of a GAN failed, and on what, as "X fails on Y"."""


class NoSplit(UsageError):
    """The data is fine, but has no split of the name that was asked for."""


class EmptySplit(UsageError):
    """The data has a folder for the split that was asked for, but no images in it."""


class FileError(UsageError):
    """A file of a data set that cannot be used, such as a damaged image.

    Attributes:
        file: its name as messages show it.
        problem: what is wrong, in words that follow the name where several files are
            listed: "(it is cut off)" or "stores 32 bits per pixel".
    """

    def __init__(self, message: str, file: str, problem: str) -> None:
        super().__init__(message)
        self.file = file
        self.problem = problem


class DivergedError(Exception):
    """The state is no longer finite; the text is a sentence that says what and when."""


class StopTraining(Exception):
    """Raised by a hook of a user's own: it ends the run at that step, as finished early.

    The state is saved, and everything that is due at the end of a run is made. The same
    call goes on from there. The text, if there is one, says why in the run's status and
    report.

    Example:
        >>> def enough(step, state, row):
        ...     if row["d/loss"] < 0.01:
        ...         raise ganjax.StopTraining("D has won")
    """


class Interrupted(KeyboardInterrupt):
    """A run that a signal stopped has been saved and can be resumed; the text says where.

    It is a KeyboardInterrupt, so that a script of several runs ends here, and a notebook
    shows the same as for Ctrl-C. The command line exits with 128 + `signal`, as a shell
    reports a process that a signal ended, so that a launcher can tell it from a run that
    is finished.
    """

    def __init__(self, sentence: str, signal: int) -> None:
        super().__init__(sentence)
        self.signal = signal


class short_traceback(ContextDecorator):  # noqa: N801, as it is used like a function
    """Ends the traceback of a sentence at the line of one's own code that led to it.

    A `UsageError`, `DivergedError` or `Interrupted` of the block says what to do; the
    dozens of lines in between would only hide that. `JAX_TRACEBACK_FILTERING=off` in the
    environment keeps them, as it does for JAX's own.
    """

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        if not isinstance(error, UsageError | DivergedError | Interrupted):
            return
        if os.environ.get("JAX_TRACEBACK_FILTERING") != "off":
            error.__traceback__ = None
            error.__cause__ = (
                None  # so that the errors before it are not printed either
            )


MAX_QUOTED_CHARACTERS = 200  # of another error's text within a sentence


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's text, or the name of its type without a text."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    return lines[0][:MAX_QUOTED_CHARACTERS].rstrip(".: ")


def reason(error: Exception) -> str:
    """Returns the type and the text of an error on one line, to be put in parentheses."""
    if isinstance(error, OSError) and error.strerror:
        path = f"{error.filename}: " if error.filename else ""
        return f"{path}{error.strerror}"
    text = " ".join(str(error).split())
    if len(text) > MAX_QUOTED_CHARACTERS:
        text = f"{text[:MAX_QUOTED_CHARACTERS]} …"
    if isinstance(error, UsageError):
        return text.rstrip(".")
    name = "out of memory" if isinstance(error, MemoryError) else type(error).__name__
    return f"{name}: {text}" if text else name


def brief_reason(error: BaseException) -> str:
    """Returns why something failed: the operating system's words, or the error's own."""
    return getattr(error, "strerror", None) or first_line(error)
