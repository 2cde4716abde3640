"""Workarounds for Orbax: its log messages, and an option that is global to the process.

Orbax logs through absl, asyncio and Python's hook for unraisable errors, and one of its
options can only be set on an object that the process shares. Each of these is changed by a
context manager, which restores the earlier setting.
"""

import gc
import logging
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp


MIN_SLICE_BYTES = 2**20  # smaller arrays are saved by one device
MAX_WARNINGS = 8
SETTLE_SECONDS = 0.2  # how long reads that an error interrupted get to end

# Orbax's own warnings since `forget_warnings`, newest last.
_warnings: deque[str] = deque(maxlen=MAX_WARNINGS)

# How many blocks of `quiet_orbax` are open, in all threads, and the hook that was set
# before the first of them. The lock guards both.
_lock = threading.Lock()
_depth = 0
_original_hook: Any = None


@contextmanager
def quiet_orbax() -> Iterator[None]:
    """Keeps the messages of Orbax from the terminal while the block runs.

    Its warnings are collected for `last_warning`. Most of them are harmless, and reading a
    save back shows if one was not. After an operation has failed and raised its error,
    Orbax's threads also log a closed event loop and exceptions that were never retrieved;
    these messages are dropped. Everything else is logged as before.

    Blocks may be nested and may overlap in several threads. At the end of the last one the
    loggers and `sys.unraisablehook` are as they were.
    """
    global _depth, _original_hook
    with _lock:
        _depth += 1
        if _depth == 1:
            logging.getLogger("absl").addFilter(_collect_warning)
            logging.getLogger("asyncio").addFilter(_is_of_interest)
            _original_hook = sys.unraisablehook
            sys.unraisablehook = _unraisable
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                logging.getLogger("absl").removeFilter(_collect_warning)
                logging.getLogger("asyncio").removeFilter(_is_of_interest)
                # A hook that was set within the block belongs to somebody else.
                if sys.unraisablehook is _unraisable:
                    sys.unraisablehook = _original_hook


def last_warning() -> str:
    """Returns the newest warning that Orbax has logged, or '' if there is none."""
    return _warnings[-1] if _warnings else ""


def forget_warnings() -> None:
    """Forgets the warnings so far, as after a save that was found intact."""
    _warnings.clear()


def clear_frames(error: BaseException) -> None:
    """Frees the tasks that Orbax abandoned when it raised `error`.

    Call it within a `quiet_orbax`: asyncio logs a complaint when an abandoned task is
    garbage collected, and the traceback of the error would keep the task alive until after
    the block. So the local variables of Orbax's own frames are cleared here; the traceback
    can still be printed. Reads in progress fail, as their event loop is closed by now; they
    are given a moment to do so.
    """
    # The error, and those that it was raised from or while handling.
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    for each in chain:
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if _is_from_orbax(frame.f_code.co_filename):
                with suppress(RuntimeError):  # it is still running
                    frame.clear()
    # Abandoned tasks may be parts of reference cycles, which only the garbage collector
    # frees: run it now, while their complaints are dropped.
    time.sleep(SETTLE_SECONDS)
    gc.collect()


@contextmanager
def unsliced_small_arrays() -> Iterator[None]:
    """Makes Orbax save each array below `MIN_SLICE_BYTES` from a single device.

    By default each device that holds a copy of an array writes a slice of it, and a state
    of many small arrays then takes seconds to copy from the devices.

    The option is an argument of `ocp.type_handlers.ArrayHandler`. But a handler that is
    constructed with it records which arrays are random keys only if it is also given an
    object of a class that is not public; without that, keys are restored as plain integers.
    So the attribute of the registered handler is set instead. Orbax reads it before
    `CheckpointManager.save` returns.
    """
    handler: Any = ocp.type_handlers.get_type_handler(jax.Array)
    original = handler._min_slice_bytes_for_replica_parallel
    handler._min_slice_bytes_for_replica_parallel = MIN_SLICE_BYTES
    try:
        yield
    finally:
        handler._min_slice_bytes_for_replica_parallel = original


def _is_from_orbax(file: str) -> bool:
    return "orbax" in Path(file).parts


def _collect_warning(record: logging.LogRecord) -> bool:
    if not _is_from_orbax(record.pathname):
        return True
    _warnings.append(record.getMessage().splitlines()[0][:200])
    return False


def _is_of_interest(record: logging.LogRecord) -> bool:
    # asyncio: "Task exception was never retrieved".
    return "never retrieved" not in record.getMessage()


def _unraisable(unraisable: Any) -> None:
    text = f"{unraisable.exc_value} {unraisable.err_msg}"
    harmless = (
        "Event loop is closed",
        "never awaited",
        "Encountered error while reading",
    )
    if not any(words in text for words in harmless):
        _original_hook(unraisable)
