"""Kinds of data: how each is loaded, decoded, drawn, saved and scored.

A `Modality` (`ganjax.core.Modality`) is a value that a `Game` carries: `IMAGES`, `POINTS`,
or what `sounds(rate, length)`, `texts(where, length)` and `tables(schema)` make;
`spectrograms` has sounds that networks see as images. A new kind
of data is one more of them, in a file here or in an experiment. `pictures` has what
drawings of any kind share, `image_scores` the scores of images.
"""

from ganjax.modalities import spectrograms
from ganjax.modalities.images import IMAGES
from ganjax.modalities.points import POINTS
from ganjax.modalities.sounds import sounds
from ganjax.modalities.tables import tables
from ganjax.modalities.texts import texts, vocabulary_size


__all__ = [
    "IMAGES",
    "POINTS",
    "sounds",
    "spectrograms",
    "tables",
    "texts",
    "vocabulary_size",
]
