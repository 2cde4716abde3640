"""Run folders that were copied, cut off, edited, or made by another version."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ganjax import cli
from ganjax.run.command import exit_on_error
from tests.fuzz import pool, ready
from tests.fuzz.harness import Outcome, Situation, need, refused, worked
from tests.fuzz.pool import chance, chosen


DRAWN = 8  # samples
GONE = "there is no run"


@dataclass
class Given:
    """A run's folder, a command, and what its damage means for it."""

    run: Path
    command: str
    out: Path
    unread: str = ""  # why there is no run to be read
    lost: set[int] = field(default_factory=set)  # steps of saves that are gone
    doubtful: set[int] = field(default_factory=set)  # steps of saves that may be
    free: str = ""  # why a sentence is as right as a result
    unknown: str = ""  # why samples are refused: whose code it is
    flags: list[str] = field(default_factory=list)


def run(rng: np.random.Generator) -> Situation:
    """A command on a run's folder."""
    return Situation("run", _make, _act, right, ("run", "ru n", "[run]", "made.npz"))


def reference(step: int) -> np.ndarray:
    """What the whole run draws from its save of that step."""
    path = Path(os.environ[ready.WHERE]) / f"ring-{step}.npz"
    if not path.exists():
        whole = ready.copied("ring", path.with_suffix(f".{os.getpid()}"))
        if step == 2:
            shutil.rmtree(whole / "checkpoints" / "4")
        draft = path.with_name(f"{os.getpid()}-{path.name}")
        cli.main(["sample", str(whole), "--n", str(DRAWN), "--out", str(draft)])
        os.replace(draft, path)
        shutil.rmtree(whole)
    with np.load(path) as stored:
        return stored["x"]


def _act(given: Given) -> Any:
    if given.command == "resume":
        return _resume(given)
    argv = [given.command, str(given.run), *given.flags]
    if given.command == "sample":
        argv += ["--n", str(DRAWN), "--out", str(given.out)]
    return cli.main(argv)


def _resume(given: Given) -> int:
    """The command that the run was begun with, once more; the step that it ends at."""
    ring = ready.module(ready.EXPERIMENTS / "ring.py")
    run = replace(ring.TINY.run, workdir=str(given.run), devices="jit", **ready.OFTEN)
    with exit_on_error():
        return int(ring.main(replace(ring.TINY, run=run)).step)


def right(given: Given, outcome: Outcome) -> None:
    """Commands read what is there, and say what is not."""
    if given.unread and (given.command != "resume" or given.unread != GONE):
        need(outcome.sentence, f"was not refused: {given.unread}")
        return
    if given.free and outcome.sentence:
        return
    ends = {"sample": _sampled, "report": _reported, "check": _checked}
    ends |= {"evaluate": _scored, "resume": _resumed}
    ends[given.command](given, outcome)


def _sampled(given: Given, outcome: Outcome) -> None:
    whole = {2, 4} - given.lost - given.doubtful
    if given.unknown and "--trust" not in given.flags:
        refused(outcome, "--trust")
        return
    if not whole and (outcome.sentence or not given.doubtful):
        refused(outcome)
        return
    worked(outcome)
    with np.load(given.out) as stored:
        drawn = stored["x"]
    may = [step for step in (4, 2) if step not in given.lost]
    if may[0] in whole:
        may = may[:1]
    same = [step for step in may if np.array_equal(drawn, reference(step))]
    need(same, f"the samples are of none of the saves {may}")
    if same[0] == 2 and 4 in given.doubtful - given.lost:
        need("4" in outcome.err, "an older save was taken, and nothing was said")


def _reported(given: Given, outcome: Outcome) -> None:
    worked(outcome)
    page = (given.run / "report.html").read_text()
    named = "ring" in page or given.free
    need(page.startswith("<!") and named, f"the page is none: {page[:99]!r}")
    need(
        str(given.run) in outcome.out or "report.html" in outcome.out, "no path is said"
    )


def _checked(given: Given, outcome: Outcome) -> None:
    if given.free:
        return
    whole = {2, 4} - given.lost - given.doubtful
    if not whole and not given.doubtful:
        refused(outcome)
        return
    if not whole and outcome.sentence:
        return
    worked(outcome)
    for step in whole:
        need(
            f"save of step {step}: intact" in outcome.out,
            f"{step} is not said to be whole",
        )
    for step in given.lost:
        need(f"step {step}: intact" not in outcome.out, f"{step} is said to be intact")


def _resumed(given: Given, outcome: Outcome) -> None:
    """Wherever it goes on from, it ends in the same bits, or it was refused."""
    if outcome.sentence and (given.unread or given.unknown or given.doubtful):
        return
    worked(outcome)
    need(outcome.value == 4, f"it ended at step {outcome.value}")
    if given.free or given.unknown:
        return
    status = json.loads((given.run / "status.json").read_text())
    need(status["state"] == "finished", f"{status}")
    cli.main(["sample", str(given.run), "--n", str(DRAWN), "--out", str(given.out)])
    with np.load(given.out) as stored:
        same = np.array_equal(stored["x"], reference(4))
    need(same, "the run that went on is another")


def _scored(given: Given, outcome: Outcome) -> None:
    whole = {2, 4} - given.lost - given.doubtful
    if given.unknown and "--trust" not in given.flags:
        refused(outcome, "--trust")
    elif whole:
        worked(outcome)
        need(
            "modes" in json.loads(outcome.out)["scores"],
            f"no scores in {outcome.out[:99]!r}",
        )


# What becomes of folders.

Damage = Callable[[Given, np.random.Generator], None]


def _make(root: Path, rng: np.random.Generator) -> Given:
    name = chosen(rng, ("run", "run", "run", "ru n", "[run]"))
    command = chosen(rng, ("sample", "sample", "report", "report", "check"))
    command = "evaluate" if chance(rng, 0.04) else command
    command = "resume" if chance(rng, 0.12) else command
    given = Given(ready.copied("ring", root / name), command, root / "made.npz")
    if name == "[run]":  # where no save can be joined, but one that was can be read
        given.free = "a [ in the path"
    for damage in (chosen(rng, DAMAGES) for _ in range(chosen(rng, (1, 1, 2, 3)))):
        if given.run.is_dir():
            damage(given, rng)
    return given


def _manifest(given: Given, change: Callable[[dict], Any]) -> None:
    path = given.run / "run.json"
    try:
        values = json.loads(path.read_text())
        changed = change(values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # damaged before
    path.write_text(json.dumps(values if changed is None else changed))


def _nothing(given: Given, rng: np.random.Generator) -> None:
    """A whole run."""


def _gone(given: Given, rng: np.random.Generator) -> None:
    """No run at all."""
    way = rng.integers(4)
    shutil.rmtree(given.run)
    if way == 1:
        given.run.mkdir()
    elif way == 2:
        given.run.write_text("a file")
    elif way == 3:
        given.run.symlink_to("nowhere")
    given.unread = GONE


def _bad_manifest(given: Given, rng: np.random.Generator) -> None:
    """A run.json that is none."""
    path = given.run / "run.json"
    text = path.read_bytes() if path.exists() else b"{}"
    half = text[: int(rng.integers(0, len(text) - 3))] if len(text) > 8 else b"{"
    ways = [half, b"", b"null", b"[]", b'"run"', b"7", b"\xff\xfe\0", b"{}", b"\0" * 99]
    ways += [b'{"a": NaN', b"[" * 4000, b'{"name": "package", "version": "1.0"}']
    text = chosen(rng, ways)
    path.write_bytes(text)
    # A page needs no more than an object, of whatever.
    empty = text.startswith(b"{") and text.endswith(b"}")
    if empty and given.command in ("report", "check"):
        given.free = "run.json is another's"
    else:
        given.unread = "run.json is damaged"


def _no_manifest(given: Given, rng: np.random.Generator) -> None:
    """A folder without its run.json."""
    (given.run / "run.json").unlink(missing_ok=True)
    given.unread = "there is no run.json"


def _older(given: Given, rng: np.random.Generator) -> None:
    """A run of a version that had fewer flags and wrote less down."""
    flags = [
        "microbatches",
        "devices",
        "distributed",
        "evaluate_every",
        "keep_every",
        "scores",
    ]
    flags += ["posthoc_ema", "init_from", "seeds", "seed", "log_every"]
    notes = [
        "found",
        "folder",
        "versions",
        "device",
        "command",
        "doc",
        "sha256",
        "steps",
    ]

    def change(values: dict) -> None:
        for name in rng.choice(flags, 3, replace=False):
            values["args"]["run"].pop(name, None)
        for name in rng.choice(notes, 2, replace=False):
            values.pop(name, None)
        if chance(rng, 0.3):
            values["args"].pop(chosen(rng, ("lr", "gamma")), None)
        if chance(rng, 0.3):
            values["data"].pop(
                chosen(rng, ("target", "paired", "side_by_side", "mirror")), None
            )

    _manifest(given, change)


def _newer(given: Given, rng: np.random.Generator) -> None:
    """A run of a version that has more flags and writes more down."""

    def change(values: dict) -> None:
        values["quality"] = {"of": [1, 2, None]}
        values["versions"]["numpy"] = "99.0"
        way = rng.integers(4)
        if way == 1:
            values["args"]["run"]["precision"] = "bfloat16"
        elif way == 2:
            values["args"]["depth"] = 12
        elif way == 3:
            values["data"]["rotate"] = True
        if way:
            given.free = "a flag that is unknown here"

    _manifest(given, change)


def _edited(given: Given, rng: np.random.Generator) -> None:
    """A run.json with values that do not belong there."""
    places = [("args",), ("args", "run"), ("args", "run", "steps"), ("args", "width")]
    places += [
        ("args", "run", "seeds"),
        ("args", "run", "posthoc_ema"),
        ("data",),
        ("classes",),
    ]
    places += [
        ("data", "where"),
        ("shapes",),
        ("shapes", 0),
        ("experiment",),
        ("steps",),
    ]
    places += [("doc",), ("versions",), ("examples",), ("args", "lr"), ("folder",)]
    values = [None, 3, -1, "eight", [], {}, [[1]], True, 1e300, float("nan"), "../../x"]
    place, value = chosen(rng, places), chosen(rng, values)

    def change(found: dict) -> None:
        for key in place[:-1]:
            found = found[key]
        found[place[-1]] = value
        given.free = f"{'.'.join(map(str, place))} is {value!r}"

    _manifest(given, change)


def _status(given: Given, rng: np.random.Generator) -> None:
    """A status.json that is gone, torn, or of something else."""
    path = given.run / "status.json"
    ways = ["", "{", "null", "[1]", '{"state": 7}', '{"state": "running", "step": "x"}']
    ways += ['{"step": -1}', "\0", '{"state": null, "step": null, "sentence": 3}', "7"]
    path.unlink(missing_ok=True)
    if chance(rng, 0.8):
        path.write_text(chosen(rng, ways))


def _rows(given: Given, rng: np.random.Generator) -> None:
    """Numbers that are torn, or are none."""
    path = given.run / chosen(rng, ("metrics.jsonl", "clock.jsonl"))
    if path.is_dir():
        return
    text = path.read_bytes() if path.exists() else b""
    ways = [text[: len(text) // 2], b"", b"\xff\xfe\0\0", text + b'{"step": 9, "d/lo']
    ways += [b"7\n" + text, b"[1, 2]\n" + text, b"null\n" + text, b"{}\n" + text]
    ways += [text + b'{"step": "x", "d/loss": 1}\n', text + b'{"step": 1e400}\n']
    ways += [text + b'{"step": 5, "d/loss": NaN}\n{"step": 6, "d/loss": Infinity}\n']
    ways += [text + b'{"step": 5, "d/loss": [[1, [2]], "x"]}\n', b"\n\n" + text]
    ways += [text + b'{"step": null, "d/loss": 1}\n', text + b'{"d/loss": 1}\n']
    ways += [text + b'{"step": 5, "<script>alert(1)</script>": 1}\n']
    ways += [text + b'{"step": 5, "d/loss": 1e308}\n{"step": 7, "d/loss": -1e308}\n']
    ways += [text + b'{"step": -5, "d/loss": 1}\n', b"[" * 5000 + b"\n" + text]
    ways += [text + b'{"step": 123456789012345678901234567890, "d/loss": 1}\n']
    ways += [text + b'{"step": 8, "d/loss": "1.5", "g/loss": true, "x": {"y": 1}}\n']
    path.unlink(missing_ok=True)
    way = int(rng.integers(len(ways) + 1))
    if way == len(ways):
        path.mkdir()
    else:
        path.write_bytes(ways[way])


def _pictures(given: Given, rng: np.random.Generator) -> None:
    """Pictures that are broken, gone, or another's."""
    samples = given.run / "samples"
    for path in (*samples.glob("*.png"), given.run / "real.png"):
        if path.is_file() and chance(rng, 0.5):
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 2] if chance(rng, 0.5) else b"")
    if chance(rng, 0.3):
        shutil.rmtree(samples, ignore_errors=True)
    elif samples.is_dir():
        names = ("cat.png", "final_0007.png", "1.png.tmp", "²3.png", "9" * 40 + ".png")
        (samples / chosen(rng, names)).write_bytes(
            pool.picture(rng, "png", "RGB", (9, 9))
        )
        if chance(rng, 0.2):
            (samples / "000000009.png").mkdir(exist_ok=True)
    if chance(rng, 0.3):
        (given.run / "animation.webp").write_bytes(b"RIFF")


def _no_save(given: Given, rng: np.random.Generator) -> None:
    """Saves that are gone."""
    saves = given.run / "checkpoints"
    way = rng.integers(4)
    if way == 0:
        shutil.rmtree(saves, ignore_errors=True)
        given.lost |= {2, 4}
    elif way == 1:
        shutil.rmtree(saves, ignore_errors=True)
        saves.unlink(missing_ok=True)
        saves.write_text("a file")
        given.lost |= {2, 4}
    else:
        step = 2 * int(way) - 2
        shutil.rmtree(saves / str(step), ignore_errors=True)
        given.lost.add(step)


def _bad_save(given: Given, rng: np.random.Generator) -> None:
    """A save in which a file is cut, changed or gone."""
    step = chosen(rng, (2, 4, 4))
    place = given.run / "checkpoints" / str(step)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    if not files:
        return
    path = chosen(rng, files)
    data = bytearray(path.read_bytes())
    way = rng.integers(4)
    if way == 0:
        path.unlink()
    elif way == 1:
        path.write_bytes(data[: len(data) // 2])
    elif way == 2:
        path.write_bytes(b"")
    elif data:
        data[int(rng.integers(len(data)))] ^= 0x55
        path.write_bytes(data)
    given.doubtful.add(step)


def _other_save(given: Given, rng: np.random.Generator) -> None:
    """What does not belong among saves."""
    saves = given.run / "checkpoints"
    if not saves.is_dir():
        return
    way = rng.integers(5)
    if way == 0:
        (saves / "notes.txt").write_text("mine")
    elif way == 1:
        (saves / "6").mkdir(exist_ok=True)
        given.doubtful.add(6)
    elif way == 2:
        (saves / "best").mkdir(exist_ok=True)
    elif way == 3:
        (saves / "6.orbax-checkpoint-tmp").mkdir(exist_ok=True)
    elif (saves / "4").is_dir() and 4 not in given.doubtful:
        # The save of one step under the number of another, by hand.
        shutil.rmtree(saves / "2", ignore_errors=True)
        shutil.copytree(saves / "4", saves / "2")
        given.lost.add(2)
        given.free = "a save under another number"


def _foreign_save(given: Given, rng: np.random.Generator) -> None:
    """A save of another experiment under the number of one's own."""
    place = given.run / "checkpoints" / "4"
    if place.is_dir():
        shutil.rmtree(place)
        other = Path(os.environ[ready.WHERE]) / "rgb" / "checkpoints" / "1"
        shutil.copytree(other, place)
        given.doubtful.add(4)
        given.free = "a save of another experiment"


def _code(given: Given, rng: np.random.Generator) -> None:
    """An experiment's file that is gone, or is not what was trained with."""
    path = given.run / "experiment.py"
    way = rng.integers(4)
    if not path.exists():
        return
    if way == 0:
        path.unlink()
        given.free = "no experiment's file"
    elif way == 1:
        path.write_text(path.read_text() + "\n# a change\n")
        given.unknown = "the code was changed"
    elif way == 2:
        path.write_text("raise SystemExit('I ran')\n")
        given.unknown = "the code is another's"
    else:
        path.write_bytes(b"\xff\xfe not Python")
        given.unknown = "the code is none"


def _shadow(given: Given, rng: np.random.Generator) -> None:
    """Files beside the run's own."""
    (given.run / "thesis.txt").write_text("mine")
    (given.run / "scores.json").write_text(chosen(rng, ("", "{", "[1]", "null")))
    (given.run / "evaluation.json").write_text(
        chosen(rng, ("", "{", "[1]", "null", '{"metrics": {"a": 1}}'))
    )


DAMAGES: tuple[Damage, ...] = (
    _nothing,
    _gone,
    _bad_manifest,
    _no_manifest,
    _older,
    _older,
    _newer,
    _edited,
    _edited,
    _edited,
    _status,
    _status,
    _rows,
    _rows,
    _rows,
    _pictures,
    _no_save,
    _bad_save,
    _bad_save,
    _bad_save,
    _other_save,
    _foreign_save,
    _code,
    _shadow,
)
