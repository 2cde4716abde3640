"""The training loop: it calls the compiled program and decides when hooks are due.

The program plays several steps per call, in a loop on the devices (`parallel.scan`). This
loop knows neither the game nor the data: a hook gets the step, the state and the logs, and
whatever is written, drawn or scored happens in hooks (`ganjax.run.hooks`).

Two things overlap with a call that the devices are working on: the next window of data is
read on a thread, and the logs of the call before it are examined and shown.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from ganjax.core import PyTree
from ganjax.errors import DivergedError


Row = dict[str, np.ndarray]  # name -> scalar, or one number for each seed
# (steps done, state, logs of the last step); what it returns is not used here.
Hook = Callable[[int, PyTree, Row], object]
# How long one call should take. Shorter calls are slower, as each one spends tens of
# milliseconds on its memory on a CPU; and a run can neither be stopped nor show anything
# within a call.
CALL_SECONDS = 2.0
# What `stop` returns to end the training as at its last step; signals are positive.
FINISH = -1


@runtime_checkable
class Program(Protocol):
    """A compiled program that plays `count` steps on a window of data."""

    def __call__(
        self, state: PyTree, window: PyTree, count: int, /
    ) -> tuple[PyTree, PyTree]:
        """Returns the next state, and logs whose last axis is that of the steps.

        The axis has the length of the longest call; its first `count` numbers are filled.
        """
        ...


class Every(NamedTuple):
    """A hook that is due after steps n, 2n, 3n, ..., also in a run that was resumed."""

    n: int
    hook: Hook


class Call(NamedTuple):
    """One call of the program, which the devices may still be working on."""

    done: int  # steps that are done after it
    count: int  # steps that it plays
    logs: PyTree  # as `Program` returns them
    finite: Bool[Array, ""]  # whether the state after it is


def fit(
    program: Program,
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
    """Trains from the step at which `state` stands to step `steps`.

    How the steps are divided into calls changes only the speed: no call crosses a step at
    which a hook is due, and otherwise a call holds as many steps as take `CALL_SECONDS`.

    Args:
        program: plays `count <= longest` steps; it donates the state.
        state: the state to begin with.
        window: step -> the data of the up to `longest` steps that follow it. It is called
            on a thread, one call ahead.
        steps: the step at which training ends.
        longest: the number of steps of the longest call.
        hooks: are called in their order when they are due, and all of them at the end:
            at step `steps`, or where `stop` returns `FINISH`. If `stop` ends the training
            by another number, none is called.
        watch: is called after every call with its last step and the logs of that step,
            while the next call is under way.
        agree: (count, stop) of this process -> the count and the stop on which all
            processes of the run agree. Its `count` is the number of steps of the next call,
            its `stop` what `stop` returned.
        stop: is called before each call; any number but 0 ends the training, and
            `FINISH` does so with all hooks.
        rescue: is called with the step and the last good state if the data cannot be read
            or a hook raises, before the error is raised.

    Returns:
        The last state.

    Raises:
        DivergedError: if a state or its logs are not finite; no hook sees such a state.
    """
    done = step_of(state)
    pace = 1  # steps per call, until a hook is due
    pending: Call | None = None  # the call whose logs have not been examined yet
    row: Row = {}  # the logs of the newest step that hooks have seen
    stopped = 0
    started = time.perf_counter()

    def settle(call: Call) -> Row:
        """Waits for a call, checks its logs, and sets the pace by the time it took."""
        nonlocal pace, started
        row = check(call)
        now = time.perf_counter()
        seconds = now - started
        started = now
        wanted = int(CALL_SECONDS * call.count / seconds)
        # At most doubled, as one quick call says little.
        pace = max(1, min(longest, 2 * pace, wanted))
        watch(call.done, row)
        return row

    # Wraps what may fail for reasons outside of the training, such as a full disk or a
    # missing file. The state is then still good, unless it diverged, and `rescue` gets it.
    @contextmanager
    def rescuing() -> Iterator[None]:
        nonlocal pending
        try:
            yield
        except DivergedError:
            raise
        except Exception:
            # If the call under way has diverged, `settle` raises that error instead.
            unchecked = pending
            pending = None
            if unchecked:
                with suppress(
                    OSError
                ):  # `watch` may raise the error that led here again
                    settle(unchecked)
            if bool(is_finite(state)):
                rescue(done, state)
            raise

    with ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(window, done)
        while done < steps:
            # A call ends where the next hook is due, or with the training.
            due = min([steps, *(done - done % each.n + each.n for each in hooks)])
            count, stopped = agree(min(pace, due - done), stop())
            if stopped:
                break
            with rescuing():
                data = ahead.result()

            # JAX returns at once; the devices work on while the previous call is examined.
            state, logs = program(state, data, count)
            done += count
            ahead = thread.submit(window, done)
            if pending:
                with rescuing():
                    settle(pending)
            pending = Call(done, count, logs, is_finite(state))

            # Hooks need a state that is known to be finite: here the call is waited for.
            ready = [each.hook for each in hooks if done % each.n == 0 or done == steps]
            if ready:
                with rescuing():
                    row = settle(pending)
                    pending = None
                    for hook in ready:
                        hook(done, state, row)
                # The time of the hooks is not that of a call.
                started = time.perf_counter()
        # The last window that was requested is not used by any call.
        ahead.cancel()
        if pending:
            with rescuing():
                row = settle(pending)
                pending = None
        if stopped == FINISH:
            # Hooks whose steps divide this one have been called after it.
            with rescuing():
                for each in hooks:
                    if done % each.n:
                        each.hook(done, state, row)
    return state


def check(call: Call) -> Row:
    """Returns the logs of a call's last step, once the call has ended.

    Raises:
        DivergedError: if a number of the logs, or of the state, is not finite.
    """
    # The last axis is that of the steps; with several seeds one precedes it.
    logs = {
        name: np.asarray(x)[..., : call.count]
        for name, x in flatten_logs(call.logs).items()
    }
    first = call.done - call.count + 1
    for name, values in logs.items():
        # The error names the first step with a bad value in any seed.
        bad = ~np.isfinite(values).reshape(-1, call.count).all(axis=0)
        if bad.any():
            step = first + int(bad.argmax())
            raise DivergedError(f"{name} was not finite at step {step}.")
    if not bool(call.finite):
        raise DivergedError(
            f"The state was not finite between steps {first} and {call.done}."
        )
    return {name: values[..., -1] for name, values in logs.items()}


@jax.jit
def is_finite(state: PyTree) -> Bool[Array, ""]:
    """Returns whether no float of the state is infinite or NaN."""
    leaves = jax.tree.leaves(state)
    floats = [x for x in leaves if jnp.issubdtype(x.dtype, jnp.inexact)]
    # The leading True is for a state without floats.
    return jnp.stack(
        [jnp.ones((), bool), *(jnp.isfinite(x).all() for x in floats)]
    ).all()


def step_of(state: PyTree) -> int:
    """Returns how many steps a state has been trained for.

    With several seeds it is the same for all of them.
    """
    return int(np.asarray(state.step).reshape(-1)[0])


def flatten_logs(logs: PyTree) -> dict[str, Array]:
    """Returns nested logs by name: {"g": {"loss": x}} as {"g/loss": x}."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): x
        for path, x in jax.tree_util.tree_leaves_with_path(logs)
    }
