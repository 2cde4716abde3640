"""The protocol of a score: all that was decided before it was computed.

The same samples get another FID under another resize filter, another number of samples or
other reference images, so a score without its protocol means nothing. A `Protocol` is
written beside every score and every file of reference statistics, with a digest of it, and
scores of unlike protocols are not compared (`check_comparable`).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ganjax.errors import UsageError
from ganjax.store.hashing import sha256


STATISTICS = "sample means and covariances over n - 1, in float64"


class Protocol(NamedTuple):
    """How scores are computed. All values are plain, so that a file can record them.

    Attributes:
        features: the name of the features, which has the preprocessing and a hash of the
            weights.
        reference: what samples are compared with, in words.
        reference_digest: SHA-256 of the reference, so that a folder that has changed, or
            another of the same name, is another protocol.
        real: how many real images.
        samples: how many samples.
        split: the split of the reference, or "".
        flips: whether mirrored copies of the reference count as well.
        weights: of the generator, "ema" for averaged and "live" for those that train; ""
            where samples are files, of which this is not known.
        truncation: at which latents were truncated; None for not at all.
        seed: the seed of latents, subsets and directions.
        statistics: what means and covariances are.
        pretrained: names of the feature networks that training itself used, such as those
            of Projected GAN's discriminator. A distance on the same features flatters.
        version: the version of ganjax.
    """

    features: str
    reference: str
    reference_digest: str
    real: int
    samples: int
    split: str = ""
    flips: bool = False
    weights: str = ""
    truncation: float | None = None
    seed: int = 0
    statistics: str = STATISTICS
    pretrained: tuple[str, ...] = ()
    version: str = ""

    def digest(self) -> str:
        """Returns 12 hexadecimal digits, equal for equal protocols alone."""
        return sha256(json.dumps(to_json(self), sort_keys=True))[:12]


# What may differ between scores that are compared: a name says what a folder was called,
# and its digest whether it was the same.
DESCRIPTIVE = ("reference", "version")
# What a field is called in a message.
IN_WORDS = {
    "features": "features",
    "reference_digest": "reference images",
    "real": "number of real images",
    "samples": "number of samples",
    "split": "split",
    "flips": "flips of the reference",
    "weights": "weights of the generator",
    "truncation": "truncation",
    "seed": "seed",
    "statistics": "statistics",
    "pretrained": "pretrained networks of the training",
}


def differences(
    a: Protocol, b: Protocol, across: Iterable[str] = ()
) -> dict[str, tuple[Any, Any]]:
    """Returns what two protocols differ in: a field's name -> both values.

    Args:
        a: one protocol.
        b: the other.
        across: fields that are meant to differ, such as "weights" in a comparison of
            averaged with live weights.
    """
    left_out = {*DESCRIPTIVE, *across}
    return {
        name: (x, y)
        for name, x, y in zip(Protocol._fields, a, b, strict=True)
        if x != y and name not in left_out
    }


def check_comparable(
    protocols: Mapping[str, Protocol], across: Iterable[str] = ()
) -> None:
    """Checks that scores can be compared.

    Args:
        protocols: the protocol of each score, by what was scored.
        across: fields that are meant to differ.

    Raises:
        UsageError: two of them differ elsewhere. The message names what in.
    """
    across = tuple(across)
    for name in across:
        if name not in Protocol._fields:
            raise UsageError(
                f"{name!r} is nothing that protocols differ in: give some of "
                f"{', '.join(IN_WORDS)}."
            )
    (first, expected), *others = protocols.items()
    for name, protocol in others:
        found = differences(expected, protocol, across)
        if found:
            told = [
                f"{IN_WORDS[field]}: {_told(x)} and {_told(y)}"
                for field, (x, y) in found.items()
            ]
            raise UsageError(
                f"The scores of {first} and {name} cannot be compared, as their protocols "
                f"differ ({'; '.join(told)}): score both in one way, or give --across "
                f"{' '.join(found)} if that is what you compare."
            )


def _told(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:
        return value[:8]  # a digest
    if value in ("", None, ()):
        return "none"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def to_json(protocol: Protocol) -> dict[str, Any]:
    """Returns the protocol as a JSON object."""
    return protocol._asdict() | {"pretrained": list(protocol.pretrained)}


def from_json(entry: Mapping[str, Any]) -> Protocol:
    """Returns a protocol from its JSON object, in which later fields may be missing.

    Raises:
        UsageError: it is none.
    """
    known = {name: entry[name] for name in Protocol._fields if name in entry}
    known["pretrained"] = tuple(known.get("pretrained", ()))
    try:
        return Protocol(**known)
    except TypeError:
        raise UsageError(
            "This is no protocol of scores: compute the scores again."
        ) from None
