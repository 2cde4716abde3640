"""`ganjax report`: the report of a run, rewritten from what its folder holds."""

from dataclasses import dataclass
from pathlib import Path

from ganjax.report import write_report
from ganjax.run.args import RunFolder
from ganjax.run.terminal import say
from ganjax.store.manifest import read_manifest


@dataclass(frozen=True)
class Args:
    """Rewrites the report of a run: its samples, scores and training curves."""

    run: RunFolder
    """The folder of a run."""


def main(args: Args) -> None:
    """Writes the run's report, and prints where it is."""
    folder = Path(args.run).expanduser()
    read_manifest(folder, complete=False)
    say(f"Report: {write_report(folder)}")
