"""Signals that stop a run."""

import os
import signal
import threading

import pytest

from ganjax.run.signals import NAMES, catch_stop_signals


NUMBERS = [getattr(signal, name) for name in NAMES]


@pytest.fixture(autouse=True)
def handlers():
    """Handlers of one's own for the signals, which are there again at the end."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    mine = lambda number, frame: None
    for number in NUMBERS:
        signal.signal(number, mine)
    yield mine
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_signals_of_terminals_and_clusters_stop_a_run():
    wanted = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1}
    assert {*NUMBERS} == wanted


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_is_remembered_and_the_first_one_counts(number, handlers):
    with catch_stop_signals() as arrived:
        assert arrived() == 0
        assert signal.getsignal(signal.SIGINT) != signal.SIG_DFL
        os.kill(os.getpid(), number)
        assert arrived() == number
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL, "Ctrl-C ends it now"
        os.kill(os.getpid(), signal.SIGUSR1)
        assert arrived() == number
    assert {signal.getsignal(each) for each in NUMBERS} == {handlers}


def test_what_was_ignored_stays_ignored_and_handlers_come_back_after_an_error(
    handlers,
):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with pytest.raises(ValueError), catch_stop_signals() as arrived:
        os.kill(os.getpid(), signal.SIGHUP)
        assert arrived() == 0
        raise ValueError
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) == handlers


def test_no_signal_comes_to_another_thread(handlers):
    seen = []

    def run():
        with catch_stop_signals() as arrived:
            seen.append(signal.getsignal(signal.SIGTERM))
            os.kill(os.getpid(), signal.SIGTERM)
            seen.append(arrived())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [handlers, 0]
