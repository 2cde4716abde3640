"""Every published method is used by an experiment or by a page of the documentation.

A method is found unasked: it is a function or a network that its room makes public. Types,
such as the state of an optimizer or the protocol of a transform, are neither. Public are,
in a folder, the names of `__all__`, and in a file those that do not begin with "_", but for
functions that return nothing, which check or store something for others.
"""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import flax.linen as nn
import pytest

from ganjax import augment, games, likelihoods, losses, models, optim, regularizers
from ganjax.core import priors
from ganjax.layers import autoencoders, heads
from tests.helpers.pages import PROGRAMS
from tests.helpers.processes import EXPERIMENTS


ROOMS = [losses, likelihoods, regularizers, augment, optim, games]
ROOMS += [heads, autoencoders, priors]
SOURCES = {path.name: path.read_text() for path in EXPERIMENTS.glob("*.py")} | PROGRAMS


def methods(room: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a room publishes, by its full name."""
    here = [x for x in vars(room) if x[0] != "_" and _is_of(room, getattr(room, x))]
    for name in getattr(room, "__all__", here):
        value = getattr(room, name)
        if inspect.ismodule(value):
            yield from methods(value)
        elif _is_method(value):
            yield f"{room.__name__}.{name}", value


def _is_of(room: ModuleType, value: Any) -> bool:
    return getattr(value, "__module__", "") == room.__name__


def _is_method(value: Any) -> bool:
    if inspect.isclass(value):
        return issubclass(value, nn.Module)
    return inspect.signature(value).return_annotation is not None


def files(folder: ModuleType) -> Iterator[ModuleType]:
    """The modules of a folder."""
    for found in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        yield importlib.import_module(found.name)


def used(source: str) -> Iterator[Any]:
    """Every object that a program reaches by names that it imports from ganjax."""
    tree = ast.parse(source)
    imported = dict(_imports(tree))
    for node in ast.walk(tree):
        names = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not (isinstance(node, ast.Name) and node.id in imported):
            continue
        # Of `augment.ada.bgc`, the modules on the way and the function at its end.
        value = imported[node.id]
        yield value
        for name in reversed(names):
            value = getattr(value, name, None)
            yield value


def _imports(tree: ast.AST) -> Iterator[tuple[str, Any]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] == "ganjax":
                    # `import a.b` binds a, `import a.b as c` binds a.b.
                    bound = name.name if name.asname else "ganjax"
                    yield name.asname or "ganjax", importlib.import_module(bound)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] == "ganjax":
                for name in node.names:
                    yield name.asname or name.name, _imported(node.module, name.name)


def _imported(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        return importlib.import_module(f"{module}.{name}")


METHODS = dict(pair for room in ROOMS for pair in methods(room))
NETWORKS = [file for file in files(models) if hasattr(file, "TINY")]
USED = [value for source in SOURCES.values() for value in used(source)]
MODULES = {getattr(value, "__module__", "") for value in USED} | {
    value.__name__ for value in USED if inspect.ismodule(value)
}


def test_methods_are_found_and_types_are_none():
    assert METHODS.keys() >= {
        "ganjax.augment.ada.bgc",
        "ganjax.layers.heads.Codes",
        "ganjax.losses.hinge",
        "ganjax.regularizers.lecam",
    }
    assert not METHODS.keys() & {
        "ganjax.augment.Transform",
        "ganjax.layers.heads.sow_heads",
        "ganjax.optim.HistoricalAveragingState",
        "ganjax.regularizers.PerPlayer",
    }


def test_neither_an_import_nor_a_comment_nor_a_namesake_is_use():
    source = """
from ganjax import augment as a, losses
from ganjax.regularizers import lecam
a.ada.bgc()  # losses.energy()
mine.hinge()
"""
    found = list(used(source))
    assert any(value is augment.ada.bgc for value in found)
    absent = losses.energy, losses.hinge, regularizers.lecam
    assert not [value for value in found if value in absent]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_in_an_experiment_or_on_a_page(name):
    assert any(value is METHODS[name] for value in USED), f"{name} has no example"


@pytest.mark.parametrize("file", [*NETWORKS, *files(games)], ids=lambda x: x.__name__)
def test_every_file_of_networks_and_of_games_is_in_an_experiment_or_on_a_page(file):
    assert file.__name__ in MODULES, f"{file.__name__} has no example"
