"""Each flag of a command reaches what it is for, and what is done is told."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from ganjax import cli
from ganjax.commands import (
    check,
    complete,
    evaluate,
    prepare,
    report,
    sample,
    translate,
)
from ganjax.core import ImageToImage, Inpainting, Labels, Masked
from ganjax.data import Spec
from ganjax.errors import UsageError
from ganjax.evaluation import Features
from ganjax.evaluation.evaluator import no_scores
from ganjax.modalities import IMAGES
from ganjax.run import own_scores, sampling
from ganjax.run.args import Save
from ganjax.run.loading import Loaded
from ganjax.run.subjects import Against
from ganjax.store.check import CheckedSave
from ganjax.store.workdir import AVERAGES, CHECKPOINTS
from tests.helpers.runs import game


SAVE = Save(best=True, member=3, sigma_rel=0.25, trust=True)
LOADED = {"best": True, "member": 3, "sigma_rel": 0.25, "trust": True}


def loaded(modality=IMAGES, conditions=None, classes=("a", "b"), **parts) -> Loaded:
    unused: Any = lambda *args, **more: None
    made = game()._replace(modality=modality, conditions=conditions or Labels())
    none = Loaded(made, None, classes, *[unused] * 6, example=None)
    return none._replace(**parts)


def loading(monkeypatch, module, run):
    """The runs and the flags with which a command loads them."""
    asked = []

    def load(where, **flags):
        asked.append((where, flags))
        return run

    monkeypatch.setattr(module, "load", load)
    return asked


def recorder(monkeypatch, module, name, answer=None):
    asked = []

    def record(*given, **more):
        asked.append((*given, more) if more else given)
        return answer

    monkeypatch.setattr(module, name, record)
    return asked


def shown(h, w, c):
    return jax.ShapeDtypeStruct((1, h, w, c), np.float32)


# sample


def drawing(n, label=None, seed=0):
    return np.full((n, 2, 3, 1), seed, np.float32)


@pytest.mark.parametrize(
    ("label", "labels", "of"),
    [
        (None, [0, 1, 0, 1, 0], ""),
        ("b", [1] * 5, " of class 1 (b)"),
        ("0", [0] * 5, " of class 0 (a)"),
    ],
)
def test_samples_are_written_with_their_labels_as_their_kind_is_written(
    label, labels, of, monkeypatch, tmp_path, capsys
):
    written = []
    files = {".txt": lambda *given: written.append(given)}
    modality = IMAGES._replace(files=files, max_samples={".npz": 1})
    asked = loading(monkeypatch, sample, loaded(modality, sample=drawing))
    out = tmp_path / "A.TXT"
    flags = sample.Args("run", 5, label, str(out), seed=7, data="moved", save=SAVE)
    sample.main(flags)
    assert asked == [("run", {"data": "moved", **LOADED})]
    ((path, drawn, found),) = written
    assert path == out and drawn.shape == (5, 2, 3, 1) and (drawn == 7).all()
    np.testing.assert_array_equal(found, labels)
    assert capsys.readouterr().out == f"5 samples{of}: {out}\n"


def test_only_as_many_samples_are_drawn_as_a_picture_shows(monkeypatch, tmp_path):
    written = []
    save = lambda *given: written.append(given)
    files = {".png": save, ".npz": save}
    modality = IMAGES._replace(files=files, max_samples={".png": 4})
    loading(monkeypatch, sample, loaded(modality, sample=drawing))
    for n, name in ((4, "a.png"), (9, "a.npz")):
        sample.main(sample.Args("run", n, out=str(tmp_path / name)))
        assert len(written.pop()[1]) == n
    with pytest.raises(UsageError, match=r"--n 5 are more than the 4 .* name a \.npz"):
        sample.main(sample.Args("run", 5, out=str(tmp_path / "a.png")))
    with pytest.raises(UsageError, match=r"images are written to: name a .png or a"):
        sample.main(sample.Args("run", 5, out=str(tmp_path / "a.jpg")))
    assert not written


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("a", "has no ending that names a kind of file"),
        ("folder.png", "is a folder; name a file in it"),
        ("file.txt/a.png", "cannot be written into"),
    ],
)
def test_an_out_that_cannot_be_is_told_before_a_run_is_loaded(
    out, says, monkeypatch, tmp_path
):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file.txt").write_text("")
    asked = loading(monkeypatch, sample, loaded())
    with pytest.raises(UsageError, match=says):
        sample.main(sample.Args("run", out=str(tmp_path / out)))
    assert not asked


def test_the_flags_that_are_left_out_have_the_values_of_the_help():
    assert sample.Args("run") == sample.Args(
        "run", 64, None, "samples.png", 0, "", Save()
    )
    assert translate.Args("run", "in") == translate.Args(
        "run", "in", "translated", 1024, Save()
    )
    assert complete.Args("run", "in", "mask") == complete.Args(
        "run", "in", "mask", "completed.png", 1024, Save()
    )
    assert evaluate.Args(("run",)) == evaluate.Args(
        ("run",),
        Against("", "", "", "", "", "", 0, 0, False, 0.0, 0, False, 20),
        "",
        Save(),
        "",
    )


# translate


@pytest.mark.parametrize("made", [["a"], ["a", "b"], []])
def test_images_go_through_the_network_of_the_run(made, monkeypatch, tmp_path, capsys):
    sample_of = lambda condition: 3 * condition
    run = loaded(conditions=ImageToImage(lambda x: x), sample_of=sample_of)
    asked = loading(monkeypatch, translate, run)
    monkeypatch.setattr(translate, "condition_of", lambda run: shown(8, 12, 4))
    planned = recorder(monkeypatch, translate, "plan_outputs")
    translated = recorder(monkeypatch, translate, "translate", made)
    where, out = tmp_path / "in", tmp_path / "out"
    translate.main(translate.Args("run", str(where), str(out), 99, SAVE))
    assert asked == [("run", LOADED)] and planned == [(where, out)]
    ((network, *given),) = translated
    assert given == [where, out, 4, 12, 99]
    image = np.array([[[[0, 51, 255, 255]]]], np.uint8)
    np.testing.assert_allclose(network(image), [[[[-3, -1.8, 3, 3]]]], atol=1e-5)
    words = {0: "0 images", 1: "1 image", 2: "2 images"}[len(made)]
    assert capsys.readouterr().out == f"{words}: {out}\n"


@pytest.mark.parametrize(
    ("conditions", "channels", "says"),
    [
        (Labels(), 3, "run is not an image-to-image run: use `ganjax sample`"),
        (ImageToImage(lambda x: x), 2, "run makes images of 2 channels"),
        (
            Inpainting(lambda x: x),
            1,
            "run completes gray images: use `ganjax complete`",
        ),
        (Inpainting(lambda x: x), 4, "run completes images of 4 channels"),
    ],
)
def test_a_run_that_cannot_translate_files_is_told_apart(
    conditions, channels, says, monkeypatch
):
    condition = shown(8, 8, channels)
    if isinstance(conditions, Inpainting):
        condition = Masked(condition, shown(8, 8, 1))
    loading(monkeypatch, translate, loaded(conditions=conditions))
    monkeypatch.setattr(translate, "condition_of", lambda run: condition)
    recorder(monkeypatch, translate, "plan_outputs")
    recorder(monkeypatch, translate, "check_transparent")
    translated = recorder(monkeypatch, translate, "translate", [])
    with pytest.raises(UsageError, match=says):
        translate.main(translate.Args("run", "in"))
    assert not translated


def test_what_is_transparent_is_looked_for_before_it_is_filled_in(monkeypatch):
    run = loaded(conditions=Inpainting(lambda x: x))
    condition = Masked(shown(6, 8, 3), shown(6, 8, 1))
    loading(monkeypatch, translate, run)
    monkeypatch.setattr(translate, "condition_of", lambda run: condition)
    recorder(monkeypatch, translate, "plan_outputs")
    looked = recorder(monkeypatch, translate, "check_transparent")
    inpainted = recorder(monkeypatch, translate, "inpainter", "network")
    translated = recorder(monkeypatch, translate, "translate", ["a"])
    translate.main(translate.Args("run", "in", "out", 64))
    assert looked == [(Path("in"), Path("out"))] and inpainted == [(run,)]
    wanted = ("network", Path("in"), Path("out"), 4, 8, 64, {"completes": True})
    assert translated == [wanted]


# complete


def test_a_photograph_and_its_mask_are_completed_by_the_run(monkeypatch, capsys):
    run = loaded(conditions=Inpainting(lambda x: x))
    asked = loading(monkeypatch, complete, run)
    condition = Masked(shown(6, 8, 3), shown(6, 8, 1))
    monkeypatch.setattr(complete, "condition_of", lambda run: condition)
    checked = recorder(monkeypatch, complete, "check_completion")
    made = recorder(monkeypatch, complete, "inpainter", "network")
    completed = recorder(monkeypatch, complete, "complete")
    flags = complete.Args("run", "~/photo.png", "mask.png", "out.png", 64, SAVE)
    complete.main(flags)
    paths = (Path("~/photo.png").expanduser(), Path("mask.png"), Path("out.png"))
    assert checked == [paths] and asked == [("run", LOADED)] and made == [(run,)]
    assert completed == [("network", *paths, 4, 8, 64)]
    assert capsys.readouterr().out == "Completed: out.png\n"


@pytest.mark.parametrize(
    ("conditions", "channels", "says"),
    [
        (Labels(), 3, "run does not complete images"),
        (ImageToImage(lambda x: x), 3, "run does not complete images"),
        (Inpainting(lambda x: x), 4, "run completes images of 4 channels"),
    ],
)
def test_a_run_that_does_not_complete_is_a_mistake(
    conditions, channels, says, monkeypatch
):
    loading(monkeypatch, complete, loaded(conditions=conditions))
    condition = Masked(shown(8, 8, channels), shown(8, 8, 1))
    monkeypatch.setattr(complete, "condition_of", lambda run: condition)
    recorder(monkeypatch, complete, "check_completion")
    completed = recorder(monkeypatch, complete, "complete")
    with pytest.raises(UsageError, match=says):
        complete.main(complete.Args("run", "photo.png", "mask.png"))
    assert not completed


# evaluate


@pytest.mark.parametrize("weights", ["", "weights.pth"])
def test_a_run_is_scored_by_the_features_that_are_named(weights, monkeypatch, tmp_path):
    run = loaded(state="state")
    asked = loading(monkeypatch, own_scores, run)
    mine = Features("mine", lambda x: x)
    named = recorder(monkeypatch, evaluate.efficientnet, "features", mine)
    placed = recorder(monkeypatch, own_scores, "data_of_run", Spec("ring"))
    judged = recorder(monkeypatch, own_scores, "evaluator", no_scores(3))
    (tmp_path / "run.json").touch()
    against = Against(features=weights)
    flags = evaluate.Args((str(tmp_path),), against, "moved", SAVE)
    with pytest.raises(UsageError, match="was trained on too few images to score"):
        evaluate.main(flags)
    assert asked == [(str(tmp_path), {"data": "moved", **LOADED})]
    assert named == ([(weights,)] if weights else [])
    assert placed == [(str(tmp_path), "moved", run.game.modality, run.example)]
    more = [mine] if weights else []
    assert judged == [(Spec("ring"), run.game, *more, {"scratch": tmp_path})]
    assert not (tmp_path / "scores.json").exists()


def test_as_many_samples_are_scored_as_there_are_to_compare_them_with(
    monkeypatch, tmp_path, capsys
):
    seen, sizes = [], []
    state = {"rows": np.float32(2)}

    def generate(state, z, label, key):
        level = label[:, None, None, None] + state["rows"]
        return jax.numpy.broadcast_to(level, (len(label), 4, 6, 1))

    run = loaded(state=state, classes=("a", "b", "c"))
    made = run.game._replace(latents=lambda key, n: (), generate=generate)
    loading(monkeypatch, own_scores, run._replace(game=made))
    (tmp_path / "run.json").touch()

    def size_of(shape):
        sizes.append(shape)
        return 2

    monkeypatch.setattr(sampling, "rows_at_once", size_of)
    recorder(monkeypatch, own_scores, "data_of_run", Spec("ring"))
    judged = no_scores(0)._replace(count=5, shape=(4, 6, 1))
    scoring = judged.begin()._replace(add=seen.append)
    again = judged._replace(begin=lambda: scoring)
    recorder(monkeypatch, own_scores, "evaluator", again)
    evaluate.main(evaluate.Args((str(tmp_path),)))
    assert sizes == [(4, 6, 1)]
    assert [chunk.shape for chunk in seen] == [(2, 4, 6, 1)] * 2 + [(1, 4, 6, 1)]
    found = np.concatenate(seen)[:, 0, 0, 0]
    np.testing.assert_array_equal(found, 2 + np.array([0, 1, 2, 0, 1]))
    assert '"samples": 5' in capsys.readouterr().out


# check, report, prepare


def test_every_save_is_told_with_what_was_repaired_and_what_is_left(
    monkeypatch, tmp_path, capsys
):
    saves = [
        CheckedSave(CHECKPOINTS, 4, "cut off", ""),
        CheckedSave(CHECKPOINTS, 8, "", "joined"),
        CheckedSave(AVERAGES, 8, "", ""),
    ]
    folders = recorder(monkeypatch, check, "check_saves", saves)
    stated = recorder(monkeypatch, check, "describe_state", "It is finished.")
    left = recorder(monkeypatch, check, "leftovers", [tmp_path / "8.tmp"])
    advised = recorder(monkeypatch, check, "advice", ["Resume it."])
    check.main(check.Args(str(tmp_path)))
    assert folders == stated == left == [(tmp_path,)] and advised == [(tmp_path, saves)]
    assert capsys.readouterr().out.splitlines() == [
        "It is finished.",
        "save of step 4: damaged: cut off",
        "save of step 8: intact (joined)",
        "average of step 8: intact",
        "8.tmp: what a save that was killed has left; the next start removes it",
        "Resume it.",
    ]


def test_a_report_is_also_of_a_run_that_has_only_begun(monkeypatch, tmp_path, capsys):
    read = recorder(monkeypatch, report, "read_manifest")
    wrote = recorder(monkeypatch, report, "write_report", tmp_path / "report.html")
    report.main(report.Args(str(tmp_path)))
    assert read == [(tmp_path, {"complete": False})] and wrote == [(tmp_path,)]
    assert capsys.readouterr().out == f"Report: {tmp_path / 'report.html'}\n"


def test_a_set_is_prepared_of_what_was_downloaded_by_hand(monkeypatch, capsys):
    asked = recorder(monkeypatch, prepare, "prepare", "/there")
    cli.main(["prepare", "tfds:a:b", "--manual-dir", "mine"])
    prepare.main(prepare.Args("tfds:c"))
    assert asked == [("tfds:a:b", "mine"), ("tfds:c", "")]
    assert capsys.readouterr().out == "Prepared: /there\n" * 2


# ganjax itself


def test_programs_are_kept_and_flags_are_checked_before_a_command_is_run(
    monkeypatch, capsys
):
    kept = recorder(monkeypatch, cli, "keep_programs")
    ran = recorder(monkeypatch, sample, "main")
    cli.main(["sample", "run", "--n", "3", "--best", "--member", "2", "--trust"])
    flags = sample.Args("run", 3, save=Save(best=True, member=2, trust=True))
    assert ran == [(flags,)] and kept == [()]
    with pytest.raises(SystemExit) as end:
        cli.main(["translate", "run", "in", "--tile", "0"])
    assert end.value.code == 2 and kept == [()]
    assert "--tile 0 is out of range" in capsys.readouterr().err
