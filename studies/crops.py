r"""Crops of large photographs to learn from: `crops.py OUT photo.jpg folder/ ...`.

Photographs are shrunk until the longer side is `--longer` pixels, so that they are sharp to
the pixel, and cut into crops that do not overlap: in OUT/train or, one photograph in five
by a hash of its name, in OUT/test. Crops of nothing but sky or blur are left out.

Those that the README's figures are of come with Debian 12 as backgrounds of desktops:

    apt-get download lomiri-wallpapers-{16,20}.04 mate-backgrounds \
        plasma-workspace-wallpapers
    for x in *.deb; do dpkg-deb -x $x .; done
    mkdir photographs
    cp usr/share/backgrounds/{*,mate/nature/*}.jpg photographs/
    rm photographs/{Fossa,Infinite,Painting,analog,greentock,umang}*
    for x in BytheWater ColdRipple ColorfulCups DarkestHour EveningGlow FallenLeaf Gray \
            Kite OneStandsOut Path summer_1am; do
        cp usr/share/wallpapers/$x/contents/images/2560x1600.jpg photographs/$x.jpg
    done
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from PIL import Image
from rows import fifth, squares
from tqdm import tqdm

from ganjax.data.image_files import EXTENSIONS
from ganjax.errors import UsageError
from ganjax.run import NonNegativeFloat, PositiveInt, command


@dataclass(frozen=True)
class Args:
    out: Annotated[str, tyro.conf.Positional]
    photographs: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, and folders with all that are in them."""
    side: PositiveInt = 96
    """Height and width of a crop."""
    longer: PositiveInt = 1280
    """The longer side of a photograph."""
    least: NonNegativeFloat = 2.0
    """How far apart neighboring pixels of a crop are at least, of 255, on average."""


def found(places: tuple[str, ...]) -> list[Path]:
    """The image files at these places, sorted by name."""
    files = []
    for place in (Path(each).expanduser() for each in places):
        if not place.exists():
            raise UsageError(
                f"{place} is neither a file nor a folder: give photographs."
            )
        inside = place.rglob("*") if place.is_dir() else [place]
        files += [x for x in inside if x.suffix.lower() in EXTENSIONS]
    if not files:
        raise UsageError(
            "No photographs at these places: give files or folders of them."
        )
    stem, many = Counter(path.stem for path in files).most_common(1)[0]
    if many > 1:
        raise UsageError(
            f"{many} photographs are named {stem}: give each its own name."
        )
    return sorted(files, key=lambda path: path.name)


def crops(args: Args, path: Path) -> Iterator[np.ndarray]:
    """The crops of a photograph in which something is to be seen."""
    try:
        with Image.open(path) as photo:
            photo.thumbnail((args.longer, args.longer), Image.Resampling.LANCZOS)
            image = np.asarray(photo.convert("RGB"))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error}): repair it or leave it out."
        ) from error
    for crop in squares(image, args.side, args.side):
        gray = crop.mean(-1)
        steps = [np.abs(np.diff(gray, axis=axis)).mean() for axis in (0, 1)]
        if np.mean(steps) >= args.least:
            yield crop


def main(args: Args) -> None:
    """Writes the crops to their places."""
    out, files = Path(args.out).expanduser(), found(args.photographs)
    numbers = dict.fromkeys(("train", "test"), 0)
    for split in numbers:
        (out / split).mkdir(parents=True, exist_ok=True)
    for path in tqdm(files, desc="photographs", disable=None):
        split = "train" if fifth(path.name) else "test"
        for i, crop in enumerate(crops(args, path)):
            Image.fromarray(crop).save(out / split / f"{path.stem}_{i:03}.png")
            numbers[split] += 1
    print(", ".join(f"{n:,} in {out / split}" for split, n in numbers.items()))


if __name__ == "__main__":
    command(main)
