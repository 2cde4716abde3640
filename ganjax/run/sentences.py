"""The one place in which an error that a person can mend becomes a sentence.

The command line prints the sentence; Python gets a `Mistake` of the same words, raised
from the error itself. All other errors are faults of the code and keep their traceback.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from ganjax.errors import Mistake


ADVICE = {
    errno.ENOSPC: "make room on the disk, and give the same command again",
    errno.EDQUOT: "make room within the quota, and give the same command again",
    errno.EFBIG: "files there may not be as large: use another disk",
    errno.EROFS: "nothing can be written there: name another place",
    errno.EACCES: "ask for the right to it, or name another place",
    errno.EPERM: "ask for the right to it, or name another place",
    errno.ENAMETOOLONG: "take a shorter name",
    errno.EEXIST: "something of another kind is there: take it away",
    errno.ENOENT: "check its name",
    errno.ENOTDIR: "a part of this path is a file: check its name",
    errno.EISDIR: "this is a folder: name a file",
    errno.EMFILE: "too many files are open: raise the limit (`ulimit -n`)",
}
BUGS = (ConnectionError, BlockingIOError, ChildProcessError)


@contextmanager
def mendable() -> Iterator[None]:
    """Raises a `Mistake` in place of an error that has a `sentence`."""
    try:
        yield
    except Mistake:
        raise
    except Exception as error:
        words = sentence(error)
        if not words:
            raise
        raise Mistake(words) from error


def sentence(error: BaseException) -> str:
    """What a person can do about an error, in one sentence; '' if it is a fault of ours."""
    if isinstance(error, Mistake):
        return str(error)
    if isinstance(error, OSError) and not isinstance(error, BUGS):
        return _of_a_file(error)
    text = str(error)
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in text:
        return (
            f"Memory ran out ({_brief(error)}): give a smaller --batch, more --parts, or "
            "--no-scores if it was while scoring."
        )
    if isinstance(error, RuntimeError) and "home directory" in text:
        return "A path begins with ~, and there is no such home here: write it out."
    return ""


def need_device() -> None:
    """Raises a `Mistake` where JAX finds no device of the kind that it was told to use."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        told = os.environ.get("JAX_PLATFORMS") or jax.config.jax_platforms  # pyright: ignore
        why = f" ({_brief(error)})" if str(error) else ""
        raise Mistake(
            f"JAX finds no device of the platform {told or 'asked for'}{why}: install JAX "
            "for it, or unset JAX_PLATFORMS to use what is there."
        ) from error


def _of_a_file(error: OSError) -> str:
    number = error.errno or 0
    reason = error.strerror or _brief(error)
    places = [str(x) for x in (error.filename, error.filename2) if x is not None]
    where = " -> ".join(places)
    said = f"{where}: {reason}" if where else reason
    return f"{said.rstrip('.')}; {ADVICE.get(number, 'mend that, and try again')}."


def _brief(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160].rstrip(".:") if lines else type(error).__name__
