"""SHA-256 digests, by which the same data, code and programs are recognized again.

They name files in the cache and are written into checkpoints and scores, so what a digest
is taken of must never change. They only detect changes; they do not protect against
tampering.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def sha256(data: str | bytes | Iterable[str | bytes]) -> str:
    """Returns the SHA-256 of some data as 64 hexadecimal digits.

    Args:
        data: text, which is hashed as UTF-8, or bytes, or several of these, which are
            hashed as if they were concatenated. A generator may yield them one by one, so
            that data larger than the memory can be hashed.
    """
    if isinstance(data, (str, bytes)):
        data = [data]
    state = hashlib.sha256()
    for part in data:
        state.update(part.encode() if isinstance(part, str) else part)
    return state.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Returns the SHA-256 of the contents of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
