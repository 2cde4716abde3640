"""`ganjax complete`: an image, filled in by an inpainting run where a mask is white."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from ganjax.core import Inpainting
from ganjax.errors import UsageError
from ganjax.run.args import NoPrefix, PathText, Range, RunFolder, Save
from ganjax.run.loading import condition_of, load
from ganjax.run.terminal import say
from ganjax.run.translate import check_channels, check_completion, complete, inpainter


@dataclass(frozen=True)
class Args:
    """Fills in what is missing from an image by an inpainting run."""

    run: RunFolder
    """The folder of a run."""
    photo: Annotated[Positional[str], tyro.conf.arg(metavar="IMAGE")]
    """An image of any size."""
    mask: PathText
    """An image of the same size, white where something is to be filled in."""
    out: PathText = "completed.png"
    """The .png file; known pixels, alpha and color profile stay as they are."""
    tile: Annotated[int, Range(1)] = 1024
    """Pixels; a larger image is processed in tiles that fade into each other."""
    save: NoPrefix[Save] = Save()


def main(args: Args) -> None:
    """Writes the completed photograph to `args.out`."""
    photo, mask, out = (Path(x).expanduser() for x in (args.photo, args.mask, args.out))
    check_completion(photo, mask, out)
    loaded = load(args.run, **asdict(args.save))
    if not isinstance(loaded.game.conditions, Inpainting):
        raise UsageError(f"{args.run} does not complete images: name a run that does.")
    # The network sees the image and, as one more channel, what is known of it.
    image = condition_of(loaded).image
    check_channels(args.run, image.shape[-1])
    side = max(image.shape[1:3])
    channels = image.shape[-1] + 1
    complete(inpainter(loaded), photo, mask, out, channels, side, args.tile)
    say(f"Completed: {out}")
