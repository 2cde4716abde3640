"""`ganjax prepare`: the one command that downloads; training itself never does."""

from dataclasses import dataclass

from tyro.conf import Positional

from ganjax.data.prepare import prepare
from ganjax.run.terminal import say


@dataclass(frozen=True)
class Args:
    """Fetches a TensorFlow Datasets set and prepares it for training."""

    name: Positional[str]
    """tfds:NAME or tfds:NAME:CONFIG"""
    manual_dir: str = ""
    """A folder with files of the set that were downloaded by hand."""


def main(args: Args) -> None:
    """Prepares a data set, and prints where it is."""
    say(f"Prepared: {prepare(args.name, args.manual_dir)}")
