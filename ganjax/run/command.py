"""The command line's manners: flags in, one sentence out where they are wrong."""

import contextlib
import inspect
import io
import sys
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import tyro

from ganjax.errors import Interrupted, Mistake
from ganjax.loop import Diverged
from ganjax.run.args import check
from ganjax.run.sentences import mendable
from ganjax.run.terminal import warn


BOX = "╭╮╰╯│─ \n"  # what tyro draws around its messages


def command(main: Callable[[Any], object]) -> None:
    """Runs an experiment's `main(args)` with the flags of the command line.

    The flags are the fields of the dataclass that annotates its one argument; without an
    annotation, of the dataclass `Args` of the same file.
    """
    module = sys.modules[main.__module__]
    with in_sentences():
        args = parse(_kind_of(main), module.__doc__ or "")
        check(args)
        main(args)


def _kind_of(main: Callable[[Any], object]) -> Any:
    names = [*inspect.signature(main).parameters]
    hints = get_type_hints(main)
    kind = hints.get(names[0]) if names else None
    kind = kind or getattr(main, "__globals__", {}).get("Args")
    if kind is None:
        raise Mistake(
            f"{main.__name__} does not say what its flags are: annotate its argument with "
            "a dataclass, as in main(args: Args)."
        )
    return kind


def parse(kind: Any, description: str, argv: list[str] | None = None) -> Any:
    """The flags as a `kind`; a wrong one raises a `Mistake` of one sentence."""
    heard = io.StringIO()
    try:
        with contextlib.redirect_stderr(heard):
            return tyro.cli(kind, description=description, args=argv)
    except SystemExit as end:
        if not end.code:
            raise
        lines = heard.getvalue().splitlines()[1:]
    said = []
    for line in lines:
        words = line.strip(BOX)
        if not words:
            break
        said.append(words)
    sentence = " ".join(said).rstrip(".")
    raise Mistake(f"{sentence}; --help lists what can be given.")


@contextlib.contextmanager
def in_sentences() -> Iterator[None]:
    """What a person can mend becomes one sentence and an exit status.

    | status | what it says |
    |---|---|
    | 0 | done; a run is finished |
    | 2 | something is to be mended first; a run that had begun stands as stopped |
    | 3 | the training diverged |
    | 128 + n | signal n stopped the run, which has saved and can go on |
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # no letter is too much for a terminal
            with contextlib.suppress(OSError, ValueError):  # a stream of an odd kind
                stream.reconfigure(errors="backslashreplace")
    try:
        with mendable():
            yield
    except Mistake as mistake:
        _leave(mistake, 2)
    except Diverged as sentence:
        _leave(sentence, 3)
    except Interrupted as sentence:
        _leave(sentence, 128 + sentence.signal)
    except KeyboardInterrupt:
        _leave("Stopped.", 130)


def _leave(sentence: object, status: int) -> None:
    warn(str(sentence))
    sys.exit(status)
