"""What goes into the manifest of a run, and the data that a manifest names.

How a manifest is written, read and checked is in `ganjax.store.manifest`.
"""

import platform
import sys
from importlib.metadata import version
from typing import Any

import jax

from ganjax.core import Turns
from ganjax.data import Source, Spec
from ganjax.run.config import Config
from ganjax.store import code, shapes as stored_shapes


PACKAGES = ("ganjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def describe_run(
    config: Config, source: Source, shapes: Turns, data_summary: str
) -> dict[str, Any]:
    """Returns the manifest of a run: everything that determines it, as JSON holds it.

    Args:
        config: the settings of the run.
        source: the data.
        shapes: the shapes of the turns of one step, with examples as they are stored.
        data_summary: the first line that the run prints, which says what the data is.
    """
    path = config.file
    packages = {name: version(name) for name in PACKAGES}
    return {
        "experiment": path.stem if path else "notebook",
        "sha256": code.digest(code.read_experiment(path)) if path else "",
        "folder": str(path.absolute().parent) if path else "",
        "doc": config.doc,
        "command": " ".join(["python", *sys.argv]),
        "args": config.values,
        "data": source.spec._asdict(),
        "found": data_summary,
        "examples": source.length,
        "classes": list(source.classes),
        "shapes": stored_shapes.to_json(shapes),
        "versions": {"python": platform.python_version(), **packages},
        "device": describe_devices(),
        "steps": config.run.steps,
    }


def describe_devices() -> str:
    """Returns the kind and the number of all devices, such as "cpu x8"."""
    return f"{jax.devices()[0].device_kind} x{jax.device_count()}"


def spec_of(manifest: dict[str, Any]) -> Spec:
    """Returns the data that the run was trained on.

    Fields that only another version of ganjax has are ignored.
    """
    known = {name: x for name, x in manifest["data"].items() if name in Spec._fields}
    return Spec(**known)
