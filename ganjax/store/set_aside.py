"""How damaged saves are named once they are set aside: `damaged-STEP`.

A second damaged save of the same step gets `damaged-STEP-again`, and so on. Under such a
name Orbax no longer finds a save, and nothing is deleted.
"""

import re
from pathlib import Path


_NAME = re.compile(r"damaged-(\d+)(-again)*")


def new_path(folder: Path, step: int) -> Path:
    """Returns a path in a folder of saves to which a damaged one can be moved."""
    path = folder / f"damaged-{step}"
    while path.exists():
        path = path.with_name(f"{path.name}-again")
    return path


def step_of(name: str) -> int | None:
    """Returns the step of a save that was set aside; None if this is not its name."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None
