"""Experiments with generative adversarial networks in JAX: start one, and use its runs.

An experiment is a Python file: `ganjax new my_gan.py` writes one, and `python my_gan.py`
trains it. A run knows its experiment, arguments, data and classes, so the commands need no
more than its folder.

The flags of a command are listed by `ganjax COMMAND --help`, and versions by
`ganjax --version`.
"""

# The text above is what `ganjax --help` begins with. The commands themselves are the files
# of `ganjax.commands`, each of which is found without being named here.

import functools
import operator
import pkgutil
import platform
import sys
from collections.abc import Mapping
from importlib import import_module, metadata
from types import ModuleType
from typing import Annotated, Any

from tyro.conf import subcommand

from ganjax import commands
from ganjax.errors import UsageError
from ganjax.run.args import check
from ganjax.run.command import exit_on_error, parse
from ganjax.run.programs import keep_programs
from ganjax.run.terminal import say


def main(argv: list[str] | None = None) -> None:
    """Runs the command line; bad input gives one sentence and exit status 2.

    Args:
        argv: the arguments; those of the process by default.
    """
    argv = sys.argv[1:] if argv is None else argv
    with exit_on_error():
        if argv == ["--version"]:
            say(versions())
            return
        found = discover()
        check_command(argv, found)
        # tyro returns an instance of the `Args` of the command that is named.
        mains = {module.Args: module.main for module in found.values()}
        args = parse(flags(found), __doc__ or "", argv, prog="ganjax")
        check(args)
        keep_programs()
        mains[type(args)](args)


def versions() -> str:
    """Returns the version of ganjax, and those of Python and the libraries it runs on."""
    names = {"JAX": "jax", "Flax": "flax", "Optax": "optax"}
    libraries = [f"{name} {metadata.version(each)}" for name, each in names.items()]
    below = ", ".join([f"Python {platform.python_version()}", *libraries])
    return f"ganjax {metadata.version('ganjax')} ({below})"


def check_command(argv: list[str], found: Mapping[str, ModuleType]) -> None:
    """Raises a `UsageError` that lists the commands, unless `argv` begins with one.

    Flags are left to the parser, which knows `--help`.
    """
    names = ", ".join(found)
    if not argv:
        raise UsageError(
            f"The name of a command is missing: give one of {names}, or --help."
        )
    if not argv[0].startswith("-") and argv[0] not in found:
        raise UsageError(
            f"{argv[0]!r} is not a command of ganjax: give one of {names}."
        )


def discover() -> dict[str, ModuleType]:
    """Returns the module of every command by its name, in the order of the help."""
    files = pkgutil.iter_modules(commands.__path__)
    names = {file.name for file in files if not file.name.startswith("_")}
    known = [name for name in commands.ORDER if name in names]
    return {
        name: import_module(f"{commands.__name__}.{name}")
        for name in [*known, *sorted(names.difference(known))]
    }


def flags(found: Mapping[str, ModuleType]) -> Any:
    """Returns the union of the `Args` of all commands, which tyro makes subcommands of."""
    kinds = (Annotated[module.Args, subcommand(name)] for name, module in found.items())
    return functools.reduce(operator.or_, kinds)
