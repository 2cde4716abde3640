"""What people bring, one row each: the input, the command or call, and what is right.

A report of something that went wrong becomes a row of `TABLE`. `make(folder, rng)` writes
the input into an empty folder, `act` does what the person did, and `right` asserts; that
nothing is a traceback, hangs, says more than one sentence, or writes elsewhere, is asserted
of every row (`tests.fuzz.harness`). Rows that train have tests of their own; those here
copy a finished run (`tests.fuzz.ready`), or need none.
"""

import fcntl
import io
import json
import os
import struct
import sys
import types
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import make_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import ganjax
from ganjax import cli
from ganjax.data import Spec, load, read_all
from ganjax.data.describe import describe
from ganjax.data.rows import read_split
from ganjax.data.schema import infer
from ganjax.modalities import tables
from ganjax.run import Run, command as play_command
from ganjax.run.args import check
from ganjax.run.command import exit_on_error, parse
from tests.fuzz import pool, reading, ready, runs
from tests.fuzz.harness import Outcome, Situation, need, refused, worked
from tests.fuzz.identity import GRAY


RNG = np.random.default_rng(0)


# How inputs are laid.


def image(
    path: Path, color: Any = None, size: tuple[int, int] = (16, 16), **options: Any
) -> Path:
    """A picture in the format of its ending, of one color or of blocks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    art = pool.art(RNG, size) if color is None else Image.new("RGB", size, color)
    path.write_bytes(pool.saved(art, path.suffix[1:].lower(), **options))
    return path


def laid(*names: str, **options: Any) -> Callable[[Path, Any], Path]:
    """Writes a picture under each name, and text where the ending is none of a picture."""

    def make(folder: Path, rng: Any) -> Path:
        for name in names:
            path = folder / "data" / name
            if path.suffix[1:].lower() in pool.FORMATS:
                image(path, **options)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("no image")
        return folder / "data"

    return make


def read(where: Path, **spec: Any) -> tuple[Any, Any]:
    """The data and its opening line, decoded to its end."""
    source = load(Spec(str(where), **spec))
    read_all(source)
    return source, describe(source)


def says(*words: str) -> Callable[[Any, Outcome], None]:
    """Right is a sentence with these words in it."""
    return lambda given, outcome: refused(outcome, *words)


def found(
    count: int, classes: str = "", held_out: int = 0, *words: str
) -> Callable[[Any, Outcome], None]:
    """Right is so many images of these classes, and an opening line with these words."""

    def right(given: Any, outcome: Outcome) -> None:
        worked(outcome)
        source, line = outcome.value
        need(source.length == count, f"{source.length} images, not {count}: {line}")
        need(source.classes == (*classes.split(),), f"classes {source.classes}")
        need(source.report.held_out == held_out, f"{source.report.held_out} held out")
        for word in words:
            need(word in line, f"{word!r} is not in {line!r}")

    return right


def a_table(text: str | bytes) -> Callable[[Path, Any], Path]:
    """A folder `data` with a train.csv of this text."""

    def make(folder: Path, rng: Any) -> Path:
        (folder / "data").mkdir()
        raw = text if isinstance(text, bytes) else text.encode()
        (folder / "data" / "train.csv").write_bytes(raw)
        return folder / "data"

    return make


def tabulated(where: Path) -> tuple[Any, str]:
    """The source of a table, and its opening line."""
    schema = infer(read_split(where))
    source = tables(schema).load(Spec(str(where)))
    return source, describe(source, tables(schema).summary)


def opened(*words: str) -> Callable[[Any, Outcome], None]:
    """Right is an opening line with these words."""

    def right(given: Any, outcome: Outcome) -> None:
        worked(outcome)
        line = outcome.value[1]
        need(all(word in line for word in words), f"{words} are not all in {line!r}")

    return right


# Data that was misread in silence.


def nvidia(folder: Path, rng: Any) -> Path:
    """A .zip of NVIDIA's dataset_tool.py: folders of a thousand, and dataset.json."""
    names = ["00000/img00000000.png", "00000/img00000001.png", "00001/img00001000.png"]
    labels = [[name, label] for name, label in zip(names, (1, 0, 1), strict=True)]
    with zipfile.ZipFile(folder / "faces.zip", "w") as packed:
        for name in names:
            packed.writestr(name, pool.picture(RNG, "png", "RGB", (16, 16)))
        packed.writestr("dataset.json", json.dumps({"labels": labels}))
    return folder / "faces.zip"


def nvidia_is_read(given: Path, outcome: Outcome) -> None:
    found(3, "0 1")(given, outcome)
    label = outcome.value[0].read(np.arange(3)).label
    need(list(label) == [1, 0, 1], f"labels {list(label)}")


def numbered(folder: Path, rng: Any) -> Path:
    """Class folders 0 to 11, as exported by DIGITS and many others."""
    return laid(*(f"{i}/{i}.png" for i in range(12)))(folder, rng)


def numbers_are_in_order(given: Path, outcome: Outcome) -> None:
    found(12, " ".join(map(str, range(12))))(given, outcome)


def two_sides(left: str, right: str, count: int = 12) -> Callable[[Path, Any], Path]:
    """Pairs whose gray levels are alike; `left` and `right` name them by a number."""

    def make(folder: Path, rng: Any) -> Path:
        for i in range(1, count + 1):
            image(folder / "A" / left.format(i), (10 * i,) * 3)
            image(folder / "B" / right.format(i), (10 * i,) * 3)
        return folder

    return make


def read_pairs(folder: Path) -> Any:
    spec = Spec(str(folder / "A"), target=str(folder / "B"), paired=True)
    source = load(spec)
    return source, read_all(source), describe(source)


def are_pairs(given: Path, outcome: Outcome) -> None:
    worked(outcome)
    _, batch, line = outcome.value
    front, back = batch.x
    need(np.array_equal(front, back), "images that do not belong together are pairs")
    need("Pairs: " in line, f"the first pairs are not shown: {line!r}")


def looped(folder: Path, rng: Any) -> Path:
    """Eight images, and a link from below to the folder itself."""
    laid(*(f"{kind}/{i}.png" for kind in ("cat", "dog") for i in range(4)))(folder, rng)
    (folder / "data" / "cat" / "again").symlink_to("..")
    return folder / "data"


def cut(folder: Path, rng: Any) -> Path:
    """Three images, of which two were not downloaded to their ends."""
    root = laid("1.png", "2.png", "3.jpg", size=(64, 64))(folder, rng)
    for name in ("2.png", "3.jpg"):
        data = (root / name).read_bytes()
        (root / name).write_bytes(data[: len(data) // 2])
    return root


def broken_test(folder: Path, rng: Any) -> Path:
    """A held-out image that is none."""
    root = laid("train/1.png", "test/1.png")(folder, rng)
    (root / "test" / "1.png").write_bytes(b"no image")
    return root


def stored_as(
    array: Callable[[], np.ndarray], **more: Any
) -> Callable[[Path, Any], Path]:
    """An .npz of one array of images."""

    def make(folder: Path, rng: Any) -> Path:
        np.savez(folder / "data.npz", image=array(), **more)
        return folder / "data.npz"

    return make


def bytes_in_archive(folder: Path, rng: Any) -> Path:
    """An .npz whose member is no array."""
    with zipfile.ZipFile(folder / "data.npz", "w") as packed:
        packed.writestr("image", b"raw bytes")
    return folder / "data.npz"


def turned_by(tag: int) -> Callable[[Path, Any], Path]:
    """A photograph that lies as its EXIF says."""

    def make(folder: Path, rng: Any) -> Path:
        exif = Image.Exif()
        exif[0x0112] = tag
        image(folder / "data" / "1.jpg", size=(24, 16), exif=exif)
        return folder / "data"

    return make


def is_shaped(shape: tuple) -> Callable[[Any, Outcome], None]:
    def right(given: Any, outcome: Outcome) -> None:
        worked(outcome)
        told = outcome.value[0].shape
        need(told == shape, f"shape {told} where {shape} is right")

    return right


# A person's own pictures.


def a_run(name: str, *more: Callable[[Path, Any], Any]) -> Callable[[Path, Any], Path]:
    """A finished run of one's own as `run`, and what else is laid."""

    def make(folder: Path, rng: Any) -> Path:
        ready.copied(name, folder / "run")
        for each in more:
            each(folder, rng)
        return folder

    return make


def command(*argv: str) -> Callable[[Path], None]:
    """`ganjax`, in whose words FOLDER is the situation's."""

    def act(folder: Path) -> None:
        cli.main([word.replace("FOLDER", str(folder)) for word in argv])

    return act


def red(folder: Path, rng: Any) -> None:
    """Pure red, by a profile in which the numbers of red and blue are exchanged."""
    options = {"icc_profile": pool.profiles()["swapped"]}
    image(folder / "red.png", (0, 0, 255), **options)


def is_red(folder: Path, outcome: Outcome) -> None:
    worked(outcome)
    made = reading.opened((folder / "made.png").read_bytes())
    seen = np.asarray(reading.colors(made).convert("RGB")).reshape(-1, 3).mean(0)
    need(seen[0] > 200 and seen[2] < 80, f"the colors {seen} are not red")


def layered(folder: Path, rng: Any) -> None:
    """A photograph with a transparent half, and a mask of its middle."""
    art = np.asarray(pool.art(RNG, (16, 16), "RGBA")).copy()
    art[..., 3] = np.where(np.arange(16) < 8, 255, 90)
    Image.fromarray(art).save(folder / "photo.png")
    hidden = np.zeros((16, 16), np.uint8)
    hidden[4:9, 6:12] = 255
    Image.fromarray(hidden).save(folder / "mask.png")


def alpha_is_kept(folder: Path, outcome: Outcome) -> None:
    worked(outcome)
    before, after = (
        np.asarray(Image.open(folder / name)) for name in ("photo.png", "made.png")
    )
    need(after.shape == before.shape, f"{after.shape} of {before.shape}")
    need(np.array_equal(after[..., 3], before[..., 3]), "another alpha channel")
    far = np.abs(after[:, :8].astype(int) - before[:, :8])
    need(far.max() <= 1, "what is opaque has changed")


def known_is_kept(folder: Path, outcome: Outcome) -> None:
    worked(outcome)
    before, after, hidden = (
        np.asarray(Image.open(folder / f"{name}.png"))
        for name in ("photo", "made", "mask")
    )
    known = hidden == 0
    need(np.array_equal(before[known], after[known]), "known pixels have changed")
    made = after[~known][:, :3].astype(int)
    need(np.abs(made - (GRAY + 1) * 127.5).max() <= 1, "what was made up is not there")


def deep(folder: Path, rng: Any) -> None:
    """A photograph of 16 bits and a mask of it."""
    wide = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257 + 3
    Image.fromarray(wide).save(folder / "photo.png")
    hidden = np.zeros((16, 16), np.uint8)
    hidden[:4, :4] = 255
    Image.fromarray(hidden).save(folder / "mask.png")


def depth_is_kept(folder: Path, outcome: Outcome) -> None:
    worked(outcome)
    before, after = (
        np.asarray(Image.open(folder / name)) for name in ("photo.png", "made.png")
    )
    need(np.array_equal(before[4:], after[4:]), "known pixels have lost bits")


def vast(folder: Path, rng: Any) -> None:
    """The header of a picture of 900 million pixels, without its pixels."""
    data = pool.picture(RNG, "png", "RGB", (16, 16))
    head = b"IHDR" + struct.pack(">II", 30_000, 30_000) + data[24:29]
    lie = data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
    (folder / "vast.png").write_bytes(lie)


def wrote(*names: str) -> Callable[[Path, Outcome], None]:
    """Right is that these files are there."""

    def right(folder: Path, outcome: Outcome) -> None:
        worked(outcome)
        for name in names:
            need((folder / name).is_file(), f"{name} is not there: {outcome.out!r}")

    return right


# Runs.


def without(*names: str) -> Callable[[Path, Any], None]:
    """The manifest of an older version, that lacks these arguments."""

    def change(folder: Path, rng: Any) -> None:
        path = folder / "run" / "run.json"
        values = json.loads(path.read_text())
        for name in names:
            values["args"]["run"].pop(name, None)
            values.pop(name, None)
        path.write_text(json.dumps(values))

    return change


def torn(name: str, text: str) -> Callable[[Path, Any], None]:
    """A file of the run with other text."""
    return lambda folder, rng: (folder / "run" / name).write_text(text) and None


def bent(folder: Path, rng: Any) -> None:
    """A byte of the newest save that is another."""
    files = [p for p in (folder / "run/checkpoints/4/state").rglob("*") if p.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 255
    largest.write_bytes(data)


def older_is_drawn(folder: Path, outcome: Outcome) -> None:
    worked(outcome)
    with np.load(folder / "made.npz") as stored:
        need(np.array_equal(stored["x"], runs.reference(2)), "not of the save before")
    need("damaged" in outcome.err, f"nothing was said of it: {outcome.err!r}")


def held_by_another(folder: Path) -> Any:
    """`ring` in a folder where another process trains."""
    ring = ready.module(ready.EXPERIMENTS / "ring.py")
    run = replace(ring.TINY.run, workdir=str(folder / "run"), steps=9, devices="jit")
    before = (folder / "run" / "run.json").read_bytes()
    held = os.open(folder / "run", os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ring.main(replace(ring.TINY, run=run))
    finally:
        os.close(held)
        need(
            (folder / "run" / "run.json").read_bytes() == before,
            "run.json was rewritten",
        )


def trains(name: str, **args: Any) -> Callable[[Path], Any]:
    """An experiment's `main` on what cannot be trained; the data is FOLDER/data."""

    def act(folder: Path) -> Any:
        module = ready.module(ready.EXPERIMENTS / f"{name}.py")
        given = dict(args)
        root = folder.parent if folder.name == "data" else folder
        where = given.pop("workdir", "run")
        init = str(root / given.pop("init_from")) if "init_from" in given else ""
        run = replace(module.TINY.run, workdir=str(root / where), init_from=init)
        if folder.name == "data":
            given["data"] = str(folder)
        return module.main(
            replace(module.TINY, run=replace(run, devices="jit"), **given)
        )

    return act


def nothing_begun(*words: str) -> Callable[[Path, Outcome], None]:
    """Right is a sentence, and no folder of a run."""

    def right(folder: Path, outcome: Outcome) -> None:
        refused(outcome, *words)
        root = folder.parent if folder.name == "data" else folder
        need(not (root / "run").exists(), "a run's folder was left behind")

    return right


# Python.


def draws(**how: Any) -> Callable[[Path], Any]:
    """`ganjax.load(run).sample(...)`."""

    def act(folder: Path) -> Any:
        n = how.pop("n", 4)
        return ganjax.load(folder / "run").sample(n, **how)

    return act


def runs_of_paths(folder: Path) -> Any:
    """Paths and whole floats where text and integers are expected."""
    args = make_dataclass("Args", [("run", Run)])(Run("", steps=10, batch=8))
    # Tests check what the fields are given; a person's Python does not.
    for name, value in (("workdir", Path("runs/x")), ("steps", 1e1)):
        object.__setattr__(args.run, name, value)
    check(args)
    return read(folder)


def unannotated(folder: Path) -> Any:
    """`main(args)` that says nothing of its flags, beside a dataclass `Args`."""
    made = make_dataclass("Args", [("steps", int, 3)])
    script = types.ModuleType("script")
    script.__dict__["Args"] = made
    code = "def main(args):\n    seen.append(args.steps)\n"
    seen: list[int] = []
    script.__dict__["seen"] = seen
    exec(code, script.__dict__)
    sys.modules["script"], sys.argv = script, ["script.py", "--steps", "5"]
    try:
        play_command(script.__dict__["main"])
    finally:
        del sys.modules["script"]
    return seen


def helps(folder: Path) -> None:
    """`ganjax sample --help` on a terminal whose letters are few."""
    raw = io.BytesIO()
    kept, sys.stdout = sys.stdout, io.TextIOWrapper(raw, "koi8-r", write_through=True)
    try:
        cli.main(["sample", "--help"])
    finally:
        sys.stdout = kept


def typed(name: str, *argv: str) -> Callable[[Any], Any]:
    """The flags of an experiment, parsed."""

    def act(folder: Path) -> Any:
        module = ready.module(ready.EXPERIMENTS / f"{name}.py")
        with exit_on_error():
            return parse(module.Args, "", [*argv])

    return act


def nothing(folder: Path, rng: Any) -> Path:
    """No input at all."""
    return folder


def works(given: Any, outcome: Outcome) -> None:
    """Right is that it works."""
    worked(outcome)


def returned(value: Any) -> Callable[[Any, Outcome], None]:
    def right(given: Any, outcome: Outcome) -> None:
        worked(outcome)
        need(outcome.value == value, f"{outcome.value} where {value} is right")

    return right


SAMPLE = ("sample", "FOLDER/run", "--n", "8", "--out", "FOLDER/made.npz")
TRANSLATE = ("translate", "FOLDER/run", "--trust")
COMPLETE = ("complete", "FOLDER/run", "FOLDER/photo.png", "--mask", "FOLDER/mask.png")
COMPLETE += ("--trust", "--out", "FOLDER/made.png")
ROW = '{"step": 1, "d/loss": 1e308}\n'
MADE = ("made.png", "made.npz", "made", "run")

TABLE = [
    # A. Work that is lost.
    Situation(
        "A1: a [ in the path of the run's folder",
        nothing,
        trains("ring", workdir="[x]/run"),
        says("[x]"),
    ),
    Situation(
        "A3: 33 pixels, of which G makes 32",
        laid("1.png", "2.png"),
        trains("dcgan", size=33),
        nothing_begun("33"),
    ),
    Situation(
        "A4: images that were cut off are listed before the first step",
        cut,
        trains("dcgan", size=16),
        nothing_begun("2.png", "3.jpg"),
    ),
    Situation(
        "A7: a run of a version that lacks flags is sampled",
        a_run(
            "ring", without("posthoc_ema", "keep_every", "seeds", "scores", "folder")
        ),
        command(*SAMPLE),
        wrote("made.npz"),
        MADE,
    ),
    Situation(
        "A8: a second process is refused and writes nothing",
        a_run("ring"),
        held_by_another,
        says("Another process"),
    ),
    Situation(
        "A12: weights to start from that are not there leave no folder behind",
        nothing,
        trains("ring", init_from="nowhere"),
        nothing_begun("nowhere"),
    ),
    Situation(
        "A: a damaged save is passed over, and said so",
        a_run("ring", bent),
        command(*SAMPLE),
        older_is_drawn,
        MADE,
    ),
    # B. Data that is misread in silence.
    Situation("B1: NVIDIA's dataset.json", nvidia, read, nvidia_is_read),
    Situation(
        "B2: train and valid without test",
        laid(
            "Train/cat/1.png", "Train/dog/2.png", "valid/cat/3.png", "valid/dog/4.png"
        ),
        read,
        found(2, "cat dog", 2, "2 held out"),
    ),
    Situation("B3: class folders 0 to 11", numbered, read, numbers_are_in_order),
    Situation(
        "B4: fewer classes than the data has",
        laid("a/1.png", "b/2.png", "c/3.png"),
        trains("dcgan", size=16, classes=2),
        nothing_begun("2", "3"),
    ),
    Situation(
        "B5: 1.png and 1_mask.png",
        two_sides("{}.png", "{}_mask.png"),
        read_pairs,
        are_pairs,
    ),
    Situation(
        "B5: numbers with and without zeros",
        two_sides("img{}.png", "{:03}.png"),
        read_pairs,
        are_pairs,
    ),
    Situation(
        "B5: names that do not tell",
        two_sides("{:x}a.png", "{}.png", 20),
        read_pairs,
        says("belong together"),
    ),
    Situation(
        "B6: endings that people have",
        laid("1.png", "2.jfif", "3.avif", "4.jpe", "5.JPG", "notes.txt"),
        read,
        found(5, "", 0, "1 other file skipped", ".txt"),
    ),
    Situation(
        "B7: images beside masks are told as classes",
        laid("images/1.png", "masks/1.png"),
        read,
        found(2, "images masks", 0, "images", "masks"),
    ),
    Situation("B8: links that form a loop", looped, read, found(8, "cat dog")),
    Situation(
        "B9: a held-out image that is none",
        broken_test,
        lambda where: read(where, split="test"),
        says("1.png"),
    ),
    # C. A person's own pictures.
    Situation(
        "C1: red by a color profile stays red",
        a_run("rgb", red),
        command(*TRANSLATE, "FOLDER/red.png", "--out", "FOLDER/made.png"),
        is_red,
        MADE,
    ),
    Situation(
        "C2: alpha goes through a translation",
        a_run("rgb", layered),
        command(*TRANSLATE, "FOLDER/photo.png", "--out", "FOLDER/made.png"),
        alpha_is_kept,
        MADE,
    ),
    Situation(
        "C2: known pixels and alpha stay when a photograph is completed",
        a_run("fill", layered),
        command(*COMPLETE),
        known_is_kept,
        MADE,
    ),
    Situation(
        "C2: 16 bits stay 16 bits where they are known",
        a_run("fill", deep),
        command(*COMPLETE),
        depth_is_kept,
        MADE,
    ),
    Situation(
        "C3: a picture of 900 million pixels that is cut off",
        a_run("rgb", vast),
        command(*TRANSLATE, "FOLDER/vast.png", "--out", "FOLDER/made.png"),
        says("vast.png"),
    ),
    Situation(
        "C4: --out with the ending of a picture is that file",
        a_run("rgb", lambda folder, rng: image(folder / "p.png")),
        command(*TRANSLATE, "FOLDER/p.png", "--out", "FOLDER/made.png"),
        wrote("made.png"),
        MADE,
    ),
    # D. Tracebacks and untruths.
    Situation(
        "D1: --out below a file",
        a_run("ring", torn("file", "")),
        command(*SAMPLE[:-1], "FOLDER/run/file/made.npz"),
        says("file"),
    ),
    Situation("D2: help on a terminal of few letters", nothing, helps, works),
    Situation(
        "D3: a member of a run that is alone",
        a_run("ring"),
        command(*SAMPLE, "--member", "99"),
        says("99"),
    ),
    *(
        Situation(
            f"D4: DCGAN of {size} pixels",
            laid("1.png", "2.png"),
            trains("dcgan", size=size),
            nothing_begun(str(size)),
        )
        for size in (50, 100)
    ),
    Situation("D6: no samples", a_run("ring"), draws(n=0), says("0")),
    Situation("D6: a class by a word", a_run("ring"), draws(label="cat"), says("cat")),
    Situation("D6: paths and whole floats", laid("1.png"), runs_of_paths, works),
    Situation(
        "D7: floats of -1 to 1",
        stored_as(lambda: RNG.uniform(-1, 1, (4, 8, 8, 3))),
        read,
        says("uint8", "float64"),
    ),
    Situation("D10: main(args) without an annotation", nothing, unannotated, works),
    Situation(
        "D: a flag that is unknown",
        nothing,
        typed("ring", "--nope", "3"),
        says("--nope"),
    ),
    Situation(
        "D: a word for a number",
        nothing,
        typed("ring", "--batch", "many"),
        says("many"),
    ),
    Situation("D: no run", nothing, command("report", "FOLDER"), says("run.json")),
    # Tables.
    *(
        Situation(
            f"F: a table {name}",
            a_table(text),
            trains("ctgan", target=""),
            nothing_begun(*words),
        )
        for name, text, words in (
            ("with a line too short", "a,b\n1,x\n2\n", ("line 3", "1 cell")),
            ("with a line too long", "a,b\n1,x\n2,y,z\n", ("line 3", "3 cells")),
            ("of no byte", "", ("train.csv is empty",)),
            ("of a header alone", "a,b\n", ("no rows",)),
            ("without a header", "5.1,3.5,a\n4.9,3,b\n", ("no header", "5.1")),
            ("with a column twice", "a,a\n1,2\n", ("2 columns named 'a'",)),
            ("with an open quote", 'a,b\n1,"x\n2,y\n', ("no valid CSV in line",)),
            ("of a program", b"\x7fELF\x00\x01\x02", ("not a text file",)),
            ("in no encoding", b"a,b\n\x81\x8d,1\n", ("unknown encoding",)),
            ("of one value", "a,b\n1,x\n1,x\n", ("No column of the table",)),
        )
    ),
    Situation(
        "F: no table",
        laid("1.png"),
        trains("ctgan", target=""),
        nothing_begun("train.csv"),
    ),
    Situation(
        "F: a table with a constant column, a key and missing values",
        a_table(
            "id,a,b\n" + "".join(f"k{i},{i / 7:.3f},1\n" for i in range(30)) + "z,NA,1"
        ),
        tabulated,
        opened("31 rows of 3 columns", "id (keys", "b (constant)"),
    ),
    Situation(
        "F: a table of 10,000 categories",
        a_table("a,b\n" + "".join(f"w{i % 10_000},{i % 3}\n" for i in range(12_000))),
        tabulated,
        opened("'a' has 10,000 values", "the rarest 9,001"),
    ),
    Situation(
        "F: a table of Excel's: a byte order mark, semicolons, Windows' line ends",
        a_table("\ufeffNaïve;b\r\n1,5;x\r\n2,5;y\r\n2,5;x\r\n"),
        tabulated,
        opened("3 rows of 2 columns", "2 classes (b=x, b=y)"),
    ),
    Situation(
        "F: rows of a run that is of no table",
        a_run("ring"),
        command("synthesize", "FOLDER/run", "--out", "FOLDER/made.csv"),
        says("makes points and no tables"),
    ),
    Situation(
        "F: rows for a file that is no .csv",
        a_run("ring"),
        command("synthesize", "FOLDER/run", "--out", "FOLDER/made.png"),
        says(".csv"),
    ),
    # What was found by making situations up (`tests.fuzz`).
    Situation(
        "E: a status of another kind",
        a_run("ring", torn("status.json", '{"state": 7, "step": "x"}')),
        command("report", "FOLDER/run"),
        wrote("run/report.html"),
        MADE,
    ),
    Situation(
        "E: numbers beyond all measure",
        a_run(
            "ring",
            torn("metrics.jsonl", '{"step": 1, "d/loss": 1e308}\n{"step": 1e400}\n'),
        ),
        command("report", "FOLDER/run"),
        wrote("run/report.html"),
        MADE,
    ),
    Situation(
        "E: rows that are nested without end",
        a_run("ring", torn("metrics.jsonl", "[" * 5000)),
        command("report", "FOLDER/run"),
        wrote("run/report.html"),
        MADE,
    ),
    Situation(
        "E: a run.json nested without end",
        a_run("ring", torn("run.json", "[" * 5000)),
        command(*SAMPLE),
        says("run.json"),
    ),
    Situation("E: bytes for an array", bytes_in_archive, read, says("data.npz")),
    Situation(
        "E: unsigned labels here and signed ones there",
        stored_as(
            lambda: np.zeros((2, 8, 8, 3), np.uint8),
            label=np.array([4, 9], np.uint64),
            image_test=np.zeros((2, 8, 8, 3), np.uint8),
            label_test=np.array([4, -1], np.int64),
        ),
        read,
        found(2, "-1 4 9", 2),
    ),
    Situation(
        "E: one pair alone",
        two_sides("{}.png", "{}_mask.png", 1),
        read_pairs,
        are_pairs,
    ),
    *(
        Situation(
            f"E: turned by {tag}, which is no turn",
            turned_by(tag),
            read,
            is_shaped((16, 24, 3)),
        )
        for tag in (0, 9)
    ),
    Situation("E: turned by 6", turned_by(6), read, is_shaped((24, 16, 3))),
]
