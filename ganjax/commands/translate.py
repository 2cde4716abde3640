"""`ganjax translate`: images from files, translated by an image-to-image run."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from ganjax.core import ImageToImage, Inpainting, Labels, Vocoding
from ganjax.errors import UsageError
from ganjax.run.args import NoPrefix, PathText, Range, RunFolder, Save
from ganjax.run.loading import condition_of, load
from ganjax.run.terminal import say
from ganjax.run.translate import (
    check_channels,
    check_transparent,
    inpainter,
    plan_outputs,
    translate,
)


@dataclass(frozen=True)
class Args:
    """Translates images from files by an image-to-image run."""

    run: RunFolder
    """The folder of a run."""
    images: Annotated[Positional[str], tyro.conf.arg(metavar="IMAGES")]
    """An image of any size, or a folder of images."""
    out: PathText = "translated"
    """The folder of the .png files, which keep their names; for one image also a .png."""
    tile: Annotated[int, Range(1)] = 1024
    """Pixels; larger images are processed in tiles that fade into each other."""
    save: NoPrefix[Save] = Save()


def main(args: Args) -> None:
    """Writes what the run makes of each image to `args.out`."""
    where, out = (Path(path).expanduser() for path in (args.images, args.out))
    plan_outputs(where, out)
    loaded = load(args.run, **asdict(args.save))
    # What a run's conditions are says what can be done with images. `side` is that of its
    # training images: a multiple of it goes through the network without remainder.
    decode = loaded.game.modality.decode
    condition = condition_of(loaded)
    match loaded.game.conditions:
        case ImageToImage():
            channels = condition.shape[-1]
            if channels not in (1, 3, 4):
                raise UsageError(
                    f"{args.run} makes images of {channels} channels, which no image file "
                    "has: use `ganjax sample`."
                )
            network = lambda image: loaded.sample_of(decode(image))
            side = max(condition.shape[1:3])
            made = translate(network, where, out, channels, side, args.tile)
        case Inpainting():
            channels = condition.image.shape[-1]
            if channels == 1:
                raise UsageError(
                    f"{args.run} completes gray images: use `ganjax complete`."
                )
            check_channels(args.run, channels)
            # Here the images say by their alpha what is to be made up: no mask is given.
            check_transparent(where, out)
            side = max(condition.image.shape[1:3])
            made = translate(
                inpainter(loaded),
                where,
                out,
                channels + 1,
                side,
                args.tile,
                completes=True,
            )
        case Labels():
            raise UsageError(
                f"{args.run} is not an image-to-image run: use `ganjax sample`."
            )
        case Vocoding():
            raise UsageError(f"{args.run} makes sounds: use `ganjax vocode`.")
    say(f"{len(made)} image{'s' * (len(made) != 1)}: {out}")
