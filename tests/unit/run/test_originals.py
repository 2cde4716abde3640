"""What of a person's own image is given to a network, and what comes back of it."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ganjax.data import image_files
from ganjax.errors import UsageError
from ganjax.ops import color_profiles
from ganjax.run import originals
from ganjax.run.originals import Original


RNG = np.random.default_rng(0)
STEPS = np.linspace(0, 1, 256)
PRIMARIES, WHITE = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), (0.3127, 0.3290)


def colors(curve):
    """A profile of the primaries of sRGB with another tone curve."""
    return color_profiles.matrix_profile(PRIMARIES, WHITE, curve)


def put(path, image, **how):
    image.save(path, **how)
    return path


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def chunks(png):
    """The name and the data of each chunk of a PNG."""
    at, found = 8, []
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        data = png[at + 4 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == (
            zlib.crc32(data)
        )
        found.append((data[:4], data[4:]))
        at += 12 + size
    return found


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_network_of_four_channels_is_given_the_alpha_or_is_told_all_is_opaque(dtype):
    color, alpha = noise(3, 5, 3, dtype=dtype), noise(3, 5, dtype=dtype)
    alpha[0] = 0
    shift = 8 * (dtype == np.uint16)
    given = originals.network_input(Original(color, alpha, None), 4)
    np.testing.assert_array_equal(given[..., :3], color >> shift)
    np.testing.assert_array_equal(given[..., 3], alpha >> shift)
    opaque = originals.network_input(Original(color, None, None), 4)
    assert opaque.shape == (3, 5, 4) and (opaque[..., 3] == 255).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_pixel_has_the_color_of_the_nearest_one_that_is_not(channels):
    color = np.full((2, 6, 1), 9, np.uint8)
    color[0, 0], color[1, 5] = 50, 200
    alpha = np.zeros((2, 6), np.uint8)
    alpha[0, 0], alpha[1, 5] = 1, 255
    given = originals.network_input(Original(color, alpha, None), channels)
    assert given.shape == (2, 6, channels)
    wanted = np.array([[50, 50, 50, 200, 200, 200]] * 2)
    np.testing.assert_array_equal(given, wanted[..., None].repeat(channels, -1))


def test_alpha_that_a_network_gives_is_written_and_else_that_of_the_file():
    color, alpha = noise(4, 6, 3), np.full((4, 6), 90, np.uint8)
    original = Original(color, alpha, None)
    output = RNG.uniform(-1, 1, (4, 6, 4)).astype(np.float32)
    made = originals.with_translation(original, output)
    wanted = np.rint((output + 1) * 127.5)
    np.testing.assert_array_equal(made.color, wanted[..., :3])
    np.testing.assert_array_equal(made.alpha, wanted[..., 3])
    made = originals.with_translation(original, output[..., :3])
    np.testing.assert_array_equal(made.alpha, alpha)


def test_alpha_of_16_bits_is_enlarged_with_an_image_that_is_not_square():
    alpha = np.zeros((4, 6), np.uint16)
    alpha[:, 3:] = 65535
    output = np.zeros((8, 12, 3), np.float32)
    made = originals.with_translation(Original(noise(4, 6, 3), alpha, None), output)
    assert made.alpha.shape == (8, 12) and made.alpha.dtype == np.uint8
    # Bicubic weights overshoot on either side of the edge.
    assert (made.alpha[:, :4] == 0).all() and (made.alpha[:, 8:] == 255).all()
    assert (np.diff(made.alpha[0].astype(int)) >= 0).all()
    assert 0 < made.alpha[0, 5] < made.alpha[0, 6] < 255


def test_what_a_network_makes_beyond_the_range_is_white_or_black_in_16_bits():
    photo = Original(np.full((1, 3, 3), 7, np.uint16), None, None)
    output = np.array([[[-3.0] * 3, [3.0] * 3, [0.5] * 3]], np.float32)
    hidden = np.array([[True, True, True]])
    done = originals.with_completion(photo, output, hidden)
    assert done.color[0, :, 0].tolist() == [0, 65535, 49151]


def test_a_mask_is_white_where_it_is_nearer_to_white():
    light = np.array([[127, 128, 255, 255, 255]], np.uint8)[..., None]
    alpha = np.array([[255, 255, 127, 128, 0]], np.uint8)
    wanted = [[False, True, False, True, False]]
    assert originals.is_white(Original(light, alpha, None)).tolist() == wanted
    deep = Original(light.astype(np.uint16) << 8, alpha.astype(np.uint16) << 8, None)
    assert originals.is_white(deep).tolist() == wanted
    assert originals.is_white(Original(light, None, None)).tolist() == [
        [False, True, True, True, True]
    ]


@pytest.mark.parametrize("act", [originals.read, originals.image_shape])
def test_an_image_for_which_there_is_no_memory_or_no_file_is_a_sentence(
    act, tmp_path, monkeypatch
):
    with pytest.raises(UsageError, match=r"b.png cannot be read \(No such file"):
        act(tmp_path / "b.png")
    path = put(tmp_path / "a.png", Image.new("L", (3, 2)))

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(image_files, "open_image", fail)
    monkeypatch.setattr(image_files, "stored_shape", fail)
    with pytest.raises(UsageError, match="a.png has more pixels than there is memory"):
        act(path)


@pytest.mark.parametrize(
    ("mode", "remark"),
    [
        ("P", "{} has a palette, and is written with full colors instead"),
        ("CMYK", "{} is CMYK, which a .png cannot be: it becomes sRGB"),
        ("LAB", "{} is LAB, which a .png cannot be: it becomes sRGB"),
        ("RGB", None),
        ("RGBA", None),
        ("L", None),
        ("1", None),
    ],
)
def test_what_a_kind_of_image_loses_is_told(mode, remark, tmp_path):
    image = Image.new(mode, (3, 2))
    if mode == "P":
        image = Image.new("RGB", (3, 2), (1, 2, 3)).quantize(2)
    found = originals.read(put(tmp_path / "a.tif", image))
    assert found.remarks == (() if remark is None else (remark,))
    assert found.color.shape == (2, 3, 1 if mode in ("1", "L") else 3)


def test_black_and_white_of_one_bit_are_gray(tmp_path):
    seen = np.array([[True, False, True], [False, False, True]])
    found = originals.read(put(tmp_path / "a.png", Image.fromarray(seen)))
    np.testing.assert_array_equal(found.color, 255 * seen[..., None])
    assert found.alpha is None


@pytest.mark.parametrize("depth", [10, 12])
def test_depth_that_pillow_does_not_tell_is_told_to_be_cut(
    depth, tmp_path, monkeypatch
):
    path = put(tmp_path / "a.png", Image.new("RGB", (3, 2)))
    monkeypatch.setattr(image_files, "coded_bit_depth", lambda data: depth)
    (remark,) = originals.read(path).remarks
    assert remark == f"{{}} has {depth} bits per channel, which are cut to 8"


def test_the_color_that_stands_for_transparency_is_transparent_in_16_bits(tmp_path):
    """A PNG may name it in a chunk tRNS: all three numbers must be the same."""
    photo = noise(3, 4, 3, dtype=np.uint16)
    photo[0, 1] = photo[2, 3] = 300, 40_000, 5
    photo[1, 1, 0] = 300
    png = originals.encode_png(Original(photo, None, None))
    key = b"tRNS" + struct.pack(">HHH", 300, 40_000, 5)
    key = struct.pack(">I", 6) + key + struct.pack(">I", zlib.crc32(key))
    (tmp_path / "a.png").write_bytes(png[:33] + key + png[33:])
    found = originals.read(tmp_path / "a.png")
    np.testing.assert_array_equal(found.color, photo)
    clear = np.zeros((3, 4), bool)
    clear[0, 1] = clear[2, 3] = True
    np.testing.assert_array_equal(found.alpha, np.where(clear, 0, 65535))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_is_turned_upright_with_the_color(orientation, dtype, tmp_path):
    exif = Image.Exif()
    exif[image_files.ORIENTATION_TAG] = orientation
    alpha = noise(3, 5, dtype=dtype)
    stored = Original(alpha[..., None].repeat(3, -1), alpha, None)
    png = originals.encode_png(stored)
    data = b"eXIf" + exif.tobytes()[6:]
    more = struct.pack(">I", len(data) - 4) + data
    more += struct.pack(">I", zlib.crc32(data))
    (tmp_path / "a.png").write_bytes(png[:33] + more + png[33:])
    found = originals.read(tmp_path / "a.png")
    assert found.alpha.shape == ((3, 5) if orientation < 5 else (5, 3))
    np.testing.assert_array_equal(found.color[..., 0], found.alpha)


def test_a_gray_image_with_a_profile_of_color_has_its_tone_curve(tmp_path):
    shades = Image.fromarray(np.array([[0, 100, 255]], np.uint8))
    steep = colors(STEPS**3)
    path = put(tmp_path / "a.png", shades, icc_profile=steep)
    found = originals.read(path)
    assert color_profiles.color_mode(found.profile) == "L"
    seen = originals.network_input(found, 1)[0, :, 0]
    linear = (100 / 255) ** 3  # far below sRGB's curve
    wanted = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert seen[0] == 0 and seen[2] == 255 and abs(seen[1] - wanted) <= 2
    plain = colors(color_profiles.srgb_curve(STEPS))
    path = put(tmp_path / "b.png", shades, icc_profile=plain)
    assert originals.read(path).profile is None
    path = put(tmp_path / "c.png", shades, icc_profile=b"no profile")
    assert originals.read(path).profile is None


def test_a_profile_of_gray_in_a_color_image_is_dropped(tmp_path):
    gray = color_profiles.gray_profile(colors(STEPS))
    image = Image.new("RGB", (2, 2), (9, 100, 200))
    found = originals.read(put(tmp_path / "a.png", image, icc_profile=gray))
    assert found.profile is None and (found.color == (9, 100, 200)).all()


def test_a_ppm_of_its_own_white_is_scaled_to_16_bits(tmp_path):
    numbers = np.array([[0, 500, 1000], [1, 999, 250]], ">u2")
    body = numbers[..., None].repeat(3, -1).astype(">u2").tobytes()
    (tmp_path / "a.ppm").write_bytes(b"P6\n3 2\n1000\n" + body)
    found = originals.read(tmp_path / "a.ppm")
    assert found.color.dtype == np.uint16 and found.color.shape == (2, 3, 3)
    wanted = [[0, 32767, 65535], [65, 65469, 16383]]
    assert found.color[..., 1].tolist() == wanted


@pytest.mark.parametrize("size", [7, 10**6])
def test_a_png_of_16_bits_is_whole_in_chunks_of_any_size(size, monkeypatch):
    monkeypatch.setattr(originals, "CHUNK_BYTES", size)
    photo, profile = noise(3, 5, 3, dtype=np.uint16), colors(STEPS)
    png = originals.encode_png(Original(photo, None, profile))
    found = chunks(png)
    names = [name for name, _ in found]
    pieces = [data for name, data in found if name == b"IDAT"]
    assert names == [b"IHDR", b"iCCP", *[b"IDAT"] * len(pieces), b"IEND"]
    assert max(map(len, pieces)) <= size and (len(pieces) > 1) == (size == 7)
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (5, 3) and image.info["icc_profile"] == profile
        np.testing.assert_array_equal(np.asarray(image), photo >> 8)


def test_an_image_that_is_transparent_everywhere_keeps_its_colors():
    color = noise(4, 5, 3)
    clear = Original(color, np.zeros((4, 5), np.uint8), None)
    np.testing.assert_array_equal(originals.network_input(clear, 3), color)
