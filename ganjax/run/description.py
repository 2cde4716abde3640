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
from ganjax.run.args import to_json
from ganjax.store import code, shapes as stored_shapes


PACKAGES = ("ganjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def describe_run(
    args: Any, source: Source, shapes: Turns, data_summary: str
) -> dict[str, Any]:
    """Returns the manifest of a run: everything that determines it, as JSON holds it.

    Args:
        args: the dataclass of the experiment's arguments, with its `Run` as `args.run`.
        source: the data.
        shapes: the shapes of the turns of one step, with examples as they are stored.
        data_summary: the first line that the run prints, which says what the data is.
    """
    path = code.source_file(type(args))
    module = sys.modules.get(type(args).__module__) if path else None
    # None, for a notebook, has a text of its own as its `__doc__`.
    doc = ((module.__doc__ if module else None) or "").strip()
    packages = {name: version(name) for name in PACKAGES}
    return {
        "experiment": path.stem if path else "notebook",
        "sha256": code.digest(code.read_experiment(path)) if path else "",
        "folder": str(path.absolute().parent) if path else "",
        "doc": doc.splitlines()[0] if doc else "",
        "command": " ".join(["python", *sys.argv]),
        "args": to_json(args),
        "data": source.spec._asdict(),
        "found": data_summary,
        "examples": source.length,
        "classes": list(source.classes),
        "shapes": stored_shapes.to_json(shapes),
        "versions": {"python": platform.python_version(), **packages},
        "device": describe_devices(),
        "steps": args.run.steps,
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
