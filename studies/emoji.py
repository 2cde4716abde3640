"""Two ways to draw emoji as two kinds of images: `emoji.py A B OUT`.

The folders hold files that are named after the characters: `img/google/64` of the package
emoji-datasource-google and `img/twitter/64` of emoji-datasource-twitter (npm), for one, or
lines and colors, the SVGs in `black` and in `color` of the package openmoji, as PNGs:

    for k in black color; do mkdir -p $k; for f in package/$k/svg/*.svg; do
        rsvg-convert -w 64 -h 64 "$f" -o "$k/$(basename "$f" .svg).png"; done; done

In OUT no character is in trainA and trainB, so that nothing there is a pair;
those in testA and testB are the same, so that they are pairs. Which is where is decided
by a hash of the name; men, women and persons who do the same are in one place, as are
families, and no skin tones are taken. OUT/pairsA and OUT/pairsB, with train and test, are
all as pairs.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rows import fifth

from ganjax.errors import UsageError
from ganjax.run import command


PEOPLE: dict[str, str] = dict.fromkeys(
    ("1f466", "1f467", "1f468", "1f469", "1f9d2"), "1f9d1"
)
SIGNS = "200d", "2640", "2642", "fe0f"  # joiners, women's and men's signs
TONES = tuple(f"1f3f{letter}" for letter in "bcdef")  # one drawing in other colors


@dataclass(frozen=True)
class Args:
    a: Annotated[str, tyro.conf.Positional]
    """Drawings of one vendor."""
    b: Annotated[str, tyro.conf.Positional]
    """Drawings of the other."""
    out: Annotated[str, tyro.conf.Positional]


def alike(name: str) -> str:
    """The name without what makes a man, a woman or a person of one drawing."""
    parts = [PEOPLE.get(part, part) for part in Path(name).stem.lower().split("-")]
    who = [part for part in parts if part not in SIGNS]
    return "-".join(dict.fromkeys(who))


def part(name: str) -> int:
    """0 to 4: test in 0, trainA in 1 and 2, trainB in 3 and 4."""
    return fifth(alike(name))


def main(args: Args) -> None:
    """Copies the drawings to their places."""
    a, b, out = (Path(path).expanduser() for path in (args.a, args.b, args.out))
    of_a, of_b = ({path.name for path in where.glob("*.png")} for where in (a, b))
    toned = lambda name: any(tone in name.lower() for tone in TONES)
    names = sorted(name for name in of_a & of_b if not toned(name))
    if not names:
        raise UsageError(f"{a} and {b} have no .png of the same name.")
    for name in names:
        test, first = part(name) == 0, part(name) < 3
        split = "test" if test else "train"
        places = [a / name, out / "pairsA" / split], [b / name, out / "pairsB" / split]
        if test or first:
            places += ([a / name, out / f"{split}A"],)
        if test or not first:
            places += ([b / name, out / f"{split}B"],)
        for source, target in places:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)
    print(f"{len(names)} characters in {out}")


if __name__ == "__main__":
    command(main)
