"""One situation, played under watch: it works, or it is refused in one sentence.

A `Situation` writes its input into an empty folder, acts on it, and says what is right.
`play` adds what is right of any: no traceback, no hang, a sentence of one line that ends
with a full stop, an input that is as it was, and nothing written outside the folder.
"""

import contextlib
import faulthandler
import hashlib
import io
import logging
import os
import signal
import stat
import sys
import tempfile
import time
import traceback
import unicodedata
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganjax.errors import UsageError


LIMIT = 30  # seconds
HOMES = {  # what a process takes for its own places, each in the situation's folder
    "HOME": "home",
    "TMPDIR": "tmp",
    "GANJAX_CACHE": "cache",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "home",
    "XDG_DATA_HOME": "home",
    "TFDS_DATA_DIR": "tfds",
}
QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
# Terminals of all times; what cannot be written to one must not end a command.
TERMINALS = ("utf-8", "utf-8", "latin-1", "ascii", "cp1252", "koi8-r")


class Outcome(NamedTuple):
    """How an act ended."""

    value: Any = None  # what it returned
    sentence: str = ""  # what it was refused with; empty where it worked
    error: UsageError | None = None  # the same, of a call in Python
    status: int | None = None  # of a command that left by itself
    out: str = ""
    err: str = ""
    warned: tuple[str, ...] = ()  # what Python would have warned of
    seconds: float = 0.0


class Situation(NamedTuple):
    """An input, what is done with it, and what is right."""

    name: str
    make: Callable[[Path, np.random.Generator], Any]  # (empty folder, rng) -> inputs
    act: Callable[[Any], Any]  # inputs -> what it returned
    right: Callable[[Any, Outcome], None]  # asserts
    changes: tuple[str, ...] = ()  # what `act` may write in the folder of its input
    traceless: bool = False  # what is refused has left nothing behind


class Wrong(AssertionError):
    """What is not as it must be, in a sentence."""


class Hang(BaseException):
    """An act went on beyond the limit."""


def seeded(kind: str, seed: int) -> np.random.Generator:
    """A generator that is the same on every machine, and another for each kind."""
    return np.random.default_rng([zlib.crc32(kind.encode()), seed])


def play(
    situation: Situation, folder: Path, rng: np.random.Generator, limit: int = LIMIT
) -> Outcome:
    """How the situation ends in `folder`, which is made; raises `Wrong` if not right.

    The folder's parent must hold what nobody else writes to meanwhile.
    """
    given = folder / "in"
    for name in ("in", "cwd", *HOMES.values()):
        (folder / name).mkdir(parents=True, exist_ok=True)
    inputs = situation.make(given, rng)
    terminal = TERMINALS[rng.integers(len(TERMINALS))]
    before = listing(given), beside(folder), listing(folder / "cwd")
    with in_place(folder), watched(folder) as written:
        outcome = ended(lambda: situation.act(inputs), terminal, limit)
    changed = differences(before[0], listing(given), situation.changes)
    need(not changed, f"the input was changed: {changed[:3]}")
    need(not written, f"written outside: {sorted(written)[:3]}")
    apart = differences(before[1], beside(folder))
    need(not apart, f"something beside the folder was changed: {apart[:3]}")
    if outcome.sentence:
        one_sentence(outcome)
        left = differences(before[2], listing(folder / "cwd"))
        need(not (left and situation.traceless), f"refused, but has left {left[:3]}")
    situation.right(inputs, outcome)
    return outcome


def need(fact: object, why: str) -> None:
    """Raises `Wrong` unless it is a fact."""
    if not fact:
        raise Wrong(why)


def refused(outcome: Outcome, *words: str) -> None:
    """Needs a sentence in which every one of the words occurs."""
    need(outcome.sentence, f"was not refused, for which {words} would be the reason")
    said = unicodedata.normalize("NFC", outcome.sentence)
    for word in words:
        need(word in said, f"{word!r} is not in the sentence {said!r}")


def worked(outcome: Outcome) -> None:
    """Needs that it was not refused."""
    need(not outcome.sentence, f"was refused: {outcome.sentence!r}")


def one_sentence(outcome: Outcome) -> None:
    """Needs one line that ends as a sentence does, with the status of bad input."""
    sentence = outcome.sentence
    need(
        len(sentence.splitlines()) == 1,
        f"not one line: {sentence[:300]!r} ... {sentence[-160:]!r}",
    )
    need(sentence.rstrip().endswith((".", "!", "?")), f"no sentence: {sentence!r}")
    need(len(sentence) <= 1200, f"a sentence of {len(sentence)} letters: {sentence!r}")
    need(not outcome.warned, f"warned before its sentence: {outcome.warned[:2]}")
    if outcome.status is not None:
        need(outcome.status == 2, f"status {outcome.status} with {sentence!r}")


def ended(act: Callable[[], Any], terminal: str, limit: int) -> Outcome:
    """How `act` ends, on a terminal of that encoding; raises `Wrong` on a traceback."""
    out, err = _screen(terminal, "strict"), _screen(terminal, "backslashreplace")
    value, sentence, refusal, status, fault = None, "", None, None, ""
    began = time.perf_counter()
    with (
        _manners(),
        warnings.catch_warnings(record=True) as caught,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        warnings.simplefilter("default")
        for category in QUIET:
            warnings.simplefilter("ignore", category)
        try:
            with _limited(limit):
                value = act()
        except UsageError as mistake:
            sentence, refusal = str(mistake) or "(an empty sentence)", mistake
        except SystemExit as end:
            status = 0 if end.code is None else end.code
        except Hang:
            fault = f"hangs for {limit} s"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            fault = _trace(error)
    seconds = time.perf_counter() - began
    said = [_text(screen) for screen in (out, err)]
    need(not fault, fault)
    need("Traceback" not in said[1], f"a traceback on the screen: {said[1][-500:]!r}")
    if status not in (None, 0):
        need(isinstance(status, int), f"left with {status!r} and no sentence")
        # But for what a bar of progress drew over itself.
        lines = [line for line in said[1].split("\n") if "\r" not in line]
        sentence = "\n".join(lines).strip("\n") or "(nothing was said)"
    warned = tuple(f"{w.category.__name__}: {w.message}" for w in caught)
    return Outcome(value, sentence, refusal, status, *said, warned, seconds)


@contextlib.contextmanager
def in_place(folder: Path) -> Iterator[None]:
    """The process's home, temporary folder, caches and working folder lie in `folder`."""
    kept, where = dict(os.environ), Path.cwd()
    os.environ.update({name: str(folder / place) for name, place in HOMES.items()})
    tempfile.tempdir = None
    os.chdir(folder / "cwd")
    try:
        yield
    finally:
        os.chdir(where)
        os.environ.clear()
        os.environ.update(kept)
        tempfile.tempdir = None


# Auditing cannot be ended, so that there is one hook, which looks into this.
_watch: dict[str, Any] = {"inside": (), "found": None, "hooked": False}
_WRITES = {  # which of an event's arguments are paths that are written, and their folder
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.link": ((1, 3),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "shutil.rmtree": ((0, 1),),
}
_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[set[str]]:
    """What Python writes outside the folder meanwhile, whatever thread does it."""
    if not _watch["hooked"]:
        sys.addaudithook(_audit)
        _watch["hooked"] = True
    found: set[str] = set()
    inside = [os.path.realpath(folder), "/dev", "/proc", "/sys", *_programs()]
    _watch.update(inside=tuple(inside), found=found)
    try:
        yield found
    finally:
        _watch.update(inside=(), found=None)


def listing(folder: Path) -> dict[str, tuple]:
    """Every file below a folder: its kind, size, time, and what is in it."""
    found = {}
    for top, folders, names in os.walk(os.fsencode(folder)):
        for name in folders + names:
            path = os.path.join(top, name)
            info = os.lstat(path)
            mark = [stat.S_IFMT(info.st_mode)]
            if stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    digest = hashlib.blake2b(file.read(2**20)).hexdigest()
                mark += [info.st_size, info.st_mtime_ns, digest]
            found[os.fsdecode(os.path.relpath(path, os.fsencode(folder)))] = (*mark,)
    return found


def beside(folder: Path) -> dict[str, tuple]:
    """What lies beside the folder: names, and of files also size and time."""
    found = {}
    for entry in os.scandir(folder.parent):
        if entry.name != folder.name:
            info = entry.stat(follow_symlinks=False)
            size = None if entry.is_dir() else (info.st_size, info.st_mtime_ns)
            found[entry.name] = (size,)
    return found


def differences(
    before: dict[str, tuple], after: dict[str, tuple], but: tuple[str, ...] = ()
) -> list[str]:
    """What is not as it was, but for what lies at or below one of the names `but`."""
    names = sorted(before.keys() | after.keys())
    changed = [name for name in names if before.get(name) != after.get(name)]
    free = lambda name: any(name == one or name.startswith(f"{one}/") for one in but)
    return [name for name in changed if not free(name)]


def _audit(event: str, arguments: tuple) -> None:
    found = _watch["found"]
    if found is None:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & _FLAGS and not isinstance(path, int):
            _note(found, event, path, None)
    elif event in _WRITES:
        for place, beside in _WRITES[event]:
            at = arguments[beside] if beside and beside < len(arguments) else None
            _note(found, event, arguments[place], at)


def _note(found: set[str], event: str, path: Any, at: Any) -> None:
    if path is None or isinstance(path, int):
        return
    path = os.fsdecode(path)
    if isinstance(at, int) and at >= 0 and not os.path.isabs(path):
        path = os.path.join(os.path.realpath(f"/proc/self/fd/{at}"), path)
    top, name = os.path.split(os.path.abspath(path))
    real = os.path.join(os.path.realpath(top), name)
    inside = any(real == one or real.startswith(f"{one}/") for one in _watch["inside"])
    if not inside and "__pycache__" not in real:
        found.add(f"{event} {real}")


def _programs() -> list[str]:
    """Where JAX keeps what it compiled, which belongs to the process."""
    import jax

    kept = jax.config.jax_compilation_cache_dir  # pyright: ignore
    return [os.path.realpath(kept)] if kept else []


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    def late(*_: Any) -> None:
        raise Hang

    previous = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextlib.contextmanager
def _manners() -> Iterator[None]:
    """Puts back what commands change of a process that is theirs alone."""
    loggers = {name: logging.getLogger(name) for name in ("absl", "asyncio", "jax")}
    levels = {name: logger.level for name, logger in loggers.items()}
    hook, argv = sys.unraisablehook, sys.argv
    try:
        yield
    finally:
        sys.unraisablehook, sys.argv = hook, argv
        for name, logger in loggers.items():
            logger.setLevel(levels[name])


def _screen(terminal: str, errors: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), terminal, errors, write_through=True)


def _text(screen: io.TextIOWrapper) -> str:
    screen.flush()
    return screen.buffer.getvalue().decode(screen.encoding, "replace")  # pyright: ignore


def _trace(error: BaseException) -> str:
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename.startswith(os.path.join(own, "ganjax"))]
    last = (ours or list(frames))[-1]
    where = f"{os.path.relpath(last.filename, own)}:{last.lineno} {last.name}"
    return f"a traceback: {type(error).__name__}: {str(error)[:300]!r} at {where}"


def stay_alive(seconds: int) -> None:
    """Ends this process, with a traceback of all threads, if it is stuck outside Python.

    An alarm is only heard between two instructions of Python. Call it again before each
    situation.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)
