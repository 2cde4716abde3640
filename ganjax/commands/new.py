"""`ganjax new`: a small experiment in a file of one's own, to start from.

The text is that of `_template.py`, which is an experiment itself and is tested as such.
"""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from ganjax.errors import UsageError
from ganjax.run.terminal import say


TEMPLATE = Path(__file__).with_name("_template.py")
WORKDIR = "runs/my_gan"  # of the template; that of the new experiment has its name


@dataclass(frozen=True)
class Args:
    """Writes a small experiment to start from: one Python file that trains at once."""

    file: Annotated[Positional[str], tyro.conf.arg(metavar="FILE.py")]
    """The file to write, which must not exist yet."""


def main(args: Args) -> None:
    """Writes the experiment, and prints the commands that train it and use its run."""
    path = Path(args.file).expanduser()
    check_name(path)
    workdir = f"runs/{path.stem}"
    # As JSON a name with quotes or backslashes is a Python string of the same letters.
    text = TEMPLATE.read_text("utf-8").replace(
        json.dumps(WORKDIR), json.dumps(workdir, ensure_ascii=False)
    )
    try:
        # "x" never overwrites, also if the file appears at this very moment.
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{path} exists already: give another name, or move it away."
        ) from None
    except FileNotFoundError:
        raise UsageError(
            f"{path} cannot be written, as {path.parent} is not a folder: create it first."
        ) from None
    say(f"Experiment: {path}")
    script, run = shlex.quote(str(path)), shlex.quote(workdir)
    steps = {
        f"python {script}": "trains it; the same command resumes it",
        f"python {script} --help": "lists its flags",
        f"ganjax report {run}": "rewrites the report of its run",
        f"ganjax sample {run}": "draws new samples of it",
    }
    width = max(map(len, steps))
    for command, purpose in steps.items():
        say(f"  {command:{width}}  {purpose}")


def check_name(path: Path) -> None:
    """Raises a `UsageError` unless the file can be run and imported under its name."""
    if path.suffix != ".py":
        raise UsageError(
            f"{path} is not the name of a Python file: give a name that ends in .py, such "
            "as my_gan.py."
        )
    if not path.stem.isprintable():
        raise UsageError(
            f"{str(path)!r} has characters that cannot be printed: give another name."
        )
    # Python looks for modules in the folder of a script first: a jax.py there would be
    # imported in place of JAX.
    if path.stem in sys.stdlib_module_names or path.stem in sys.modules:
        raise UsageError(
            f"{path} would hide the module {path.stem} from the scripts beside it: give "
            "another name."
        )
