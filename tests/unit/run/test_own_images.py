"""What is done with each of a person's own images, and where it is written."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganjax.errors import UsageError
from ganjax.run import originals, translate as module
from ganjax.run.originals import Original
from ganjax.run.translate import (
    apply_in_tiles,
    check_channels,
    check_completion,
    check_not_inputs,
    check_transparent,
    complete,
    find_images,
    plan_outputs,
    translate,
    write,
)


RNG = np.random.default_rng(0)


def same(part):
    return (part / 127.5 - 1).astype(np.float32)


def put(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return path


def noise(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


def with_alpha(path, alpha):
    return put(path, np.concatenate([noise(*np.shape(alpha), 3), alpha[..., None]], -1))


# Tiles


@pytest.mark.parametrize("tile", [3, 8, 20])
def test_what_is_no_multiple_of_the_side_is_reflected(tile):
    image = noise(5, 11, 2)
    seen = []

    def record(part):
        seen.append(part[0])
        return same(part)

    made = apply_in_tiles(record, image, 8, tile)
    np.testing.assert_allclose(made, same(image), atol=1e-6)
    assert made.shape == (5, 11, 2) and made.dtype == np.float32
    # A tile is never smaller than the side, and rows and columns beyond the border are
    # those before it, in reverse.
    sides = {part.shape for part in seen}
    assert sides == ({(8, 8, 2)} if tile < 16 else {(8, 16, 2)})
    rows, columns = [*range(5), 4, 3, 2], [*range(11), 10, 9, 8, 7, 6]
    reflected = image[rows][:, columns]
    width = seen[0].shape[1]
    np.testing.assert_array_equal(seen[0], reflected[:, :width])
    np.testing.assert_array_equal(seen[-1], reflected[:, -width:])


def test_tiles_overlap_by_half_a_side_or_more_and_cover_all():
    for length in range(8, 100, 4):
        starts = module._tile_starts(length, 24, 4) if length > 24 else [0]
        assert starts[0] == 0 and starts[-1] == max(0, length - 24)
        assert (np.diff(starts) <= 20).all()
        assert len(starts) == max(1, -(-(length - 4) // 20))


def test_tiles_overlap_from_top_to_bottom_as_from_left_to_right():
    rows, columns = np.mgrid[:48, :52].astype(np.uint8)
    corners = []

    def record(part):
        corners.append(part[0, 0, 0].tolist())
        return same(part)

    apply_in_tiles(record, np.stack([rows, columns], -1), 8, 24)
    tops, lefts = (sorted({corner[axis] for corner in corners}) for axis in (0, 1))
    assert tops == [0, 12, 24] and lefts == [0, 16, 32] and len(corners) == 9


def test_a_tile_fades_in_over_half_a_side_and_out_again():
    np.testing.assert_allclose(
        module._fade(7, 3), [1 / 3, 2 / 3, 1, 1, 1, 2 / 3, 1 / 3]
    )
    np.testing.assert_array_equal(module._fade(3, 0), [1, 1, 1])


# Each image


def test_what_is_more_transparent_than_opaque_is_filled_in(tmp_path):
    alpha = np.array([[0, 127, 128, 255]] * 4, np.uint8)
    path = with_alpha(tmp_path / "a.png", alpha)
    seen = []

    def white(part):
        seen.append(part)
        return np.ones((*part.shape[:3], 3), np.float32)

    out = tmp_path / "made.png"
    translate(white, path, out, 4, 4, 64, completes=True)
    np.testing.assert_array_equal(seen[0][0, ..., 3], alpha)
    made, before = np.asarray(Image.open(out)), np.asarray(Image.open(path))
    assert (made[:, :2] == 255).all() and made.shape == (4, 4, 3)
    np.testing.assert_array_equal(made[:, 2:], before[:, 2:, :3])


def test_of_each_image_something_must_be_transparent_to_be_filled_in(tmp_path):
    alpha = np.full((4, 6), 255, np.uint8)
    alpha[3, 5] = 0
    with_alpha(tmp_path / "in" / "a.png", alpha)
    check_transparent(tmp_path / "in", tmp_path / "out")
    put(tmp_path / "in" / "b.png", noise(4, 6, 3))
    with pytest.raises(UsageError, match="b.png is opaque"):
        check_transparent(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("channels", [1, 3])
def test_gray_and_colored_images_can_be_completed(channels):
    check_channels("run", channels)


def test_a_palette_is_not_talked_of_where_a_network_makes_all_colors(tmp_path, capsys):
    few = Image.new("RGB", (8, 8), (9, 8, 7)).quantize(2)
    few.save(tmp_path / "a.png")
    translate(same, tmp_path / "a.png", tmp_path / "o.png", 3, 8, 64)
    assert capsys.readouterr().err == ""


def test_files_without_an_ending_are_counted_and_the_most_come_first(tmp_path, capsys):
    put(tmp_path / "in" / "a.png", noise(8, 8, 3))
    for name in ("x.txt", "deep/y.txt", "README", "z.TXT", "u.pdf", "v.pdf"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text("no image")
    translate(same, tmp_path / "in", tmp_path / "out", 3, 8, 64)
    said = capsys.readouterr().err
    assert f"Skipped in {tmp_path / 'in'}" in said
    assert "6 files (3 .txt, 2 .pdf, 1 without ending)" in said


# A photograph and its mask


def test_a_network_sees_what_is_known_of_a_photograph(tmp_path):
    photo, mask = noise(4, 8, 3), np.zeros((4, 8), np.uint8)
    mask[1, 2:7] = 255
    paths = [put(tmp_path / "photo.png", photo), put(tmp_path / "mask.png", mask)]
    for channels in (4, 2):  # RGB, and gray, each with what is known
        seen = []

        def record(part, seen=seen):
            seen.append(part[0])
            return np.ones((*part.shape[:3], part.shape[-1] - 1), np.float32)

        complete(record, *paths, tmp_path / "done.png", channels, 4, 8)
        np.testing.assert_array_equal(seen[0][..., -1], np.where(mask, 0, 255))
        original = originals.read(paths[0])
        given = originals.network_input(original, channels - 1)
        np.testing.assert_array_equal(seen[0][..., :-1], given)
        made = np.asarray(Image.open(tmp_path / "done.png"))
        np.testing.assert_array_equal(made, np.where(mask[..., None], 255, photo))


@pytest.mark.parametrize("level, color", [(0, "black"), (255, "white")])
def test_a_mask_of_all_or_nothing_is_a_mistake(level, color, tmp_path):
    photo = put(tmp_path / "photo.png", noise(4, 8, 3))
    mask = put(tmp_path / "mask.png", np.full((4, 8), level))
    with pytest.raises(UsageError, match=f"mask.png is all {color}: paint white"):
        complete(same, photo, mask, tmp_path / "done.png", 4, 4, 8)
    assert not (tmp_path / "done.png").exists()


@pytest.mark.parametrize("size", [(4, 9), (5, 8)])
def test_a_mask_of_another_size_is_a_mistake(size, tmp_path):
    photo = put(tmp_path / "photo.png", noise(4, 8, 3))
    mask = put(tmp_path / "mask.png", np.zeros(size))
    says = rf"photo.png is 4x8 and its mask .*mask.png {size[0]}x{size[1]}: give"
    for act in (
        lambda out: check_completion(photo, mask, out),
        lambda out: complete(same, photo, mask, out, 4, 4, 8),
    ):
        with pytest.raises(UsageError, match=says):
            act(tmp_path / "done.png")


@pytest.mark.parametrize("out", ["photo.png", "mask.png"])
def test_neither_a_photograph_nor_its_mask_is_written_over(out, tmp_path):
    photo = put(tmp_path / "photo.png", noise(4, 8, 3))
    mask = put(tmp_path / "mask.png", np.eye(4, 8) * 255)
    with pytest.raises(UsageError, match=f"{out} is an image that is read"):
        complete(same, photo, mask, tmp_path / out, 4, 4, 8)


# Where they are and where they go


def test_images_are_found_below_a_folder_but_not_those_that_are_hidden(tmp_path):
    for name in ("b.PNG", "a/z.png", "a/c.jpg", ".git/d.png", "a/.e/f.png", ".g.png"):
        put(tmp_path / name, noise(2, 2))
    (tmp_path / "notes.txt").write_text("no image")
    names = [str(path.relative_to(tmp_path)) for path in find_images(tmp_path)]
    assert names == ["a/c.jpg", "a/z.png", "b.PNG"]
    assert find_images(tmp_path / ".g.png") == [tmp_path / ".g.png"]
    for name, says in (
        ("a/.e/f", "a/.e/f does not exist, so it holds no images"),
        (".h", ".h holds no images"),
    ):
        (tmp_path / ".h").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match=rf"{says}: give an image or a folder"):
            find_images(tmp_path / name)


def test_each_image_of_a_folder_keeps_its_place_and_its_name(tmp_path):
    for name in ("a.jpg", "deep/er/b.v2.webp"):
        put(tmp_path / "in" / name, noise(2, 2, 3))
    into, out = tmp_path / "in", tmp_path / "out"
    assert plan_outputs(into, out) == {
        into / "a.jpg": out / "a.png",
        into / "deep/er/b.v2.webp": out / "deep/er/b.v2.png",
    }
    put(into / "a.webp", noise(2, 2, 3))
    with pytest.raises(UsageError, match=r"both be written as .*out/a.png: rename one"):
        plan_outputs(into, out)
    assert not out.exists()


def test_an_image_that_is_damaged_is_told_before_the_first_is_made(tmp_path):
    put(tmp_path / "in" / "a.png", noise(2, 2, 3))
    (tmp_path / "in" / "b.png").write_bytes(b"no image")
    with pytest.raises(UsageError, match="b.png cannot be read as an image"):
        plan_outputs(tmp_path / "in", tmp_path / "out")


def test_a_file_by_another_name_is_still_an_image_that_is_read(tmp_path):
    path = put(tmp_path / "a.png", noise(2, 2, 3))
    os.link(path, tmp_path / "hard.png")
    (tmp_path / "soft.png").symlink_to(path)
    for name in ("hard.png", "soft.png", "a.png"):
        with pytest.raises(UsageError, match=f"{name} is an image that is read"):
            check_not_inputs([tmp_path / "new.png", tmp_path / name], [path])
    check_not_inputs([tmp_path / "new.png"], [path])
    check_not_inputs([Path("a.png")], [path])  # of another folder


def test_an_image_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "done.png").mkdir()
    image = Original(noise(2, 2, 3), None, None)
    with pytest.raises(UsageError, match=r"done.png cannot be written \("):
        write(image, tmp_path / "done.png")
    write(image, tmp_path / "new" / "folder" / "done.png")
    made = np.asarray(Image.open(tmp_path / "new" / "folder" / "done.png"))
    np.testing.assert_array_equal(made, image.color)
