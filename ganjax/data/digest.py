"""Inventories of data, by which a resumed run checks that its data is unchanged.

A run records "size:checksum" for each file or array when it begins, and compares when it is
resumed. The checksum is a CRC-32: it detects accidental changes, and a .zip contains it
already. Of a large data set, only some files get a checksum, and the others only a size.
"""

import zlib
from typing import TypeVar

import numpy as np

from ganjax.data.files import Files
from ganjax.data.image_files import parallel_map


# If files have more bytes than this in total, only some of them are hashed.
MAX_HASHED_BYTES = 2e9
MAX_SAMPLES = 256  # the number of those that are hashed
Item = TypeVar("Item")


def array(values: np.ndarray) -> str:
    """Returns the entry of an array: the CRC-32 is of its shape, dtype and values."""
    crc = zlib.crc32(f"{values.shape} {values.dtype.str}".encode())
    flat = np.ascontiguousarray(values).reshape(-1)
    return entry(values.nbytes, zlib.crc32(flat.view(np.uint8).data, crc))


def files(listing: Files, keys: dict[str, str]) -> dict[str, str]:
    """Returns the entries of files.

    Args:
        listing: the folder or .zip that holds the files.
        keys: the name of each file -> its name in the inventory.

    Returns:
        The name in the inventory -> the entry. If the files are too large to read them
        all, most entries have only the size, such as "4096:".
    """
    sizes = {name: listing.size(name) for name in keys}
    hashed = list(keys)
    if sum(sizes.values()) > MAX_HASHED_BYTES:
        hashed = evenly_spaced(hashed, MAX_SAMPLES)
    crc = dict(zip(hashed, parallel_map(listing.crc, hashed), strict=True))
    return {
        key: entry(sizes[name], crc[name]) if name in crc else f"{sizes[name]}:"
        for name, key in keys.items()
    }


def entry(size: int, crc: int) -> str:
    """Returns an entry of an inventory, such as '4096:1c291ca3'."""
    return f"{size}:{crc:08x}"


def evenly_spaced(items: list[Item], count: int) -> list[Item]:
    """Returns at most `count` of the items, evenly spaced from the first to the last."""
    rows = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[row] for row in rows]
