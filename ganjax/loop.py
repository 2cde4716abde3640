"""When things happen. With `checkpoint` and `run`, all that loops, waits or writes."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from ganjax.gan import PyTree


Row = dict[str, np.ndarray]  # name -> scalar, or one number for each seed
Hook = Callable[[int, PyTree, Row], None]  # (steps done, state, logs of the last step)
CALL_SECONDS = 2.0  # of one call; each begins with tens of ms for its memory on a CPU


class Every(NamedTuple):
    """A hook and the number of steps after which it is due, again and again."""

    n: int
    hook: Hook


class Diverged(Exception):
    """The state is no longer finite; the text is a sentence that says what and when."""


class Call(NamedTuple):
    """One call of the program that is under way: how far it goes and what it gives."""

    done: int
    count: int
    logs: PyTree
    finite: Bool[Array, ""]


def every(n: int, hook: Hook) -> Every:
    """Calls `hook` after steps n, 2n, 3n, ... of the run, wherever it was resumed."""
    return Every(n, hook)


def fit(
    program: Callable[[PyTree, PyTree, int], tuple[PyTree, PyTree]],
    state: PyTree,
    window: Callable[[int], PyTree],
    steps: int,
    *,
    longest: int,
    hooks: Sequence[Every] = (),
    watch: Callable[[int, Row], None] = lambda step, row: None,
    agree: Callable[[int, int], tuple[int, int]] = lambda count, stop: (count, stop),
    stop: Callable[[], int] = lambda: 0,
    rescue: Callable[[int, PyTree], None] = lambda step, state: None,
) -> PyTree:
    """Plays from wherever `state` stands to step `steps`, or until `stop` says so.

    `program(state, window, count)` plays `count <= longest` steps on the data that
    `window(first step)` makes, on a thread of its own and one call ahead. Hooks are due
    at every multiple of their `n`, and all of them at the end; no call crosses such a
    step. How many steps it holds otherwise changes the speed alone, and `agree` makes
    several processes choose alike. `watch` sees the logs of a call while the next one
    runs. A state that is not finite raises `Diverged` before any hook sees it. Where the
    data cannot be read, or a hook fails, `rescue` is given the last good state before the
    error goes on.
    """
    done, pace, late = step_of(state), 1, None
    started = time.perf_counter()

    def settle(call: Call) -> Row:
        nonlocal pace, started
        row = check(call)
        seconds, started = time.perf_counter() - started, time.perf_counter()
        wanted = int(CALL_SECONDS * call.count / seconds)
        pace = max(1, min(longest, 2 * pace, wanted))
        watch(call.done, row)
        return row

    @contextmanager
    def rescuing() -> Iterator[None]:
        nonlocal late
        try:
            yield
        except Diverged:
            raise
        except Exception:
            waiting, late = late, None
            if waiting:
                with suppress(OSError):  # that is perhaps what led here
                    settle(waiting)
            if bool(is_finite(state)):
                rescue(done, state)
            raise

    with ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(window, done)
        while done < steps:
            due = min([steps, *(done - done % each.n + each.n for each in hooks)])
            count, stopped = agree(min(pace, due - done), stop())
            if stopped:
                break
            with rescuing():
                data = ahead.result()
            state, logs = program(state, data, count)
            done += count
            ahead = thread.submit(window, done)
            if late:
                with rescuing():
                    settle(late)
            late = Call(done, count, logs, is_finite(state))
            ready = [each.hook for each in hooks if done % each.n == 0 or done == steps]
            if ready:
                with rescuing():
                    row, late = settle(late), None
                    for hook in ready:
                        hook(done, state, row)
                started = time.perf_counter()
        ahead.cancel()
        if late:
            with rescuing():
                settle(late)
    return state


def check(call: Call) -> Row:
    """The logs of a call's last step, once it is known that all is finite."""
    logs = {
        name: np.asarray(x)[..., : call.count] for name, x in flat(call.logs).items()
    }
    for name, values in logs.items():
        bad = ~np.isfinite(values).reshape(-1, call.count).all(axis=0)
        if bad.any():
            step = call.done - call.count + 1 + int(bad.argmax())
            raise Diverged(f"{name} was not finite at step {step}.")
    if not bool(call.finite):
        first = call.done - call.count + 1
        raise Diverged(
            f"The state was not finite between steps {first} and {call.done}."
        )
    return {name: values[..., -1] for name, values in logs.items()}


@jax.jit
def is_finite(state: PyTree) -> Bool[Array, ""]:
    """Whether every float of the state is neither infinite nor NaN."""
    leaves = jax.tree.leaves(state)
    floats = [x for x in leaves if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.stack(
        [jnp.ones((), bool), *(jnp.isfinite(x).all() for x in floats)]
    ).all()


def step_of(state: PyTree) -> int:
    """How many steps a state has played; in a population all have played as many."""
    return int(np.asarray(state.step).reshape(-1)[0])


def flat(logs: PyTree) -> dict[str, Array]:
    """Nested logs by name: {"g": {"loss": x}} as {"g/loss": x}."""
    paths = jax.tree_util.tree_leaves_with_path(logs)
    name = lambda path: jax.tree_util.keystr(path, simple=True, separator="/")
    return {name(path): x for path, x in paths}
