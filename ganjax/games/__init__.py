"""Games that move otherwise than `step`: each is one file that makes a `Game`."""

from ganjax.games.lazy import lazy


__all__ = ["lazy"]
