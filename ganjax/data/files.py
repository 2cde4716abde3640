"""The files that lie in a folder or in a .zip, by names that are alike for both.

A name is the path from the root with "/" between its parts. What the operating system or
an archiver puts beside a person's files is left out: hidden files, __MACOSX, Thumbs.db.
"""

import os
import stat
import threading
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ganjax.data.names import listed, printable
from ganjax.errors import Mistake


# Written by Windows, macOS, Synology, ext4 and the like, in lower case; others are hidden.
SYSTEM = {
    *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    *("$recycle.bin", "system volume information", "lost+found", "@eadir"),
}
METHODS = {
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
    zipfile.ZIP_BZIP2,
    zipfile.ZIP_LZMA,
}
ENCRYPTED, UTF_8 = 0x1, 0x800  # bits of the flags of a file in a .zip
FOLDER = 0x10  # MS-DOS's attribute of a folder
CHUNK = 1 << 20  # bytes that are hashed at a time


class Files(NamedTuple):
    """Named files that can be opened by any thread."""

    names: list[str]  # of the regular files, and of links to such
    folders: list[str]
    others: dict[str, str]  # name -> what kind: neither a file nor a folder
    notes: tuple[str, ...]  # sentences about what was left out
    open: Callable[[str], AbstractContextManager[Any]]
    full: Callable[[str], str]  # a name as the person knows it, fit to be printed
    size: Callable[[str], int]  # in bytes, unpacked
    crc: Callable[[str], int]  # CRC-32 of the contents


def in_folder(where: str) -> Files:
    """The files of a folder and of all below it, linked ones too.

    Each folder is entered once, so that links may form a loop; what can be reached
    without a link is not entered by one. Raises a `Mistake` for a folder that cannot be
    listed.
    """
    root = Path(where)
    names, folders, others, repeated = [], [], {}, []
    entered: set[Any] = set()
    links = [""]  # folders that are still to be entered, links but for the root
    while links:
        name = links.pop(0)
        if _identity(root / name) in entered:
            repeated.append(name)
            continue
        linked = _walk(root, name, entered, names, folders, others)
        links = sorted(links + linked)
    notes = ()
    if repeated:
        notes = (
            f"Links to folders that are among the rest were not followed "
            f"({listed(repeated)}).",
        )

    def full(name: str) -> str:
        return printable(str(root / name))

    def size(name: str) -> int:
        with blaming(full(name)):
            return os.stat(root / name).st_size

    def crc(name: str) -> int:
        value = 0
        with blaming(full(name)), open(root / name, "rb") as file:
            while block := file.read(CHUNK):
                value = zlib.crc32(block, value)
        return value

    return Files(
        names=names,
        folders=folders,
        others=others,
        notes=notes,
        open=lambda name: open(root / name, "rb"),
        full=full,
        size=size,
        crc=crc,
    )


def in_zip(where: str) -> Files:
    """The files of a .zip, which is read in place.

    Names are read as unpacking would write them, whatever system packed them: with
    backslashes, from an absolute path, or leading out by "..". Raises a `Mistake` if the
    file is no .zip.
    """
    shown = printable(where)
    try:
        file = open(where, "rb")  # noqa: SIM115, it is read as long as the archive lives
        try:
            archive = zipfile.ZipFile(file)
            entries = archive.infolist()
        except BaseException:
            file.close()
            raise
        # Python warns of a file that is left open to the collector of garbage.
        weakref.finalize(archive, file.close)
    except OSError as error:
        raise Mistake(
            f"{shown} cannot be read ({error.strerror or error}): repair it, or give "
            "another place."
        ) from error
    # The directory of a damaged .zip makes Python's reader raise almost anything.
    except Exception as error:
        reason = printable(str(error)) or type(error).__name__
        raise Mistake(
            f"{shown} cannot be read as a .zip ({reason}): pack it again."
        ) from (error)
    named: dict[str, zipfile.ZipInfo] = {}
    folders: set[str] = set()
    outside = []
    for entry in entries:
        raw = _decoded(entry).replace("\\", "/")
        name = _within(raw)
        if not name or _is_system(name):
            continue
        if raw.startswith("/") or raw[1:3] == ":/" or ".." in raw.split("/"):
            outside.append(raw)
        parents = name.split("/")[:-1]
        folders.update("/".join(parents[: i + 1]) for i in range(len(parents)))
        if raw.endswith("/") or entry.external_attr & FOLDER:
            folders.add(name)
        else:
            named[name] = entry  # of two with one name the later, as when unpacked
    # Some archivers write a folder as an empty file without a slash at its end.
    named = {name: entry for name, entry in named.items() if name not in folders}
    others = {
        name: "links" for name, entry in named.items() if stat.S_ISLNK(_mode(entry))
    }
    names = [name for name in named if name not in others]
    locked = [name for name in names if named[name].flag_bits & ENCRYPTED]
    if locked:
        raise Mistake(
            f"{shown} is encrypted ({listed(locked, 1)}): unpack it with its password "
            "and give the folder."
        )
    packed = [name for name in names if named[name].compress_type not in METHODS]
    if packed:
        method = named[packed[0]].compress_type
        raise Mistake(
            f"{shown} is compressed by a method that Python does not read "
            f"(number {method}, of {listed(packed, 1)}): unpack it and give the folder."
        )
    notes = ()
    if outside:
        notes = (
            f"Names that led out of the .zip were read as within it ({listed(outside)}).",
        )
    lock = threading.Lock()

    @contextmanager
    def member(name: str) -> Iterator[Any]:
        with lock, archive.open(named[name]) as file:
            yield file

    return Files(
        names=names,
        folders=sorted(folders),
        others=others,
        notes=notes,
        open=member,
        full=lambda name: printable(f"{where}:{name}"),
        size=lambda name: named[name].file_size,
        crc=lambda name: named[name].CRC,
    )


@contextmanager
def blaming(name: str) -> Iterator[None]:
    """Turns what can go wrong with the file of that name into a `Mistake`."""
    try:
        yield
    except (Mistake, MemoryError):
        raise
    # Decompression of a damaged file in a .zip raises errors of every library it uses.
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Mistake(
            f"{name} cannot be read ({printable(reason)}): repair it or take it out."
        ) from error


def fault(work: Callable[[], object]) -> str:
    """The sentence of the `Mistake` that `work` raises, or ''."""
    try:
        work()
    except Mistake as error:
        return str(error)
    return ""


def _walk(
    root: Path,
    name: str,
    entered: set[Any],
    names: list[str],
    folders: list[str],
    others: dict[str, str],
) -> list[str]:
    """Adds what lies in the folder `name` and below, and gives the links to folders.

    Those are not followed: what can be reached without a link comes first.
    """
    linked, waiting = [], [name]
    while waiting:
        top = waiting.pop()
        identity = _identity(root / top)
        if identity in entered:
            continue
        entered.add(identity)
        if top:
            folders.append(top)
        with _listing(root / top):
            with os.scandir(root / top) as entries:
                listing = sorted(entries, key=lambda entry: entry.name)
            for entry in listing:
                each = f"{top}/{entry.name}" if top else entry.name
                if _is_system(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(each)
                elif _leads_to_folder(entry):
                    linked.append(each)
                elif _is_special(entry):
                    others[each] = "pipes or devices"
                else:
                    names.append(each)
    return linked


@contextmanager
def _listing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Mistake(
            f"{printable(str(path))} cannot be listed ({error.strerror or error}): make "
            "it readable or take it out."
        ) from error


def _leads_to_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_special(entry: os.DirEntry) -> bool:
    try:
        return not entry.is_file() and not stat.S_ISREG(entry.stat().st_mode)
    except (
        OSError
    ):  # a link that leads nowhere is told when it is read, as any such file
        return False


def _identity(path: Path) -> Any:
    with _listing(path):
        status = os.stat(path)
    # Some network file systems number nothing.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _is_system(name: str) -> bool:
    parts = name.split("/")
    return any(part.startswith(".") or part.lower() in SYSTEM for part in parts)


def _decoded(entry: zipfile.ZipInfo) -> str:
    # Names that are not said to be UTF-8 are read as code page 437, but macOS and many
    # Unix tools write UTF-8 all the same.
    if entry.flag_bits & UTF_8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _within(name: str) -> str:
    name = name[2:] if name[1:3] == ":/" else name  # a drive of Windows
    return "/".join(part for part in name.split("/") if part not in ("", ".", ".."))


def _mode(entry: zipfile.ZipInfo) -> int:
    return entry.external_attr >> 16
