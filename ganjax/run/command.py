"""The command line's manners: flags in, one sentence out where they are wrong."""

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import tyro

from ganjax.errors import Mistake
from ganjax.loop import Diverged
from ganjax.run.args import check


BOX = "╭╮╰╯│─ \n"  # what tyro draws around its messages


def command(main: Callable[[Any], object]) -> None:
    """Runs an experiment's `main(args)` with the flags of the command line."""
    module = sys.modules[main.__module__]
    with in_sentences():
        args = parse(get_type_hints(main)["args"], module.__doc__ or "")
        check(args)
        main(args)


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
    """What a person can mend becomes one sentence and exit status 2; divergence is 3."""
    _hush_orbax()
    try:
        yield
    except Mistake as mistake:
        _leave(mistake, 2)
    except Diverged as sentence:
        _leave(sentence, 3)
    except KeyboardInterrupt:
        _leave("Stopped.", 130)


def _hush_orbax() -> None:
    """Orbax mutters long after a read that failed, of which our sentence has told."""
    for name in ("absl", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited")
    sys.unraisablehook = lambda unraisable: None


def _leave(sentence: object, status: int) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(status)
