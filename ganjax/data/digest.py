"""Short digests of data, so that a run can tell whether it is given the same again."""

import zlib

import numpy as np

from ganjax.data.files import Files
from ganjax.data.image import spread


HASHED_BYTES = 2e9  # above this many in all, the contents of PICKED files are hashed
PICKED = 256


def array(values: np.ndarray) -> str:
    """Size in bytes and CRC-32 of the shape, the dtype and all values."""
    crc = zlib.crc32(f"{values.shape} {values.dtype.str}".encode())
    flat = np.ascontiguousarray(values).reshape(-1)
    return digest(values.nbytes, zlib.crc32(flat.view(np.uint8).data, crc))


def files(place: Files, named: dict[str, str]) -> dict[str, str]:
    """The digests of the files `named`, name -> key, by their keys.

    Larger sets have sizes alone, "4096:", but for files picked at even distances.
    """
    sizes = {name: place.size(name) for name in named}
    picked = list(named)
    if sum(sizes.values()) > HASHED_BYTES:
        picked = evenly(picked, PICKED)
    crc = dict(zip(picked, spread(place.crc, picked), strict=True))
    return {
        key: digest(sizes[name], crc[name]) if name in crc else f"{sizes[name]}:"
        for name, key in named.items()
    }


def digest(size: int, crc: int) -> str:
    """As an inventory writes them: '4096:1c291ca3'."""
    return f"{size}:{crc:08x}"


def evenly(items: list, count: int) -> list:
    """At most `count` of the items, at even distances, the first and last among them."""
    rows = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[row] for row in rows]
