"""When things happen, with a program that only counts."""

import threading
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from ganjax import loop
from ganjax.loop import (
    FINISH,
    Call,
    DivergedError,
    Every,
    check,
    fit,
    flatten_logs,
    is_finite,
    step_of,
)


LONGEST = 8
CALL_SECONDS = loop.CALL_SECONDS


class State(NamedTuple):
    """The smallest state: how many steps were played, and their sum."""

    step: Any
    total: Any


class Counter:
    """A program that adds up the numbers of the steps, and tells what it was asked."""

    def __init__(self, broken_log=None, broken_state=None):
        self.events, self.threads, self.asked = [], set(), []
        self.broken_log, self.broken_state = broken_log, broken_state

    @property
    def calls(self):
        return [event[1:] for event in self.events if event[0] == "call"]

    def window(self, first):
        self.asked.append(first)
        self.threads.add(threading.current_thread())
        return {"first": first}

    def program(self, state, window, count):
        first = int(state.step)
        assert window == {"first": first}, "the data is that of another step"
        self.events.append(("call", first, count))
        played = np.arange(first + 1, first + 1 + LONGEST, dtype=np.float32)
        total = float(state.total) + played[:count].sum()
        played[count:] = np.nan  # the loop is to look at what was played alone
        if self.broken_log in played:
            played[played == self.broken_log] = np.inf
        if self.broken_state is not None and first < self.broken_state <= first + count:
            total = np.nan
        logs = {"g": {"loss": jnp.asarray(played)}}
        return State(jnp.int32(first + count), jnp.float32(total)), logs

    def fit(self, steps, *each, first=0, **more):
        watch = lambda done, row: self.events.append(("watch", done, row["g/loss"]))
        hooks = [Every(n, self.hook(name)) for name, n in each]
        state, more = State(jnp.int32(first), jnp.float32(0)), {"watch": watch} | more
        options = {"longest": LONGEST, "hooks": hooks} | more
        return fit(self.program, state, self.window, steps, **options)

    def hook(self, name):
        def hook(done, state, row):
            assert done == state.step == row["g/loss"]
            self.events.append((name, done))

        return hook

    def due(self, name):
        return [event[1] for event in self.events if event[0] == name]


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Calls as long as they may be, whatever the clock says."""
    monkeypatch.setattr(loop, "CALL_SECONDS", 1e9)


def test_hooks_are_due_at_their_multiples_and_at_the_end():
    counter = Counter()
    state = counter.fit(10, ("four", 4), ("six", 6))
    assert counter.due("four") == [4, 8, 10] and counter.due("six") == [6, 10]
    assert (state.step, state.total) == (10, 55)


def test_no_call_crosses_a_step_at_which_something_is_due():
    counter = Counter()
    counter.fit(100, ("seven", 7), ("thirty", 30))
    for first, count in counter.calls:
        inside = range(first + 1, first + count)
        assert not [step for step in inside if step % 7 == 0 or step % 30 == 0]
    assert counter.calls[-1] == (98, 2)


def test_the_calls_are_one_run_without_gaps_whatever_is_due():
    for each in ((), (("one", 1),), (("five", 5),)):
        counter = Counter()
        counter.fit(23, *each)
        ends = [first + count for first, count in counter.calls]
        assert [first for first, _ in counter.calls] == [0, *ends[:-1]]
        assert ends[-1] == 23


def test_calls_grow_until_they_are_long_enough_or_the_longest():
    counter = Counter()
    counter.fit(60)
    assert [count for _, count in counter.calls] == [1, 1, 2, 4, 8, 8, 8, 8, 8, 8, 4]


def test_slow_steps_are_called_one_by_one(monkeypatch):
    monkeypatch.setattr(loop, "CALL_SECONDS", 0.0)
    counter = Counter()
    counter.fit(6)
    assert counter.calls == [(first, 1) for first in range(6)]


def test_a_resumed_run_goes_on_from_its_step():
    counter = Counter()
    state = counter.fit(10, ("four", 4), first=5)
    assert counter.calls[0][0] == counter.asked[0] == 5
    assert counter.due("four") == [8, 10]
    assert state.total == 6 + 7 + 8 + 9 + 10


@pytest.mark.parametrize("first", [10, 12])
def test_a_finished_run_plays_nothing(first):
    counter = Counter()
    state = counter.fit(10, ("four", 4), first=first)
    assert counter.events == [] and state.step == first


def test_watch_sees_the_last_row_of_every_call_while_the_next_one_runs():
    counter = Counter()
    counter.fit(20)
    ends = [first + count for first, count in counter.calls]
    seen = [event[1:] for event in counter.events if event[0] == "watch"]
    assert seen == [(end, end) for end in ends]
    kinds = [event[0] for event in counter.events]
    assert kinds == ["call", *["call", "watch"] * (len(ends) - 1), "watch"]


def test_a_hook_comes_after_its_call_was_watched():
    counter = Counter()
    counter.fit(4, ("two", 2))
    two = counter.events.index(("two", 2))
    assert counter.events[two - 1] == ("watch", 2, 2)


def test_stop_ends_early_and_what_was_played_is_watched():
    counter = Counter()
    state = counter.fit(100, ("ten", 10), stop=lambda: len(counter.calls) == 3)
    assert len(counter.calls) == 3 and state.step == sum(counter.calls[-1]) < 10
    assert counter.events[-1] == ("watch", state.step, state.step)
    assert counter.due("ten") == []


def test_finish_ends_early_with_all_hooks_and_each_of_them_once():
    counter = Counter()
    asked = lambda: FINISH if counter.due("two")[2:] else 0  # after step 6
    each = ("two", 2), ("three", 3), ("four", 4), ("ten", 10)
    state = counter.fit(100, *each, stop=asked)
    assert state.step == 6 and counter.due("two") == [2, 4, 6]
    assert counter.due("three") == [3, 6]
    assert (counter.due("four"), counter.due("ten")) == ([4, 6], [6])


def test_finish_without_a_hook_waits_for_the_call_that_is_under_way():
    counter = Counter()
    state = counter.fit(
        100, ("ten", 10), stop=lambda: FINISH if len(counter.calls) == 3 else 0
    )
    assert counter.due("ten") == [int(state.step)]
    assert counter.events[-2:] == [("watch", state.step, state.step), ("ten", 4)]


def test_agree_has_the_last_word_on_how_far_and_whether():
    counter, asked = Counter(), []

    def agree(count, stop):
        asked.append((count, stop))
        return min(count, 2), stop or len(asked) > 5

    state = counter.fit(100, agree=agree, stop=lambda: len(asked) == 4)
    assert [count for _, count in counter.calls] == [1, 1, 2, 2]
    assert [stop for _, stop in asked] == [False] * 4 + [True]
    counter, asked[:] = Counter(), []
    state = counter.fit(100, agree=agree)
    assert len(counter.calls) == 5 and state.step == 8


def test_windows_are_made_on_one_other_thread_while_the_call_before_them_runs():
    counter, begun = Counter(), {first: threading.Event() for first in range(5)}

    def window(first):
        begun[first].set()
        return Counter.window(counter, first)

    def watch(done, row):
        assert begun[done].wait(10), "the window after this call is not being made"

    counter.window = window
    counter.fit(4, ("one", 1), watch=watch)
    assert counter.asked[:4] == [0, 1, 2, 3]
    assert len(counter.threads) == 1
    assert counter.threads.isdisjoint({threading.current_thread()})


def test_an_exception_of_the_window_s_thread_comes_to_the_surface():
    counter = Counter()

    def window(first):
        if first >= 4:
            raise OSError("the disk is gone")
        return Counter.window(counter, first)

    counter.window = window
    with pytest.raises(OSError, match="the disk is gone"):
        counter.fit(20)
    assert sum(counter.calls[-1]) == 4


@pytest.mark.parametrize("where", ["window", "hook"])
def test_what_was_played_is_rescued_if_the_data_or_a_hook_fails(where):
    def fails(step, state=None, row=None):
        if step >= 4:
            raise OSError("the disk is gone")
        return {"first": step}

    counter, rescued = Counter(), []
    setattr(counter, where, fails if where == "window" else lambda name: fails)
    with pytest.raises(OSError, match="the disk is gone"):
        counter.fit(20, ("two", 2), rescue=lambda *last: rescued.append(last))
    assert [(step, state.total) for step, state in rescued] == [(4, 10)]


@pytest.mark.parametrize("broken", [None, 3])
def test_a_state_is_rescued_only_if_it_is_finite(broken):
    """A row cannot be written while the call of steps 3 and 4 is under way."""
    counter, rescued = Counter(broken_state=broken), []

    def watch(done, row):
        if done == 2:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        counter.fit(20, watch=watch, rescue=lambda step, state: rescued.append(step))
    assert counter.calls[-1] == (2, 2) and rescued == ([] if broken else [4])


@pytest.mark.parametrize("each", [(), (("three", 3),), (("eleven", 11),)])
def test_the_first_log_that_is_not_finite_is_named_with_its_step(each):
    counter = Counter(broken_log=11)
    with pytest.raises(DivergedError, match=r"^g/loss was not finite at step 11\.$"):
        counter.fit(30, *each)
    assert max(counter.due(each[0][0]), default=0) < 11 if each else True


@pytest.mark.parametrize("step", [5, 12])
def test_a_state_that_is_not_finite_is_caught_before_a_hook_sees_it(step):
    counter = Counter(broken_state=step)
    with pytest.raises(
        DivergedError, match="The state was not finite between"
    ) as error:
        counter.fit(12, ("six", 6))
    first, last = (int(x) for x in str(error.value)[:-1].split() if x.isdigit())
    assert first <= step <= last
    assert counter.due("six") == ([6] if step > 6 else [])
    assert max(counter.due("watch"), default=0) < first


@pytest.mark.parametrize(
    "broken", [{"broken_log": 4}, {"broken_state": 4}], ids=["log", "state"]
)
def test_a_lost_run_is_told_as_such_though_its_data_cannot_be_read_either(broken):
    counter, rescued = Counter(**broken), []

    def window(first):
        if first == 4:
            raise OSError("the disk is gone")
        return Counter.window(counter, first)

    counter.window = window
    with pytest.raises(DivergedError):
        counter.fit(20, rescue=lambda *last: rescued.append(last))
    assert counter.calls[-1] == (2, 2) and not rescued


def test_a_call_takes_as_long_as_it_should_and_hooks_do_not_count(monkeypatch):
    """A call takes two seconds; a step half of one, and from step 30 on a whole one."""
    clock = SimpleNamespace(now=0.0)
    clock.perf_counter = lambda: clock.now

    def wait(call):
        clock.now += call.count * (0.5 if call.done <= 30 else 1.0)
        return check(call)

    def rest(done, state, row):
        clock.now += 100.0

    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(loop, "check", wait)
    monkeypatch.setattr(loop, "CALL_SECONDS", CALL_SECONDS)
    counter = Counter()
    counter.hook = lambda name: rest
    counter.fit(45, ("rest", 20))
    counts = [count for _, count in counter.calls]
    assert counts == [1, 1, 2, *[4] * 8, *[2] * 4, 1]


def test_a_lost_run_is_noticed_at_its_end_even_if_nothing_is_due():
    with pytest.raises(DivergedError, match="step 3"):
        Counter(broken_log=3).fit(3)


def test_the_logs_of_a_population_are_checked_for_every_seed():
    losses = jnp.arange(6.0).reshape(2, 3)
    call = Call(12, 2, {"d": {"loss": losses}}, jnp.asarray(True))
    assert check(call)["d/loss"].tolist() == [1, 4]
    lost = call._replace(logs={"d": {"loss": losses.at[1, 0].set(jnp.nan)}})
    with pytest.raises(DivergedError, match="d/loss was not finite at step 11"):
        check(lost)


def test_a_state_is_finite_if_all_its_floats_are():
    state = {"count": jnp.int32(3), "a": jnp.ones(2), "b": jnp.ones(())}
    assert is_finite(state)
    for bad in (jnp.inf, -jnp.inf, jnp.nan):
        assert not is_finite(state | {"a": jnp.asarray([0.0, bad])})
    assert is_finite({"count": jnp.int32(3)}), "there may be none"


def test_step_of_is_that_of_every_member_of_a_population():
    assert step_of(State(jnp.int32(4), 0)) == 4
    assert step_of(State(jnp.asarray([7, 7]), 0)) == 7


def test_flatten_logs_names_logs_by_their_path():
    one, two, three = jnp.arange(3)
    logs = {"g": {"loss": one, "pl": {"mean": two}}, "x": three}
    assert flatten_logs(logs) == {"g/loss": one, "g/pl/mean": two, "x": three}
