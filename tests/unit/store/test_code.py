"""The code that is kept with a run belongs to its saves."""

import shutil
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
