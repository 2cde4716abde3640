"""What the comparisons learn from, cut and sorted: no image is on both sides."""

import io
import struct

import crops
import emoji
import numpy as np
import prints
import pytest
import rows
from PIL import Image

from ganjax.errors import UsageError


def test_a_drawing_has_one_place_and_no_training_pair(tmp_path):
    for vendor in "ab":
        (tmp_path / vendor).mkdir()
        for i in range(40):
            (tmp_path / vendor / f"{i:04x}.png").write_text(vendor)
        (tmp_path / vendor / "0001-1f3fb.png").write_text("another tone")
    (tmp_path / "a" / "alone.png").write_text("a")
    out = tmp_path / "out"
    emoji.main(emoji.Args(str(tmp_path / "a"), str(tmp_path / "b"), str(out)))
    names = lambda place: {path.name for path in (out / place).iterdir()}
    assert names("testA") == names("testB") == names("pairsA/test")
    assert not names("trainA") & names("trainB")
    assert names("trainA") | names("trainB") == names("pairsB/train")
    assert len(names("pairsA/train") | names("testA")) == 40
    assert {path.read_text() for path in (out / "trainB").iterdir()} == {"b"}
    cooks = ("1f468-200d-1f373", "1f469-200d-1f373", "1f9d1-200d-1f373")
    police = ("1f46e", "1f46e-200d-2640-fe0f", "1f46e-200d-2642-fe0f")
    for twins in (cooks, police):
        names = [*twins, *map(str.upper, twins)]
        assert len({emoji.alike(f"{name}.png") for name in names}) == 1
    assert emoji.alike(f"{cooks[0]}.png") != emoji.alike(f"{police[0]}.png")


def test_prints_are_read_out_of_the_puzzles_and_cut_where_they_are_whole(tmp_path):
    alpha = np.full((72, 80, 1), 255, np.uint8)
    alpha[:8, 70:] = 0  # the tongue of a piece
    pieces = {}
    for name in [f"GreatWave_a{i}.webp" for i in range(9)] + ["gogh_1.webp"]:
        file = io.BytesIO()
        image = np.concatenate([np.full((72, 80, 3), 90, np.uint8), alpha], axis=-1)
        Image.fromarray(image).save(file, "webp", lossless=True)
        pieces[name] = file.getvalue()
    (tmp_path / "paintings.rcc").write_bytes(resources(pieces))
    found = dict(prints.files((tmp_path / "paintings.rcc").read_bytes()))
    assert found == pieces
    out = tmp_path / "out"
    prints.main(prints.Args(str(tmp_path / "paintings.rcc"), str(out)))
    many = {place.name: len([*place.iterdir()]) for place in out.iterdir()}
    whole = 1 + 3  # above only the one at the left, below all
    assert many["trainB"] + many["testB"] == 9 * whole
    assert many["testB"] >= whole and many["testA"] > 300
    with pytest.raises(UsageError, match="no resource file"):
        [*prints.files(b"RIFF")]


def test_photographs_are_cut_where_something_is_to_be_seen(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"{i}.png" for i in range(20)]
    for name in names:
        photo = np.full((60, 130, 3), 90, np.uint8)  # half of it flat
        photo[:, :64] = rng.integers(0, 256, (60, 64, 3))
        Image.fromarray(photo).save(tmp_path / name)
    out = tmp_path / "out"
    of = lambda *places: crops.Args(str(out), places, side=32, longer=130)
    crops.main(of(str(tmp_path)))
    cut = lambda split: [path.name for path in (out / split).iterdir()]
    held_out = {name for name in names if not rows.fifth(name)}
    assert 0 < len(held_out) < 10
    each = {f"{name[:-4]}_{i:03}.png" for name in names for i in (0, 1)}
    assert {*cut("train"), *cut("test")} == each
    assert {name.split("_")[0] + ".png" for name in cut("test")} == held_out
    shapes = lambda args: {x.shape for x in crops.crops(args, tmp_path / "0.png")}
    assert shapes(of("")) == {(32, 32, 3)}
    smaller = crops.Args(str(out), (), side=16, longer=65)
    assert shapes(smaller) == {(16, 16, 3)}
    (tmp_path / "z.jpg").write_bytes(b"no photograph")
    with pytest.raises(UsageError, match="z.jpg cannot be read"):
        crops.main(of(str(tmp_path / "z.jpg")))
    with pytest.raises(UsageError, match="2 photographs are named 0: "):
        crops.main(of(str(tmp_path / "0.png"), str(tmp_path)))
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        crops.main(of(str(tmp_path / "none")))


def resources(files):
    """A binary resource file of Qt, version 3, with all of them in one folder."""
    names, data, nodes = b"", b"", struct.pack(">IHIIQ", 0, 2, len(files), 1, 0)
    for name, content in files.items():
        nodes += struct.pack(">IHHHIQ", len(names), 0, 0, 0, len(data), 0)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
        data += struct.pack(">I", len(content)) + content
    places = 24 + len(data) + len(names), 24, 24 + len(data)
    return b"qres" + struct.pack(">5I", 3, *places, 0) + data + names + nodes
