"""Grids, plots, animations, and files that are whole or absent."""

import numpy as np
import pytest
from PIL import Image

from ganjax.errors import UsageError
from ganjax.modalities import images, pictures, points as points_module
from ganjax.modalities.images import grid
from ganjax.modalities.pictures import animate, join_seeds, pick_evenly, save_png
from ganjax.modalities.points import scatter


RNG = np.random.default_rng(0)
SHADES = np.array([-1, 0, 1], np.float32)


def plain(shades, side=500, channels=1):
    """Large images of one shade each, which are not enlarged."""
    flat = np.asarray(shades, np.float32)[:, None, None, None]
    return np.broadcast_to(flat, (len(shades), side, side, channels)).copy()


def saved(folder, count, side=16):
    paths = [folder / f"{step:04d}.png" for step in range(count)]
    for step, path in enumerate(paths):
        level = np.uint8(255 * step / max(1, count - 1))
        save_png(Image.new("RGB", (side, side), (level, 255 - level, step % 7)), path)
    return paths


def frames(path):
    with Image.open(path) as image:
        found = []
        for i in range(image.n_frames):
            image.seek(i)
            image.load()
            found.append((np.asarray(image.convert("RGB")), image.info["duration"]))
        return found


def test_grid_is_the_hand_made_one():
    sheet = np.asarray(grid(plain(SHADES, 500), columns=2))
    wanted = np.full((1002, 1002), images.GAP_GRAY, np.uint8)
    wanted[:500, :500], wanted[:500, 502:], wanted[502:, :500] = 0, 128, 255
    np.testing.assert_array_equal(sheet, wanted)


def test_small_images_are_enlarged_by_a_whole_factor():
    x = RNG.uniform(-1, 1, (20, 8, 8, 1)).astype(np.float32)
    sheet = np.asarray(grid(x, columns=10))
    factor = (sheet.shape[0] - images.GAP) // 16
    assert sheet.shape == (16 * factor + 2, 80 * factor + 18) and 8 * factor >= 48
    corner = sheet[: 8 * factor, -8 * factor :]
    wanted = np.rint((x[9, ..., 0] + 1) * 127.5).astype(np.uint8)
    np.testing.assert_array_equal(corner, wanted.repeat(factor, 0).repeat(factor, 1))


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_channels_decide_the_mode(channels, mode):
    assert grid(plain(SHADES, 8, channels)).mode == mode


def test_gaps_between_transparent_images_are_transparent():
    assert np.asarray(grid(plain(SHADES, 500, 4), columns=2))[501, 0, 3] == 0


def test_grids_are_bounded_and_near_square():
    image = grid(plain([0.0] * 100, 64))
    assert image.size[0] == image.size[1]
    high = np.zeros((32, 128, 64, 1), np.float32)  # 8 columns in 4 rows
    for samples in (high, high.swapaxes(1, 2)):
        width, height = grid(samples).size
        assert abs(width - height) <= 4 * images.GAP
    assert max(grid(plain([0.0] * 9, 1600)).size) <= images.MAX_SIDE


def test_values_beyond_the_range_are_clipped():
    sheet = np.asarray(grid(plain([-7, 7], 500), columns=2))
    assert sheet[0, 0] == 0 and sheet[0, -1] == 255


def test_points_are_where_they_should_be():
    empty = np.array([[90.0, 90.0]], np.float32)
    bare = np.asarray(scatter(empty), int)
    drawn = np.asarray(scatter(np.array([[0.75, 0.75]], np.float32)), int)
    rows, columns = np.nonzero(np.abs(drawn - bare).sum(-1))
    side = points_module.PLOT_SIDE
    assert abs(rows.mean() - side / 4) < 1 and abs(columns.mean() - 3 * side / 4) < 1
    assert len(np.unique(drawn[rows, columns], axis=0)) > 2  # smooth edges
    wide = np.asarray(scatter(np.array([[0.75, 0.75]], np.float32), window=3.0), int)
    assert abs(np.nonzero(np.abs(wide - bare).sum(-1))[1].mean() - side * 0.625) < 1


def test_reference_points_are_pale_and_behind():
    points = RNG.uniform(-1, 1, (50, 2)).astype(np.float32)
    alone = np.asarray(scatter(points), int).sum()
    both = np.asarray(scatter(points, behind=-points), int).sum()
    assert both < alone
    gray = np.asarray(scatter(points[:1] + 90, behind=points), int)
    assert gray.min() > 150


@pytest.mark.parametrize(
    ("draw", "samples"),
    [
        (grid, np.zeros((0, 8, 8, 1), np.float32)),
        (grid, np.full((1, 8, 8, 1), np.nan, np.float32)),
        (grid, np.zeros((8, 8, 1), np.float32)),
        (grid, np.zeros((1, 8, 8, 2), np.float32)),
        (scatter, np.zeros((0, 2), np.float32)),
        (scatter, np.full((4, 2), np.inf, np.float32)),
        (scatter, np.zeros((4, 3), np.float32)),
    ],
)
def test_bad_samples_are_mistakes(draw, samples):
    with pytest.raises(UsageError, match=": "):
        draw(samples)


def test_bad_numbers_are_mistakes():
    with pytest.raises(UsageError, match="column"):
        grid(plain(SHADES, 8), columns=0)
    with pytest.raises(UsageError, match="window"):
        scatter(np.zeros((1, 2), np.float32), window=0.0)
    with pytest.raises(UsageError):
        join_seeds([])


def test_a_population_stands_side_by_side():
    reds = [Image.new("RGB", (100, 100), (250, 10 * i, 0)) for i in range(3)]
    page = np.asarray(join_seeds(reds))
    for i in range(3):
        assert (page == (250, 10 * i, 0)).all(-1).sum() == 100 * 100
    shown = (page[..., 0] < 150).sum()
    assert shown > 50  # the captions' letters


def test_saving_makes_folders_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a" / "b" / "x.png"
    image = grid(plain(SHADES, 8))
    save_png(image, path)
    save_png(image, path)
    assert [p.name for p in path.parent.iterdir()] == ["x.png"]
    with Image.open(path) as read:
        np.testing.assert_array_equal(np.asarray(read), np.asarray(image))


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    save_png(Image.new("L", (2, 2)), path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_png(Image.new("L", (9, 9), 255), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_animation_shows_every_picture_in_order_and_holds_the_last(tmp_path):
    paths = saved(tmp_path / "in", 9)
    animate(paths, tmp_path / "out" / pictures.ANIMATION, 0.1)
    shown = frames(tmp_path / "out" / pictures.ANIMATION)
    assert [time for _, time in shown] == [100] * 8 + [800]
    reds = [pixels[..., 0].mean() for pixels, _ in shown]
    assert reds == sorted(reds) and reds[0] < 20 and reds[-1] > 235
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_animation_is_the_same_bytes_again(tmp_path):
    paths = saved(tmp_path, 4)
    for name in ("a.webp", "b.webp"):
        animate(paths, tmp_path / name)
    assert (tmp_path / "a.webp").read_bytes() == (tmp_path / "b.webp").read_bytes()


def test_animation_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_BYTES", 20_000)
    for i in range(70):
        noise = RNG.integers(0, 256, (64, 64, 3), np.uint8)
        save_png(Image.fromarray(noise), tmp_path / f"{i:03d}.png")
    path = tmp_path / "x.webp"
    animate(sorted(tmp_path.glob("*.png")), path)
    assert path.stat().st_size <= 20_000 and len(frames(path)) == pictures.MAX_FRAMES


def test_animation_brings_all_to_the_size_of_the_last(tmp_path):
    first, last = saved(tmp_path / "a", 1, 64), saved(tmp_path / "b", 2, 32)
    animate([*first, last[1]], tmp_path / "x.webp")
    assert {pixels.shape for pixels, _ in frames(tmp_path / "x.webp")} == {(32, 32, 3)}


def test_animation_of_bad_input_is_a_mistake(tmp_path):
    with pytest.raises(UsageError, match="save samples"):
        animate([], tmp_path / "x.webp")
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match="is not a picture"):
        animate([tmp_path / "x.png"], tmp_path / "x.webp")
    with pytest.raises(UsageError, match="seconds_per_frame"):
        animate(saved(tmp_path, 1), tmp_path / "x.webp", 0.0)


def test_evenly_keeps_the_ends():
    assert pick_evenly(range(101), 5) == [0, 25, 50, 75, 100]
    assert pick_evenly("ab", 5) == ["a", "b"]


def test_seeds_are_joined_row_by_row_in_a_page_that_is_nearly_square():
    colors = [(200, 10 * i, 0) for i in range(5)]
    # Each is 30 wide and 20 high, with a caption of 32 above it and 16 beside it.
    page = np.asarray(join_seeds([Image.new("RGB", (30, 20), c) for c in colors]))
    assert page.shape == (3 * (20 + 32) + 16, 2 * (30 + 16) + 16, 3)
    for i, color in enumerate(colors):
        top, left = 32 + i // 2 * 52, 16 + i % 2 * 46
        assert (page[top : top + 20, left : left + 30] == color).all()
        caption = page[top - 32 : top, left : left + 30]
        assert (caption < 150).any() and (page[top + 4, left - 8] == 255).all()
    # Of wide pictures there are fewer columns than rows, and no more than pictures.
    high, wide = ((10, 400), (400, 10))
    for size, columns in ((high, 3), (wide, 1)):
        page = join_seeds([Image.new("L", size)] * 3)
        assert page.size[0] == columns * (size[0] + 16) + 16
    assert join_seeds([Image.new("L", (960, 9))]).size == (960 + 80, 9 + 80 + 40)


def test_seeds_are_told_from_zero_and_smaller_or_transparent_ones_leave_white():
    clear = Image.new("RGBA", (30, 20), (200, 0, 0, 0))
    small = Image.new("RGB", (10, 5), (0, 200, 0))
    page = np.asarray(join_seeds([clear, small]))
    twice = np.asarray(join_seeds([clear, clear]))
    assert (page == (0, 200, 0)).all(-1).sum() == 50 and page.shape == twice.shape
    assert not (page == (200, 0, 0)).all(-1).any()
    numbers = [page[:32, left : left + 46] for left in (16, 62)]
    alone = np.asarray(join_seeds([clear]))[:32, 16:62]
    np.testing.assert_array_equal(numbers[0], alone)
    assert (numbers[0] != numbers[1]).any()


def test_arrays_are_written_by_their_names(tmp_path):
    x, label = RNG.normal(size=(3, 2)), np.array([2, 0, 1])
    for name, given in (("x", {}), ("tokens", {"name": "tokens"})):
        pictures.save_arrays(tmp_path / "new" / "a.npz", x, label, **given)
        with np.load(tmp_path / "new" / "a.npz") as arrays:
            assert {*arrays} == {name, "label"}
            np.testing.assert_array_equal(arrays[name], x)
            np.testing.assert_array_equal(arrays["label"], label)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    ("size", "side", "wanted"),
    [
        ((40, 20), 40, (40, 20)),
        ((40, 20), 39, (39, 20)),
        ((20, 40), 10, (5, 10)),
        ((900, 2), 30, (30, 1)),
        ((8, 8), 99, (8, 8)),
    ],
)
def test_a_picture_is_only_ever_reduced_and_keeps_its_shape(size, side, wanted):
    assert pictures.shrink(Image.new("L", size), side).size == wanted


def test_a_picture_is_readable_if_all_of_it_is_there(tmp_path):
    path = tmp_path / "x.png"
    save_png(Image.fromarray(RNG.integers(0, 256, (40, 40, 3), np.uint8)), path)
    assert pictures.is_readable(path) and not pictures.is_readable(tmp_path / "y.png")
    path.write_bytes(path.read_bytes()[:900])
    assert not pictures.is_readable(path)


def test_an_animation_loops_is_of_bounded_size_and_lasts_as_it_is_told(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(pictures, "MAX_SIDE", 50)
    monkeypatch.setattr(pictures, "MAX_FRAMES", 3)
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for i, path in enumerate(paths):
        save_png(Image.new("RGB", (80, 60), (50 * i, 0, 0)), path)
    animate(paths, tmp_path / "new" / "x.webp")
    with Image.open(tmp_path / "new" / "x.webp") as image:
        assert image.info["loop"] == 0 and image.size == (50, 38)
    shown = frames(tmp_path / "new" / "x.webp")
    assert [time for _, time in shown] == [150, 150, 1200]
    reds = [pixels[..., 0].mean() for pixels, _ in shown]
    np.testing.assert_allclose(reds, [0, 100, 200], atol=6)
    animate(paths[:2], tmp_path / "x.webp", 0.0001)
    assert [time for _, time in frames(tmp_path / "x.webp")] == [1, 8]
    for seconds in (-1.0, float("inf"), float("nan")):
        with pytest.raises(UsageError, match="must be above 0"):
            animate(paths, tmp_path / "x.webp", seconds)


@pytest.mark.parametrize(("last", "bands"), [("RGBA", 4), ("RGB", 3), ("L", 3)])
def test_an_animation_is_transparent_if_its_last_picture_is(last, bands, tmp_path):
    for i, mode in enumerate(("RGBA", "L", last)):
        color = {"RGBA": (9, 99, 200, 0), "RGB": (9, 99, 200), "L": 99}[mode]
        save_png(Image.new(mode, (16, 16), color), tmp_path / f"{i}.png")
    animate(sorted(tmp_path.glob("*.png")), tmp_path / "x.webp")
    with Image.open(tmp_path / "x.webp") as image:
        image.seek(image.n_frames - 1)
        assert len(image.getbands()) == bands


def test_the_default_of_few_frames_and_small_files_is_that_of_a_page():
    assert (pictures.MAX_FRAMES, pictures.MAX_SIDE) == (60, 640)
    assert pictures.MAX_BYTES == 2_500_000 and pictures.LAST_FRAME_FACTOR == 8
