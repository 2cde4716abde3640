"""JSON from files that anything may have happened to."""

import json
from pathlib import Path
from typing import Any


def parse(text: str | bytes) -> Any:
    """What a text holds. Raises a ValueError if it is no JSON, however deep it goes."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read(path: Path) -> dict[str, Any]:
    """The object in a file; {} where there is none that can be read."""
    try:
        found = parse(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
