"""The code that is kept with a run belongs to its saves."""

import hashlib
import shutil
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from ganjax.errors import UsageError
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


def write_files(folder, **texts):
    """Python files by their names, in which two underscores stand for a folder."""
    for name, text in texts.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import b.c as x", ["b/__init__", "b/c"]),
        ("import c, d", ["c", "d"]),
        ("from b import c, nothing", ["b/__init__", "b/c"]),
        ("from b.deep import e", ["b/__init__", "b/deep/e"]),
        ("from b.c import name", ["b/__init__", "b/c"]),
        ("def f():\n    from . import d", ["d"]),
        ("if True:\n    from .b import c", ["b/__init__", "b/c"]),
        ("from .. import outside", []),
        ("import numpy.linalg, outside", []),
        ("import b.deep", ["b/__init__"]),
        ("this is no Python", []),
        ("import c\0", []),
    ],
)
def test_every_form_of_import_is_followed_to_the_files_below(tmp_path, text, found):
    root = tmp_path / "root"
    write_files(root, **dict.fromkeys(("c", "d", "b__c", "b__deep__e"), ""))
    (root / "b" / "__init__.py").touch()
    write_files(tmp_path, outside="")
    (root / "a.py").write_text(text)
    kept = code.read_experiment(root / "a.py")
    assert [*kept.imports] == [f"{name}.py" for name in found]
    assert kept.experiment == text.encode()


def test_imports_within_a_package_are_relative_to_it(tmp_path):
    write_files(
        tmp_path,
        a="import pkg.deep.x",
        pkg__deep__x="from . import y\nfrom ..side import z\nfrom .. import side",
        pkg__deep__y="from ... import top",
        pkg__side="",
        top="RATE = 1",
        y="",
        side="",
        z="",
    )
    assert code.read_experiment(tmp_path / "a.py").imports == {
        "pkg/deep/x.py": (tmp_path / "pkg/deep/x.py").read_bytes(),
        "pkg/deep/y.py": b"from ... import top",
        "pkg/side.py": b"",
        "top.py": b"RATE = 1",
    }


def test_a_relative_path_of_an_experiment_gives_the_same_code(tmp_path, monkeypatch):
    write_files(tmp_path, a="import b", b="import a, c", c="")
    monkeypatch.chdir(tmp_path)
    assert code.read_experiment(Path("a.py")) == code.read_experiment(tmp_path / "a.py")
    assert [*code.read_experiment(Path("a.py")).imports] == ["b.py", "c.py"]


def test_code_is_kept_as_files_and_read_again(tmp_path):
    whole = code.Code(
        b"import b", {"b.py": b"\xff", "p/__init__.py": b"", "p/q.py": b"1"}
    )
    assert not code.keep(tmp_path / "run", whole, 0)
    assert (tmp_path / "run/experiment.py").read_bytes() == b"import b"
    assert (tmp_path / "run/code/p/q.py").read_bytes() == b"1"
    assert code.find_kept(tmp_path / "run") == tmp_path / "run"
    assert code.read_kept(tmp_path / "run") == whole
    assert [*code.read_kept(tmp_path / "run").imports] == [*whole.imports]
    # Before anything was trained another version just replaces it.
    assert not code.keep(tmp_path / "run", code.Code(b"import b", {"c.py": b""}), 0)
    assert not list((tmp_path / "run").glob("code-until-*"))
    assert [path.name for path in (tmp_path / "run/code").iterdir()] == ["c.py"]
    assert code.find_kept(tmp_path) is None


def test_each_step_is_sampled_by_the_code_that_trained_it(tmp_path):
    versions = [code.Code(b"# %d" % i, {"b.py": b"%d" % i}) for i in range(3)]
    changes = [code.keep(tmp_path, versions[i], s) for i, s in enumerate((0, 8, 12))]
    assert changes == [False, True, True]
    assert sorted(path.name for path in tmp_path.glob("code-*")) == [
        "code-until-000000008",
        "code-until-000000012",
    ]
    steps = {1: 0, 8: 0, 9: 1, 12: 1, 13: 2, 10**6: 2, None: 2}
    for step, version in steps.items():
        assert code.read_kept(code.find_kept(tmp_path, step)) == versions[version]
    # Other folders of such a name are of step 0.
    (tmp_path / "code-until-now").mkdir()
    assert code.read_kept(code.find_kept(tmp_path, 13)) == versions[2]
    # The same code goes on and changes nothing.
    assert not code.keep(tmp_path, versions[2], 13)
    # From step 12 on, what was trained later by the third version is lost.
    assert not code.keep(tmp_path, versions[1], 12)
    assert code.read_kept(code.find_kept(tmp_path)) == versions[1]
    assert [x.name for x in tmp_path.glob("code-until-0*8")] == ["code-until-000000008"]


def test_a_version_without_saves_is_dropped_and_not_set_aside(tmp_path):
    one, two, three = (code.Code(b"# %d" % i, {}) for i in range(3))
    code.keep(tmp_path, one, 0)
    assert code.keep(tmp_path, two, 8) and code.keep(tmp_path, three, 8)
    assert code.read_kept(code.find_kept(tmp_path, 8)) == one
    assert code.read_kept(code.find_kept(tmp_path, 9)) == three
    assert len(list(tmp_path.glob("code-until-*"))) == 1


def test_a_run_from_a_notebook_has_no_code_that_could_have_changed(tmp_path):
    assert not code.keep(tmp_path, code.Code(b"# 1", {}), 8)
    assert not list(tmp_path.glob("code-until-*"))


def test_the_digest_is_that_of_the_file_or_of_all_names_lengths_and_contents():
    one = code.Code(b"abc", {})
    assert code.digest(one) == hashlib.sha256(b"abc").hexdigest()
    two = code.Code(b"abc", {"b.py": b"xy", "c.py": b""})
    wanted = hashlib.sha256(b"abc\0b.py\0002\0xy\0c.py\0000\0").hexdigest()
    assert code.digest(two) == wanted


def test_a_home_that_is_read_only_costs_no_run(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "file"))
    one = code.Code(b"# never seen", {})
    assert not code.keep(tmp_path / "run", one, 0)
    monkeypatch.chdir(tmp_path)
    assert not code.is_known(one, tmp_path / "run")
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))
    code.keep(tmp_path / "run", one, 0)
    (known,) = (tmp_path / "cache" / "known").iterdir()
    assert known.name == code.digest(one) and known.read_bytes() == b""
    two = code.Code(b"# never seen either", {})
    code.keep(tmp_path / "run", two, 0)
    assert code.is_known(one, tmp_path) and code.is_known(two, tmp_path)


def test_experiments_of_the_checkout_are_known_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    own = Path(code.ganjax.__file__).parents[1] / "experiments" / "ring.py"
    assert code.is_known(code.read_experiment(own), tmp_path / "run")


def test_modules_of_the_same_names_are_hidden_during_an_import(tmp_path, monkeypatch):
    write_files(tmp_path, kept__experiment="import beside, pkg.inner\nV = beside.V")
    write_files(tmp_path, kept__code__beside="V = 'kept'", kept__code__pkg__inner="")
    before = {}
    for name in ("beside", "pkg", "pkg.inner", "besides"):
        before[name] = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, before[name])
    path = [*sys.path]
    with pytest.raises(ZeroDivisionError):
        with code.import_kept(tmp_path / "kept", "kept_hidden") as module:
            assert module.V == "kept" and sys.modules["besides"] is before["besides"]
            assert sys.path == [str(tmp_path / "kept" / "code"), *path]
            raise ZeroDivisionError
    assert sys.path == path
    assert all(sys.modules[name] is each for name, each in before.items())
    assert sys.modules.pop("kept_hidden") is module


def test_code_that_cannot_be_run_is_told_with_the_reason(tmp_path):
    for text, said in (
        ("import not_there_at_all", "imports not_there_at_all, which is not found"),
        ("1 / 0", r"cannot be run \(ZeroDivisionError: division by zero\)"),
        ("def", r"cannot be run \(SyntaxError"),
    ):
        (tmp_path / "experiment.py").write_text(text)
        with pytest.raises(UsageError, match=said):
            with code.import_kept(tmp_path, "kept_broken"):
                pass
    del sys.modules["kept_broken"]


def test_the_file_of_an_experiment_is_that_of_its_arguments(tmp_path, monkeypatch):
    path = tmp_path / "own.py"
    path.touch()
    own = ModuleType("own_experiment")
    own.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "own_experiment", own)
    args = type("Args", (), {"__module__": "own_experiment"})
    assert code.source_file(args) == path
    # `make_dataclass` says "types" where the script is meant.
    monkeypatch.setitem(sys.modules, "__main__", own)
    assert code.source_file(type("Args", (), {"__module__": "types"})) == path
    # Nobody keeps what is installed, is no Python, or is gone.
    for other in (pytest.__file__, sysconfig.__file__, str(tmp_path), "gone.py"):
        own.__file__ = other
        assert code.source_file(args) is None
    own.__file__ = str(tmp_path / "own.so")
    (tmp_path / "own.so").touch()
    assert code.source_file(args) is None
    assert code.source_file(type("Args", (), {"__module__": "not_imported"})) is None
    del own.__file__  # as in a notebook
    assert code.source_file(args) is None
