"""`ganjax COMMAND RUN`: what can be done with a run once it has a save.

A run knows itself: its experiment, arguments, data and classes are in its folder.
"""

# The text above is what `ganjax --help` begins with. The commands themselves are the files
# of `ganjax.commands`, each of which is found without being named here.

import functools
import operator
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any

from tyro.conf import subcommand

from ganjax import commands
from ganjax.run.args import check
from ganjax.run.command import exit_on_error, parse
from ganjax.run.programs import keep_programs


def main(argv: list[str] | None = None) -> None:
    """Runs the command line; a mistake in it gives one sentence and exit status 2.

    Args:
        argv: the arguments; those of the process by default.
    """
    found = discover()
    # Which command was asked for is told by the class that tyro has made of the flags.
    mains = {module.Args: module.main for module in found.values()}
    with exit_on_error():
        args = parse(flags(found), __doc__ or "", argv)
        check(args)
        keep_programs()
        mains[type(args)](args)


def discover() -> dict[str, ModuleType]:
    """Returns the module of every command by its name, in the order of the help."""
    names = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    known = [name for name in commands.ORDER if name in names]
    return {
        name: import_module(f"{commands.__name__}.{name}")
        for name in [*known, *sorted(names.difference(known))]
    }


def flags(found: Mapping[str, ModuleType]) -> Any:
    """Returns the union of the `Args` of all commands, which tyro makes subcommands of."""
    kinds = (Annotated[module.Args, subcommand(name)] for name, module in found.items())
    return functools.reduce(operator.or_, kinds)
