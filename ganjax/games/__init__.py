"""Games that move otherwise than `step`: each is one file that makes a `Game`."""

from ganjax.games.lazy import lazy
from ganjax.games.standing import standing
from ganjax.games.unrolled import unrolled


__all__ = ["lazy", "standing", "unrolled"]
