"""stub"""

from typing import Any, NamedTuple


class NamedProtocol(NamedTuple):
    name: str
    features: Any


PROTOCOLS: tuple = ()
