"""Files of folders and .zips: what is listed, and what is read of it."""

import os
import threading
import warnings
import zipfile
import zlib

import pytest

from ganjax.data import files
from ganjax.data.files import in_folder, in_zip, reading
from ganjax.errors import FileError, UsageError


def put(root, **contents):
    """Writes files; two underscores in a name are a slash, one is a dot."""
    for name, data in contents.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def packed(path, entries):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two entries may have one name
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in entries:
                archive.writestr(name, data)
    return str(path)


def info(name, attributes=0, flags=0):
    entry = zipfile.ZipInfo(name)
    entry.external_attr, entry.flag_bits = attributes, flags
    return entry


def test_sizes_and_checksums_are_those_of_the_contents(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHUNK_BYTES", 4)
    contents = {"a.png": b"", "b/c.png": b"0123456789", "b/d.txt": b"0123"}
    root = put(tmp_path / "set", a_png=b"", b__c_png=b"0123456789", b__d_txt=b"0123")
    (root / "link.png").symlink_to(root / "b" / "c.png")
    archive = packed(tmp_path / "a.zip", contents.items())
    for listing in (in_folder(str(root)), in_zip(archive)):
        for name, data in contents.items():
            with listing.open(name) as file:
                assert file.read() == data
            assert listing.size(name) == len(data)
            assert listing.crc(name) == zlib.crc32(data)
    linked = in_folder(str(root))
    assert sorted(linked.names) == sorted([*contents, "link.png"])
    assert linked.size("link.png") == 10
    assert linked.crc("link.png") == zlib.crc32(b"0123456789")


def test_folders_are_listed_with_those_that_hold_nothing(tmp_path):
    root = put(tmp_path / "set", a__b__1_png=b"x")
    (root / "a" / "c").mkdir()
    assert sorted(in_folder(str(root)).folders) == ["a", "a/b", "a/c"]
    entries = [("a/b/1.png", b"x"), ("a/c/", b"")]
    listing = in_zip(packed(tmp_path / "a.zip", entries))
    assert listing.folders == ["a", "a/b", "a/c"] and listing.names == ["a/b/1.png"]


SYSTEM = (
    "__MACOSX Thumbs.db ehthumbs.db Desktop.INI Icon\r $RECYCLE.BIN lost+found @eaDir "
    ".hidden"
).split(" ")


@pytest.mark.parametrize("name", [*SYSTEM, "System Volume Information"])
def test_what_systems_add_is_left_out_in_any_case(tmp_path, name):
    for other in (name, name.lower(), name.upper()):
        root = tmp_path / "set"
        root.mkdir(exist_ok=True)
        (root / "1.png").write_bytes(b"x")
        (root / other).write_bytes(b"x")
        entries = [("1.png", b"x"), (other, b"x"), (f"a/{other}/b/2.png", b"x")]
        archive = packed(tmp_path / "a.zip", entries)
        for listing in (in_folder(str(root)), in_zip(archive)):
            assert listing.names == ["1.png"] and not listing.folders
        (root / other).unlink()


def test_names_are_listed_alike_wherever_they_lie(tmp_path, monkeypatch):
    root = put(tmp_path, **{f"{name}_png": b"" for name in "dacb"})
    scanned = os.scandir

    class Shuffled(list):
        __enter__ = lambda self: self
        __exit__ = lambda self, *_: None

    def scandir(path):
        with scanned(path) as entries:
            return Shuffled(sorted(entries, key=lambda entry: entry.name, reverse=True))

    monkeypatch.setattr(os, "scandir", scandir)
    assert in_folder(str(root)).names == [f"{name}.png" for name in "abcd"]


def test_of_two_links_to_a_folder_the_first_by_name_is_followed(tmp_path):
    outside = put(tmp_path / "outside", x__1_png=b"")
    root = put(tmp_path / "set", c__2_png=b"")
    (root / "c" / "a").symlink_to(outside / "x")
    (root / "z").symlink_to(outside)
    (root / "b").symlink_to(root)
    listing = in_folder(str(root))
    # "c/a" comes before "z", below which its folder lies as well.
    assert sorted(listing.names) == ["c/2.png", "c/a/1.png"]
    assert listing.notes == (
        "Links to folders that are listed anyway were not followed (b).",
    )


@pytest.mark.parametrize("name", ["/set/1.png", "C:/set/1.png", "../set/1.png"])
def test_each_name_that_leads_out_of_an_archive_is_told(tmp_path, name):
    listing = in_zip(packed(tmp_path / "a.zip", [("2.png", b"x"), (name, b"x")]))
    assert listing.names == ["2.png", "set/1.png"]
    told = f"Names that led out of the .zip were read as paths inside it ({name})."
    assert listing.notes == (told,)
    within = packed(tmp_path / "b.zip", [("./a/./2..png", b"x"), ("b//c:/d.png", b"")])
    assert in_zip(within).names == ["a/2..png", "b/c:/d.png"]
    assert not in_zip(within).notes


def test_a_folder_of_an_archive_may_be_told_by_its_attributes_alone(tmp_path):
    entries = [(info("empty", 0x10), b""), (info("1.png", 0x20), b"x")]
    listing = in_zip(packed(tmp_path / "a.zip", entries))
    assert listing.names == ["1.png"] and listing.folders == ["empty"]


def test_of_two_entries_with_one_name_the_later_one_counts(tmp_path):
    entries = [("a/1.png", b"old"), ("./a/1.png", b"newer")]
    listing = in_zip(packed(tmp_path / "a.zip", entries))
    assert listing.names == ["a/1.png"] and listing.size("a/1.png") == 5
    with listing.open("a/1.png") as file:
        assert file.read() == b"newer"


def test_links_in_an_archive_are_not_read_and_need_not_be_readable(tmp_path):
    link = info("2.png", 0o120777 << 16)
    archive = packed(tmp_path / "a.zip", [("1.png", b"x"), (link, b"1.png")])
    data = bytearray((tmp_path / "a.zip").read_bytes())
    last = data.rfind(b"PK\x01\x02")
    data[last + 8] |= 1  # the link is said to be encrypted
    (tmp_path / "a.zip").write_bytes(data)
    listing = in_zip(archive)
    assert listing.names == ["1.png"] and listing.others == {"2.png": "links"}


@pytest.mark.parametrize("method", ["STORED", "DEFLATED", "BZIP2", "LZMA"])
def test_every_compression_that_python_knows_is_read(tmp_path, method):
    with zipfile.ZipFile(
        tmp_path / "a.zip", "w", getattr(zipfile, f"ZIP_{method}")
    ) as archive:
        archive.writestr("1.png", b"0123456789" * 9)
    with in_zip(str(tmp_path / "a.zip")).open("1.png") as file:
        assert file.read() == b"0123456789" * 9


def test_names_of_old_archivers_are_those_of_dos(tmp_path):
    """Code page 437, unless the bytes happen to be UTF-8."""
    data = packed(tmp_path / "a.zip", [("caf?/1.png", b"x"), ("na??e.png", b"x")])
    raw = (tmp_path / "a.zip").read_bytes()
    raw = raw.replace(b"caf?", b"caf\x82").replace(b"na??e", "naïe".encode())
    (tmp_path / "a.zip").write_bytes(raw)
    assert in_zip(data).names == ["café/1.png", "naïe.png"]


def test_a_name_that_is_said_to_be_utf_8_is_not_decoded_again(tmp_path):
    name = "├⌐.png"  # of which the code page makes the bytes of é
    assert in_zip(packed(tmp_path / "a.zip", [(name, b"x")])).names == [name]


def test_a_thread_may_open_a_second_file_of_an_archive(tmp_path):
    archive = packed(tmp_path / "a.zip", [("1.png", b"one"), ("2.png", b"two")])
    listing, read = in_zip(archive), []

    def work():
        with listing.open("1.png") as one, listing.open("2.png") as two:
            read.extend((two.read(), one.read()))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    assert read == [b"two", b"one"]


def test_one_thread_at_a_time_reads_an_archive(tmp_path):
    listing = in_zip(packed(tmp_path / "a.zip", [("1.png", b"one")]))
    entered = threading.Event()

    def work():
        with listing.open("1.png"):
            entered.set()

    with listing.open("1.png"):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert not entered.wait(0.05)
    assert entered.wait(10)


def test_files_are_shown_with_the_place_that_they_are_in(tmp_path):
    put(tmp_path, a_png=b"x")
    archive = packed(tmp_path / "a.zip", [("b.png", b"x")])
    assert in_zip(archive).display_name("b\n") == f"{archive}:b\\n"
    assert in_folder(str(tmp_path)).display_name("b\n") == f"{tmp_path}/b\\n"


def test_whatever_goes_wrong_in_reading_names_the_file():
    with pytest.raises(FileError) as caught, reading("x.png"):
        raise RuntimeError("broken\x1b")
    assert str(caught.value) == (
        "x.png cannot be read (broken\\x1b): repair it or take it out."
    )
    assert (caught.value.file, caught.value.problem) == ("x.png", "(broken\\x1b)")


@pytest.mark.parametrize("error", [MemoryError(), UsageError("own words")])
def test_what_is_no_fault_of_the_file_passes(error):
    with pytest.raises(type(error)) as caught, reading("x.png"):
        raise error
    assert caught.value is error


def test_a_file_that_is_gone_is_one_sentence(tmp_path):
    root = put(tmp_path, a_png=b"x")
    listing = in_folder(str(root))
    (root / "a.png").unlink()
    for ask in (listing.size, listing.crc):
        with pytest.raises(FileError, match=r"a.png cannot be read \(No such file"):
            ask("a.png")
    with pytest.raises(UsageError, match=r"none.zip cannot be read \(No such file"):
        in_zip(str(tmp_path / "none.zip"))
