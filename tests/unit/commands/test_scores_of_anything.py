"""`ganjax evaluate --against` and `ganjax compare`: runs, folders, files, one protocol."""

import json
from dataclasses import replace
from pathlib import Path

import mlp
import numpy as np
import pytest
from PIL import Image

from ganjax import cli
from ganjax.commands import compare, evaluate
from ganjax.evaluation.distances import as_rows
from ganjax.evaluation.features import pixels
from ganjax.evaluation.frechet import FRECHET_METRIC
from ganjax.evaluation.protocol import from_json
from ganjax.evaluation.statistics import statistics_of, write_statistics
from ganjax.run import subjects
from tests.helpers.sentences import told


NAME = "frechet/pixels"


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """Pixels in place of a network, and one metric."""
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(subjects, "random_network", pixels)
    monkeypatch.setattr(subjects, "SUITE", (FRECHET_METRIC,))
    monkeypatch.chdir(tmp_path)


def images(n, seed=0, top=256):
    rng = np.random.default_rng(seed)
    return rng.integers(0, top, (n, 4, 4, 3), dtype=np.uint8)


def kept(folder, given):
    Path(folder).mkdir(parents=True)
    for i, image in enumerate(given):
        Image.fromarray(image).save(Path(folder) / f"{i:03d}.png")
    return folder


def scored(capsys, *argv):
    cli.main(["evaluate", *argv])
    return json.loads(capsys.readouterr().out)


def test_a_folder_is_scored_against_another_with_its_protocol(capsys):
    real, fake = images(30), images(20, 1, 200)
    kept("real", real), kept("fake", fake)
    found = scored(capsys, "fake", "--against", "real")
    rows = [as_rows(pixels().apply(x / 127.5 - 1), "x") for x in (real, fake)]
    gap = statistics_of(rows[0]).mean - statistics_of(rows[1]).mean
    assert found["scores"][NAME]["samples"] > (gap**2).sum() > 0.1
    (entry,) = found["protocols"].values()
    protocol = from_json(entry)
    assert protocol.digest() == found["scores"][NAME]["protocol"]
    assert (protocol.real, protocol.samples, protocol.reference) == (30, 20, "real")
    score = found["scores"][NAME]
    assert score["low"] < score["samples"] < score["high"]
    bare = scored(capsys, "fake", "--against", "real", "--resamples", "0")
    assert bare["scores"][NAME]["samples"] == score["samples"]
    assert "low" not in bare["scores"][NAME]
    # The same images in an .npz are the same score by the same protocol.
    np.savez("fake.npz", arr_0=fake)
    again = scored(capsys, "fake.npz", "--against", "real")
    assert again["scores"] == found["scores"]


def test_several_are_scored_in_one_go_and_written_where_they_are_asked_for(capsys):
    kept("real", images(30)), kept("a", images(20, 1)), kept("b", images(20, 2))
    found = scored(capsys, "a", "b", "--against", "real", "--out", "scores.json")
    assert list(found) == ["a", "b"]
    assert json.loads(Path("scores.json").read_text()) == found
    one, other = (found[name]["scores"][NAME]["protocol"] for name in ("a", "b"))
    assert one == other


def test_statistics_of_real_images_take_their_place(capsys):
    real = images(40)
    kept("real", real), kept("fake", images(20, 1))
    rows = as_rows(pixels().apply(real / 127.5 - 1), "x")
    write_statistics("ours.npz", statistics_of(rows))
    whole = scored(capsys, "fake", "--against", "real")["scores"][NAME]["samples"]
    by_moments = scored(capsys, "fake", "--against", "ours.npz")["scores"][NAME]
    np.testing.assert_allclose(by_moments["samples"], whole, rtol=1e-6)
    np.savez("other.npz", mu=np.zeros(5), sigma=np.eye(5))
    said = told(capsys, cli.main, ["evaluate", "fake", "--against", "other.npz"])
    assert "has 48 features an image, and other.npz 5" in said


def test_a_named_set_gives_the_scores_of_real_data(capsys):
    np.savez("fake.npz", arr_0=images(20, top=100)[..., :1].repeat(2, 1).repeat(2, 2))
    found = scored(capsys, "fake.npz", "--against", "digits", "--count", "20")
    score = found["scores"][NAME]
    assert 0 < score["real"] < score["samples"]
    (protocol,) = found["protocols"].values()
    assert protocol["split"] == "test" and protocol["real"] == 898


def test_flips_and_sizes_are_of_the_protocol(capsys):
    kept("real", images(30)), kept("fake", images(20, 1))
    plain = scored(capsys, "fake", "--against", "real")
    flipped = scored(capsys, "fake", "--against", "real", "--flips")
    (protocol,) = flipped["protocols"].values()
    assert protocol["flips"] and protocol["real"] == 60
    assert flipped["scores"][NAME] != plain["scores"][NAME]
    Image.fromarray(images(1)[0]).resize((9, 7)).save("fake/odd.png")
    said = told(capsys, cli.main, ["evaluate", "fake", "--against", "real"])
    assert "different sizes" in said and "--size" in said
    small = scored(capsys, "fake", "--against", "real", "--size", "4")
    assert small["samples"] == 21


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "Nothing is named to be scored"),
        (["fake"], "There is nothing to compare these images with: give --against"),
        (["fake", "--against", "a.pkl"], "a.pkl is a pickle, which can run code"),
        (["fake", "--against", "gone"], "There is no data 'gone'"),
        (["gone", "--against", "real"], "There is no data 'gone'"),
        (["empty", "--against", "real"], "empty is empty: give a run, or a folder"),
        (["one", "--against", "real"], "one has 1 image, too few for a score"),
        (["fake", "--against", "one"], "one has 1 image, too few for a score"),
        (["fake", "--against", "real", "--count", "99"], "fake has 3 images, and 99"),
        (
            ["fake", "--against", "real", "--protocol", "x"],
            "--protocol x is not one of",
        ),
        (["fake", "--against", "real", "--weights", "x"], "--weights are those of a"),
        (
            ["fake", "--against", "real", "--protocol", "nvidia", "--weights", "x.pth"],
            "There is no file x.pth",
        ),
        (["broken", "--against", "real"], "broken/b.png cannot be read as an image"),
    ],
)
def test_what_cannot_be_scored_is_a_sentence(argv, says, capsys):
    kept("real", images(5)), kept("fake", images(3)), kept("one", images(1))
    kept("broken", images(2)), kept("empty", [])
    Path("broken/b.png").write_text("junk")
    assert told(capsys, cli.main, ["evaluate", *argv]).startswith(says)


def run(folder, seed=0, steps=2):
    args = mlp.Args()
    small = replace(
        args.run, workdir=str(folder), steps=steps, batch=8, seed=seed, scores=False
    )
    mlp.main(replace(args, run=small))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two methods of three seeds, the second trained for longer."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        run(folder / "short" / str(seed), seed)
        run(folder / "long" / str(seed), seed, steps=60)
    return folder


def test_a_run_is_scored_by_its_own_data_or_by_another(runs, capsys):
    place = str(runs / "short" / "0")
    by_own = scored(capsys, place, "--protocol", "", "--against", "digits")
    assert by_own["samples"] == 898
    assert json.loads(Path(place, "scores.json").read_text()) == by_own
    (protocol,) = by_own["protocols"].values()
    assert protocol["weights"] == "ema" and protocol["truncation"] is None
    near = scored(capsys, place, "--against", "digits", "--truncation", "0.5")
    (protocol,) = near["protocols"].values()
    assert protocol["truncation"] == 0.5
    assert near["scores"][NAME]["samples"] != by_own["scores"][NAME]["samples"]
    assert near["scores"][NAME]["real"] == by_own["scores"][NAME]["real"]


def compared(capsys, *argv):
    cli.main(["compare", *argv])
    said = capsys.readouterr()
    lines = [line.strip("| ").split(" | ") for line in said.out.splitlines()]
    return lines[0], lines[2:], said.err


def test_methods_of_several_seeds_are_compared_with_an_interval(runs, capsys):
    head, rows, said = compared(
        capsys,
        str(runs / "short"),
        str(runs / "long"),
        "--against",
        "digits",
        "--out",
        "table.json",
    )
    assert head[0] == "score" and head[3] == "real data"
    assert head[4] == f"{runs / 'long'} less {runs / 'short'}"
    name, short, long, real, difference = rows[0]
    assert name == NAME and " ± " in short and " ± " in long and float(real) > 0
    assert difference.endswith(": better") and difference.startswith("-")
    assert "fewer than" not in said
    found = json.loads(Path("table.json").read_text())
    assert found["tables"][0]["rows"][0][0] == NAME


def test_few_seeds_are_not_ranked(runs, capsys):
    one, other = str(runs / "short" / "0"), str(runs / "long" / "0")
    _, rows, said = compared(capsys, one, other, "--against", "digits")
    assert ":" not in rows[0][4] and "fewer than 3 seeds" in said


def test_scores_that_are_there_are_not_computed_again(runs, capsys, monkeypatch):
    one, other = str(runs / "short" / "0"), str(runs / "long" / "0")
    first = compared(capsys, one, other, "--against", "digits")[1]
    monkeypatch.setattr(compare, "score_all", None)
    monkeypatch.setattr(compare, "own_scores", None)
    assert compared(capsys, one, other)[1] == first


def test_unlike_protocols_are_refused_unless_that_is_compared(runs, capsys):
    one, other = str(runs / "short" / "0"), str(runs / "short" / "1")
    cli.main(["evaluate", one, "--against", "digits", "--count", "100"])
    cli.main(["evaluate", other, "--against", "digits", "--count", "200"])
    capsys.readouterr()
    said = told(capsys, cli.main, ["compare", one, other])
    assert "number of samples: 100 and 200" in said and "--across samples" in said
    assert compared(capsys, one, other, "--across", "samples")[1]


def test_other_features_are_named(capsys, monkeypatch):
    kept("real", images(30)), kept("a", images(20, 1))
    cli.main(["evaluate", "a", "--against", "real", "--out", "a.json"])
    monkeypatch.setattr(
        subjects, "random_network", lambda: pixels()._replace(name="other")
    )
    cli.main(["evaluate", "a", "--against", "real", "--out", "b.json"])
    capsys.readouterr()
    said = told(capsys, cli.main, ["compare", "a.json", "b.json"])
    assert "a.json and b.json cannot be compared" in said and "(pixels; other)" in said


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "A comparison needs two"),
        (["a"], "A comparison needs two"),
        (["a", "a"], "One thing is named twice"),
        (["a.json", "b.json"], "a.json holds no scores of one subject"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(argv, says, capsys):
    Path("a.json").write_text("{}")
    assert told(capsys, cli.main, ["compare", *argv]).startswith(says)


def test_a_file_of_scores_can_be_compared(capsys):
    kept("real", images(30)), kept("a", images(20, 1)), kept("b", images(20, 2))
    for name in ("a", "b"):
        cli.main(["evaluate", name, "--against", "real", "--out", f"{name}.json"])
    capsys.readouterr()
    head, rows, _ = compared(capsys, "a.json", "b.json")
    assert head[1:3] == ["a.json", "b.json"] and rows[0][0] == NAME


def test_what_flatters_is_said(capsys, monkeypatch):
    kept("real", images(30)), kept("a", images(20, 1))
    opened = subjects.open_subject
    monkeypatch.setattr(
        subjects,
        "open_subject",
        lambda *given: opened(*given)._replace(pretrained=("pixels",)),
    )
    evaluate.main(evaluate.Args(("a",), subjects.Against(against="real")))
    assert "a was trained by pixels" in capsys.readouterr().err
