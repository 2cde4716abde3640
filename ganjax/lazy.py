"""Imports modules when they are first used, so that `import ganjax` takes little time.

A package that has no names of its own, such as `ganjax.models`, makes its files available
by `__getattr__, __dir__ = lazy.modules(__name__, __path__)`: then `ganjax.models.mlp` works
after `import ganjax`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from types import ModuleType


def modules(
    package: str, path: Iterable[str]
) -> tuple[Callable[[str], ModuleType], Callable[[], list[str]]]:
    """Returns the `__getattr__` and the `__dir__` of a package, which find its files.

    Args:
        package: the name of the package, its `__name__`.
        path: where its files are, its `__path__`.
    """
    names = [module.name for module in pkgutil.iter_modules(path)]

    def load(name: str) -> ModuleType:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(f"{package}.{name}")

    return load, lambda: [*names]
