"""Runs an experiment or a command from the command line.

Flags become a dataclass. An error that the user can do something about ends the process
with one sentence on the error stream and an exit status, without a traceback.
"""

import atexit
import contextlib
import inspect
import io
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import tyro

from ganjax.errors import DivergedError, Interrupted, UsageError, command_line
from ganjax.run.args import TYPE_NAMES, check
from ganjax.run.sentences import as_usage_errors
from ganjax.run.terminal import warn
from ganjax.store.orbax_workarounds import quiet_orbax


# What tyro draws around and between its messages; "-" where "─" cannot be printed.
TYRO_FRAME = "╭╮╰╯│─- \n"
MISSING_INDENT = 4  # of the names of missing flags, below the line that lists them
# Versions of tyro differ in the quotes and parentheses around the flag.
NO_VALUE = re.compile(r"Missing value for argument [('\"]*(-[\w.-]+)")
# What `int` and `float` raise for other text, and what must be given instead.
NOT_A_NUMBER = {
    r"invalid literal for int\(\) with base 10": TYPE_NAMES[int],
    "could not convert string to float": TYPE_NAMES[float],
}


def command(main: Callable[[Any], object]) -> None:
    """Runs an experiment's `main(args)` with the flags of the command line.

    Its one argument is annotated with a dataclass, whose fields are the flags. Without an
    annotation they are those of the dataclass `Args` of the same file:

        if __name__ == "__main__":
            command(main)

    Args:
        main: the function; the docstring of its file is the head of `--help`.

    Raises:
        SystemExit: as `exit_on_error`, and after `--help`.
    """
    module = sys.modules[main.__module__]
    with exit_on_error():
        args = parse(_args_type(main), module.__doc__ or "")
        check(args)
        main(args)


def _args_type(main: Callable[[Any], object]) -> Any:
    """The dataclass of which `main` takes an instance."""
    names = [*inspect.signature(main).parameters]
    hints = get_type_hints(main)
    kind = hints.get(names[0]) if names else None
    kind = kind or getattr(main, "__globals__", {}).get("Args")
    if kind is None:
        raise UsageError(
            f"{main.__name__} does not say what its flags are: annotate its argument with "
            "a dataclass, as in main(args: Args)."
        )
    return kind


def parse(
    kind: Any, description: str, argv: list[str] | None = None, prog: str | None = None
) -> Any:
    """Returns the flags of the command line as an instance of `kind`.

    Args:
        kind: a dataclass, or a union of dataclasses for subcommands.
        description: what `--help` prints above the flags.
        argv: the flags; those of the process by default.
        prog: the name of the program in its help; by default that of its file.

    Raises:
        UsageError: if a flag is unknown, is missing, or has a value of the wrong type.
        SystemExit: after `--help`.
    """
    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            return tyro.cli(kind, description=description, args=argv, prog=prog)
    except SystemExit as end:
        if not end.code:
            raise
        sentence = _in_plain_words(messages.getvalue()).rstrip(".")
    raise UsageError(f"{sentence}; --help lists what can be given.")


def _in_plain_words(text: str) -> str:
    """The message within the frame that tyro prints around it, as one sentence."""
    # The first line is the title. The second and further paragraphs, below a rule or an
    # empty line, are about the usage.
    lines = [line.strip("│").rstrip() for line in text.splitlines()[1:]]
    body = itertools.dropwhile(_is_rule, lines)
    message = list(itertools.takewhile(lambda line: not _is_rule(line), body))
    sentence = " ".join(line.strip() for line in message)
    if sentence.startswith("Missing from"):
        # What is missing is listed by name, with its help below and further to the right.
        left = _indent(message[0])
        names = [x.strip() for x in message if _indent(x) == left + MISSING_INDENT]
        return f"{message[0].strip()} {', '.join(names)}"
    if found := NO_VALUE.match(sentence):
        return f"{found[1]} needs a value"
    for words, kind in NOT_A_NUMBER.items():
        sentence = re.sub(
            rf"Error parsing (\S+): {words}: (.*)", rf"\1 is \2: give {kind}", sentence
        )
    return sentence


def _is_rule(line: str) -> bool:
    return not line.strip(TYRO_FRAME)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


@contextlib.contextmanager
def exit_on_error() -> Iterator[None]:
    """Ends the process with a sentence and an exit status if the block raises.

    | status | meaning |
    |---|---|
    | 0 | done; a run is finished |
    | 2 | a `UsageError`; a run that had begun is recorded as stopped |
    | 3 | the training diverged |
    | 128 + n | signal n stopped the run, which has saved and can be resumed |

    Errors that are bugs keep their traceback.
    """
    _replace_unprintable()
    with command_line(), contextlib.ExitStack() as quiet:
        quiet.enter_context(quiet_orbax())
        try:
            with as_usage_errors():
                yield
        except (UsageError, DivergedError, Interrupted, KeyboardInterrupt) as error:
            # Reads that Orbax gave up may complain until the very end of the process,
            # below the sentence.
            atexit.register(quiet.pop_all().close)
            _leave(error)


def _replace_unprintable() -> None:
    """Makes both streams print letters that their encodings lack as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError, ValueError):  # a stream of an odd kind
                stream.reconfigure(errors="backslashreplace")


def _leave(error: BaseException) -> None:
    """Prints the sentence of an error and ends the process with its status."""
    sentence = str(error)
    match error:
        case DivergedError():
            status = 3
        # It is a KeyboardInterrupt, too, so it comes before that.
        case Interrupted():
            status = 128 + error.signal
        case KeyboardInterrupt():
            status = 130
            sentence = "Stopped."
        case _:
            status = 2
    warn(sentence)
    sys.exit(status)
