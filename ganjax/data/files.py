"""Lists and opens the files of a folder or a .zip, through one interface for both.

A name is the path of a file from the root, with "/" between its parts. What operating
systems and archivers add to a person's files is left out: hidden files, __MACOSX, Thumbs.db
and the like. Which of the files are images is decided in `layout`.
"""

import os
import stat
import threading
import weakref
import zipfile
import zlib
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from ganjax.data.names import listed, printable
from ganjax.errors import FileError, UsageError, brief_reason


# Written by Windows, macOS, Synology, ext4 and others, in lower case. Names that begin with
# a dot are left out as well.
SYSTEM_NAMES = {
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "@eadir",
}
# Compression methods of a .zip that Python can unpack.
SUPPORTED_COMPRESSION = {
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
    zipfile.ZIP_BZIP2,
    zipfile.ZIP_LZMA,
}
# Bits of `ZipInfo.flag_bits`, and of `ZipInfo.external_attr` as MS-DOS sets them.
ZIP_FLAG_ENCRYPTED = 0x1
ZIP_FLAG_UTF8 = 0x800
ZIP_ATTRIBUTE_FOLDER = 0x10
CHUNK_BYTES = 1 << 20  # hashed at a time


class Files(NamedTuple):
    """The files of a folder or a .zip. Any thread may open them.

    Attributes:
        names: regular files and links that do not lead to a folder, broken ones included.
        folders: the names of all folders, empty ones included.
        others: what is neither: name -> kind, "links" or "pipes or devices".
        notes: sentences about what was left out.
        open: opens a file by its name, to read bytes.
        display_name: a name -> how messages show it.
        size: a name -> the number of bytes, unpacked.
        crc: a name -> the CRC-32 of the contents.
    """

    names: list[str]
    folders: list[str]
    others: dict[str, str]
    notes: tuple[str, ...]
    open: Callable[[str], AbstractContextManager[IO[bytes]]]
    display_name: Callable[[str], str]
    size: Callable[[str], int]
    crc: Callable[[str], int]


class _Listing(NamedTuple):
    """What walking through folders has listed so far."""

    names: list[str]
    folders: list[str]
    others: dict[str, str]
    entered: set[Hashable]  # the `_identity` of each folder that was entered


class _ZipListing(NamedTuple):
    """What a .zip contains."""

    entries: dict[str, zipfile.ZipInfo]  # files by their names
    folders: set[str]
    outside: list[str]  # names as stored, of what would be unpacked outside of the .zip


def in_folder(path: str) -> Files:
    """Lists the files of a folder and of all folders below it.

    Links are followed. Each folder is entered only once, so links may form a loop, and a
    folder that can be reached without a link is listed there and not below the link.

    Raises:
        UsageError: a folder cannot be listed.
    """
    root = Path(path)
    listing = _Listing(names=[], folders=[], others={}, entered=set())
    repeated = []
    # `_walk` enters all that is reached without a link and returns the links to folders.
    # These are walked one by one, in the order of their names. By then, a folder that is
    # reached without any link has been entered, so that its links count as repeated.
    waiting = [""]
    while waiting:
        name = waiting.pop(0)
        if _identity(root / name) in listing.entered:
            repeated.append(name)
            continue
        links = _walk(root, name, listing)
        waiting = sorted(waiting + links)
    notes = ()
    if repeated:
        notes = (
            f"Links to folders that are listed anyway were not followed "
            f"({listed(repeated)}).",
        )

    def display_name(name: str) -> str:
        return printable(str(root / name))

    def size(name: str) -> int:
        with reading(display_name(name)):
            return os.stat(root / name).st_size

    def crc(name: str) -> int:
        value = 0
        with reading(display_name(name)), open(root / name, "rb") as file:
            while block := file.read(CHUNK_BYTES):
                value = zlib.crc32(block, value)
        return value

    return Files(
        names=listing.names,
        folders=listing.folders,
        others=listing.others,
        notes=notes,
        open=lambda name: open(root / name, "rb"),
        display_name=display_name,
        size=size,
        crc=crc,
    )


def in_zip(path: str) -> Files:
    """Lists the files of a .zip, which are read in place.

    Names are those that unpacking would write, whatever system packed them: with
    backslashes turned, and within the root where a path is absolute or leads out by "..".

    Raises:
        UsageError: the file is not a .zip, or Python cannot unpack it.
    """
    archive = _open_zip(path)
    listing = _list_zip(archive)
    entries = listing.entries
    others = {
        name: "links"
        for name, entry in entries.items()
        if stat.S_ISLNK(_unix_mode(entry))
    }
    names = [name for name in entries if name not in others]
    _check_zip(printable(path), {name: entries[name] for name in names})
    notes = ()
    if listing.outside:
        notes = (
            "Names that led out of the .zip were read as paths inside it "
            f"({listed(listing.outside)}).",
        )
    # All reads share one open file, so only one thread reads at a time. A thread that has
    # a file open may open a second one, as a plain lock would not let it.
    lock = threading.RLock()

    @contextmanager
    def open_member(name: str) -> Iterator[IO[bytes]]:
        with lock, archive.open(entries[name]) as file:
            yield file

    return Files(
        names=names,
        folders=sorted(listing.folders),
        others=others,
        notes=notes,
        open=open_member,
        display_name=lambda name: printable(f"{path}:{name}"),
        size=lambda name: entries[name].file_size,
        crc=lambda name: entries[name].CRC,
    )


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns any exception from reading the file `name` into a `FileError`.

    A `UsageError` and a lack of memory pass unchanged.
    """
    try:
        yield
    except (UsageError, MemoryError):
        raise
    # Decompression of a damaged file in a .zip raises errors of every library it uses.
    except Exception as error:
        reason = f"({printable(brief_reason(error))})"
        message = f"{name} cannot be read {reason}: repair it or take it out."
        raise FileError(message, name, reason) from error


def _walk(root: Path, name: str, listing: _Listing) -> list[str]:
    """Adds what lies in the folder `name` and below, and returns the links to folders.

    These are not followed yet, as what can be reached without a link comes first.
    """
    links = []
    waiting = [name]
    while waiting:
        folder = waiting.pop()
        identity = _identity(root / folder)
        if identity in listing.entered:
            continue
        listing.entered.add(identity)
        if folder:
            listing.folders.append(folder)
        with _listing_errors(root / folder):
            with os.scandir(root / folder) as scanned:
                # The order of `scandir` is the file system's; names must come out alike
                # everywhere.
                entries = sorted(scanned, key=lambda entry: entry.name)
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if _is_system(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif _leads_to_folder(entry):
                    links.append(path)
                elif _is_special(entry):
                    listing.others[path] = "pipes or devices"
                else:
                    listing.names.append(path)
    return links


@contextmanager
def _listing_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{printable(str(path))} cannot be listed ({brief_reason(error)}): make "
            "it readable or take it out."
        ) from error


def _leads_to_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_special(entry: os.DirEntry) -> bool:
    """Returns whether what is not a folder is not a file either, but a pipe or a device."""
    try:
        return not (entry.is_file() or stat.S_ISREG(entry.stat().st_mode))
    except OSError:
        # A link that leads nowhere counts as a file, which fails when it is read.
        return False


def _identity(path: Path) -> Hashable:
    """Returns what identifies a folder, by whichever path it is reached."""
    with _listing_errors(path):
        status = os.stat(path)
    # Some network file systems have no inode numbers.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _is_system(name: str) -> bool:
    """Returns whether a name, or the path of one, is of those that are left out."""
    parts = name.split("/")
    return any(part.startswith(".") or part.lower() in SYSTEM_NAMES for part in parts)


def _open_zip(path: str) -> zipfile.ZipFile:
    shown = printable(path)
    try:
        file = open(path, "rb")  # noqa: SIM115, it is read as long as the archive lives
        try:
            archive = zipfile.ZipFile(file)
        except BaseException:
            file.close()
            raise
    except OSError as error:
        raise UsageError(
            f"{shown} cannot be read ({brief_reason(error)}): repair it, or give "
            "another place."
        ) from error
    # The directory of a damaged .zip makes Python's reader raise almost anything.
    except Exception as error:
        reason = printable(brief_reason(error))
        raise UsageError(
            f"{shown} cannot be read as a .zip ({reason}): pack it again."
        ) from error
    # Python warns of a file that is left for the garbage collector to close.
    weakref.finalize(archive, file.close)
    return archive


def _list_zip(archive: zipfile.ZipFile) -> _ZipListing:
    entries: dict[str, zipfile.ZipInfo] = {}
    folders: set[str] = set()
    outside = []
    for entry in archive.infolist():
        raw = _decoded_name(entry).replace("\\", "/")
        name = _name_within(raw)
        if not name or _is_system(name):
            continue
        # The name is used within the .zip anyway; the raw one is kept for a note.
        if raw.startswith("/") or raw[1:3] == ":/" or ".." in raw.split("/"):
            outside.append(raw)
        # Archives need not list their folders, so the parents of every file count as such.
        parents = name.split("/")[:-1]
        folders.update("/".join(parents[: i + 1]) for i in range(len(parents)))
        if raw.endswith("/") or entry.external_attr & ZIP_ATTRIBUTE_FOLDER:
            folders.add(name)
        else:
            # Of two files with one name the later one counts, as when unpacked.
            entries[name] = entry
    # Some archivers write a folder as an empty file without a slash at its end.
    entries = {name: entry for name, entry in entries.items() if name not in folders}
    return _ZipListing(entries, folders, outside)


def _check_zip(shown: str, entries: dict[str, zipfile.ZipInfo]) -> None:
    """Raises a `UsageError` if Python cannot unpack some of the files."""
    encrypted = [
        name for name, entry in entries.items() if entry.flag_bits & ZIP_FLAG_ENCRYPTED
    ]
    if encrypted:
        raise UsageError(
            f"{shown} is encrypted ({listed(encrypted, 1)}): unpack it with its password "
            "and give the folder."
        )
    unsupported = [
        name
        for name, entry in entries.items()
        if entry.compress_type not in SUPPORTED_COMPRESSION
    ]
    if unsupported:
        method = entries[unsupported[0]].compress_type
        raise UsageError(
            f"{shown} is compressed by a method that Python does not read "
            f"(number {method}, of {listed(unsupported, 1)}): unpack it and give the "
            "folder."
        )


def _decoded_name(entry: zipfile.ZipInfo) -> str:
    # Python decodes names that are not flagged as UTF-8 as code page 437, but macOS and
    # many Unix tools write UTF-8 without the flag.
    if entry.flag_bits & ZIP_FLAG_UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _name_within(name: str) -> str:
    """Returns the name without a drive, and without "." and ".."."""
    name = name[2:] if name[1:3] == ":/" else name
    return "/".join(part for part in name.split("/") if part not in ("", ".", ".."))


def _unix_mode(entry: zipfile.ZipInfo) -> int:
    return entry.external_attr >> 16
