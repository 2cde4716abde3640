"""A game that makes images of images: asked, pictured, scored, and given one's own."""

import importlib
import json
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import ganjax
from ganjax import cli
from ganjax.core import pixels
from ganjax.modalities import image_scores
from ganjax.modalities.images import grid
from ganjax.run.translate import apply_in_tiles


RNG = np.random.default_rng(0)
SOURCE = '''
    """A scale that turns photographs into their negatives, which it learns."""

    from dataclasses import dataclass, replace

    import flax.struct
    import jax
    import jax.numpy as jnp

    import ganjax
    from ganjax.data import Spec
    from ganjax.games.translation import no_latents
    from ganjax.core import ONE, Game, ImageToImage
    from ganjax.modalities import IMAGES
    from ganjax.run import NoPrefix, Run, command


    @dataclass(frozen=True)
    class Args:
        data: str = ""
        target: str = ""
        run: NoPrefix[Run] = Run("runs/negative", steps=4, batch=8)


    @flax.struct.dataclass
    class State:
        step: jax.Array
        scale: jax.Array


    def make(args):
        def init(key, turns):
            return State(jnp.zeros((), jnp.int32), jnp.zeros(()))

        def step(state, turns, on=ONE):
            pair = turns.g.x
            loss = lambda s: ((s * pair.source - pair.target) ** 2).mean()
            value, slope = on.mean(jax.value_and_grad(loss)(state.scale))
            now = replace(state, step=state.step + 1, scale=state.scale - slope / 4)
            return now, {"g": {"loss": value}}

        return Game(
            init,
            step,
            latents=no_latents,
            generate=lambda state, z, image, key: state.scale * image,
            modality=IMAGES,
            conditions=ImageToImage(lambda pair: pair.source),
            real=lambda pair: pair.target,
        )


    def main(args):
        spec = Spec(args.data, target=args.target, paired=True)
        return ganjax.train(make(args), spec, args.run, config=args)


    if __name__ == "__main__":
        command(main)
'''


def lay(folder, count, shape=(8, 8)):
    folder.mkdir(parents=True)
    made = RNG.choice([0, 255], (count, *shape)).astype(np.uint8)
    for i, image in enumerate(made):
        Image.fromarray(image).save(folder / f"{i:02}.png")
    return made


@pytest.fixture(scope="module")
def negative(tmp_path_factory):
    """The folder of a finished run, and the images that are held out."""
    root = tmp_path_factory.mktemp("negative")
    (root / "negative.py").write_text(textwrap.dedent(SOURCE))
    spec = importlib.util.spec_from_file_location("negative", root / "negative.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["negative"] = module
    spec.loader.exec_module(module)
    for split, count in (("train", 30), ("test", 24)):
        seen = lay(root / "photos" / split, count)
        (root / "negatives" / split).mkdir(parents=True)
        for i, image in enumerate(seen):
            Image.fromarray(255 - image).save(
                root / "negatives" / split / f"{i:02}.png"
            )
    run = ganjax.run.Run(str(root / "run"), steps=20, batch=8)
    module.main(module.Args(str(root / "photos"), str(root / "negatives"), run))
    return root / "run", seen


def test_samples_are_answers_to_images_that_are_held_out(negative):
    folder, seen = negative
    loaded = ganjax.load(folder, trust=True)
    made = loaded.sample(26)
    np.testing.assert_allclose(loaded.state.scale, -1, atol=1e-3)
    wanted = loaded.state.scale * (seen[[*range(24), 0, 1], ..., None] / 127.5 - 1)
    np.testing.assert_allclose(made, wanted, atol=1e-6)
    np.testing.assert_array_equal(
        loaded.sample_of(pixels(seen[3:5, ..., None])), made[3:5]
    )


def test_pictures_show_what_was_asked_and_scores_compare_with_the_target(negative):
    folder, seen = negative
    asked = np.resize(seen, (64, 8, 8))[..., None] / 127.5 - 1
    shown = grid(np.concatenate([asked, -asked], axis=2))
    with Image.open(folder / "samples" / "000000020.png") as drawn:
        gap = np.asarray(drawn).astype(int) - np.asarray(shown)
    assert np.abs(gap).max() <= 1
    scores = (folder / "metrics.jsonl").read_text()
    last = json.loads(scores.splitlines()[-1])
    assert last["frechet/pixels"] < 1e-3


@pytest.mark.parametrize("size", [(8, 8), (5, 19), (33, 40)])
def test_ones_own_images_of_any_size_are_translated(negative, tmp_path, size):
    folder, _ = negative
    photos = lay(tmp_path / "mine" / "deep", 2, size)
    out = tmp_path / "out"
    command = ["translate", str(folder), str(tmp_path / "mine"), "--out", str(out)]
    cli.main([*command, "--tile", "16", "--trust"])
    for i, photo in enumerate(photos):
        made = np.asarray(Image.open(out / "deep" / f"{i:02}.png")).astype(int)
        assert made.shape == size
        assert np.abs(made - (255 - photo.astype(int))).max() <= 1


def test_tiles_fade_into_each_other_and_see_every_pixel():
    image = RNG.integers(0, 256, (50, 70, 3), np.uint8)
    seen = []

    def answer(part):
        seen.append(part.shape[1:3])
        return part / 127.5 - 1 + len(seen)  # each tile brighter than the last

    whole = apply_in_tiles(answer, image, 8, 24)
    assert set(seen) == {(24, 24)} and len(seen) == 12
    brighter = whole - (image / 127.5 - 1)
    steps = np.abs(np.diff(brighter[:, :, 0], axis=1))
    assert 1 - 1e-6 <= brighter.min() and brighter.max() <= 12 + 1e-6
    assert steps.max() < 0.5  # and no seam is as sharp as the tiles differ


@pytest.mark.parametrize(
    "where, says",
    [("nowhere", "holds no images"), ("broken", "cannot be read as an image")],
)
def test_bad_images_are_one_sentence(negative, tmp_path, capsys, where, says):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"no image")
    command = ["translate", str(negative[0]), str(tmp_path / where), "--trust"]
    with pytest.raises(SystemExit) as ended:
        cli.main(command)
    assert ended.value.code == 2 and says in capsys.readouterr().err


def test_what_is_read_is_not_written_over(negative, tmp_path, capsys):
    mine = tmp_path / "mine"
    photos = lay(mine, 2, (8, 8))
    command = ["translate", str(negative[0]), str(mine), "--trust", "--out"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, str(mine)])
    assert ended.value.code == 2 and "that is read" in capsys.readouterr().err
    for _ in range(2):  # what was made is not made of again
        cli.main([*command, str(mine / "made")])
    names = {path for path in mine.rglob("*.png")}
    assert len(names) == 4
    kept = [np.asarray(Image.open(mine / f"{i:02}.png")) for i in range(2)]
    np.testing.assert_array_equal(kept, photos)


@pytest.fixture(scope="module")
def completion(tmp_path_factory):
    """The folder of a tiny run that completes images."""
    module = importlib.import_module("completion")
    folder = tmp_path_factory.mktemp("completion") / "run"
    run = replace(module.TINY.run, workdir=str(folder), steps=1, devices="jit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_scores, "MIN_COMPARED", 10**9)
        module.main(replace(module.TINY, run=run))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("size", [(16, 16), (21, 50)])
def test_a_hole_is_filled_and_all_else_stays_to_the_bit(completion, tmp_path, size):
    photo = RNG.integers(0, 256, (*size, 3), np.uint8)
    hidden = np.zeros(size, np.uint8)
    hidden[3:9, 5:12] = 255
    for name, image in (("photo", photo), ("mask", hidden)):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    paths = {name: str(tmp_path / f"{name}.png") for name in ("photo", "mask", "out")}
    command = ["complete", str(completion), paths["photo"], "--mask", paths["mask"]]
    cli.main([*command, "--out", paths["out"], "--tile", "32"])
    made = np.asarray(Image.open(paths["out"]))
    np.testing.assert_array_equal(made[hidden == 0], photo[hidden == 0])
    assert (made[hidden > 0] != photo[hidden > 0]).mean() > 0.9


@pytest.mark.slow
def test_what_is_painted_on_a_transparent_layer_is_the_mask(completion, tmp_path):
    photo = RNG.integers(0, 256, (16, 16, 3), np.uint8)
    layer = np.zeros((16, 16, 4), np.uint8)
    layer[4:9, 4:9] = 255
    for name, image in (("photo", photo), ("mask", layer)):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    paths = [str(tmp_path / f"{name}.png") for name in ("photo", "mask", "out")]
    command = ["complete", str(completion), paths[0], "--mask", paths[1]]
    cli.main([*command, "--out", paths[2]])
    made = np.asarray(Image.open(paths[2]))
    np.testing.assert_array_equal(made[layer[..., 3] == 0], photo[layer[..., 3] == 0])


@pytest.mark.slow
def test_what_is_transparent_is_filled(completion, tmp_path):
    photo = RNG.integers(0, 256, (16, 16, 4), np.uint8)
    photo[..., 3] = 255
    photo[4:9, 4:9, 3] = 0
    Image.fromarray(photo).save(tmp_path / "photo.png")
    command = ["translate", str(completion), str(tmp_path / "photo.png")]
    cli.main([*command, "--out", str(tmp_path / "out")])
    made = np.asarray(Image.open(tmp_path / "out" / "photo.png"))
    cli.main(["translate", str(completion), str(tmp_path), "--out", f"{tmp_path}/out"])
    known = photo[..., 3] == 255
    np.testing.assert_array_equal(made[known], photo[known][:, :3])


@pytest.mark.slow
def test_an_opaque_image_is_not_given_back_as_if_it_were_filled(
    completion, tmp_path, capsys
):
    for name, alpha in (("a", 0), ("b", 255)):
        photo = RNG.integers(0, 256, (16, 16, 4), np.uint8)
        photo[..., 3] = 128  # which is known
        photo[:4, :4, 3] = alpha
        Image.fromarray(photo).save(tmp_path / f"{name}.png")
    command = ["translate", str(completion), str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--out", str(tmp_path / "out")])
    assert ended.value.code == 2 and "b.png is opaque" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "size, white, out, says",
    [
        ((5, 5), 1, "out.png", "mask of the same size"),
        ((16, 16), 1, "out.jpg", "is not a .png"),
        ((16, 16), 0, "out.png", "mask.png is all black"),
        ((16, 16), 256, "out.png", "mask.png is all white"),
        ((16, 16), 1, "photo.png", "that is read"),
    ],
)
def test_a_bad_mask_is_one_sentence(
    completion, tmp_path, capsys, monkeypatch, size, white, out, says
):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "photo.png")
    mask = np.where(np.arange(np.prod(size)) < white, 255, 0).astype(np.uint8)
    Image.fromarray(mask.reshape(size)).save(tmp_path / "mask.png")
    command = ["complete", str(completion), str(tmp_path / "photo.png")]
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--mask", str(tmp_path / "mask.png"), "--out", out])
    assert ended.value.code == 2 and says in capsys.readouterr().err
