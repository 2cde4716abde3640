"""A person's own pictures: color profiles, transparency, depth, pages, any size."""

import functools
import io
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from ganjax.data import Spec, image_files, load, read_all
from ganjax.errors import UsageError
from ganjax.ops import color_profiles
from ganjax.run import originals
from ganjax.run.translate import (
    apply_in_tiles,
    check_channels,
    check_completion,
    complete,
    plan_outputs,
    translate,
)


RNG = np.random.default_rng(0)
STEPS = np.linspace(0, 1, 1024)
RED, GREEN, BLUE = (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)
WHITE = (0.3127, 0.3290)


@functools.cache  # A profile holds the second in which it was made.
def swapped() -> bytes:
    """sRGB's own profile with red and blue exchanged, byte by byte."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = data.index(b"rXYZ", 128), data.index(b"bXYZ", 128)
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(data)


def linear() -> bytes:
    return color_profiles.matrix_profile((RED, GREEN, BLUE), WHITE, STEPS)


def wide() -> bytes:
    """Display P3."""
    points = ((0.68, 0.32), (0.265, 0.69), BLUE)
    return color_profiles.matrix_profile(
        points, WHITE, color_profiles.srgb_curve(STEPS)
    )


def same(part):
    """What a network gives that changes nothing."""
    return (part / 127.5 - 1).astype(np.float32)


def twice(part):
    """Super-resolution by repeating pixels."""
    return same(part).repeat(2, 1).repeat(2, 2)


def gone(part):
    """A completion: green, whatever is given."""
    made = np.full((*part.shape[:3], part.shape[-1] - 1), -1, np.float32)
    made[..., min(1, made.shape[-1] - 1)] = 1
    return made


def packed(image, kind="PNG", **how):
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def chunked(png, name, data):
    """A PNG with one more chunk behind its header."""
    more = struct.pack(">I", len(data)) + name + data
    return png[:33] + more + struct.pack(">I", zlib.crc32(name + data)) + png[33:]


def claiming(width, height):
    """A PNG whose header says that it is large."""
    png = packed(Image.new("L", (1, 1)))
    head = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


def decoded(data, **spec):
    return image_files.decode(data, "x", Spec("", **spec))


def sent(path, tmp_path, answer=same, channels=3, **how):
    out = tmp_path / "made.png"
    translate(answer, path, out, channels, 8, 64, **how)
    return Image.open(out)


def put(path, image, **how):
    image.save(path, **how)
    return path


# What is read


@pytest.mark.parametrize(
    "kind, mode",
    [(kind, "RGB") for kind in ("PNG", "JPEG", "TIFF", "WEBP")]
    + [(kind, "RGBA") for kind in ("PNG", "TIFF", "WEBP")]
    + [(kind, "P") for kind in ("PNG", "TIFF")],
)
def test_red_of_another_profile_is_read_as_red(kind, mode):
    blue = Image.new("RGB", (16, 16), (0, 0, 255)).convert(mode)
    seen = decoded(packed(blue, kind, icc_profile=swapped()), channels=3)
    assert np.abs(seen.astype(int) - (255, 0, 0)).max() <= 2


def test_a_profile_that_is_srgb_changes_no_bit():
    pixels = RNG.integers(0, 256, (16, 16, 3), np.uint8)
    ours = color_profiles.matrix_profile(
        (RED, GREEN, BLUE), WHITE, color_profiles.srgb_curve(STEPS)
    )
    theirs = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (ours, theirs):
        data = packed(Image.fromarray(pixels), icc_profile=profile)
        np.testing.assert_array_equal(decoded(data), pixels)


def test_profiles_of_gray_and_of_rgb_in_gray_images_are_heeded():
    gray = Image.new("L", (4, 4), 100)
    for profile in (linear(), color_profiles.gray_profile(linear())):
        assert (decoded(packed(gray, icc_profile=profile)) == 168).all()


@pytest.mark.parametrize("broken", [b"no profile", swapped()[:300], bytes(200)])
def test_a_broken_profile_is_as_none(broken):
    pixels = RNG.integers(0, 256, (4, 4, 3), np.uint8)
    data = packed(Image.fromarray(pixels), icc_profile=broken)
    np.testing.assert_array_equal(decoded(data), pixels)


def test_a_png_may_state_its_gamma_and_primaries_instead():
    gray = chunked(
        packed(Image.new("RGB", (2, 2), (100,) * 3)), b"gAMA", struct.pack(">I", 100000)
    )
    assert (decoded(gray) == 168).all()
    half = packed(Image.new("RGB", (2, 2), (100,) * 3))
    # Light is the square of what is stored: srgb((100 / 255)^2) is 110 of 255.
    dark = decoded(chunked(half, b"gAMA", struct.pack(">I", 50000)))
    assert (abs(dark.astype(int) - 110) <= 1).all()
    points = [round(100000 * x) for x in (*WHITE, *BLUE, *GREEN, *RED)]
    blue = packed(Image.new("RGB", (2, 2), (0, 0, 255)))
    red = decoded(chunked(blue, b"cHRM", struct.pack(">8I", *points)))
    assert (red[..., 0] > 250).all() and (red[..., 2] < 5).all()
    bad = chunked(blue, b"cHRM", bytes(32))
    assert (decoded(bad) == (0, 0, 255)).all()


def test_cmyk_with_inverted_inks_is_read_as_its_color():
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for kind in ("JPEG", "TIFF"):
        seen = decoded(packed(red, kind)).astype(int)
        assert np.abs(seen - (255, 0, 0)).max() <= 3


MODES = ["1", "L", "LA", "P", "RGBA", "CMYK", "LAB"]
# Older versions of Pillow call small TIFF images of this mode cut off.
MODES += ["YCbCr"] if int(PIL.__version__.split(".")[0]) >= 13 else []


@pytest.mark.parametrize("mode", MODES)
def test_header_and_pixels_agree_for_every_mode_and_orientation(mode):
    source = Image.fromarray(RNG.integers(0, 256, (4, 6, 3), np.uint8))
    for orientation in (1, 3, 6):
        exif = Image.Exif()
        exif[image_files.ORIENTATION_TAG] = orientation
        data = packed(
            ImageCms.profileToProfile(
                source,
                ImageCms.createProfile("sRGB"),
                ImageCms.createProfile("LAB"),
                outputMode="LAB",
            )
            if mode == "LAB"
            else source.convert(mode),
            "TIFF",
            exif=exif,
        )
        assert image_files.stored_shape(io.BytesIO(data), "x") == decoded(data).shape


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_both_readers_turn_an_image_upright_alike(kind, orientation, tmp_path):
    exif = Image.Exif()
    exif[image_files.ORIENTATION_TAG] = orientation
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :16] = 255
    Image.fromarray(pixels).save(tmp_path / "a", kind, exif=exif)
    data = (tmp_path / "a").read_bytes()
    color = originals.read(tmp_path / "a").color
    assert color.shape == image_files.stored_shape(io.BytesIO(data), "x")
    np.testing.assert_array_equal(color, decoded(data))


@pytest.mark.parametrize("flags, bits", [(0, 8), (0x40, 10), (0x60, 12)])
def test_the_depth_of_an_avif_is_read_from_its_header(flags, bits):
    """AV1's configuration: high_bitdepth and twelve_bit are bits 6 and 5 of byte 2."""
    head = b"\0\0\0\x1cftypavif" + b"av1C" + bytes([0x81, 0, flags]) + bytes(32)
    assert image_files.coded_bit_depth(head) == bits


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_the_depth_of_a_jpeg_2000_is_read_from_its_header(bits):
    """The precision of the first component is its depth less one."""
    head = bytearray(64)
    head[4:8], head[12:16] = b"jP  ", b"\xff\x4f\xff\x51"
    head[12 + 42] = bits - 1
    assert image_files.coded_bit_depth(bytes(head)) == bits
    assert image_files.coded_bit_depth(bytes(64)) == 8


def test_broken_exif_is_as_none():
    pixels = np.full((8, 8, 3), 200, np.uint8)
    data = packed(Image.fromarray(pixels), exif=b"Exif\0\0II*\0nonsense")
    assert (decoded(data) == 200).all()


def test_12_bits_and_white_that_is_zero_are_read_as_they_look():
    row = np.array([0, 2048, 4095], np.uint16)
    bits = "".join(f"{value:012b}" for value in row).ljust(40, "0")
    body = bytes(int(bits[i : i + 8], 2) for i in range(0, 40, 8))
    tags = [(256, 3), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1)]
    tags += [(278, 1), (279, 5)]
    index = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<I", 14) + body + b"\0"
    tiff = head + struct.pack("<H", len(tags)) + index + bytes(4)
    assert decoded(tiff).ravel().tolist() == [0, 128, 255]
    deep = Image.fromarray(np.array([[0, 65535]], np.uint16))
    white = packed(deep, "TIFF", tiffinfo={262: 0})
    assert decoded(white).ravel().tolist() == [255, 0]


def test_16_bits_of_any_container_are_cut_to_their_upper_8():
    values = np.array([0, 32768, 65535])
    big = values.astype(">u2").tobytes()
    files = [
        packed(Image.fromarray(values[None].astype(np.uint16))),
        packed(Image.fromarray(values[None].astype(np.uint16)), "TIFF"),
        b"P5 3 1 65535\n" + big,
        b"P5 3 1 1023\n" + (values >> 6).astype(">u2").tobytes(),
    ]
    for data in files:
        assert decoded(data).ravel().tolist() == [0, 128, 255]
        said = image_files.conversions(io.BytesIO(data), "x")
        assert said == {"more than 8 bits per channel, cut to 8"}


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bits_are_a_sentence_before_anything_is_decoded(mode):
    data = packed(Image.new(mode, (4, 4), 7), "TIFF")
    with pytest.raises(UsageError, match="x stores 32 bits per pixel"):
        image_files.stored_shape(io.BytesIO(data), "x")


def test_a_data_set_says_why_an_image_is_too_large(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(claiming(20_000, 20_000))
    with pytest.raises(UsageError, match=r"a.png has 400,000,000 pixels, more than"):
        load(Spec(str(tmp_path)))
    Image.new("L", (9, 9)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    with pytest.raises(UsageError, match="a.png has 81 pixels, more than the 80"):
        load(Spec(str(tmp_path)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80)  # of which Pillow would warn
    assert read_all(load(Spec(str(tmp_path)))).x.shape == (1, 9, 9, 1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_all(load(Spec(str(tmp_path)))).x.shape == (1, 9, 9, 1)


def test_pillow_is_left_as_it_was_also_by_many_threads():
    before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, [*warnings.filters]
    data, met = packed(Image.new("L", (8, 8))), threading.Barrier(8)

    def work():
        met.wait()
        for _ in range(20):
            decoded(data)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, [*warnings.filters]
    assert before == after


def test_texts_in_a_png_may_be_long():
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "x" * 3_000_000, zip=True)
    assert decoded(packed(Image.new("L", (4, 4), 9), pnginfo=info)).max() == 9


def test_endings_are_those_that_can_be_decoded():
    wanted = ".jpe .jfif .avif .tif .tga .ppm .pgm .pbm .pnm .jp2 .dib .apng .ico .webp"
    assert {*wanted.split(), ".pcx", ".sgi", ".png", ".jpg"} <= image_files.EXTENSIONS
    other = {".pdf", ".eps", ".ps", ".mpg", ".h5", ".grib", ".fits", ".wmf", ".txt"}
    assert not other & image_files.EXTENSIONS
    assert all(
        each == each.lower() and each[0] == "." for each in image_files.EXTENSIONS
    )


def test_what_would_be_handed_to_another_program_is_no_image():
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    with pytest.raises(UsageError, match="x cannot be read as an image"):
        image_files.stored_shape(io.BytesIO(script), "x")


def test_remarks_tell_pages_and_inks_and_profiles():
    page = Image.new("CMYK", (4, 4))
    data = packed(page, "TIFF", save_all=True, append_images=[page])
    assert image_files.conversions(io.BytesIO(data), "x") == {
        "several frames or pages, of which the first is read",
        "CMYK, converted to RGB",
    }
    data = packed(Image.new("RGB", (4, 4)), icc_profile=wide())
    assert image_files.conversions(io.BytesIO(data), "x") == {
        "another color profile, converted to sRGB"
    }


# What is given back


def test_red_of_another_profile_is_seen_as_red_and_comes_back_red(tmp_path):
    seen = []

    def answer(part):
        seen.append(part)
        return same(part)

    path = put(
        tmp_path / "a.png", Image.new("RGB", (8, 8), (0, 0, 255)), icc_profile=swapped()
    )
    made = sent(path, tmp_path, answer)
    assert (seen[0] == (255, 0, 0)).all()
    assert made.info["icc_profile"] == swapped()
    assert made.getpixel((0, 0)) == (0, 0, 255)
    shown = decoded((tmp_path / "made.png").read_bytes())
    assert (shown == (255, 0, 0)).all()


def test_a_profile_that_does_not_fit_the_result_is_not_embedded(tmp_path):
    gray = color_profiles.gray_profile(linear())
    path = put(tmp_path / "a.png", Image.new("L", (8, 8), 100), icc_profile=gray)
    colored = sent(path, tmp_path)  # by a network that sees and gives RGB
    assert colored.mode == "RGB" and "icc_profile" not in colored.info
    assert colored.getpixel((0, 0)) == (168, 168, 168)
    kept = sent(path, tmp_path, channels=1)
    assert kept.info["icc_profile"] == gray and kept.getpixel((0, 0)) == 100
    inks = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    path = put(tmp_path / "b.tif", inks, icc_profile=b"an unknown profile of inks")
    made = sent(path, tmp_path)
    assert made.getpixel((0, 0)) == (255, 0, 0) and "icc_profile" not in made.info


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
def test_alpha_is_carried_through_and_enlarged(tmp_path, mode):
    alpha = np.zeros((8, 8), np.uint8)
    alpha[2:6, 2:6] = 255
    color = Image.new("RGBA", (8, 8), (90, 90, 90, 0))
    color.putalpha(Image.fromarray(alpha))
    how = {}
    if mode in ("P", "L"):
        shades = Image.fromarray(np.where(alpha, 90, 0).astype(np.uint8))
        color, how = shades.convert(mode), {"transparency": 0}
    path = put(tmp_path / "a.png", color.convert(mode), **how)
    made = sent(path, tmp_path)
    np.testing.assert_array_equal(np.asarray(made.getchannel("A")), alpha)
    large = sent(path, tmp_path, twice)
    enlarged = np.asarray(large.getchannel("A")).astype(int)
    assert large.size == (16, 16)
    assert (enlarged[6:10, 6:10] == 255).all() and (enlarged[:2, :2] == 0).all()
    assert 0 < enlarged[3, 8] < 255  # smooth, not repeated


@pytest.mark.parametrize("below", [255, 0])
def test_what_is_stored_below_full_transparency_does_not_shine_through(tmp_path, below):
    pixels = np.full((8, 8, 4), (below, below, below, 0), np.uint8)
    pixels[:, :4] = (200, 60, 20, 255)

    def blurred(part):  # each pixel with its right neighbor
        return (same(part) + np.roll(same(part), -1, axis=2)) / 2

    path = put(tmp_path / "a.png", Image.fromarray(pixels))
    made = np.asarray(sent(path, tmp_path, blurred))
    assert (made[:, :4] == (200, 60, 20, 255)).all()


def test_an_image_without_any_opaque_pixel_passes(tmp_path):
    path = put(tmp_path / "a.png", Image.new("RGBA", (8, 8), (1, 2, 3, 0)))
    assert sent(path, tmp_path).getpixel((0, 0)) == (1, 2, 3, 0)


def test_a_run_of_completion_takes_alpha_as_its_mask(tmp_path):
    pixels = RNG.integers(0, 256, (16, 16, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[4:9, 4:9, 3] = 0
    path = put(tmp_path / "a.png", Image.fromarray(pixels), icc_profile=wide())
    made = sent(path, tmp_path, gone, 4, completes=True)
    known = pixels[..., 3] == 255
    assert made.mode == "RGB" and made.info["icc_profile"] == wide()
    np.testing.assert_array_equal(np.asarray(made)[known], pixels[known][:, :3])
    shown = decoded((tmp_path / "made.png").read_bytes())[~known]
    assert np.abs(shown.astype(int) - (0, 255, 0)).max() <= 4


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_the_first_of_several_pages_is_used_and_this_is_told(tmp_path, capsys, kind):
    pages = [Image.new("RGB", (8, 8), (0, 85 * i, 0)) for i in range(4)]
    path = tmp_path / f"x.{kind.lower()}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    made = sent(path, tmp_path)
    assert made.getpixel((0, 0)) == (0, 0, 0)
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1 and f"page 1 of 4 of {path} is used" in told[0]


def test_what_is_true_of_many_images_is_told_once(tmp_path, capsys):
    for i in range(3):
        pages = [Image.new("L", (8, 8), j) for j in range(2 + i)]
        path = tmp_path / "mine" / f"{i}.gif"
        path.parent.mkdir(exist_ok=True)
        pages[0].save(path, save_all=True, append_images=pages[1:])
    deep = Image.fromarray(np.zeros((8, 8), np.uint16))
    deep.save(tmp_path / "mine" / "deep.png")
    Image.new("CMYK", (8, 8)).save(tmp_path / "mine" / "inks.jpg")
    translate(same, tmp_path / "mine", tmp_path / "out", 3, 8, 64)
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 3
    assert "0.gif is used" in told[0] and "the same holds for 2 other images" in told[0]
    assert "deep.png has 16 bits per channel, which are cut to 8" in told[1]
    assert "inks.jpg is CMYK" in told[2]


def test_files_that_are_passed_over_are_counted(tmp_path, capsys):
    for name in ("a.heic", "b.HEIC", "notes.txt", ".hidden"):
        (tmp_path / name).write_bytes(b"no picture")
    put(tmp_path / "c.png", Image.new("RGB", (8, 8)))
    translate(same, tmp_path, tmp_path / "out", 3, 8, 64)
    assert "3 files (2 .heic, 1 .txt)" in capsys.readouterr().err


def test_a_file_that_a_person_names_may_have_any_number_of_pixels(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    path = put(tmp_path / "a.png", Image.new("RGB", (40, 30), (7, 8, 9)))
    translate(same, path, tmp_path / "made.png", 3, 8, 64)
    assert (originals.read(tmp_path / "made.png").color == (7, 8, 9)).all()
    mask = np.zeros((30, 40), np.uint8)
    mask[3:6] = 255
    hole = put(tmp_path / "mask.png", Image.fromarray(mask))
    complete(gone, path, hole, tmp_path / "done.png", 4, 8, 64)
    assert Image.MAX_IMAGE_PIXELS == 10
    (tmp_path / "huge.png").write_bytes(claiming(20_000, 20_000))
    assert originals.image_shape(tmp_path / "huge.png") == (20_000, 20_000, 1)


def test_large_images_go_through_in_strips_that_sum_to_the_whole():
    image = RNG.integers(0, 256, (61, 45, 3), np.uint8)
    for tile in (16, 24, 64):
        made = apply_in_tiles(twice, image, 8, tile)
        np.testing.assert_allclose(made, twice(image[None])[0], atol=1e-6)


# Known pixels of a completion


def hollow(tmp_path, photo, mask=None, channels=4, **how):
    """A photograph completed, as it was and as it is, and where."""
    if mask is None:
        mask = np.zeros(photo.shape[:2], np.uint8)
        mask[4:9, 4:9] = 255
    hole = put(tmp_path / "mask.png", Image.fromarray(mask))
    path = tmp_path / "photo.png"
    path.write_bytes(
        originals.encode_png(
            originals.Original(*photo_parts(photo), how.get("profile"))
        )
    )
    complete(gone, path, hole, tmp_path / "done.png", channels, 8, 64)
    return originals.read(tmp_path / "done.png"), mask > 127


def photo_parts(photo):
    if photo.shape[-1] in (2, 4):
        return photo[..., :-1], photo[..., -1]
    return photo, None


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("profile", [None, "linear", "wide"])
def test_known_pixels_keep_value_depth_alpha_and_profile(
    tmp_path, channels, dtype, profile
):
    top = np.iinfo(dtype).max
    photo = RNG.integers(0, top + 1, (16, 16, channels), dtype)
    given = {None: None, "linear": linear(), "wide": wide()}[profile]
    if given and channels < 3:
        given = color_profiles.gray_profile(linear())
    done, hidden = hollow(tmp_path, photo, profile=given)
    color, alpha = photo_parts(photo)
    assert done.color.dtype == dtype and done.profile == given
    np.testing.assert_array_equal(done.color[~hidden], color[~hidden])
    if channels in (2, 4):
        np.testing.assert_array_equal(done.alpha, alpha)
    else:
        assert done.alpha is None
    if channels > 2:
        shown = originals.network_input(done, 3)[hidden].astype(int)
        assert np.abs(shown - (0, 255, 0)).max() <= 4  # steps of 8 bits


def test_white_and_black_that_are_filled_in_are_those_of_16_bits():
    for profile, channels in ((wide(), 3), (linear(), 3), (None, 1), (None, 3)):
        photo = originals.Original(np.full((2, 2, 3), 30000, np.uint16), None, profile)
        output = np.ones((2, 2, channels), np.float32)
        output[0] = -1
        hidden = np.array([[True, False], [True, False]])
        done = originals.with_completion(photo, output, hidden).color
        assert (done[:, 1] == 30000).all()
        assert done[:, 0].tolist() == [[0] * 3, [65535] * 3]


def test_16_bits_are_those_that_pillow_reads_too(tmp_path):
    photo = RNG.integers(0, 65536, (8, 8, 3), np.uint16)
    data = originals.encode_png(originals.Original(photo, None, None))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), photo >> 8)
    gray = Image.fromarray(photo[..., 0])
    for kind in ("png", "tif"):
        path = put(tmp_path / f"gray.{kind}", gray)
        np.testing.assert_array_equal(originals.read(path).color, photo[..., :1])
    path = tmp_path / "color.ppm"
    path.write_bytes(b"P6\n# made\n8 8\n65535\n" + photo.astype(">u2").tobytes())
    np.testing.assert_array_equal(originals.read(path).color, photo)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bits_of_color_in_a_tiff_are_kept(tmp_path, order, channels):
    photo = RNG.integers(0, 65536, (6, 5, channels), np.uint16)
    body = photo.astype(f"{order}u2").tobytes()
    start = 8 + len(body)
    tags = [(256, 5), (257, 6), (258, start), (259, 1), (262, 2), (273, 8)]
    tags += [(277, channels), (278, 6), (279, len(body))]
    tags += [(338, 2)] if channels == 4 else []
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    entries = b""
    for tag, value in tags:
        count = channels if tag == 258 else 1
        kind, form = (3, "HHIHxx") if tag == 338 else (4, "HHII")
        kind = 3 if tag == 258 else kind
        entries += struct.pack(f"{order}{form}", tag, kind, count, value)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(
        f"{order}I", start + len(bits)
    )
    index = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    path = tmp_path / "a.tif"
    path.write_bytes(head + body + bits + index)
    found = originals.read(path)
    np.testing.assert_array_equal(found.color, photo[..., :3])
    if channels == 4:
        np.testing.assert_array_equal(found.alpha, photo[..., 3])


def test_what_a_png_cannot_hold_is_told(tmp_path, capsys):
    hole = np.zeros((8, 8), np.uint8)
    hole[2:4] = 255
    mask = put(tmp_path / "mask.png", Image.fromarray(hole))
    inks = put(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)))
    complete(gone, inks, mask, tmp_path / "done.png", 4, 8, 64)
    assert "a.jpg is CMYK, which a .png cannot be" in capsys.readouterr().err
    few = put(tmp_path / "b.png", Image.new("RGB", (8, 8), (9, 8, 7)).quantize(4))
    complete(gone, few, mask, tmp_path / "done.png", 4, 8, 64)
    assert "b.png has a palette" in capsys.readouterr().err
    plain = put(tmp_path / "c.png", Image.new("RGB", (8, 8), (9, 8, 7)))
    complete(gone, plain, mask, tmp_path / "done.png", 4, 8, 64)
    assert capsys.readouterr().err == ""


def test_a_photograph_on_its_side_is_completed_upright(tmp_path):
    exif = Image.Exif()
    exif[image_files.ORIENTATION_TAG] = 6
    photo = RNG.integers(0, 256, (8, 16, 3), np.uint8)
    path = put(tmp_path / "a.png", Image.fromarray(photo), exif=exif)
    hole = np.zeros((16, 8), np.uint8)
    hole[2:4] = 255
    mask = put(tmp_path / "mask.png", Image.fromarray(hole))
    complete(gone, path, mask, tmp_path / "done.png", 4, 8, 64)
    done = Image.open(tmp_path / "done.png")
    upright = np.rot90(photo, -1)
    assert image_files.ORIENTATION_TAG not in done.getexif()
    np.testing.assert_array_equal(np.asarray(done)[hole == 0], upright[hole == 0])


@pytest.mark.parametrize("kind", ["1", "L", "P", "RGB", "RGBA", "LA", "16", "layer"])
def test_masks_of_every_kind_are_understood(tmp_path, kind):
    hole = np.zeros((16, 16), np.uint8)
    hole[4:9, 4:9] = 255
    photo = RNG.integers(0, 256, (16, 16, 3), np.uint8)
    mask = Image.fromarray(hole)
    if kind == "16":
        mask = Image.fromarray(hole.astype(np.uint16) * 257)
    elif kind == "layer":  # white paint on nothing
        mask = Image.merge("RGBA", [Image.new("L", (16, 16), 255)] * 3 + [mask])
    else:
        mask = mask.convert(kind)
    done, hidden = hollow(tmp_path, photo, hole)
    put(tmp_path / "other.png", mask)
    complete(
        gone,
        tmp_path / "photo.png",
        tmp_path / "other.png",
        tmp_path / "o.png",
        4,
        8,
        64,
    )
    np.testing.assert_array_equal(originals.read(tmp_path / "o.png").color, done.color)


# Where it is written


def test_an_out_with_an_ending_is_the_file_of_one_image(tmp_path):
    path = put(tmp_path / "a.jpg", Image.new("RGB", (8, 8)))
    for out in (tmp_path / "made.png", tmp_path / "deep" / "er" / "made.PNG"):
        assert translate(same, path, out, 3, 8, 64) == [out] and out.is_file()
    out = tmp_path / "folder"
    assert translate(same, path, out, 3, 8, 64) == [out / "a.png"]
    odd = tmp_path / "results.v2"
    assert translate(same, path, odd, 3, 8, 64) == [odd / "a.png"]
    (tmp_path / "there.png").mkdir()
    there = tmp_path / "there.png"
    assert plan_outputs(path, there) == {path: there / "a.png"}


@pytest.mark.parametrize(
    "where, out, says",
    [
        ("a.png", "made.jpg", "made.jpg is not a .png"),
        ("a.png", "made.heic", "made.heic is not a .png"),
        ("a.png", "a.png", "a.png is an image that is read"),
        ("a.png", "note", "note is a file: name a folder"),
        (".", "b.png", "b.png is a file: name a folder"),
        (".", "made.png", "is a folder, so --out .*made.png must be one"),
        ("a.png", "note/made.png", "cannot be written into .it is a file"),
        ("a.png", "x" * 300 + ".png", "cannot be used .File name too long"),
        ("a.png", "/proc/made.png", "/proc cannot be written into"),
        (
            "missing.png",
            "made.png",
            "missing.png does not exist, so it holds no images",
        ),
    ],
)
def test_an_out_that_cannot_be_is_a_sentence_before_the_work(
    tmp_path, where, out, says
):
    for name in ("a.png", "b.png"):
        put(tmp_path / name, Image.new("RGB", (8, 8)))
    (tmp_path / "note").write_text("no folder")
    with pytest.raises(UsageError, match=says):
        plan_outputs(tmp_path / where, tmp_path / out)


@pytest.mark.parametrize(
    "out, says",
    [
        ("made.jpg", "made.jpg is not a .png"),
        ("there.png", "there.png is a folder"),
        ("mask.png", "that is read"),
        ("note/made.png", "note cannot be written into"),
        ("/proc/made.png", "/proc cannot be written into"),
    ],
)
def test_a_completion_that_cannot_be_written_is_a_sentence_before_the_work(
    tmp_path, out, says
):
    for name in ("photo.png", "mask.png"):
        put(tmp_path / name, Image.new("RGB", (8, 8)))
    (tmp_path / "note").write_text("no folder")
    (tmp_path / "there.png").mkdir()
    with pytest.raises(UsageError, match=says):
        check_completion(tmp_path / "photo.png", tmp_path / "mask.png", tmp_path / out)


def test_images_that_were_made_are_not_made_of_again(tmp_path):
    out = tmp_path / "made"
    out.mkdir()
    put(out / "a.png", Image.new("RGB", (8, 8)))
    with pytest.raises(UsageError, match="holds no images but those in"):
        plan_outputs(tmp_path, out)
    with pytest.raises(UsageError, match="is an image that is read"):
        plan_outputs(out / "a.png", out)


def test_images_may_be_written_above_the_folder_that_they_are_in(tmp_path, monkeypatch):
    photos = tmp_path / "photos"
    photos.mkdir()
    put(photos / "a.jpg", Image.new("RGB", (8, 8)))
    assert plan_outputs(photos, tmp_path) == {photos / "a.jpg": tmp_path / "a.png"}
    # The same folder by another name is the same folder.
    monkeypatch.chdir(tmp_path)
    relative = Path("photos")
    assert plan_outputs(relative, photos) == {relative / "a.jpg": photos / "a.png"}


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_completed_images_are_gray_or_rgb(channels):
    with pytest.raises(UsageError, match=f"of {channels} channels, and only gray"):
        check_channels("run", channels)
