"""`ganjax report`: the page of a run, written anew from what its folder holds."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from ganjax.report import write_report
from ganjax.run.terminal import say
from ganjax.store.manifest import read_manifest


@dataclass(frozen=True)
class Args:
    """Writes the run's page anew: curves, scores and samples over time."""

    run: Positional[str]
    """The folder of a run."""


def main(args: Args) -> None:
    """Writes the run's page, and prints where it is."""
    folder = Path(args.run).expanduser()
    read_manifest(folder, complete=False)
    say(f"Report: {write_report(folder)}")
