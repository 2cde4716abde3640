"""Which errors a person can mend, and what they are told to do."""

import errno
import os

import jax
import pytest

from ganjax.errors import UsageError
from ganjax.run.sentences import ADVICE, as_usage_errors, need_device, sentence


def file_error(number, *names):
    names = names and (names[0], None, *names[1:])
    return OSError(number, os.strerror(number), *names)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "make room on the disk"),
        (errno.EDQUOT, "make room within the quota"),
        (errno.EFBIG, "use another disk"),
        (errno.EROFS, "name another place"),
        (errno.EACCES, "ask for permission"),
        (errno.EPERM, "ask for permission"),
        (errno.ENAMETOOLONG, "take a shorter name"),
        (errno.EEXIST, "move it away"),
        (errno.ENOENT, "check its name"),
        (errno.ENOTDIR, "a part of this path is a file"),
        (errno.EISDIR, "name a file"),
        (errno.EMFILE, "raise the limit"),
        (errno.EIO, "fix that, and try again"),
    ],
)
def test_an_error_of_a_file_says_which_file_what_is_wrong_and_what_to_do(number, says):
    said = sentence(file_error(number, "a/b"))
    assert said.startswith(f"a/b: {os.strerror(number)}; ") and said.endswith(".")
    assert says in said and said.endswith(
        f"; {ADVICE.get(number, 'fix that, and try again')}."
    )


def test_both_names_are_told_where_one_was_to_become_the_other():
    said = sentence(file_error(errno.EACCES, "old", "new"))
    assert said.startswith("old -> new: Permission denied; ask")


def test_an_error_of_a_file_without_a_name_or_a_number_has_its_own_words():
    assert sentence(file_error(errno.ENOSPC)).startswith("No space left on device; ")
    said = sentence(OSError("the archive is torn."))
    assert said == "the archive is torn; fix that, and try again."


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(errno.ECONNRESET, "reset"),
        BlockingIOError(errno.EAGAIN, "again"),
        ChildProcessError(errno.ECHILD, "no child"),
        ValueError("No space left on device"),
        RuntimeError("a bug"),
        KeyError("home directory"),
    ],
)
def test_errors_that_no_one_can_mend_stay_as_they_are(error):
    assert sentence(error) == ""
    with pytest.raises(type(error)) as met, as_usage_errors():
        raise error
    assert met.value is error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError("9 GiB"), "Memory ran out (9 GiB): give a smaller --batch"),
        (MemoryError(), "Memory ran out (MemoryError): give a smaller --batch"),
        (
            jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 7 GiB.\nmore"),
            "Memory ran out (RESOURCE_EXHAUSTED: 7 GiB): give",
        ),
        (RuntimeError("Could not determine home directory."), "A path begins with ~"),
    ],
)
def test_too_little_memory_and_a_home_that_is_not_there_are_told(error, says):
    assert sentence(error).startswith(says)
    with pytest.raises(UsageError) as met, as_usage_errors():
        raise error
    assert str(met.value) == sentence(error) and met.value.__cause__ is error


def test_a_mistake_that_is_a_sentence_already_stays_the_same():
    mistake = UsageError("Name another one.")
    assert sentence(mistake) == "Name another one."
    with pytest.raises(UsageError) as met, as_usage_errors():
        raise mistake
    assert met.value is mistake


def test_nothing_is_raised_where_nothing_was():
    with as_usage_errors():
        pass
    need_device()


@pytest.mark.parametrize(
    ("error", "why"),
    [(RuntimeError("no such\nmore"), r" \(no such\)"), (AssertionError(), "")],
)
@pytest.mark.parametrize("platform", ["cuda", ""])
def test_a_platform_without_a_device_is_named(error, why, platform, monkeypatch):
    def fail():
        raise error

    monkeypatch.setattr(jax, "devices", fail)
    monkeypatch.setenv("JAX_PLATFORMS", platform)
    name = platform or jax.config.jax_platforms or "asked for"
    says = f"^JAX finds no device of the platform {name}{why}: install JAX for it"
    with pytest.raises(UsageError, match=says):
        need_device()
