"""Data sets, and the batches of each training step as a function of (seed, step).

`load` opens the data that a `Spec` names and returns a `Source`, from which examples are
read by number. `from_object` opens what a user gives in place of a name, such as arrays or
anything indexable. `resident` or `streamed` makes a `Stream` of it, from which training
draws its batches, and `decoding` turns stored bytes into what networks see.
`prepare.prepare` downloads data sets of TFDS beforehand.
"""

from ganjax.data.describe import describe
from ganjax.data.objects import Data, by_step, from_object, indexed
from ganjax.data.source import (
    LoadReport,
    Source,
    Spec,
    bytes_per_example,
    find_unreadable,
    read_all,
    unreadable_error,
)
from ganjax.data.stream import (
    Sizes,
    Stream,
    decoding,
    from_batches,
    resident,
    streamed,
)
from ganjax.data.where import load


__all__ = [
    "Data",
    "LoadReport",
    "Sizes",
    "Source",
    "Spec",
    "Stream",
    "find_unreadable",
    "unreadable_error",
    "by_step",
    "bytes_per_example",
    "decoding",
    "describe",
    "from_batches",
    "from_object",
    "indexed",
    "load",
    "resident",
    "streamed",
    "read_all",
]
