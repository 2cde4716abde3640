"""What is installed: the declared libraries are those that are imported, and no others."""

import ast
import re
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hatchling.build import build_sdist, build_wheel

from tests.helpers.processes import ROOT


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = sorted((ROOT / "ganjax").rglob("*.py"))
# Needed by a library that does not require it itself, as pyproject.toml says.
INDIRECT = {"array-record", "importlib-resources"}


def normal(name: str) -> str:
    """The name of a distribution as the package index compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[^\w.-]", each)[0]) for each in requirements}


def imported(path: Path) -> set[str]:
    """The packages that a file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found - {"ganjax"} - sys.stdlib_module_names


def distributions() -> set[str]:
    """The distributions of all that the package imports."""
    provided = packages_distributions()
    packages = set().union(*map(imported, SOURCES))
    # An extra that is not installed here is a package with the name of its distribution.
    return {normal(name) for each in packages for name in provided.get(each, [each])}


def test_every_library_that_is_imported_is_declared():
    extras = PROJECT["optional-dependencies"]
    users = [each for name, group in extras.items() if name != "test" for each in group]
    assert not distributions() - names(PROJECT["dependencies"]) - names(users)


def test_every_library_that_is_declared_is_imported():
    assert names(PROJECT["dependencies"]) - distributions() == INDIRECT


def test_extras_are_not_imported_with_the_package():
    """They are imported within the functions that need them."""
    needed = names(PROJECT["dependencies"])
    provided = packages_distributions()
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                found = imported_by(node)
                own = {normal(n) for x in found for n in provided.get(x, [x])}
                assert own <= needed, f"{path} imports {own - needed}"


def imported_by(node: ast.Import | ast.ImportFrom) -> set[str]:
    given = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    given = given or [each.name for each in node.names]
    return {x.split(".")[0] for x in given} - {"ganjax"} - sys.stdlib_module_names


def test_every_dependency_has_a_lower_bound_and_no_upper_one():
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for requirement in [each for group in groups for each in group]:
        assert re.fullmatch(r"[\w.-]+(\[\w+\])?>=[\d.]+", requirement), requirement


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {PROJECT['version']}\n" in text
    assert f"\nrepository-code: {PROJECT['urls']['Source']}\n" in text


@pytest.fixture
def built(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    return lambda build: tmp_path / build(str(tmp_path))


def test_the_wheel_has_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built(build_wheel)) as wheel:
        files = set(wheel.namelist())
        info = f"ganjax-{PROJECT['version']}.dist-info"
        metadata = wheel.read(f"{info}/METADATA").decode()
        entries = wheel.read(f"{info}/entry_points.txt").decode()
    package = {str(path.relative_to(ROOT)) for path in SOURCES} | {"ganjax/py.typed"}
    assert {name for name in files if not name.startswith(info)} == package
    assert f"{info}/licenses/LICENSE" in files
    assert "ganjax = ganjax.cli:main" in entries
    for name, url in PROJECT["urls"].items():
        assert f"Project-URL: {name}, {url}\n" in metadata
    assert "Classifier: Typing :: Typed\n" in metadata


def test_a_wheel_of_the_sdist_is_that_of_the_repository(built, tmp_path, monkeypatch):
    wheel = built(build_wheel)
    whole = wheel.read_bytes()
    source = built(build_sdist)
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (root,) = (tmp_path / "source").iterdir()
    held = {path.name for path in root.iterdir()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "tests", "docs"} <= held
    assert not {".venv", ".venv-newest", "runs", ".git"} & held
    monkeypatch.chdir(root)
    again = tmp_path / "again"
    again.mkdir()
    assert (again / build_wheel(str(again))).read_bytes() == whole
