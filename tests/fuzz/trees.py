"""Folders and archives of images, as they come from people, tools and accidents."""

import json
import os
import struct
import warnings
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.data import Spec, load, read_all
from ganjax.errors import NoSplit
from tests.fuzz import pool, reading
from tests.fuzz.harness import Outcome, Situation, need, refused, worked
from tests.fuzz.pool import chance, chosen
from tests.fuzz.reading import Wanted


QUIETLY = ("dataset.json", "Thumbs.db")  # no person put these there to be read
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


@dataclass
class Plan:
    """Files by their names, and what is known of them before anything reads them."""

    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)  # name -> where it leads
    folders: list[str] = field(default_factory=list)
    pipes: list[str] = field(default_factory=list)
    labels: dict[str, int] | None = None  # NVIDIA's, by name
    nvidia: bool = False  # a dataset.json says what the classes are
    torn: bool = False  # and it cannot be read
    doubtful: bool = False  # a sentence is as right as what is read
    note: str = ""
    escapes: bool = False  # a name leads out; what it names may be read or not


@dataclass
class Given:
    """What `load` is given, and what is right to find there."""

    where: str
    wanted: Wanted
    split: str
    plan: Plan
    names: list[str]  # of the files, as the rules see them
    data: dict[str, bytes]
    spoiled: str = ""  # why the archive as a whole cannot be read


def folder(rng: np.random.Generator) -> Situation:
    """A folder of images."""
    return Situation("folder", _folder, read, right)


def archive(rng: np.random.Generator) -> Situation:
    """A .zip of images."""
    return Situation("zip", _archive, read, right)


def read(given: Given) -> Any:
    """The data, decoded to its end."""
    wanted = given.wanted._asdict()
    source = load(Spec(given.where, split=given.split, **wanted))
    return source, read_all(source)


def right(given: Given, outcome: Outcome) -> None:
    """What a folder's or an archive's files say."""
    if given.spoiled:
        return refused(outcome)
    if given.plan.escapes:
        return None
    found = reading.tree(given.names, given.split)
    if given.plan.nvidia and not found.absent:
        found = _numbered(given, found)
    reasons, doubts = _reasons(given, found)
    if reasons:
        refused(outcome, *_plainly(reasons))
        absent = [*reasons] == ["absent"]
        told = isinstance(outcome.error, NoSplit)
        need(told or not absent or doubts, "an absent split is no NoSplit")
        need(absent or not told, f"{reasons}, yet told as an absent split")
        return None
    if doubts and outcome.sentence:
        return None
    worked(outcome)
    source, batch = outcome.value
    _compare(given, found, source, batch, doubts)
    return None


def _plainly(reasons: dict[str, str]) -> list[str]:
    """Names that a sentence must give as they are; odd ones may be quoted."""
    broken = [name for name in reasons.values() if len(reasons) == 1]
    return [name for name in broken if name.isascii() and name.isprintable()]


def _reasons(given: Given, found: reading.Tree) -> tuple[dict[str, str], list[str]]:
    """Why it must be refused, and why it may be."""
    plan, wanted = given.plan, given.wanted
    doubts = [plan.note] if plan.doubtful else []
    if plan.torn:
        return {"dataset.json": ""}, doubts
    if found.refused and not found.absent:
        return ({} if doubts else {found.refused: ""}), doubts or [found.refused]
    if found.absent:
        return {"absent": ""}, doubts
    if found.mixed:
        doubts.append("in class folders and next to them")
    reasons, shapes, bad = {}, set(), []
    if plan.nvidia and plan.labels is not None and set(found.images) - set(plan.labels):
        reasons["an image without a label"] = ""
    for name in found.images:
        try:
            shapes.add(reading.pixels(given.data[name], wanted).shape)
        except Exception:
            bad.append(name)
    if bad:
        reasons["broken"] = os.path.basename(bad[0]) if len(bad) == 1 else ""
    if len(shapes) > 1:
        reasons["differ"] = ""
    if doubts and reasons:
        reasons["or " + doubts[0]] = ""
    return reasons, doubts


def _numbered(given: Given, found: reading.Tree) -> reading.Tree:
    """NVIDIA's: folders are no classes; labels are those of dataset.json, if any."""
    labels = given.plan.labels
    if labels is None:
        return found._replace(images=dict.fromkeys(found.images, ""), classes=())
    images = {name: str(labels.get(name, "")) for name in found.images}
    values = sorted({*labels.values()})
    return found._replace(images=images, classes=(*map(str, values),), mixed=False)


def _compare(
    given: Given, found: reading.Tree, source: Any, batch: Any, doubts: list[str]
) -> None:
    wanted, names = given.wanted, list(found.images)
    times = 2 if wanted.mirror else 1
    count = times * len(names)
    optional = [
        name
        for name in given.names
        if reading.visible(name) and reading.ending(name) in reading.ALLOWED
    ]
    enough = source.length == count or (optional and source.length >= count)
    need(enough, f"{source.length} images where {count} are: {names[:8]}")
    if optional and source.length > count:
        return
    # Two images of a file are compared as one of twice the channels.
    image = np.concatenate(batch.x, axis=-1) if wanted.side_by_side else batch.x
    need(len(image) == source.length, "read_all() gives another number than length")
    expected = [reading.pixels(given.data[name], wanted) for name in names]
    if wanted.mirror:
        half = wanted.side_by_side
        need(not half or expected[0].shape[-1] % 2 == 0, "halves are not two")
        expected += [image[:, ::-1] for image in expected]
    stack = np.stack(expected).astype(np.int16)
    got = np.asarray(image).astype(np.int16)
    need(got.shape == stack.shape, f"shape {got.shape} where {stack.shape} is right")
    for shape in source.shape if wanted.side_by_side else [source.shape]:
        sides = (*stack.shape[1:-1], stack.shape[-1] // (1 + wanted.side_by_side))
        need(tuple(shape) == sides, f"promised {source.shape}")
    which = _match(stack, got)
    if not doubts:
        _compare_told(given, found, source)
    classes = tuple(source.classes)
    if given.plan.nvidia and found.classes:
        seen = [names[i % len(names)] for i in which]
        _compare_numbers(found, seen, classes, batch.label)
        return
    shown = {_shown(name): name for name in found.classes}
    need(set(classes) == set(shown), f"{classes} where {found.classes} are")
    need(len(set(classes)) == len(classes), f"a class twice in {classes}")
    plain = all(name.isascii() and name.isalnum() for name in classes)
    lower = [name.lower() for name in classes]
    plain = plain and lower == list(classes)
    if plain and not any(name[0] == "0" and len(name) > 1 for name in classes):
        need(classes == found.classes, f"{classes} where {found.classes} is the order")
    for place, row in enumerate(which):
        true = found.images[names[row % len(names)]]
        told = shown[classes[int(batch.label[place])]] if classes else ""
        need(told == true, f"{names[row % len(names)]!r} is {told!r}, not {true!r}")
        need(classes or batch.label[place] == 0, "a label without classes")


def _shown(name: str) -> str:
    """A name on one line: what cannot be printed is escaped, and what is no UTF-8."""
    if name.isprintable():
        return name
    known = os.fsencode(name).decode("utf-8", "backslashreplace")
    escaped = lambda x: x if x.isprintable() else x.encode("unicode_escape").decode()
    return "".join(map(escaped, known))


def _compare_told(given: Given, found: reading.Tree, source: Any) -> None:
    """What the first line of a run says: how many are held out, what was passed over."""
    if given.split == "train":
        others = reading.tree(given.names, "test")
        need(
            source.report.held_out == len(others.images),
            f"{source.report.held_out} held out, not {len(others.images)}",
        )
    told = sum(source.report.skipped.values())
    images = [n for n in given.names if reading.ending(n) in reading.COMMON]
    foreign = [n for n in given.names if reading.visible(n) and n not in images]
    foreign = [n for n in foreign if os.path.basename(n) not in QUIETLY]
    need(told >= len(foreign), f"{told} passed over, yet there are {foreign[:5]}")


def _compare_numbers(
    found: reading.Tree, names: list[str], classes: tuple[str, ...], labels: Any
) -> None:
    told = [int(classes[i]) if classes else None for i in labels]
    given = [int(found.images[name]) if classes else None for name in names]
    need(told == given, f"labels {told[:9]} where dataset.json says {given[:9]}")
    need(classes or len(set(map(found.images.get, names))) <= 1, "classes are not read")


def _match(expected: np.ndarray, got: np.ndarray, near: int = 3) -> list[int]:
    """For each row that was read, the image that it is; needs that each occurs once."""
    flat = lambda x: x.reshape(len(x), -1).astype(np.float32)
    far = np.abs(flat(got)[:, None] - flat(expected)[None])
    # A lossy image is decoded by the same library; what remains is rounding.
    worst = far.max(-1) if far.size else np.zeros((len(got), len(expected)))
    which, free = [], set(range(len(expected)))
    for row in range(len(got)):
        fits = [i for i in free if worst[row, i] <= near]
        best = min(free, key=lambda i: far[row, i].mean(), default=None)
        off = "" if best is None else f", {worst[row, best]:.0f} levels off at best"
        need(fits, f"row {row} is none of the images that are left{off}")
        one = min(fits, key=lambda i: far[row, i].mean())
        which.append(one)
        free.discard(one)
    return which


# What people put into folders.


def plan(rng: np.random.Generator) -> tuple[Plan, Wanted, str]:
    """A tree, the shape that is asked for, and the split."""
    made = Plan()
    wanted = Wanted(
        size=chosen(rng, (0, 0, 8, 16)),
        channels=chosen(rng, (0, 3, 3, 1, 4)),
        crop=chance(rng, 0.7),
        background=chosen(rng, (255, 0, 77)),
        mirror=chance(rng, 0.1),
        side_by_side=chance(rng, 0.08),
    )
    split = "test" if chance(rng, 0.25) else "train"
    tops = _tops(rng)
    style = chosen(rng, ("flat", "classes", "classes", "numbers", "nvidia"))
    classes = _classes(rng, style)
    size = (int(rng.integers(8, 25)), int(rng.integers(8, 25)))
    mixed_sizes, mixed_modes = chance(rng, 0.2), chance(rng, 0.3)
    end = chosen(rng, pool.FORMATS)
    mode = chosen(rng, pool.FORMATS[end])
    number = 0
    for top in tops:
        for label in classes:
            for _ in range(int(rng.integers(1, 2 if len(classes) > 6 else 4))):
                number += 1
                if mixed_modes or chance(rng, 0.1):
                    end = chosen(rng, pool.FORMATS)
                    mode = chosen(rng, pool.FORMATS[end])
                if mixed_sizes:
                    size = (int(rng.integers(8, 25)), int(rng.integers(8, 25)))
                stem = _stem(rng, style, number)
                upper = end.upper() if chance(rng, 0.15) else end
                deep = "deep/er/" if label and chance(rng, 0.1) else ""
                name = "/".join(filter(None, (top, label, f"{deep}{stem}.{upper}")))
                made.files[name] = pool.picture(rng, end, mode, size)
    if style == "nvidia":
        _describe(rng, made)
    for extra in EXTRAS:
        if chance(rng, 0.09):
            extra(rng, made)
    for _ in range(chosen(rng, (0, 0, 0, 1, 2))):
        made = _wrapped(made, chosen(rng, ("data", "archive", "My Data (1)", "[x]")))
    return made, wanted, split


def _tops(rng: np.random.Generator) -> list[str]:
    if chance(rng, 0.5):
        return [""]
    first = chosen(rng, ("train", "Train", "TRAIN", "training", "Training"))
    names = ("test", "Test", "val", "Val", "valid", "VALID", "validation", "Testing")
    others = [chosen(rng, names) for _ in range(int(rng.integers(0, 3)))]
    return list({name.lower(): name for name in (first, *others)}.values())


def _classes(rng: np.random.Generator, style: str) -> list[str]:
    if style == "flat":
        return [""]
    if style == "nvidia":
        return [f"{i:05}" for i in range(int(rng.integers(1, 3)))]
    if style == "numbers":
        return [str(i) for i in range(int(rng.integers(2, 14)))]
    names = pool.PLAIN if chance(rng, 0.4) else pool.PLAIN + 2 * pool.ODD
    count = int(rng.integers(1, 6))
    return list({chosen(rng, names): None for _ in range(count)})


def _stem(rng: np.random.Generator, style: str, number: int) -> str:
    if style == "nvidia":
        return f"img{number:08}"
    if chance(rng, 0.2):
        odd = chosen(rng, pool.ODD)
        return f"{odd}{number}"
    return chosen(rng, (f"{number}", f"img_{number}", f"DSC{number:05}", f"x.{number}"))


def _describe(rng: np.random.Generator, made: Plan) -> None:
    """NVIDIA's dataset.json, or one that is torn or another's."""
    made.nvidia = True
    way = rng.integers(6)
    if way <= 2:
        values = [
            int(x) for x in rng.integers(0, chosen(rng, (2, 12)), len(made.files))
        ]
        made.labels = dict(zip(made.files, values, strict=True))
    labels = None if made.labels is None else [list(x) for x in made.labels.items()]
    text = json.dumps({"labels": labels}).encode()
    if way == 5:
        made.torn, text = True, text[: len(text) // 2]
    made.files["dataset.json"] = text


def _wrapped(made: Plan, top: str) -> Plan:
    under = lambda name: f"{top}/{name}"
    labels = made.labels and {under(k): v for k, v in made.labels.items()}
    made.files = {under(k): v for k, v in made.files.items()}
    made.links = {under(k): v for k, v in made.links.items()}
    made.folders, made.pipes = map(under, made.folders), map(under, made.pipes)
    made.folders, made.pipes, made.labels = [*made.folders], [*made.pipes], labels
    return made


def _foreign(rng: np.random.Generator, made: Plan) -> None:
    names = (
        "notes.txt",
        "labels.csv",
        "Thumbs.db",
        "LICENSE",
        "a.json",
        "x.xml",
        "a.zip",
    )
    made.files[_near(rng, made) + chosen(rng, names)] = b"no image"


def _hidden(rng: np.random.Generator, made: Plan) -> None:
    names = (
        ".DS_Store",
        "._a.png",
        ".git/x.png",
        "__MACOSX/a/b.png",
        ".hidden/c/d.jpg",
    )
    made.files[chosen(rng, names)] = chosen(rng, (b"", b"no image"))


def _broken(rng: np.random.Generator, made: Plan) -> None:
    names = [n for n in made.files if reading.ending(n) in pool.FORMATS]
    name = chosen(rng, names)
    made.files[name] = pool.damaged(rng, made.files[name])


def _rare(rng: np.random.Generator, made: Plan) -> None:
    end = chosen(rng, pool.RARE)
    size = (16, 16) if end in ("ico", "icns") else (16, 12)
    data = pool.picture(rng, end, chosen(rng, pool.RARE[end]), size)
    made.files[f"{_near(rng, made)}rare.{end}"] = data
    made.doubtful, made.note = True, "a rare format"


def _stray(rng: np.random.Generator, made: Plan) -> None:
    made.files["stray.png"] = pool.picture(rng, "png", "RGB", (16, 16))
    made.doubtful, made.note = True, "an image beside the folders"


def _renamed(rng: np.random.Generator, made: Plan) -> None:
    made.files[f"{_near(rng, made)}really_jpeg.png"] = pool.picture(
        rng, "jpg", "RGB", (16, 16)
    )


def _empty(rng: np.random.Generator, made: Plan) -> None:
    made.folders += ["nothing in here", "train_of_thought/deep"]


def _loop(rng: np.random.Generator, made: Plan) -> None:
    made.links[f"{_near(rng, made)}zloop"] = chosen(rng, ("..", ".", "../."))


def _twice(rng: np.random.Generator, made: Plan) -> None:
    tops = [name.split("/")[0] for name in made.files if "/" in name]
    if tops:
        made.links["zz_again"] = chosen(rng, tops)
        made.doubtful, made.note = True, "a folder by two names"


def _store(rng: np.random.Generator, made: Plan) -> None:
    """Data that lies in a hidden store, as git-annex and DVC keep it."""
    name = chosen(rng, list(made.files))
    if reading.ending(name) in pool.FORMATS:
        made.files[f".store/{'0' * 8}"] = made.files.pop(name)
        up = "../" * name.count("/")
        made.links[name] = f"{up}.store/{'0' * 8}"


def _dangling(rng: np.random.Generator, made: Plan) -> None:
    made.links[f"{_near(rng, made)}gone.png"] = "/nowhere/at/all.png"
    made.doubtful, made.note = True, "a link that leads nowhere"


def _pipe(rng: np.random.Generator, made: Plan) -> None:
    made.pipes.append(f"{_near(rng, made)}pipe.png")
    made.doubtful, made.note = True, "a pipe"


def _bytes(rng: np.random.Generator, made: Plan) -> None:
    """A name in another encoding than UTF-8."""
    name = chosen(rng, list(made.files))
    if made.labels is None and reading.ending(name) in pool.FORMATS:
        top, _, file = name.rpartition("/")
        made.files["/".join(filter(None, (top, f"caf\udce9{file}")))] = made.files.pop(
            name
        )


EXTRAS = (
    _foreign,
    _foreign,
    _hidden,
    _broken,
    _rare,
    _stray,
    _renamed,
    _empty,
    _loop,
    _twice,
    _store,
    _dangling,
    _pipe,
    _bytes,
)


def _near(rng: np.random.Generator, made: Plan) -> str:
    """Beside one of the files."""
    top, _, _ = chosen(rng, list(made.files)).rpartition("/")
    return f"{top}/" if top else ""


def _folder(root: Path, rng: np.random.Generator) -> Given:
    made, wanted, split = plan(rng)
    place = root / chosen(rng, ("data", "my data", "[x]", "данные", "data.zip", "a%b"))
    place.mkdir()
    for name, data in made.files.items():
        path = os.path.join(place, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    for name in made.folders:
        os.makedirs(place / name, exist_ok=True)
    for name, target in made.links.items():
        os.makedirs((place / name).parent, exist_ok=True)
        if not os.path.lexists(place / name):
            os.symlink(target, place / name)
    for name in made.pipes:
        os.mkfifo(place / name)
    if chance(rng, 0.1):
        os.symlink(place, root / "link")
        place = root / "link"
    names = reading.walk(str(place))
    data = {}
    for name in names:
        path = os.path.join(place, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                data[name] = file.read()
    kept = [name for name in names if name in data]
    return Given(str(place), wanted, split, made, kept, data)


def _archive(root: Path, rng: np.random.Generator) -> Given:
    made, wanted, split = plan(rng)
    made.links, made.pipes = {}, []
    files = {n: d for n, d in made.files.items() if n.isprintable() and "\\" not in n}
    # A drive at the beginning of a name is no folder.
    files = {n: d for n, d in files.items() if "\udce9" not in n and n[:2] != "C:"}
    path = root / chosen(rng, ("data.zip", "DATA.ZIP", "my data.zip", "[x].zip"))
    method = METHODS[chosen(rng, METHODS)]
    windows = chance(rng, 0.15)
    names = [*files]
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as packed:
        warnings.simplefilter("ignore")
        for name in made.folders:
            packed.writestr(zipfile.ZipInfo(f"{name}/"), b"")
        for name, data in files.items():
            stored = name.replace("/", "\\") if windows else name
            with packed.open(stored, "w", force_zip64=chance(rng, 0.1)) as file:
                file.write(data)
        if chance(rng, 0.1):
            packed.comment = b"a comment " * int(rng.integers(1, 100))
        if chance(rng, 0.06) and not windows and names:
            packed.writestr(zipfile.ZipInfo(names[0]), files[names[0]])
            made.doubtful, made.note = True, "a name twice"
        if chance(rng, 0.06):
            out = chosen(rng, ("../", "../../", "/", "a/../../../", "..\\"))
            escape = pool.picture(rng, "png", "RGB", (9, 9))
            packed.writestr(zipfile.ZipInfo(f"{out}escape.png"), escape)
            made.doubtful, made.note = True, "a name that leads out of the archive"
            made.escapes = True
    given = Given(str(path), wanted, split, made, names, files)
    if chance(rng, 0.2):
        _spoil(rng, given)
    return given


def _spoil(rng: np.random.Generator, given: Given) -> None:
    """Damages an archive as a whole, or says of one member what cannot be read."""
    path = Path(given.where)
    data = bytearray(path.read_bytes())
    way = chosen(rng, ("cut", "nothing", "other", "code", "method", "before"))
    if way == "cut":
        del data[int(rng.integers(1, len(data) - 1)) :]
    elif way == "nothing":
        del data[:]
    elif way == "other":
        data = bytearray(b"\x1f\x8b\x08 a .tar.gz " * 9)
    elif way == "before":  # as of an archive that unpacks itself, which is whole
        data = bytearray(b"#!/bin/sh\n") + data
    else:
        with zipfile.ZipFile(path) as packed:
            starts = {i.filename.replace("\\", "/"): i for i in packed.infolist()}
        names = [n for n in starts if reading.visible(n) and reading.ending(n) == "png"]
        if names:
            name = chosen(rng, names)
            _mark(data, starts[name].header_offset, way)
            given.data[name] = b""
            given.plan.doubtful, given.plan.note = True, f"a member with another {way}"
    path.write_bytes(data)
    if way in ("cut", "nothing", "other"):
        # Python takes some cuts for whole, such as one within the comment.
        given.spoiled = "" if zipfile.is_zipfile(path) else way
        given.plan.doubtful, given.plan.note = True, "an archive that was cut"


def _mark(data: bytearray, start: int, way: str) -> None:
    """Says of the member at `start` that it is encrypted, or packed in an unknown way."""
    central = data.find(b"PK\x01\x02")
    while central >= 0:
        if struct.unpack_from("<I", data, central + 42)[0] == start:
            for place in (start + 6, central + 8):
                if way == "code":
                    data[place] |= 1
                else:
                    struct.pack_into("<H", data, place + 2, 97)
            return
        central = data.find(b"PK\x01\x02", central + 4)
