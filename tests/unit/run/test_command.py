"""An experiment on the command line: its flags, and how it ends."""

import io
import sys
import types
from dataclasses import dataclass

import pytest

from ganjax.errors import DivergedError, Interrupted, UsageError
from ganjax.run import PositiveInt, command as play
from ganjax.run.command import exit_on_error, parse


@dataclass(frozen=True)
class Args:
    width: PositiveInt = 8
    """How wide it is."""


@dataclass(frozen=True)
class Other:
    height: int = 3


def script(monkeypatch, code, *flags, **names):
    """The `main` of a file of its own, in a process that was given flags."""
    module = types.ModuleType("script", "What the script does.")
    seen = []
    vars(module).update(names, seen=seen)
    exec(code, vars(module))
    monkeypatch.setitem(sys.modules, "script", module)
    monkeypatch.setattr(sys, "argv", ["script.py", *flags])
    return vars(module)["main"], seen


def test_the_flags_are_those_that_main_is_annotated_with(monkeypatch):
    code = "def main(args: Other):\n    seen.append(args)"
    main, seen = script(monkeypatch, code, "--height", "5", Other=Other, Args=Args)
    play(main)
    assert seen == [Other(5)]


def test_without_an_annotation_they_are_those_of_args(monkeypatch):
    code = "def main(args):\n    seen.append(args)"
    main, seen = script(monkeypatch, code, "--width", "5", Args=Args)
    play(main)
    assert seen == [Args(5)]


@pytest.mark.parametrize(
    ("code", "flags", "says"),
    [
        ("def main(args): pass", [], "main does not say what its flags are"),
        ("def main(args: Args): seen.append(1)", ["--width", "0"], "--width 0 is out"),
        ("def main(args: Args): seen.append(1)", ["--depth", "0"], "--depth"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_done(
    code, flags, says, monkeypatch, capsys
):
    given = {} if "args)" in code else {"Args": Args}
    main, seen = script(monkeypatch, code, *flags, **given)
    with pytest.raises(SystemExit) as end:
        play(main)
    assert end.value.code == 2 and says in capsys.readouterr().err and not seen


def test_the_help_begins_with_what_the_file_says_of_itself(monkeypatch, capsys):
    main, _ = script(monkeypatch, "def main(args: Args): pass", "--help", Args=Args)
    with pytest.raises(SystemExit) as end:
        play(main)
    said = capsys.readouterr().out
    assert not end.value.code
    assert "What the script does." in said and "How wide it is." in said


def test_a_wrong_flag_is_one_sentence_without_a_frame():
    with pytest.raises(UsageError) as met:
        parse(Args, "", ["--width", "many"])
    said = str(met.value)
    assert "many" in said and said.endswith("; --help lists what can be given.")
    assert not set("╭╮╰╯│─\n") & set(said)


FRAMED = """╭─ Wrong ──╮
│ A flag   │
│ is odd.  │
│ ──────── │
│ Usage    │
╰──────────╯"""
PLAIN = """ Wrong
 ----------
  A flag
  is odd.
  ---------
  Usage
"""


@pytest.mark.parametrize("message", [FRAMED, PLAIN])
def test_of_a_message_with_a_title_and_the_usage_only_what_is_wrong_is_told(
    message, monkeypatch
):
    """With a frame, or without it on a terminal that lacks its letters."""

    def refuse(*_, **__):
        print(message, file=sys.stderr)
        raise SystemExit(2)

    monkeypatch.setattr("tyro.cli", refuse)
    with pytest.raises(UsageError) as met:
        parse(Args, "")
    assert str(met.value) == "A flag is odd; --help lists what can be given."


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (UsageError("Name another."), 2, "Name another.\n"),
        (FileNotFoundError(2, "No such file", "a"), 2, "a: No such file; check its"),
        (MemoryError("9 GiB"), 2, "Memory ran out (9 GiB)"),
        (DivergedError("D is NaN at step 3."), 3, "D is NaN at step 3.\n"),
        (Interrupted("Stopped at step 3.", 15), 143, "Stopped at step 3.\n"),
        (Interrupted("Stopped at step 3.", 2), 130, "Stopped at step 3.\n"),
        (KeyboardInterrupt(), 130, "Stopped.\n"),
    ],
)
def test_how_a_command_ends_is_told_by_its_status(error, status, says, capsys):
    with pytest.raises(SystemExit) as end, exit_on_error():
        raise error
    said = capsys.readouterr()
    assert end.value.code == status and said.err.startswith(says) and not said.out


def test_what_is_a_bug_keeps_its_traceback_and_what_is_done_ends_well(capsys):
    with exit_on_error():
        pass
    with pytest.raises(ZeroDivisionError), exit_on_error():
        raise ZeroDivisionError
    assert capsys.readouterr().err == ""


def test_letters_that_a_terminal_lacks_are_escapes_on_both_streams(monkeypatch):
    raws = [io.BytesIO(), io.BytesIO()]
    out, err = (io.TextIOWrapper(raw, "ascii", write_through=True) for raw in raws)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with exit_on_error():
        print("a – b")
        print("c – d", file=sys.stderr)
    assert [raw.getvalue() for raw in raws] == [b"a \\u2013 b\n", b"c \\u2013 d\n"]
