"""`ganjax prepare`: the one command that downloads; training itself never does."""

from dataclasses import dataclass
from typing import Annotated

import tyro
from tyro.conf import Positional

from ganjax.data.prepare import prepare
from ganjax.run.args import PathText
from ganjax.run.terminal import say


@dataclass(frozen=True)
class Args:
    """Downloads a data set of TensorFlow Datasets and prepares it for training."""

    name: Annotated[Positional[str], tyro.conf.arg(metavar="DATASET")]
    """The data set: tfds:NAME or tfds:NAME:CONFIG."""
    manual_dir: PathText = ""
    """A folder with files of the data set that were downloaded by hand."""


def main(args: Args) -> None:
    """Prepares a data set, and prints where it is."""
    say(f"Prepared: {prepare(args.name, args.manual_dir)}")
