"""Everything that a run keeps on disk, written so that no kill or full disk loses it.

`workdir` describes the folder of a run; each of the other modules handles one part of it.
`draft` and `write`, which write files atomically, are used everywhere.
"""

from ganjax.store.atomic import draft, write


__all__ = ["draft", "write"]
