"""Decides whether a run may go on with the arguments, code and data that it has now.

There are three rules. What affects no state, such as how often samples are drawn, may
change. What would make it another run is refused, so that no folder holds two runs without
saying so. The rest, such as a changed network or a data set that has grown, is accepted,
and a sentence says what has changed. An argument that an older run lacks is taken to have
had its default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from ganjax.errors import MAX_QUOTED_CHARACTERS, UsageError
from ganjax.run.args import CHANGEABLE_ON_RESUME
from ganjax.store import json_object, shapes as stored_shapes


PLACES = ("where", "target")  # the fields of a `Spec` that say where the data lies
# Data that stayed in its place is the same data if at least this share of its files is.
MIN_UNCHANGED_SHARE = 0.5


def find_changes(
    folder: Path,
    then: dict[str, Any],
    now: dict[str, Any],
    defaults: Mapping[str, Any],
    files_then: Mapping[str, str] | None,
    files_now: Mapping[str, str],
) -> list[str]:
    """Returns what has changed since the run in `folder` was begun, a sentence each.

    Args:
        folder: the folder of the run.
        then: its manifest.
        now: the manifest that it would have now.
        defaults: the default of each argument, by its path (`args.defaults`).
        files_then: the inventory of its data; None if it kept none.
        files_now: the inventory that it would have now.

    Raises:
        UsageError: if it would be another run.
    """
    # An experiment's file may be renamed as long as its contents stay.
    renamed = then.get("sha256") and then.get("sha256") == now.get("sha256")
    if then["experiment"] != now["experiment"] and not renamed:
        raise UsageError(
            f"{folder} is a run of {then['experiment']}, not of {now['experiment']}; "
            "name another --workdir."
        )
    # From what a person has typed to what lies on the disk: the first refusal is the one
    # that is easiest to understand.
    remarks = _argument_changes(folder, then, now, defaults)
    _check_shapes(folder, then, now)
    remarks += _program_changes(then, now)
    return remarks + _data_changes(folder, then, now, files_then, files_now)


def _argument_changes(
    folder: Path,
    then: dict[str, Any],
    now: dict[str, Any],
    defaults: Mapping[str, Any],
) -> list[str]:
    before = json_object.flatten(then["args"])
    after = json_object.flatten(now["args"])
    changeable = {f"run.{name}" for name in CHANGEABLE_ON_RESUME}
    remarks = []
    for name in sorted(before.keys() | after.keys()):
        flag = f"--{name.removeprefix('run.').replace('_', '-')}"
        if name not in after:
            remarks.append(
                f"{flag}, which was {before[name]}, is not an argument any more."
            )
            continue
        # An argument that the older run lacks is taken to have had its default.
        new = after[name]
        old = before.get(name, defaults.get(name, new))
        # The data may have moved: `_data_changes` compares the files themselves.
        is_place = isinstance(old, str) and any(_is_at(now, x, new) for x in PLACES)
        if old != new and name not in changeable and not is_place:
            raise UsageError(
                f"{flag} was {_brief(old)} when {folder} was begun and is {_brief(new)} "
                "now; give it as it was, or name another --workdir."
            )
    return remarks


def _program_changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Says if a step computes something else than it did, by `fitting.step_digest`."""
    before = then.get("program")
    after = now.get("program")
    # Another version of a library may trace the same step to another program.
    same = then.get("versions") == now.get("versions")
    if not (before and after and same) or before == after:
        return []
    return [
        "A step of the game computes something else than it did (a loss, a rate, a "
        "network, an optimizer, or what follows from --steps); the run goes on with it."
    ]


def _is_at(manifest: dict[str, Any], field: str, value: Any) -> bool:
    """Whether a value of an argument is the place of the manifest's data."""
    # An experiment may give its argument for the data any name, so values are compared.
    place = manifest["data"].get(field)
    return isinstance(value, str) and bool(place) and _absolute(value) == place


def _absolute(place: str) -> str:
    if not place:  # no place; as a path it would be the current folder
        return place
    path = Path(place).expanduser()
    try:
        return str(path.absolute()) if path.exists() or path.is_absolute() else place
    except (OSError, ValueError):  # text that is too long for a path, and so none
        return place


def _brief(value: Any) -> str:
    """An argument as a sentence can hold it; one may be all that is known of a table."""
    text = str(value)
    if len(text) <= MAX_QUOTED_CHARACTERS:
        return text
    return f"{text[:MAX_QUOTED_CHARACTERS]} … ({len(text):,} characters)"


def _check_shapes(folder: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    # Shapes, how the data is read, and classes: each would change what the networks see.
    before, after = then["shapes"], now["shapes"]
    if before != after:
        old, new = (_sizes(shapes) for shapes in (before, after))
        raise UsageError(
            f"The data is not what {folder} was begun with, but of another shape ({old} "
            f"then, {new} now); name another --workdir."
        )
    for name, new in now["data"].items():
        old = then["data"].get(name, new)
        if name not in PLACES and old != new:
            raise UsageError(
                f"The data is read with {name} {new!r}, and with {old!r} when {folder} was "
                "begun; read it as it was, or name another --workdir."
            )
    if then["classes"] != now["classes"]:
        raise UsageError(
            f"The data has other classes than when {folder} was begun ("
            f"{_few(then['classes'])} then, {_few(now['classes'])} now); name another "
            "--workdir."
        )


def _sizes(shapes: Any) -> str:
    """The shapes of a step's data in words, such as [1, 64, 8, 8, 1]."""
    leaves = jax.tree.leaves(stored_shapes.from_json(shapes))
    return str([list(leaf.shape) for leaf in leaves])


def _data_changes(
    folder: Path,
    then: dict[str, Any],
    now: dict[str, Any],
    before: Mapping[str, str] | None,
    after: Mapping[str, str],
) -> list[str]:
    """Says how the data has changed; raises a `UsageError` if it is other data.

    Where both inventories are known, they are compared by the contents of the files: data
    that moved must be the same, and data that stayed may change in part.
    """
    # An older run may lack a field, which is the same as an empty one.
    old_places = [then["data"].get(field) or "" for field in PLACES]
    places = [now["data"].get(field) or "" for field in PLACES]
    moved = places not in (old_places, [_absolute(x) for x in old_places])
    if before is None or not after:
        # Without an inventory only the number of examples can be compared.
        if then["examples"] != now["examples"]:
            raise UsageError(
                f"The data is not what {folder} was begun with ({then['examples']} "
                f"examples then, {now['examples']} now); name another --workdir."
            )
        return [f"The data is now read from {_few(places)}."] if moved else []
    # An inventory has a digest of each file, so a changed one is found under its old name.
    same = {name for name, digest in after.items() if before.get(name) == digest}
    if len(same) == len(before) == len(after):
        return [f"The data is now read from {_few(places)}."] if moved else []
    counts = {
        "removed": before.keys() - after.keys(),
        "added": after.keys() - before.keys(),
        "replaced": (before.keys() & after.keys()) - same,
    }
    parts = [
        f"{len(names)} {word} ({_few(sorted(names))})"
        for word, names in counts.items()
        if names
    ]
    summary = ", ".join(parts)
    if moved or len(same) < MIN_UNCHANGED_SHARE * max(len(before), len(after)):
        raise UsageError(
            f"The data is not what {folder} was begun with: {summary}; name another "
            "--workdir."
        )
    return [
        f"The data has changed since {folder} was begun: {summary}. The run goes on with "
        "what is there, and ends otherwise than it would have."
    ]


def _few(names: Any) -> str:
    """The first three names, in words."""
    names = [str(name) for name in names if name]
    shown = ", ".join(names[:3])
    return f"{shown}, ..." if len(names) > 3 else shown or "none"
