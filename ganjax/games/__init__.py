"""Games that move otherwise than `step`: each is one file that makes a `Game`.

`logan` makes a `GAN` of a GAN, which any of the others may play. `pool` is what
CycleGAN's game remembers.
"""

from ganjax.games.lazy import lazy
from ganjax.games.logan import logan
from ganjax.games.standing import standing
from ganjax.games.unrolled import unrolled


__all__ = ["lazy", "logan", "standing", "unrolled"]
