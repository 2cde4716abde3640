"""What the commands make of their flags, on runs that are not there."""

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganjax import cli
from ganjax.commands import check, evaluate, sample, translate
from ganjax.core import ImageToImage, Inpainting, Masked, Pair, pixels
from ganjax.data import Spec
from ganjax.data.source import example_struct
from ganjax.errors import UsageError
from ganjax.evaluation.evaluator import Evaluator, in_memory_scoring
from ganjax.evaluation.metric import lower_is_better
from ganjax.modalities import IMAGES
from ganjax.run import own_scores, sampling
from ganjax.run.loading import Loaded
from ganjax.run.translate import inpainter
from ganjax.store.check import CheckedSave
from ganjax.store.workdir import AVERAGES, CHECKPOINTS
from tests.helpers.runs import game


def loaded(**parts) -> Loaded:
    unused: Any = lambda *args, **more: None
    none = Loaded(game(), None, ("a", "b"), *[unused] * 6, example=None)
    return none._replace(**parts)


def test_samples_are_drawn_as_the_flags_say(monkeypatch, tmp_path):
    asked = []

    def draw(n, label=None, seed=0):
        asked.append((n, label, seed))
        return np.zeros((n, 2), np.float32)

    monkeypatch.setattr(sample, "load", lambda *_, **__: loaded(sample=draw))
    out = tmp_path / "a.npz"
    command = ["sample", "run", "--n", "3", "--out", str(out)]
    for more, drawn, label in (
        ([], (3, None, 0), [0, 1, 0]),
        (["--seed", "5", "--label", "b"], (3, "b", 5), [1, 1, 1]),
    ):
        cli.main([*command, *more])
        assert asked.pop() == drawn
        with np.load(out) as arrays:
            np.testing.assert_array_equal(arrays["label"], label)


def test_a_network_that_completes_is_told_what_is_hidden():
    completing = loaded(
        game=game()._replace(modality=IMAGES), sample_of=lambda masked: masked
    )
    image = np.random.default_rng(0).integers(0, 256, (1, 2, 2, 4), np.uint8)
    image[0, ..., -1] = [[255, 0], [127, 128]]  # 255 where it is known
    masked = inpainter(completing)(image)
    np.testing.assert_array_equal(masked.mask[0, ..., 0], [[0, 1], [1, 0]])
    np.testing.assert_array_equal(masked.image, pixels(image[..., :-1]))


def test_data_that_has_moved_takes_its_other_side_along_if_that_is_the_same_place(
    monkeypatch, tmp_path
):
    for part in ("both/trainA", "both/trainB", "photos", "paintings"):
        (tmp_path / part).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / part / "1.png")
    both, photos, paintings = (
        str(tmp_path / name) for name in ("both", "photos", "paintings")
    )
    one = example_struct((8, 8, 3))
    for target, flag, wanted in (
        ("gone", both, Spec(both, target=both)),
        (paintings, photos, Spec(photos, target=paintings)),
    ):
        told = {"data": Spec("gone", target=target)._asdict()}
        monkeypatch.setattr(own_scores, "read_manifest", lambda folder, told=told: told)
        found = own_scores.data_of_run("run", flag, IMAGES, Pair(one, one))
        assert found == wanted


def test_a_run_whose_averages_alone_are_intact_has_no_intact_save(monkeypatch, capsys):
    saves = [
        CheckedSave(AVERAGES, 8, "", ""),
        CheckedSave(CHECKPOINTS, 8, "cut off", ""),
    ]
    monkeypatch.setattr(check, "describe_state", lambda folder: "It ended.")
    monkeypatch.setattr(check, "leftovers", lambda folder: [])
    monkeypatch.setattr(check, "advice", lambda folder, saves: [])
    monkeypatch.setattr(check, "check_saves", lambda folder: saves)
    with pytest.raises(UsageError, match="no intact save"):
        check.main(check.Args("run"))
    assert "average of step 8: intact" in capsys.readouterr().out
    saves[1] = saves[1]._replace(problem="")
    check.main(check.Args("run"))


def test_scores_are_of_other_latents_than_those_of_training(
    monkeypatch, tmp_path, capsys
):
    """The samples are drawn for their purpose, and told beside real data and the aim."""
    asked = []

    def chunks(draw, state, purpose, conditions, n, size):
        asked.append((state, purpose, n))
        yield np.full((1, n, 2), 3, np.float32)

    near = lower_is_better("near", "How far they are.")
    scoring = Evaluator(
        count=4,
        begin=in_memory_scoring(lambda samples: {"near": float(samples.sum())}),
        metrics=(near,),
        headline=near,
        real_scores=lambda: {"near": 1.0},
        reference="the held-out points",
        shape=(2,),
    )
    monkeypatch.setattr(own_scores, "load", lambda *_, **__: loaded(state="state"))
    monkeypatch.setattr(own_scores, "data_of_run", lambda *_: Spec("ring"))
    monkeypatch.setattr(own_scores, "evaluator", lambda *_, **__: scoring)
    monkeypatch.setattr(own_scores.sampling, "chunks", chunks)
    (tmp_path / "run.json").touch()
    evaluate.main(evaluate.Args((str(tmp_path),)))
    assert asked == [("state", sampling.ASKED, 4)]
    assert sampling.ASKED not in (sampling.SCORED, sampling.FIXED)
    said = capsys.readouterr()
    assert said.err == f"Scores: {tmp_path / 'scores.json'}\n"
    told = json.loads(said.out)
    protocols = told.pop("protocols")
    (digest,) = protocols
    assert protocols[digest]["reference"] == "the held-out points"
    score = {"samples": 24.0, "real": 1.0, "aim": near.aim}
    assert told == {
        "reference": "the held-out points",
        "samples": 4,
        "scores": {"near": {**score, "direction": "lower", "protocol": digest}},
    }
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written == {**told, "protocols": protocols}


@pytest.mark.parametrize("completes", [False, True])
def test_a_run_of_completion_fills_in_what_is_transparent(
    monkeypatch, tmp_path, completes
):
    asked = []

    def record(network, where, out, channels, side, tile, completes=False):
        asked.append((channels, side, tile, completes))
        return [out]

    image = np.zeros((1, 8, 16, 3), np.float32)
    conditions = (Inpainting if completes else ImageToImage)(lambda examples: examples)
    condition = Masked(image, image[..., :1]) if completes else image
    made = game()._replace(modality=IMAGES, conditions=conditions)
    monkeypatch.setattr(translate, "load", lambda *_, **__: loaded(game=made))
    monkeypatch.setattr(translate, "condition_of", lambda run: condition)
    monkeypatch.setattr(translate, "plan_outputs", lambda where, out: None)
    monkeypatch.setattr(translate, "check_transparent", lambda where, out: None)
    monkeypatch.setattr(translate, "translate", record)
    translate.main(translate.Args("run", str(tmp_path), tile=64))
    # The alpha of what is to be completed says what is hidden.
    assert asked == [(3 + completes, 16, 64, completes)]
