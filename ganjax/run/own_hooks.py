"""Hooks of a user's own, which `ganjax.train` calls every n steps.

They are functions `(step, state, row) -> dict or None`. What one returns is recorded as a
row of the metrics, so that it is shown in the report and in TensorBoard. One that raises
`StopTraining` ends the run.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ganjax.core import PyTree
from ganjax.errors import StopTraining, UsageError
from ganjax.loop import Every, Hook, Row
from ganjax.store import metrics


def every(n: int, hook: Hook) -> Every:
    """Returns a hook for `ganjax.train`, which is due after steps n, 2n, 3n, ...

    It is also called at the end of the run.

    Args:
        n: the number of steps between calls.
        hook: a function of the step, the state after it, and the logs of the step by name.
            It may return numbers by name, which are recorded, or raise
            `ganjax.StopTraining` to end the run.

    Raises:
        UsageError: `n` is not a whole number above 0, or `hook` is not a function.

    Example:
        >>> def show(step, state, row):
        ...     print(step, row["d/loss"])
        >>> ganjax.train(game, "digits", run, hooks=[ganjax.every(100, show)])
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise UsageError(f"every({n!r}, ...): give a whole number of steps, 1 or more.")
    if not callable(hook):
        raise UsageError(f"every({n}, {hook!r}): give a function (step, state, row).")
    return Every(int(n), hook)


def check_hooks(hooks: Sequence[Every]) -> None:
    """Raises a `UsageError` unless every hook was made by `every`."""
    for hook in hooks:
        if not isinstance(hook, Every):
            raise UsageError(
                f"A hook is given as {type(hook).__name__}: give ganjax.every(n, function)."
            )


def recorded(
    hook: Hook,
    record: Callable[[str, int, Row], None],
    end: Callable[[StopTraining], object] = lambda request: None,
) -> Hook:
    """Returns a hook that also records what `hook` returns.

    Args:
        hook: the user's own hook.
        record: records a row of the metrics.
        end: is called if `hook` raises `StopTraining`, which is not raised any further:
            the other hooks of the same step are called all the same.

    Raises:
        UsageError: when it is called, if `hook` returns anything but numbers by name.
    """
    name = getattr(hook, "__name__", "a hook")

    def call(step: int, state: PyTree, row: Row) -> None:
        try:
            measured = hook(step, state, row)
        except StopTraining as request:
            end(request)
            return
        if measured is None:
            return
        if not isinstance(measured, Mapping):
            raise UsageError(
                f"{name} returned {type(measured).__name__}: return numbers by name, as a "
                "dict, or None."
            )
        numbers = {str(key): np.asarray(x) for key, x in measured.items()}
        seeds = np.shape(state.step)  # () for one seed
        for key, x in numbers.items():
            if x.dtype.kind not in "iufb" or x.shape not in ((), seeds):
                raise UsageError(
                    f"{name} returned {key} as {x.dtype} {list(x.shape)}: return one "
                    "number, or one for each seed of a population."
                )
        if numbers:
            record(metrics.HOOK, step, numbers)

    return call
