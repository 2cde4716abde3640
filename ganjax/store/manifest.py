"""The manifest of a run, `run.json`, and the inventory of its data.

The manifest describes a run: its experiment and arguments, its data and their shapes, the
versions and devices. Commands read it, so that nobody has to give these again.
`ganjax.run.description` makes it. A user may have edited it, and another version of ganjax
may have written it, so everything that is read from it is checked.

The inventory lists the files of the run's data with their digests. A resumed run compares
it with the data that it finds, and notices when that has changed.
"""

import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from ganjax.core import PyTree, Turns
from ganjax.errors import UsageError
from ganjax.store import json_object, shapes
from ganjax.store.atomic import write


MANIFEST = "run.json"
INVENTORY = "inventory.json.gz"


def read_manifest(folder: Path, *, complete: bool = True) -> dict[str, Any]:
    """Returns the manifest of a run.

    Args:
        folder: the folder of the run.
        complete: whether the manifest must have every field that is needed to build the
            run's game and data again. If not, any field may be missing: a report shows
            those that are there.

    Raises:
        UsageError: if there is no manifest, or it is damaged, or not `complete`.
    """
    try:
        manifest = json_object.parse((folder / MANIFEST).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"{folder} is not a run: it has no {MANIFEST}; name the folder that an "
            "experiment wrote, its --workdir."
        ) from None
    except OSError as error:
        raise UsageError(
            f"{folder / MANIFEST} cannot be read ({error.strerror}): check its "
            "permissions, or restore it from a backup."
        ) from error
    except ValueError:
        raise _damaged(folder) from None
    if not isinstance(manifest, dict) or (complete and not _is_complete(manifest)):
        raise _damaged(folder)
    return manifest


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Writes the manifest atomically."""
    write(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def _damaged(folder: Path) -> UsageError:
    return UsageError(
        f"{folder / MANIFEST} is damaged or was not written by ganjax; fix it, or start "
        "again in a new --workdir."
    )


def _is_complete(manifest: dict[str, Any]) -> bool:
    """Whether a manifest has every field that commands read, each of the right type."""
    required = {
        "experiment": str,
        "args": dict,
        "data": dict,
        "examples": int,
        "classes": list,
        "shapes": dict,
    }
    if not all(isinstance(manifest.get(name), kind) for name, kind in required.items()):
        return False
    # Arguments of `Run` that an older version did not have may be missing.
    run = manifest["args"].get("run")
    if not isinstance(run, dict) or not isinstance(run.get("seeds", 1), int):
        return False
    ema_lengths = run.get("posthoc_ema", [])
    if not isinstance(ema_lengths, list):
        return False
    try:
        turns = shapes.from_json(manifest["shapes"])
    except ValueError:
        return False
    return (
        isinstance(turns, Turns)
        and all(isinstance(x, int | float) for x in ema_lengths)
        and isinstance(manifest["data"].get("where"), str)
    )


def num_seeds(manifest: dict[str, Any]) -> int:
    """Returns the number of seeds that the run trains at once, by default 1."""
    args = manifest.get("args")
    run = args.get("run") if isinstance(args, dict) else None
    seeds = run.get("seeds", 1) if isinstance(run, dict) else 1
    return seeds if isinstance(seeds, int) else 1


def turn_shapes(manifest: dict[str, Any]) -> Turns:
    """Returns the shapes of the data of one step of the run, before networks see them.

    Args:
        manifest: a complete manifest.

    Returns:
        `Turns` of `jax.ShapeDtypeStruct`. The arrays of D's turns are [turns, batch, ...],
        those of G's turn [batch, ...].
    """
    return shapes.from_json(manifest["shapes"])


def example_shapes(manifest: dict[str, Any]) -> PyTree:
    """Returns the shapes of one example of the run's data, as it is stored.

    Args:
        manifest: a complete manifest.

    Returns:
        A tree of `jax.ShapeDtypeStruct` without a batch axis.
    """
    # G's turn has only the batch axis to take off; D's have an axis of turns before it.
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), turn_shapes(manifest).g.x
    )


def read_inventory(folder: Path) -> dict[str, str] | None:
    """Returns the inventory of the data that the run started with.

    Returns:
        The digest of each file of the data by its name, as `write_inventory` got them; None
        if the run has no inventory, or it cannot be read.
    """
    try:
        packed = (folder / INVENTORY).read_bytes()
        inventory = json_object.parse(gzip.decompress(packed))
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    return inventory if isinstance(inventory, dict) else None


def write_inventory(folder: Path, inventory: Mapping[str, str]) -> None:
    """Writes the inventory of a run's data, atomically.

    Args:
        folder: the folder of the run.
        inventory: the digest of each file by its name.
    """
    # Without a time stamp, so that equal data gives equal files.
    packed = gzip.compress(json.dumps(inventory).encode(), mtime=0)
    write(folder / INVENTORY, packed)
