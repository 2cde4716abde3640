"""The record of scores, a JSON object that commands print, write and read.

`scores` has each score by its name, with its value, that of real data, which is better, and
the digest of its protocol; `protocols` has the protocols by their digests.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from ganjax.errors import UsageError
from ganjax.evaluation.metric import Metric
from ganjax.evaluation.protocol import Protocol, to_json
from ganjax.run.terminal import warn
from ganjax.store import json_object, write
from ganjax.store.manifest import MANIFEST


SCORES = "scores.json"  # in the folder of a run


class Score(NamedTuple):
    """One score of one subject.

    Attributes:
        metric: what it means, on which features.
        value: the score of the samples.
        real: the score of real images in their place, or None.
        protocol: how it was computed.
        interval: its 95 % interval over samples, (low, high), or None.
    """

    metric: Metric
    value: float
    real: float | None
    protocol: Protocol
    interval: tuple[float, float] | None = None


def record(reference: str, samples: int, scores: list[Score]) -> dict[str, Any]:
    """Returns the scores of one subject as JSON, with the protocols that they name.

    Args:
        reference: what samples were compared with.
        samples: how many there were.
        scores: the scores.
    """
    return {
        "reference": reference,
        "samples": samples,
        "scores": {score.metric.name: _entry(score) for score in scores},
        "protocols": {
            score.protocol.digest(): to_json(score.protocol) for score in scores
        },
    }


def record_of_subject(scores: list[Score]) -> dict[str, Any]:
    """Returns the record of scores that were all computed of the same samples."""
    first = scores[0].protocol
    return record(first.reference, first.samples, scores)


def _entry(score: Score) -> dict[str, Any]:
    low, high = score.interval or (None, None)
    ends = {"low": low, "high": high} if score.interval else {}
    return {
        "samples": score.value,
        **ends,
        "real": score.real,
        "aim": score.metric.aim,
        "direction": score.metric.direction.name.lower(),
        "protocol": score.protocol.digest(),
    }


def is_run(where: str) -> bool:
    """Returns whether a path is the folder of a run."""
    return (Path(where).expanduser() / MANIFEST).exists()


def write_in_run(where: str, record: dict[str, Any]) -> None:
    """Writes the scores of a run into its folder; those of anything else are not kept."""
    if is_run(where):
        path = Path(where).expanduser() / SCORES
        write(path, json.dumps(record, indent=1) + "\n")
        # To the error stream: a program that reads the output finds nothing there but JSON.
        warn(f"Scores: {path}")


def read_record(where: str) -> dict[str, Any]:
    """Reads a file of scores.

    Raises:
        UsageError: there is none, it is damaged, or its scores have no protocols, as those
            of earlier versions have not.
    """
    path = Path(where).expanduser()
    found = json_object.read(path)
    scores: Any = found.get("scores")
    protocols: Any = found.get("protocols")

    def is_whole(entry: Any) -> bool:
        return (
            isinstance(entry, dict)
            and entry.get("protocol") in protocols
            and isinstance(entry.get("samples"), int | float)
        )

    if (
        not isinstance(scores, dict)
        or not isinstance(protocols, dict)
        or not all(map(is_whole, scores.values()))
    ):
        raise UsageError(
            f"{where} holds no scores of one subject with their protocols: compute them "
            "again by `ganjax evaluate`."
        )
    return found
