import tempfile
from pathlib import Path

import jax
import pytest

from ganjax.run import programs
from ganjax.run.programs import keep_programs


@pytest.fixture
def nothing_given(tmp_path, monkeypatch):
    given = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", None)
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", given)


def test_programs_are_kept_in_the_cache_folder_by_default(nothing_given):
    folder = keep_programs()
    assert folder.is_relative_to(nothing_given / "programs")
    assert jax.config.jax_compilation_cache_dir == str(folder)
    assert keep_programs() == folder


def test_a_folder_given_to_jax_stays_as_it_is(nothing_given):
    given = str(nothing_given / "given")
    jax.config.update("jax_compilation_cache_dir", given)
    assert str(keep_programs()) == given == jax.config.jax_compilation_cache_dir


def test_where_nothing_can_be_kept_programs_are_kept_for_this_process(
    nothing_given, monkeypatch
):
    ended = []
    register = lambda call, *given, **more: ended.append((call, given, more))
    monkeypatch.setattr(programs.atexit, "register", register)
    monkeypatch.setattr(programs.os, "getpid", lambda: 123)
    (nothing_given / "programs").write_text("a file where a folder should be")
    folder = keep_programs()
    assert folder == Path(tempfile.gettempdir(), "ganjax-123", "programs")
    assert jax.config.jax_compilation_cache_dir == str(folder)
    remove, given, more = ended.pop()
    assert remove is programs.shutil.rmtree
    assert given == (folder.parent,) and more == {"ignore_errors": True}


def test_programs_of_another_instruction_set_lie_elsewhere(monkeypatch):
    names = set()
    for text in (
        "processor: 0\nflags : sse avx\nprocessor: 1\nflags : sse avx\n",
        "processor: 0\nflags : sse\n",
        "Features : neon\n",
        "",
    ):
        monkeypatch.setattr(Path, "read_text", lambda path, text=text: text)
        names.add(programs._processor())
        monkeypatch.setattr(
            Path, "read_text", lambda path, text=text: text + "mhz: 3\n"
        )
        names.add(programs._processor())
    assert len(names) == 4
    monkeypatch.setattr(programs.platform, "machine", lambda: "risc")
    assert programs._processor().startswith("risc-")
    assert programs._processor() not in names
