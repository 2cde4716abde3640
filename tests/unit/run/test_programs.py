import jax
import pytest

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
