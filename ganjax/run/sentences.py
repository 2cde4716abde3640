"""Turns errors that the user can do something about into sentences that say what to do.

Such errors are full disks, missing permissions and too little memory. The command line
prints the sentence alone, and in Python a `UsageError` of the same words is raised from the
error. All other errors are bugs and keep their traceback.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from ganjax.errors import UsageError, brief_reason, first_line


# What to do, by the error number of the operating system.
ADVICE = {
    errno.ENOSPC: "make room on the disk, and give the same command again",
    errno.EDQUOT: "make room within the quota, and give the same command again",
    errno.EFBIG: "files there may not be as large: use another disk",
    errno.EROFS: "nothing can be written there: name another place",
    errno.EACCES: "ask for permission to use it, or name another place",
    errno.EPERM: "ask for permission to use it, or name another place",
    errno.ENAMETOOLONG: "take a shorter name",
    errno.EEXIST: "something else of this name is there: move it away",
    errno.ENOENT: "check its name",
    errno.ENOTDIR: "a part of this path is a file: check its name",
    errno.EISDIR: "this is a folder: name a file",
    errno.EMFILE: "too many files are open: raise the limit (`ulimit -n`)",
}
# OSErrors that have nothing to do with files; they are raised unchanged.
NOT_OF_FILES = (ConnectionError, BlockingIOError, ChildProcessError)


@contextmanager
def as_usage_errors() -> Iterator[None]:
    """Raises a `UsageError` in place of an error for which there is a `sentence`."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        text = sentence(error)
        if not text:
            raise
        raise UsageError(text) from error


def sentence(error: BaseException) -> str:
    """Returns what happened and what to do, or '' if the error is a bug."""
    if isinstance(error, UsageError):
        return str(error)
    if isinstance(error, OSError) and not isinstance(error, NOT_OF_FILES):
        return _file_sentence(error)
    text = str(error)
    # JAX raises an XlaRuntimeError that begins so if a device has no memory left.
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in text:
        return (
            f"Memory ran out ({first_line(error)}): give a smaller --batch, more "
            "--microbatches, or --no-scores if it was while scoring."
        )
    # `Path.expanduser` raises a plain RuntimeError.
    if isinstance(error, RuntimeError) and "home directory" in text:
        return "A path begins with ~, and there is no such home here: write it out."
    return ""


def need_device() -> None:
    """Raises a `UsageError` if JAX finds no device of the platform it was told to use."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        platform = os.environ.get("JAX_PLATFORMS") or jax.config.jax_platforms  # pyright: ignore
        why = f" ({first_line(error)})" if str(error) else ""
        raise UsageError(
            f"JAX finds no device of the platform {platform or 'asked for'}{why}: install "
            "JAX for it, or unset JAX_PLATFORMS to use what is there."
        ) from error


def _file_sentence(error: OSError) -> str:
    reason = brief_reason(error)
    names = [str(x) for x in (error.filename, error.filename2) if x is not None]
    paths = " -> ".join(names)  # two where one was to be renamed to the other
    problem = f"{paths}: {reason}" if paths else reason
    advice = ADVICE.get(error.errno or 0, "fix that, and try again")
    return f"{problem.rstrip('.')}; {advice}."
