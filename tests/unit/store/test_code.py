"""The code that is kept with a run belongs to its saves."""

import shutil
import sys
from pathlib import Path

import pytest

from ganjax.store import code


def test_code_that_went_back_belongs_to_the_saves_that_are_left(tmp_path):
    one, two, three = (code.Code(b"# %d" % i, {}) for i in range(3))
    assert not code.keep(tmp_path, one, 0) and code.keep(tmp_path, two, 8)
    assert code.read_kept(code.find_kept(tmp_path, 8)) == one
    # The saves after step 8 are lost, and a third version goes on from there.
    assert code.keep(tmp_path, two, 12) is False
    assert code.keep(tmp_path, three, 12)
    assert code.keep(tmp_path, two, 8)
    assert [code.read_kept(code.find_kept(tmp_path, step)) for step in (8, 10)] == [
        one,
        two,
    ]
    assert not code.keep(tmp_path, one, 8), "it is what played until then"
    assert code.read_kept(code.find_kept(tmp_path, 10)) == one


def test_a_kill_while_old_code_is_set_aside_loses_none_of_it(tmp_path, monkeypatch):
    one, two = code.Code(b"# 1", {"beside.py": b"1"}), code.Code(b"# 2", {})
    code.keep(tmp_path, one, 0)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", killed)
        with pytest.raises(KeyboardInterrupt):
            code.keep(tmp_path, two, 8)
    assert code.read_kept(code.find_kept(tmp_path, 8)) == one
    assert code.keep(tmp_path, two, 8), "the change is told again"
    assert code.read_kept(code.find_kept(tmp_path, 8)) == one
    assert code.read_kept(code.find_kept(tmp_path)) == two


def test_what_an_experiment_imports_beside_it_is_found_without_running_it(tmp_path):
    (tmp_path / "a.py").write_text(
        "import b, numpy\nfrom pkg.deep import x\nopen('ran','w')"
    )
    (tmp_path / "b.py").write_text("from c import y")
    (tmp_path / "c.py").write_text("import a")
    (tmp_path / "alone.py").write_text("")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "deep.py").write_text("from . import near")
    (tmp_path / "pkg" / "near.py").write_text("")
    found = code.read_experiment(tmp_path / "a.py")
    assert [*found.imports] == [
        "b.py",
        "c.py",
        "pkg/__init__.py",
        "pkg/deep.py",
        "pkg/near.py",
    ]
    assert not Path("ran").exists()


def test_what_was_kept_comes_before_what_lies_where_it_came_from(tmp_path):
    origin, kept = tmp_path / "origin", tmp_path / "run"
    origin.mkdir()
    (origin / "beside_it.py").write_text("VALUE = 'changed since'")
    (origin / "left_out.py").write_text("VALUE = 'where it was'")
    source = b"import beside_it, left_out\nFOUND = beside_it.VALUE, left_out.VALUE\n"
    code.keep(kept, code.Code(source, {"beside_it.py": b"VALUE = 'as it was'"}), 0)
    before = [*sys.path]
    with code.import_kept(code.find_kept(kept), "kept_code", str(origin)) as module:
        assert module.FOUND == ("as it was", "where it was")
    assert sys.path == before and "beside_it" not in sys.modules
    del sys.modules["left_out"]


def test_code_is_known_from_experiments_here_but_not_from_those_inside_its_run(
    tmp_path, monkeypatch
):
    """Who has fetched a run of someone else and stands in its folder trusts none of it."""
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))
    run, here = tmp_path / "run", tmp_path / "here"
    for folder in (run, here):
        (folder / "experiments").mkdir(parents=True)
        (folder / "experiments" / "foreign.py").write_text("FOREIGN = 1\n")
    foreign = code.Code(b"FOREIGN = 1\n", {})
    monkeypatch.chdir(tmp_path)
    assert not code.is_known(foreign, run)
    monkeypatch.chdir(here)
    assert code.is_known(foreign, run)
    assert not code.is_known(code.Code(b"FOREIGN = 2\n", {}), run)
    monkeypatch.chdir(run)
    assert not code.is_known(foreign, run)
    code.keep(tmp_path / "own", foreign, 0)  # A run was trained with it here.
    assert code.is_known(foreign, run)
