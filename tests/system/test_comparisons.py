"""The comparisons: every run is played once, and told."""

import dataclasses
import importlib
import json
import sys
import types
from functools import partial
from xml.etree import ElementTree

import augmented
import budget
import completed
import curves
import deidentified
import fashion_mnist
import jax.numpy as jnp
import modes
import numpy as np
import paired
import pytest
import rows
import tables
import texts
import unpaired
import vae_and_dcgan
from PIL import Image

import ganjax
from ganjax import evaluation, losses
from ganjax.data import stacked
from ganjax.errors import UsageError
from ganjax.evaluation import ClassifierSettings
from ganjax.modalities import image_scores, text_scores
from ganjax.report.results import read_results
from ganjax.store import metrics


FEW = 100  # samples by which runs are scored


@pytest.fixture(autouse=True)
def few_are_compared(monkeypatch):
    monkeypatch.setattr(stacked, "NUM_COUNTED", FEW)
    monkeypatch.setattr(stacked, "MAX_COMPARED", FEW)
    monkeypatch.setattr(image_scores, "MAX_COMPARED", FEW)
    monkeypatch.setattr(text_scores, "MAX_COMPARED", FEW)


@pytest.fixture
def quick_classifiers(monkeypatch):
    """Those by which runs are scored learn for a short time."""
    train = partial(
        evaluation.load_or_train_classifier, settings=ClassifierSettings(50)
    )
    monkeypatch.setattr(evaluation, "load_or_train_classifier", train)


def table_rows(text):
    """The rows of the first table."""
    lines = text[text.index("|") :].split("\n\n")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    return [line.strip("| ").split(" | ") for line in rows[2:]]


@pytest.mark.slow
def test_every_objective_is_played_once_and_has_a_row(tmp_path, capsys, monkeypatch):
    args = modes.Args(d_widths=(4,), workdir=str(tmp_path), steps=2, seeds=8)
    modes.main(args)
    first = capsys.readouterr()
    assert [row[0] for row in table_rows(first.out)] == list(modes.OBJECTIVES)
    for _, width, found, divergence, _ in table_rows(first.out):
        assert width == "4"
        assert len(found.split(", ")) == len(divergence.split(", ")) == 8
    folders = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert len(folders) == 3 and all((x / "report.html").exists() for x in folders)
    last = list(modes.OBJECTIVES.items())[-1:]
    monkeypatch.setattr(modes, "OBJECTIVES", dict(last))
    modes.main(args)
    again = capsys.readouterr()
    assert table_rows(again.out)[-1] == table_rows(first.out)[-1]
    written = read_results(tmp_path / "results.json").tables["modes"].to_markdown()
    assert written in again.out
    assert "was finished before" in again.err and "Compiled" not in again.err


@pytest.fixture
def two_gans(monkeypatch):
    """Small ones, whose pace is soon measured and whose clock is soon read."""
    sizes = {"size": 16, "g_width": 4, "d_width": 4}
    gans = {
        name: fashion_mnist.Recipe("dcgan", {**sizes, "lr": rate}, d_turns=turns)
        for name, rate, turns in (("slow", 1e-5, 1), ("fast", 1e-2, 2))
    }
    monkeypatch.setattr(fashion_mnist, "GANS", gans)
    monkeypatch.setattr(fashion_mnist, "PACE_SECONDS", 0.5)
    monkeypatch.setattr(fashion_mnist, "READING_SECONDS", 0.2)
    monkeypatch.setattr(fashion_mnist, "SPARE", 5.0)  # so short a pace says little


@pytest.mark.slow
def test_gans_are_ranked_after_equal_time_by_the_mean_of_their_distances(
    tmp_path, capsys, two_gans, quick_classifiers
):
    args = fashion_mnist.Args(
        "digits", str(tmp_path), minutes=0.03, points=2, size=16, batch=8, seeds=2
    )
    fashion_mnist.main(args)
    text = capsys.readouterr().out
    assert text.startswith("frechet/classifier-")
    *ranked, floor = table_rows(text)
    assert {row[0] for row in ranked} == {"slow", "fast"}
    means = []
    for name, each, mean, deviation, minutes, steps, images in ranked:
        seeds = np.array([float(x) for x in each.split(", ")])
        assert len(seeds) == 2 and seeds[0] != seeds[1]
        np.testing.assert_allclose(float(mean), seeds.mean(), atol=0.011)
        np.testing.assert_allclose(float(deviation), seeds.std(ddof=1), atol=0.011)
        assert float(minutes) >= 0.0
        means.append(float(mean))
        turns = int(images.replace(",", "")) / int(steps.replace(",", "")) / 8
        assert turns == pytest.approx({"slow": 1, "fast": 2}[name], rel=0.1)
    assert means == sorted(means) and floor[0] == "real images"
    assert 0 < float(floor[2]) < means[0]
    found = read_results(tmp_path / "results.json").tables["curves"]
    for name in ("slow", "fast"):
        for seed in range(2):
            rows = [row for row in found.rows if row[:2] == [name, seed]]
            assert len(rows) >= 2, "scored on the way, too"
            spent = [row[4] for row in rows]
            assert spent == sorted(spent) and spent[-1] == pytest.approx(0.03, rel=0.5)
            status = json.loads(
                (tmp_path / name / str(seed) / "status.json").read_text()
            )
            assert "0.03 minutes of processor time" in status["sentence"]
    manifest = json.loads((tmp_path / "fast" / "1" / "run.json").read_text())
    assert manifest["args"]["lr"] == 1e-2 and manifest["args"]["run"]["seed"] == 1
    chart = (tmp_path / "distance.svg").read_text()
    assert chart.count('class="line"') == 2 * 4 + 2  # and the legend's
    with Image.open(tmp_path / "samples.png") as picture:
        assert picture.width / picture.height == pytest.approx(12 / 6, rel=0.1)
    # Once more, everything is read.
    fashion_mnist.main(args)
    again = capsys.readouterr()
    assert table_rows(again.out) == [*ranked, floor] and "begins" not in again.err
    with pytest.raises(UsageError, match="another number of minutes"):
        fashion_mnist.main(dataclasses.replace(args, minutes=0.06))


@pytest.mark.slow
def test_a_vae_and_a_gan_are_compared_after_equal_time(
    tmp_path, capsys, monkeypatch, quick_classifiers
):
    sizes = {"size": 16, "g_width": 4}
    recipes = {
        "DCGAN": fashion_mnist.Recipe("dcgan", {**sizes, "d_width": 4}),
        "VAE": fashion_mnist.Recipe("vae", {**sizes, "e_width": 4}),
    }
    monkeypatch.setattr(vae_and_dcgan, "RECIPES", recipes)
    monkeypatch.setattr(fashion_mnist, "PACE_SECONDS", 0.5)
    monkeypatch.setattr(fashion_mnist, "READING_SECONDS", 0.2)
    monkeypatch.setattr(fashion_mnist, "SPARE", 5.0)
    args = vae_and_dcgan.Args(
        "digits", str(tmp_path), minutes=0.03, points=2, size=16, batch=8, seeds=3
    )
    vae_and_dcgan.main(args)
    capsys.readouterr()
    found = read_results(tmp_path / "results.json").tables
    names = [column.name for column in found["comparison"].columns]
    assert names == ["score", "DCGAN", "VAE", "real data", "VAE less DCGAN"]
    assert all(
        {"mean", "low", "high"} <= row[4].keys() for row in found["comparison"].rows
    )
    gan, vae = found["spent"].rows
    assert gan[4] is None and vae[4]["mean"] > 0
    assert gan[1] == pytest.approx(0.03, rel=0.5)
    with Image.open(tmp_path / "samples.png") as picture:
        assert picture.width / picture.height == pytest.approx(2, rel=0.1)
    vae_and_dcgan.main(args)
    assert "begins" not in capsys.readouterr().err


@pytest.mark.slow
def test_models_of_tables_are_fitted_once_and_have_a_row(tmp_path, capsys):
    args = tables.Args(
        ("iris:species",),
        workdir=str(tmp_path),
        steps=2,
        batch=20,
        seeds=2,
        components=4,
    )
    tables.main(args)
    first = table_rows(capsys.readouterr().out)
    names = [row[1] for row in first]
    simple = ["real rows", "every column by itself", "mixture of 4 such"]
    assert names == [*simple, *tables.TRAINED] and {row[0] for row in first} == {"iris"}
    assert all("±" in cell for row in first[1:] for cell in row[2:-1])
    tables.main(args)
    again = capsys.readouterr()
    assert table_rows(again.out) == first and "begins" not in again.err


def test_cells_of_the_package_are_numbers_and_back(monkeypatch):
    """Without the package: dates are days, and what is missing stays so."""
    for name in ("ctgan", "pandas", "torch"):
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace())
    package = importlib.import_module("tables_package")
    day = {"date": "%Y-%m-%d", "point": ".", "decimals": 0}
    price = {"date": "", "point": ",", "decimals": 2}
    for column, cells in (
        (day, ["1970-01-02", "", "2026-05-01"]),
        (price, ["1,50", "", "-20,25"]),
    ):
        found = package.numbers(cells, column)
        absent = np.isnan(found)
        assert absent.tolist() == [False, True, False]
        assert package.texts(found, absent, column) == cells
    assert package.numbers(["1970-01-02"], day) == [1.0]


def test_the_difference_of_two_programs_has_an_interval():
    own, theirs = np.array([0.90, 0.91, 0.92]), np.array([0.95, 0.95, 0.96])
    cell = tables.difference(own, theirs)
    assert cell["mean"] == pytest.approx(-13 / 300) and cell["verdict"] == "lower"
    assert cell["low"] < cell["mean"] < cell["high"] < 0
    assert tables.difference(own[:2], theirs[:2]) == pytest.approx(-0.045)


def test_processor_time_is_counted_without_scores_and_across_processes(
    tmp_path, monkeypatch
):
    clock = [100.0]
    monkeypatch.setattr(budget.time, "process_time", lambda: clock[0])
    file = tmp_path / "metrics.jsonl"

    def played(seconds, step, of, event="training"):
        clock[0] += seconds
        row = of.hooks[0].hook(step, None, {})
        metrics.append(file, step, {"event": "hook", **row})
        of.writers[0](event, step, {})
        return 60 * row["minutes"]

    first = budget.budget(tmp_path, minutes=1, every=10, pace=2.0)
    assert [hook.n for hook in first.hooks] == [10, 10]
    assert played(99, 10, first) == 5, "compiled meanwhile: 10 steps at the pace known"
    assert played(8, 20, first, "scores") == 13
    assert played(99, 30, first) == 21, "scored meanwhile: 10 steps at 8 s"
    assert first.hooks[1].hook(30, None, {}) is None
    # The next process goes on from a save at step 30, and the one that was at 36 is lost.
    second = budget.budget(tmp_path, minutes=1, every=10, pace=2.0)
    clock[0] = 0.0
    assert played(70, 40, second) == 26
    assert played(33, 50, second) == 59
    assert second.hooks[1].hook(50, None, {}) is None
    assert played(1, 60, second) == 60
    with pytest.raises(ganjax.StopTraining, match="1 minutes of processor time"):
        second.hooks[1].hook(60, None, {})


def test_charts_show_every_line_and_the_floor_in_their_frames(tmp_path):
    lines = [
        curves.Line("a & b", {"minutes": [1, 2], "images": [10, 30]}, [9.0, 3.0]),
        curves.Line("a & b", {"minutes": [1, 2], "images": [10, 30]}, [8.0, 4.0]),
        curves.Line("c", {"minutes": [0.5, 1.5], "images": [90, 99]}, [5.0, 2.0]),
    ]
    curves.write_charts(tmp_path / "x.svg", lines, "distance", 1.0, "real images")
    root = ElementTree.parse(tmp_path / "x.svg").getroot()
    width, height = (float(root.get(name, 0)) for name in ("width", "height"))
    drawn = [
        path
        for path in root.iter("{http://www.w3.org/2000/svg}path")
        if path.get("class") == "line" and "," in path.get("d", "")
    ]
    assert len(drawn) == 6
    assert len({path.get("stroke") for path in drawn}) == 2
    for path in drawn:
        points = [p.split(",") for p in path.get("d", "")[1:].split()]
        assert all(0 <= float(x) <= width / 2 for x, _ in points)
        assert all(0 <= float(y) <= height for _, y in points)
        assert float(points[0][1]) < float(points[1][1]), "it falls"
    texts = [x.text for x in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a & b", "c", "real images 1", "minutes", "images"} <= {*texts}


@pytest.mark.slow
def test_text_gans_stand_beside_the_temperatures_of_likelihood_models(
    tmp_path, capsys, monkeypatch
):
    works = tmp_path / "works"
    works.mkdir()
    for i in range(12):
        verse = "".join(f"And line {w} of the work is here,\n" for w in ("a", "the"))
        text = "A TITLE\nThe person of the play is here.\nACT I\n[Enter a king of it]\n"
        (works / f"{i}_gut.txt").write_text(text + 30 * verse + "Exit.\n")
    monkeypatch.setattr(texts, "TEMPERATURES", (0.5, 1.0))
    names = ("start_steps", "steps", "relgan_steps", "scratchgan_steps")
    args = texts.Args(
        str(works), str(tmp_path / "runs"), **dict.fromkeys(names, 2), seeds=2
    )
    texts.main(args)
    folder = tmp_path / "runs"
    lines = {
        split: (folder / "shakespeare_lines" / f"{split}.txt").read_text().splitlines()
        for split in ("train", "test")
    }
    assert (len(lines["train"]), len(lines["test"])) == (10 * 60, 2 * 60)
    assert {*lines["train"]} == {
        f"And line {w} of the work is here," for w in ("a", "the")
    }
    found = read_results(folder / "results.json").tables
    assert found.keys() == {"grammar", "Shakespeare"}
    for table in found.values():
        models = [row[0] for row in table.rows]
        assert models[0] == "training text" and len(models) == 1 + 5 * 2
    same = [str(row[3:]) for row in found["grammar"].rows]
    assert len({*same}) == len(same), "every row has scores of its own"
    chart = ElementTree.parse(folder / "texts.svg").getroot()
    dots = [each for each in chart.iter() if each.tag.endswith("circle")]
    assert len(dots) == 2 * (5 * 2 + 1) + 6  # the last ones are of the legend
    # What is finished is read: nothing is drawn again.
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("temperatures.json")}
    texts.main(args)
    assert len(kept) == 2 * 5 * 2
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.slow
def test_what_generated_images_do_to_a_classifier_is_told_with_intervals(
    tmp_path, capsys
):
    args = augmented.Args(
        workdir=str(tmp_path),
        budgets=(3,),
        made=4,
        gans=2,
        classifiers=1,
        steps=2,
        classifier_steps=2,
        width=2,
    )
    augmented.main(args)
    table = table_rows(capsys.readouterr().out)
    kinds = [row[1] for row in table]
    arms = "real", "real + classic", "generated", "real + generated"
    assert kinds == [*arms, "real + classic + generated"]
    assert len(read_results(tmp_path / "results.json").tables["leaks"].rows) == 1
    for row in table[2:5]:
        verdicts = [cell.split(": ")[1] for cell in row[3:]]
        assert set(verdicts) <= {"gain", "loss", "no significant difference"}
    (folder,) = tmp_path.glob("digits_3_*")  # which other images would not share
    with np.load(folder / "few.npz") as file:
        assert file["image"].shape == (30, 8, 8, 1)
        assert (np.bincount(file["label"]) == 3).all()


def test_rare_classes_are_few_and_filled_up():
    args = augmented.Args(rare=(1,), few=2)
    label = np.repeat(np.arange(3), 9).astype(np.int32)
    image = np.arange(27, dtype=np.uint8).reshape(-1, 1, 1, 1)
    chosen = augmented.few(args, 5, augmented.Batch(image, label))
    assert np.bincount(chosen.label).tolist() == [5, 2, 5]
    assert (chosen.x.ravel() // 9 == chosen.label).all()
    both = augmented.mixed(chosen, augmented.Batch(image[:6] + 100, label[:6]))
    assert len(both.label) == 24 and (both.x >= 100).sum() == 12
    even = augmented.even(chosen)
    assert np.bincount(even.label).tolist() == [5, 5, 5]
    assert {*even.x.ravel()} == {*chosen.x.ravel()}
    with pytest.raises(UsageError, match="--rare 12: give classes from 0 to 9"):
        augmented.main(augmented.Args(rare=(1, 12)))


def test_shifted_copies_of_what_was_known_are_a_leak():
    args = augmented.Args(size=8, rare=(1,))
    rng = np.random.default_rng(0)
    draw = lambda n: rng.integers(0, 256, (n, 8, 8, 1), np.uint8)
    label = np.arange(60, dtype=np.int32) % 3
    real, test = (augmented.Batch(draw(60), label) for _ in range(2))
    shifted = augmented.classic(args, real)
    known = augmented.joined(real, shifted)
    ratio = lambda fake: augmented.leak(args, known, [fake], test)[0]
    assert ratio(shifted) == 0
    assert ratio(augmented.Batch(draw(60), label)) == pytest.approx(1, abs=0.1)


def test_classic_copies_are_shifted_by_no_more_than_an_eighth():
    image = np.zeros((1, 16, 16, 1), np.uint8)
    image[:, 8, 8] = 255
    args = augmented.Args(size=16)
    batch = augmented.Batch(image, np.zeros(1, np.int32))
    places = [np.argwhere(x[..., 0])[0] for x in augmented.classic(args, batch).x]
    assert len(places) == 10 and len(np.unique(places, axis=0)) > 5
    assert (np.abs(np.array(places) - 8) <= 2).all()


@pytest.mark.slow
def test_who_it_is_and_what_the_task_asks_are_told_of_what_was_made(tmp_path, capsys):
    args = deidentified.Args(str(tmp_path), 200, steps=2, classifier_steps=300)
    deidentified.main(args)
    who, adapted, task = table_rows(capsys.readouterr().out)
    share = lambda cell: float(cell.split()[0])
    assert share(who[1]) > 50 and share(who[2]) < 35
    assert share(adapted[2]) < 35
    assert share(task[1]) > 50 and abs(share(task[1]) - share(task[2])) < 10
    assert [row[-1] for row in (who, adapted, task)] == ["holds"] * 3


def test_an_interval_counts_drawings_and_not_the_images_they_are_in():
    width = deidentified.half_width
    right = np.random.default_rng(0).random(1000) < 0.3
    alone = width(right, np.arange(1000))
    share = right.mean()
    assert alone == pytest.approx(1.96 * (share * (1 - share) / 1000) ** 0.5)
    again = width(right.repeat(4), np.arange(1000).repeat(4))
    assert again == pytest.approx(alone)


def test_holes_are_filled_without_learning_and_nothing_else_is_touched():
    image = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    hole = np.zeros((2, 16, 16, 1), np.float32)
    hole[0, 4:9, 4:9], hole[1, :3] = 1, 1
    here = np.broadcast_to(hole > 0, image.shape)
    for way in (completed.biharmonic, completed.mean, completed.beginning):
        made = way(image, hole)
        assert (made == image)[~here].all() and (made != image)[here].any()
    flat = completed.mean(image, hole)[0, 5, 5]
    np.testing.assert_allclose(
        flat, image[0][~here[0]].reshape(-1, 3).mean(0), rtol=1e-5
    )
    ramp = np.broadcast_to(np.linspace(-1, 1, 16)[:, None, None], (2, 16, 16, 3))
    smooth = completed.biharmonic(ramp, hole * [[[[1]]], [[[0]]]])
    np.testing.assert_allclose(smooth, ramp, atol=1e-3)


def test_a_picture_has_a_row_for_each_image_that_is_shown(tmp_path):
    small = np.linspace(-1, 1, 9, dtype=np.float32)[:, None, None, None]
    small = np.broadcast_to(small, (9, 2, 2, 1))
    large = np.broadcast_to(-small[:, :1, :1], (9, 4, 4, 3))
    rows.strip(tmp_path / "a.png", small, large, rows=3)
    drawn = np.asarray(Image.open(tmp_path / "a.png").convert("L")).astype(int)
    h, w = drawn.shape
    cells = drawn[h // 6 :: h // 3, w // 4 :: w // 2]
    np.testing.assert_allclose(cells, [[0, 255], [127, 127], [255, 0]], atol=2)


def test_guesses_are_of_the_shape_of_what_is_right():
    x, y = np.zeros((3, 4, 4, 3), np.float32), np.ones((3, 8, 8, 3), np.float32)
    sets = paired.Sets(x, y, np.stack([y[0], -y[0]]))
    assert paired.cubic(sets).shape == y.shape
    np.testing.assert_array_equal(paired.mean(sets), 0 * y)
    gray = sets._replace(x=y[..., :1])
    np.testing.assert_array_equal(paired.same(gray), y)
    features = evaluation.pixels()
    noisy = y + np.random.default_rng(0).normal(0, 0.1, y.shape)
    large = (x.repeat(2, 1).repeat(2, 2) for x in (noisy, y))
    most = {"most": lambda a, b: (a - b).max((1, 2, 3))}
    psnr, _, distance, found = rows.image_similarity(*large, features, most)
    error = np.square(noisy - y).mean((1, 2, 3))
    assert psnr == pytest.approx((10 * np.log10(4 / error)).mean(), rel=1e-4)
    assert distance > 0
    assert found == pytest.approx((noisy - y).max((1, 2, 3)).mean(), rel=1e-4)


def test_lpips_is_told_where_its_weights_are_given(monkeypatch):
    assert rows.unlike(()) == {}
    with pytest.raises(UsageError, match="two files of weights"):
        rows.unlike(("alex.safetensors",))
    monkeypatch.setattr(
        rows.lpips, "distance", lambda *_: lambda a, b: (a - b).sum((1,))
    )
    monkeypatch.setattr(rows, "BATCH", 3)
    a, b = np.random.default_rng(0).normal(size=(2, 8, 2)).astype(np.float32)
    (told,) = rows.unlike(("alex", "heads")).values()
    np.testing.assert_allclose(told(a, b), (a - b).sum(1), rtol=1e-5, atol=1e-6)


def test_style_and_content_are_told_together():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 0, (6, 12, 12, 1)), rng.uniform(0, 1, (6, 12, 12, 1))
    x, y = x.astype(np.float32), y.astype(np.float32)
    features = evaluation.pixels()
    base, real = (evaluation.extract_features(features, images) for images in (x, y))
    usual = unpaired.distances(base, real)
    assert unpaired.style(usual, usual)[1::2] == [1, 1]
    assert unpaired.content(x, x) == pytest.approx([1, 1])
    found = unpaired.distances(real, real)
    distance, share, _, kernel = unpaired.style(found, usual)
    assert distance == pytest.approx(0, abs=1e-3) and share == pytest.approx(
        0, abs=1e-3
    )
    assert kernel < 0.1
    assert unpaired.content(y, x)[0] < 0.5


def test_a_classifier_takes_images_for_the_kind_that_they_are():
    rng = np.random.default_rng(0)
    draw = lambda low: rng.uniform(low, low + 1, (40, 8, 8, 1)).astype(np.float32)
    x, y = draw(-1), draw(0)
    taken = unpaired.judge((x, y), (x[:9], y[:9]))
    assert [taken(images) for images in (draw(-1), draw(0))] == [0, 1]
    assert taken(np.concatenate([draw(-1), draw(0)])) == 0.5


def test_kinds_are_as_many_and_none_twice(tmp_path):
    for place, count in (("testA", 5), ("testB", 3)):
        (tmp_path / place).mkdir()
        for i in range(count):
            image = np.full((4, 4, 3), 50 * i, np.uint8)
            Image.fromarray(image).save(tmp_path / place / f"{i}.png")
    x, y = unpaired.kinds(unpaired.Args("cut", str(tmp_path), size=4), "test")
    of = lambda images: [*np.rint((images + 1) * 127.5)[:, 0, 0, 0]]
    assert of(x) == [0, 100, 200] and of(y) == [0, 50, 100]


def test_the_objectives_differ_in_loss_and_penalties_alone():
    def gan(experiment, gamma):
        module = importlib.import_module(experiment)
        return module.make(module.Args(gamma=gamma)).step.args[0]

    games = [gan(*what) for what in modes.OBJECTIVES.values()]
    assert len({(game.g.net, game.d.net) for game in games}) == 1
    assert [list(game.d.regularizers) for game in games] == [["r1", "r2"], ["r1"], []]
    makers = losses.relativistic, losses.non_saturating, losses.non_saturating
    logits = jnp.full(4, -1.0), jnp.full(4, 2.0)
    for game, make in zip(games, makers, strict=True):
        assert game.loss.d(*logits) == make().d(*logits)
        assert game.loss.g(*logits) == make().g(*logits)
