"""Whether a run may go on with what it is given now, and what has changed meanwhile.

The rule: what changes no state is free, what changes without a trace is refused, and the
rest goes on and is said. A missing argument of an older run is what it is by default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganjax.errors import Mistake
from ganjax.run.args import FREE_TO_CHANGE


PLACES = ("where", "beside")  # of a `Spec`: where the data lies
KEPT = 0.5  # the share of its files that must be as before to be the same data


def changes(
    folder: Path,
    then: dict[str, Any],
    now: dict[str, Any],
    defaults: Mapping[str, Any],
    files_then: Mapping[str, str] | None,
    files_now: Mapping[str, str],
) -> list[str]:
    """What is to be said when the run in `folder` goes on, a sentence each.

    `then` and `now` are manifests, `files_...` what the data's inventory was and is. Raises
    a `Mistake` where it would be another run.
    """
    renamed = then.get("sha256") and then.get("sha256") == now.get("sha256")
    if then["experiment"] != now["experiment"] and not renamed:
        raise Mistake(
            f"{folder} is a run of {then['experiment']}, not of {now['experiment']}; "
            "name another --workdir."
        )
    said = _of_arguments(folder, then, now, defaults)
    _check_shapes(folder, then, now)
    said += _of_the_program(then, now)
    return said + _of_data(folder, then, now, files_then, files_now)


def _of_arguments(
    folder: Path,
    then: dict[str, Any],
    now: dict[str, Any],
    defaults: Mapping[str, Any],
) -> list[str]:
    before, after, said = flatten(then["args"]), flatten(now["args"]), []
    for name in sorted(before.keys() | after.keys()):
        flag = f"--{name.replace('_', '-')}"
        if name not in after:
            said.append(f"{flag}, which was {before[name]}, is no argument any more.")
            continue
        old, new = before.get(name, defaults.get(name, after[name])), after[name]
        # A path of the data may be written otherwise: its files decide, below.
        place = isinstance(old, str) and any(_is_at(now, part, new) for part in PLACES)
        if old != new and name not in FREE_TO_CHANGE and not place:
            raise Mistake(
                f"{flag} was {old} when {folder} was begun and is {new} now; give it as "
                "it was, or name another --workdir."
            )
    return said


def _of_the_program(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Whether the game computes something else than it did; see `fitting.traced`."""
    before, after = then.get("program"), now.get("program")
    # Another version of a library may write the same program otherwise.
    same = then.get("versions") == now.get("versions")
    if not (before and after and same) or before == after:
        return []
    return [
        "A step of the game computes something else than it did (a loss, a rate, a "
        "network, an optimizer, or what follows from --steps); the run goes on with it."
    ]


def _is_at(manifest: dict[str, Any], part: str, value: Any) -> bool:
    """Whether a value is how the place of a manifest's data is written down."""
    place = manifest["data"].get(part)
    return isinstance(value, str) and bool(place) and _absolute(value) == place


def _absolute(place: str) -> str:
    path = Path(place).expanduser()
    return str(path.absolute()) if path.exists() or path.is_absolute() else place


def _check_shapes(folder: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    before, after = then["shapes"], now["shapes"]
    if before != after:
        old, new = (str([shape for shape, _ in x]) for x in (before, after))
        raise Mistake(
            f"The data is not what {folder} was begun with, but of another shape ({old} "
            f"then, {new} now); name another --workdir."
        )
    for name, new in now["data"].items():
        old = then["data"].get(name, new)
        if name not in PLACES and old != new:
            raise Mistake(
                f"The data is read with {name} {new!r}, and with {old!r} when {folder} was "
                "begun; read it as it was, or name another --workdir."
            )
    if then["classes"] != now["classes"]:
        raise Mistake(
            f"The data has other classes than when {folder} was begun ("
            f"{_few(then['classes'])} then, {_few(now['classes'])} now); name another "
            "--workdir."
        )


def _of_data(
    folder: Path,
    then: dict[str, Any],
    now: dict[str, Any],
    before: Mapping[str, str] | None,
    after: Mapping[str, str],
) -> list[str]:
    old, new = ([m["data"].get(part) for part in PLACES] for m in (then, now))
    moved = old != new and [_absolute(x or "") for x in old] != new
    if before is None or not after:  # a run that kept no inventory
        if then["examples"] != now["examples"]:
            raise Mistake(
                f"The data is not what {folder} was begun with ({then['examples']} "
                f"examples then, {now['examples']} now); name another --workdir."
            )
        return [f"The data is now read from {_few(new)}."] if moved else []
    same = {name for name, what in after.items() if before.get(name) == what}
    if len(same) == len(before) == len(after):
        return [f"The data is now read from {_few(new)}."] if moved else []
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
    told = ", ".join(parts)
    if moved or len(same) < KEPT * max(len(before), len(after)):
        raise Mistake(
            f"The data is not what {folder} was begun with: {told}; name another "
            "--workdir."
        )
    return [
        f"The data has changed since {folder} was begun: {told}. The run goes on with what "
        "is there, and ends otherwise than it would have."
    ]


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without their groups, by name."""
    flat = {}
    for name, value in values.items():
        flat |= flatten(value) if isinstance(value, dict) else {name: value}
    return flat


def _few(names: Any) -> str:
    names = [str(name) for name in names if name]
    shown = ", ".join(names[:3])
    return f"{shown}, ..." if len(names) > 3 else shown or "none"
