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
        check_command(argv)
        if argv[0].startswith("-"):
            parse(flags(discover()), __doc__ or "", argv, prog="ganjax")
            raise UsageError(
                "The name of a command comes before its flags; --help lists the commands."
            )
        # No other command is imported: each one brings libraries that take seconds.
        command = load_command(argv[0])
        description = command.Args.__doc__ or ""
        args = parse(command.Args, description, argv[1:], prog=f"ganjax {argv[0]}")
        check(args)
        keep_programs()
        command.main(args)


def versions() -> str:
    """Returns the version of ganjax, and those of Python and the libraries it runs on."""
    names = {"JAX": "jax", "Flax": "flax", "Optax": "optax"}
    libraries = [f"{name} {metadata.version(each)}" for name, each in names.items()]
    below = ", ".join([f"Python {platform.python_version()}", *libraries])
    return f"ganjax {metadata.version('ganjax')} ({below})"


def check_command(argv: list[str]) -> None:
    """Raises a `UsageError` that lists the commands, unless `argv` begins with one.

    Flags are left to the parser, which knows `--help`.
    """
    names = command_names()
    if not argv:
        raise UsageError(
            f"The name of a command is missing: give one of {', '.join(names)}, or --help."
        )
    if not argv[0].startswith("-") and argv[0] not in names:
        raise UsageError(
            f"{argv[0]!r} is not a command of ganjax: give one of {', '.join(names)}."
        )


def command_names() -> list[str]:
    """Returns the names of all commands, in the order of the help."""
    files = pkgutil.iter_modules(commands.__path__)
    names = {file.name for file in files if not file.name.startswith("_")}
    known = [name for name in commands.ORDER if name in names]
    return [*known, *sorted(names.difference(known))]


def load_command(name: str) -> ModuleType:
    """Returns the module of a command."""
    return import_module(f"{commands.__name__}.{name}")


def discover() -> dict[str, ModuleType]:
    """Returns the module of every command by its name, in the order of the help."""
    return {name: load_command(name) for name in command_names()}


def flags(found: Mapping[str, ModuleType]) -> Any:
    """Returns the union of the `Args` of all commands, which tyro makes subcommands of."""
    kinds = (Annotated[module.Args, subcommand(name)] for name, module in found.items())
    return functools.reduce(operator.or_, kinds)
