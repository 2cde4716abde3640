"""How an image file becomes pixels, against NumPy and Pillow's own arithmetic."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from ganjax.data import Spec, image_files
from ganjax.errors import FileError, UsageError


RNG = np.random.default_rng(0)


def packed(image, kind="PNG", **how):
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def noise(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


def decoded(image, kind="PNG", how=None, **fields):
    return image_files.decode(
        packed(image, kind, **(how or {})), "x", Spec("", **fields)
    )


# Size


@pytest.mark.parametrize(
    "height, width, rows, columns",
    [
        (2, 7, slice(0, 2), slice(2, 4)),
        (2, 6, slice(0, 2), slice(2, 4)),
        (7, 2, slice(2, 4), slice(0, 2)),
        (8, 2, slice(3, 5), slice(0, 2)),
    ],
)
def test_the_square_that_is_cut_out_is_the_central_one(height, width, rows, columns):
    pixels = noise(height, width, 3)
    seen = decoded(Image.fromarray(pixels), size=2)
    np.testing.assert_array_equal(seen, pixels[rows, columns])
    whole = decoded(Image.fromarray(pixels))
    np.testing.assert_array_equal(whole, pixels)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("crop", [True, False])
def test_images_are_resized_with_the_filter_of_lanczos(mode, crop):
    image = Image.fromarray(noise(9, 14, 4)).convert(mode)
    square = image.crop((2, 0, 11, 9)) if crop else image
    wanted = np.asarray(square.resize((5, 5), Image.Resampling.LANCZOS))
    spec = Spec("", size=5, crop=crop)
    seen = decoded(image, size=5, crop=crop)
    np.testing.assert_array_equal(seen, wanted.reshape(5, 5, -1))
    stored = np.asarray(image).reshape(9, 14, -1)
    np.testing.assert_array_equal(image_files.resize(stored, spec), seen)


def test_what_has_the_wanted_size_is_not_touched():
    pixels = noise(4, 4, 3)
    for crop in (True, False):
        spec = Spec("", size=4, crop=crop)
        assert image_files.resize(pixels, spec) is pixels
        np.testing.assert_array_equal(
            decoded(Image.fromarray(pixels), size=4, crop=crop), pixels
        )


@pytest.mark.parametrize("size", [0, 3])
@pytest.mark.parametrize("width", [8, 9])
def test_two_images_in_one_are_cut_resized_and_stacked_one_by_one(size, width):
    pixels = noise(6, width, 3)
    halves = [pixels[:, :4], pixels[:, -4:]]
    wanted = [decoded(Image.fromarray(half), size=size, channels=1) for half in halves]
    fields = {"size": size, "channels": 1, "side_by_side": True}
    seen = decoded(Image.fromarray(pixels), **fields)
    np.testing.assert_array_equal(seen, np.concatenate(wanted, -1))
    assert image_files.output_shape((6, width, 3), Spec("", **fields)) == seen.shape
    np.testing.assert_array_equal(image_files.resize(pixels, Spec("", **fields)), seen)


@pytest.mark.parametrize(
    "fields, shape",
    [
        ({}, (6, 9, 4)),
        ({"size": 5}, (5, 5, 4)),
        ({"channels": 1}, (6, 9, 1)),
        ({"side_by_side": True}, (6, 4, 8)),
        ({"side_by_side": True, "size": 5, "channels": 3}, (5, 5, 6)),
    ],
)
def test_the_shape_is_known_before_anything_is_decoded(fields, shape):
    assert image_files.output_shape((6, 9, 4), Spec("", **fields)) == shape
    image = Image.fromarray(noise(6, 9, 4))
    assert decoded(image, **fields).shape == shape


def test_images_that_differ_are_told_by_the_first_and_the_first_other():
    sizes = [("a", (4, 6, 3)), ("b", (4, 6, 3)), ("c", (5, 7, 1)), ("d", (1, 1, 1))]
    with pytest.raises(UsageError, match=r"size \(a is 4x6, c is 5x7\): .* --size"):
        image_files.common_shape(sizes, Spec("x"))
    with pytest.raises(UsageError, match=r"channels \(a has 3, c has 1\): .* --ch"):
        image_files.common_shape(sizes, Spec("x", size=8))
    for wrong in ((4, 7, 3), (5, 6, 3)):
        with pytest.raises(UsageError, match="differ in size"):
            image_files.common_shape([sizes[0], ("e", wrong)], Spec("x"))
    both = Spec("x", size=8, channels=4)
    assert image_files.common_shape(iter(sizes), both) == (8, 8, 4)
    assert image_files.common_shape(sizes[:2], Spec("x")) == (4, 6, 3)


# Channels


@pytest.mark.parametrize(
    "mode, channels",
    [
        *(("1", 1), ("L", 1), ("LA", 4), ("P", 3), ("RGB", 3), ("RGBA", 4)),
        *(("I;16", 1), ("CMYK", 3)),
    ],
)
def test_an_image_has_the_channels_of_its_mode(mode, channels):
    image = Image.new(mode, (3, 2))
    kind = "TIFF" if mode == "CMYK" else "PNG"
    data = packed(image, kind)
    assert image_files.stored_shape(io.BytesIO(data), "x") == (2, 3, channels)
    assert decoded(image, kind).shape == (2, 3, channels)


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_color_that_is_declared_transparent_is(mode):
    color = (9, 8, 7) if mode == "RGB" else 3
    image = Image.fromarray(np.uint8([[3, 5]])).convert(mode)
    if mode == "RGB":
        image.putpixel((0, 0), color)
    how = {"transparency": color}
    seen = decoded(image, how=how)
    assert seen[..., 3].tolist() == [[0, 255]]
    gray = decoded(image, how=how, channels=1, background=77)
    assert gray[0, 0, 0] == 77 != gray[0, 1, 0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("background", [0, 50, 255])
def test_half_transparent_pixels_are_mixed_with_the_background(channels, background):
    alpha = np.array([0, 64, 128, 255])
    pixels = np.full((1, 4, 4), 200, np.uint8)
    pixels[..., 3] = alpha
    seen = decoded(Image.fromarray(pixels), channels=channels, background=background)
    mixed = background + (200 - background) * alpha / 255
    assert seen.shape == (1, 4, channels)
    assert np.abs(seen[0] - mixed[:, None]).max() <= 1
    kept = decoded(Image.fromarray(pixels), channels=4, background=background)
    np.testing.assert_array_equal(kept, pixels)


def test_gray_is_that_of_itu_r_601():
    pixels = noise(5, 6, 3)
    gray = decoded(Image.fromarray(pixels), channels=1)[..., 0]
    assert np.abs(gray - pixels @ np.array([0.299, 0.587, 0.114])).max() <= 1


def test_transparent_pixels_are_white_unless_said_otherwise():
    clear = Image.new("RGBA", (2, 1), (9, 8, 7, 0))
    assert (decoded(clear, channels=3) == 255).all()


def test_alpha_is_kept_where_colors_are_converted():
    pixels = np.full((1, 4, 4), (0, 0, 255, 0), np.uint8)
    pixels[..., 3] = (0, 64, 128, 255)
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = data.index(b"rXYZ", 128), data.index(b"bXYZ", 128)
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    seen = decoded(Image.fromarray(pixels), how={"icc_profile": bytes(data)})
    assert np.abs(seen[..., :3] - np.array([255, 0, 0])).max() <= 2
    np.testing.assert_array_equal(seen[..., 3], pixels[..., 3])


# Formats


def test_unusual_endings_of_jpeg_are_read_and_maps_of_depth_are_not():
    assert {".jif", ".jfi"} <= image_files.EXTENSIONS
    assert ".pfm" not in image_files.EXTENSIONS


@pytest.mark.parametrize("library, lost", [("webp", "WEBP"), ("jpg_2000", "JPEG2000")])
def test_formats_that_pillow_was_built_without_are_not_read(monkeypatch, library, lost):
    check = image_files.features.check
    monkeypatch.setattr(
        image_files.features, "check", lambda name: name != library and check(name)
    )
    assert {*image_files.FORMATS} - {*image_files._formats()} <= {lost}
    assert lost not in image_files._formats()


# Orientation


UPRIGHT = {
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(10))
def test_images_are_turned_upright_as_exif_says(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = noise(2, 3, 3)
    wanted = UPRIGHT.get(orientation, lambda x: x)(pixels)
    data = packed(Image.fromarray(pixels), kind, exif=exif)
    np.testing.assert_array_equal(image_files.decode(data, "x", Spec("")), wanted)
    assert image_files.stored_shape(io.BytesIO(data), "x") == wanted.shape


def test_the_header_of_a_png_is_read_without_its_pixels(monkeypatch):
    data = packed(Image.fromarray(noise(2, 3, 3)))
    monkeypatch.setattr(
        PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("is decoded")
    )
    assert image_files.stored_shape(io.BytesIO(data), "x") == (2, 3, 3)
    assert not image_files.conversions(io.BytesIO(data), "x")


# Depth


def opened(mode="RGB", form="PNG", tile=(), **tags):
    """What Pillow tells of a file before it is decoded."""
    numbers = {"bits": 258, "compression": 259, "planar": 284}
    tags = {numbers[name]: value for name, value in tags.items()}
    image: Any = Image.Image()
    image._mode, image.format, image.tile, image.tag_v2 = mode, form, tile, tags
    return image


@pytest.mark.parametrize(
    "image, bits",
    [
        (opened("1"), 1),
        (opened("L"), 8),
        (opened("I"), 16),
        (opened("I", "PPM"), 16),
        (opened("I;16B"), 16),
        (opened("I;16", "TIFF", bits=(12,)), 12),
        (opened("RGB", "TIFF", bits=(8, 16, 8)), 16),
        (opened("L", "TIFF", bits=4), 4),
        (opened("L", "TIFF"), 8),
        (opened("RGB", "TIFF", bits=(16,) * 3), 16),
        (opened("RGB", "TIFF", bits=(16,) * 3, planar=1), 16),
        (opened("RGB", "TIFF", bits=(16,) * 3, planar=2, compression=5), 16),
        (opened("RGB", "TIFF", bits=(8,) * 3, planar=2), 8),
        (opened("L", "TIFF", bits=(16,), planar=2), 16),
        (opened(tile=[("zip", (), 0, "RGB;16B")]), 16),
        (opened(tile=[("raw", (), 0, ("RGBA;16L", 0, 1))]), 16),
        (opened("CMYK", tile=[("raw", (), 0, ("CMYK;16B", 0, 1))]), 16),
        (opened("L", tile=[("raw", (), 0, ("L;12", 0, 1))]), 16),
        (opened(tile=[("raw", (), 0, ("BGR;15", 0, 1))]), 8),
        (opened(tile=[("raw", (), 0, "RGB"), ("raw", (), 0, "RGB;16B")]), 16),
        (opened(form="SGI", tile=[("SGI16", (), 0, ("RGB", 0, 1))]), 16),
        (opened(form="PPM", tile=[("ppm", (), 0, ("RGB", 1023))]), 10),
        (opened(form="PPM", tile=[("ppm_plain", (), 0, ("RGB", 255))]), 8),
        (opened(form="PPM", tile=[("ppm", (), 0, ("RGB", 256))]), 9),
        (opened(form="JPEG", tile=[("jpeg", (), 0, ("RGB", 1023))]), 8),
    ],
)
def test_the_depth_of_a_channel_is_found_in_the_header(image, bits):
    assert image_files.bit_depth(image) == bits


@pytest.mark.parametrize(
    "image, problem",
    [
        (opened("F"), "stores 32 bits per pixel"),
        (opened("I", "TIFF"), "stores 32 bits per pixel"),
        (opened("I", "BMP"), "stores 32 bits per pixel"),
        (
            opened("RGB", "TIFF", bits=(16,) * 3, planar=2),
            "stores 16 bits per channel and each channel by itself",
        ),
        (
            opened("RGBA", "TIFF", bits=12, planar=2, compression=1),
            "stores 12 bits per channel and each channel by itself",
        ),
    ],
)
def test_depths_that_cannot_be_read_are_refused(image, problem):
    with pytest.raises(image_files.UnsupportedImage) as caught:
        image_files.bit_depth(image)
    assert caught.value.problem == problem


AV1 = b"\0\0\0\x1cftypavif....av1C\x81\0"


@pytest.mark.parametrize(
    "data, bits",
    [
        (AV1 + b"\x40.", 10),
        (AV1 + b"\x60.", 12),
        (AV1 + b"\x9f.", 8),
        (AV1 + b"\x40", 10),
        (AV1, 8),  # cut off
        (AV1.replace(b"ftyp", b"....") + b"\x40.", 8),
        (b"\xff\x4f\xff\x51" + bytes(38) + b"\x0b.", 12),
        (b"\xff\x4f\xff\x51" + bytes(38) + b"\x8b.", 12),  # of signed numbers
        (b"\xff\x4f\xff\x51" + bytes(38) + b"\x0b", 12),
        (b"\xff\x4f\xff\x51" + bytes(38), 8),  # cut off
        (b".\xff\x4f\xff\x51" + bytes(38) + b"\x0b.", 8),
        (b"....jP  \xff\x4f\xff\x51" + bytes(38) + b"\x0f.", 16),
        (b"....ftyp" + bytes(2**16) + AV1[8:] + b"\x40.", 8),  # too far behind
        (b"", 8),
    ],
)
def test_the_depth_of_coded_images_is_read_from_the_beginning_of_the_file(data, bits):
    assert image_files.coded_bit_depth(data) == bits


def gray(values, form="PNG", **tags):
    image = Image.fromarray(np.array([values]))
    image.format = form
    numbers = {"bits": 258, "photometric": 262}
    image.tag_v2 = {numbers[name]: value for name, value in tags.items()}
    return image


@pytest.mark.parametrize(
    "image, wanted",
    [
        (gray(np.uint16([0, 9, 65535])), [0, 9, 65535]),
        (gray(np.int32([-5, 9, 70_000])), [0, 9, 65535]),
        (gray(np.uint16([0, 9, 4095]), bits=(12,), photometric=0), [0, 9, 4095]),
        (gray(np.uint16([0, 9, 65535]), "TIFF"), [0, 9, 65535]),
        (gray(np.uint16([0, 9, 65535]), "TIFF", bits=16, photometric=1), [0, 9, 65535]),
        (gray(np.uint16([0, 9, 65535]), "TIFF", photometric=0), [65535, 65526, 0]),
        (gray(np.uint16([0, 9, 4095]), "TIFF", bits=(12,)), [0, 144, 65535]),
        (gray(np.uint16([0, 1023]), "TIFF", bits=10, photometric=0), [65535, 0]),
    ],
)
def test_deep_gray_goes_from_black_to_white(image, wanted):
    assert image_files.gray_pixels(image).tolist() == [wanted]
    seen = np.asarray(image_files.to_eight_bits(image))
    assert seen.dtype == np.uint8 and seen.tolist() == [[x // 256 for x in wanted]]


def test_what_has_8_bits_stays_as_it_is():
    image = Image.fromarray(noise(2, 3, 3))
    assert image_files.to_eight_bits(image) is image


# Pages


def test_layers_are_no_pages_and_pages_that_cannot_be_counted_are_one():
    def frames(form, **count):
        image = opened(form=form)
        image.__dict__.update(count)
        return image

    assert image_files.frame_count(frames("GIF", n_frames=7)) == 7
    assert image_files.frame_count(frames("PSD", n_frames=7)) == 1
    assert image_files.frame_count(frames("PNG")) == 1
    assert image_files.frame_count(frames("GIF", n_frames="broken")) == 1


def test_nothing_is_told_of_an_image_that_is_kept_as_it_is(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)  # asked for elsewhere
    data = packed(Image.fromarray(noise(2, 3, 3)))
    assert image_files.conversions(io.BytesIO(data), "x") == frozenset()


def test_colors_of_print_and_of_the_eye_are_told():
    for mode in ("CMYK", "LAB"):
        data = packed(Image.new(mode, (3, 2)), "TIFF")
        told = image_files.conversions(io.BytesIO(data), "x")
        assert told == {f"{mode}, converted to RGB"}


# Errors, and Pillow's settings


def test_whatever_goes_wrong_in_an_image_names_its_file():
    data = packed(Image.new("L", (1, 1)))

    def failing(error):
        with image_files.open_image(io.BytesIO(data), "x.png"):
            raise error

    with pytest.raises(FileError) as caught:
        failing(RuntimeError("it broke.\nIn two lines"))
    assert str(caught.value) == (
        "x.png cannot be read as an image (it broke): repair it or take it out."
    )
    assert (caught.value.file, caught.value.problem) == ("x.png", "(it broke)")
    with pytest.raises(FileError, match=r"image \(KeyError\): repair"):
        failing(KeyError())
    with pytest.raises(FileError, match=rf"image \({'y' * 100}\): repair"):
        failing(RuntimeError("y" * 101))
    unsupported = image_files.UnsupportedImage("is odd", "make it even")
    with pytest.raises(FileError, match=r"^x.png is odd: make it even.$") as caught:
        failing(unsupported)
    assert caught.value.problem == "is odd"
    for passing in (MemoryError(), UsageError("own words")):
        with pytest.raises(type(passing)) as caught:
            failing(passing)
        assert caught.value is passing


def test_limits_of_pillow_are_off_while_an_image_is_open_and_on_again_behind(
    monkeypatch,
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 11)
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 12)
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 13)
    limits = lambda: (
        Image.MAX_IMAGE_PIXELS,
        PngImagePlugin.MAX_TEXT_CHUNK,
        PngImagePlugin.MAX_TEXT_MEMORY,
    )
    data = packed(Image.new("L", (1, 1)))
    with pytest.raises(FileError), image_files.open_image(io.BytesIO(data), "x"):
        assert limits() == (None, 2**26, 2**26)
        with image_files.open_image(io.BytesIO(data), "y"):
            pass
        assert limits() == (None, 2**26, 2**26)
        raise RuntimeError
    assert limits() == (11, 12, 13)


@pytest.mark.parametrize(
    "pixels, any_size, is_read",
    [
        (22, False, True),
        (23, False, False),
        (23, True, True),
    ],
)
def test_twice_the_limit_of_pillow_is_read_and_no_more(
    monkeypatch, pixels, any_size, is_read
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 11)
    data = packed(Image.new("L", (pixels, 1)))
    ways = (
        lambda: image_files.stored_shape(io.BytesIO(data), "x", any_size=any_size),
        lambda: image_files.decode(data, "x", Spec(""), any_size=any_size).shape,
    )
    for way in ways:
        if is_read:
            assert way() == (1, pixels, 1)
        else:
            with pytest.raises(FileError, match="has 23 pixels, more than the 22"):
                way()


# Many images


@pytest.mark.parametrize("threads", [1, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
def test_work_is_shared_among_threads_and_comes_back_in_order(
    monkeypatch, threads, count
):
    monkeypatch.setattr(image_files, "NUM_THREADS", threads)
    items = [*range(count)]
    assert image_files.parallel_map(lambda x: 2 * x, items) == [2 * x for x in items]
    batch = image_files.parallel_batch(
        lambda x: np.full((2, 3, 1), x, np.uint8), np.arange(count), (2, 3, 1)
    )
    assert batch.shape == (count, 2, 3, 1) and batch.dtype == np.uint8
    assert batch[:, 1, 2, 0].tolist() == items


def test_errors_of_files_come_in_order_and_others_are_raised():
    def decode(item):
        if item % 2:
            raise FileError(f"{item} is odd", str(item), "is odd")
        if item == 8:
            raise ZeroDivisionError

    found = image_files.file_errors(decode, [5, 2, 3, 4, 1])
    assert [error.file for error in found] == ["5", "3", "1"]
    with pytest.raises(ZeroDivisionError):
        image_files.file_errors(decode, [8])


def test_a_picture_in_pieces_of_unknown_kind_is_still_a_picture():
    png = packed(Image.new("L", (1, 1), 9))
    odd = struct.pack(">I", 0) + b"zzZz" + struct.pack(">I", zlib.crc32(b"zzZz"))
    data = png[:33] + odd + png[33:]
    assert image_files.decode(data, "x", Spec("")).tolist() == [[[9]]]
