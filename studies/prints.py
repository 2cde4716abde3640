"""Photographs and woodblock prints as two kinds of images: `prints.py RCC OUT`.

RCC is `paintings.rcc` of GCompris (Debian's gcompris-qt-data), whose puzzles are pieces of
paintings; those of nine prints by Hokusai and Hiroshige are taken. OUT/trainB and OUT/testB
are crops of 64 pixels in which a piece is whole: in testB of one piece in five, by a hash
of its name. OUT/trainA and OUT/testA are crops of photographs (`--data photographs`), no
photograph in both.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from PIL import Image
from rows import fifth, squares

from ganjax.data import Spec, load, read_all
from ganjax.errors import UsageError
from ganjax.run import command


PRINTS = "EjiriSuruga", "GreatWave", "Hiroshige", "Hokusai", "KazusaSeaRoute"
SIDE, STRIDE = 64, 8  # pixels


@dataclass(frozen=True)
class Args:
    rcc: Annotated[str, tyro.conf.Positional]
    """Puzzles of paintings."""
    out: Annotated[str, tyro.conf.Positional]


def files(packed: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of what is in a binary resource file of Qt, stored as it is."""
    if packed[:4] != b"qres":
        raise UsageError(
            "That is no resource file of Qt: give GCompris's paintings.rcc."
        )
    version, tree, data, names = struct.unpack_from(">4I", packed, 4)
    node = 22 if version > 1 else 14  # bytes

    def name(at: int) -> str:
        (length,) = struct.unpack_from(">H", packed, names + at)
        first = names + at + 6
        return packed[first : first + 2 * length].decode("utf-16-be")

    def below(index: int) -> Iterator[tuple[str, bytes]]:
        at = tree + index * node
        named, flags = struct.unpack_from(">IH", packed, at)
        if flags & 2:  # a folder: how many it has, and the first
            count, first = struct.unpack_from(">2I", packed, at + 6)
            for i in range(first, first + count):
                yield from below(i)
        else:
            (start,) = struct.unpack_from(">I", packed, at + 10)
            (size,) = struct.unpack_from(">I", packed, data + start)
            first = data + start + 4
            yield name(named), packed[first : first + size]

    return below(0)


def crops(piece: Image.Image) -> Iterator[np.ndarray]:
    """The parts of a piece in which nothing is transparent."""
    for part in squares(np.asarray(piece.convert("RGBA")), SIDE, STRIDE):
        if (part[..., 3] == 255).all():
            yield part[..., :3]


def main(args: Args) -> None:
    """Writes the crops to their places."""
    rcc, out = Path(args.rcc).expanduser(), Path(args.out).expanduser()
    if not rcc.is_file():
        raise UsageError(f"{rcc} is no file: give GCompris's paintings.rcc.")
    images: dict[str, list[np.ndarray]] = {"trainB": [], "testB": []}
    for name, content in sorted(files(rcc.read_bytes())):
        if name.startswith(PRINTS) and name.endswith(".webp"):
            piece = Image.open(io.BytesIO(content))
            images["trainB" if fifth(name) else "testB"] += crops(piece)
    for split in ("train", "test"):
        source = load(Spec("photographs", SIDE, 3, split))
        images[f"{split}A"] = [*np.asarray(read_all(source).x)]
    if not all(images.values()):
        raise UsageError(
            f"{rcc} has no pieces of the prints: give GCompris's paintings.rcc."
        )
    for place, found in images.items():
        (out / place).mkdir(parents=True, exist_ok=True)
        for i, image in enumerate(found):
            Image.fromarray(image).save(out / place / f"{i:05}.png")
    print(
        ", ".join(f"{len(found):,} in {out / place}" for place, found in images.items())
    )


if __name__ == "__main__":
    command(main)
