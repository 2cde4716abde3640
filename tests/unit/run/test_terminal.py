"""Lines for a person at the terminal, whatever that terminal is."""

import io
import sys

import jax
import pytest

from ganjax.run.terminal import ErrorIgnoringStream, say, warn


class Closed(io.StringIO):
    """A stream that fails as a closed pipe or a full disk does."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error

    def flush(self):
        raise self.error


def test_a_line_goes_to_the_output_and_a_warning_to_the_error_stream(capsys):
    say("one")
    warn("two")
    assert capsys.readouterr() == ("one\n", "two\n")


def test_only_the_first_process_of_several_says_something(capsys, monkeypatch):
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    say("alone")
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    say("unsaid")
    warn("warned")
    assert capsys.readouterr() == ("alone\n", "warned\n")
    monkeypatch.setattr(jax, "process_index", lambda: 0)
    say("first")
    assert capsys.readouterr().out == "first\n"


def test_a_letter_that_the_terminal_lacks_is_escaped(monkeypatch):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    say("é ☃")
    assert raw.getvalue() == b"\xe9 \\u2603\n", "it is flushed at once"


@pytest.mark.parametrize("error", [BrokenPipeError(32, "x"), ValueError("closed")])
def test_a_stream_that_cannot_be_written_ends_nothing(error, monkeypatch):
    for stream in (Closed(error), None):
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        say("unheard")
        warn("unheard")
        ignoring = ErrorIgnoringStream(stream)
        assert ignoring.write("four") == 4
        ignoring.flush()
        assert not ignoring.isatty()


def test_a_stream_that_can_be_written_is_written_as_it_is():
    stream = io.StringIO()
    stream.isatty = lambda: True
    stream.fileno = lambda: 7
    ignoring = ErrorIgnoringStream(stream)
    assert ignoring.write("a") == 1 and stream.getvalue() == "a"
    assert ignoring.isatty() and ignoring.fileno() == 7
    assert ignoring.encoding == "ascii"
    raw = io.BytesIO()
    buffered = io.TextIOWrapper(raw, "utf-8")
    ignoring = ErrorIgnoringStream(buffered)
    ignoring.write("é")
    assert not raw.getvalue()
    ignoring.flush()
    assert raw.getvalue() == b"\xc3\xa9" and ignoring.encoding == "utf-8"
    with pytest.raises(OSError, match="no stream"):
        ErrorIgnoringStream(None).fileno()
