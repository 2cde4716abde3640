"""What is installed: the declared libraries are those that are imported, and no others."""

import ast
import re
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions

import pytest
from hatchling.build import build_sdist, build_wheel

from tests.helpers.processes import ROOT


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = sorted((ROOT / "ganjax").rglob("*.py"))
PROVIDED = packages_distributions()
# Needed by a library that does not require it itself, as pyproject.toml says.
INDIRECT = {"array-record", "importlib-resources"}


def normal(name: str) -> str:
    """The name of a distribution as the package index compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[^\w.-]", each)[0]) for each in requirements}


def imported(tree: ast.Module) -> set[str]:
    """The packages that a file imports, also within functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found - {"ganjax"} - sys.stdlib_module_names


def everywhere() -> set[str]:
    """The packages that any file imports."""
    return set().union(*(imported(ast.parse(path.read_text())) for path in SOURCES))


def providers(packages: set[str]) -> list[set[str]]:
    """For each package the distributions that have it, such as several of `orbax`."""
    # An extra that is not installed here is a package with the name of its distribution.
    return [{normal(x) for x in PROVIDED.get(each, [each])} for each in packages]


def test_every_library_that_is_imported_is_declared():
    extras = PROJECT["optional-dependencies"]
    users = [each for name, group in extras.items() if name != "test" for each in group]
    declared = names(PROJECT["dependencies"]) | names(users)
    found = providers(everywhere())
    assert not [each for each in found if not each & declared]


def test_every_library_that_is_declared_is_imported():
    found = set().union(*providers(everywhere()))
    assert names(PROJECT["dependencies"]) - found == INDIRECT


def test_extras_are_imported_only_by_the_functions_that_need_them():
    needed = names(PROJECT["dependencies"])
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        tree.body = [x for x in tree.body if isinstance(x, ast.Import | ast.ImportFrom)]
        undeclared = [each for each in providers(imported(tree)) if not each & needed]
        assert not undeclared, path


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
