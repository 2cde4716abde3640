"""JSON from files that a kill, an editor or another program may have damaged."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def parse(text: str | bytes) -> Any:
    """Returns the value that a JSON text holds.

    Raises:
        ValueError: if the text is not JSON, or is nested too deeply for Python to read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read(path: Path) -> dict[str, Any]:
    """Returns the JSON object in a file, or {} if there is none that can be read."""
    try:
        value = parse(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested objects by dotted names, as {"run.steps": 400}; empty ones stay."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= {f"{name}.{inner}": x for inner, x in flatten(value).items()}
        else:
            flat[name] = value
    return flat
