"""What a picture of a run shows."""

from typing import Any

import numpy as np
from PIL import Image

from ganjax.data import Spec, load
from ganjax.data.source import random_rows
from ganjax.modalities import POINTS
from ganjax.run import hooks
from ganjax.run.compiled import CompiledGame
from tests.helpers.runs import game


def test_a_picture_is_given_the_samples_and_real_examples_to_compare_them_with(
    tmp_path,
):
    shown = []

    def render(samples, classes=0, real=None):
        shown.append((np.asarray(samples), classes, real))
        return Image.new("L", (8, 8))

    unused: Any = lambda *args: None
    sevens = lambda state, key, asked: np.full((1, len(asked), 2), 7, np.float32)
    made, source = CompiledGame(unused, unused, unused, sevens), load(Spec("ring"))
    drawn = game()._replace(modality=POINTS._replace(render=render))
    hooks.picture_hook(tmp_path, 0, made, drawn, source)(4, None, {})

    (first, *_), (samples, classes, real) = shown
    examples = source.read(random_rows(source, POINTS.preview(8))).x
    np.testing.assert_array_equal(first, examples)
    np.testing.assert_array_equal(real, examples)
    assert samples.shape == examples.shape and (samples == 7).all() and classes == 8
    names = {path.name for path in tmp_path.rglob("*.png")}
    assert names == {"real.png", "000000004.png"}
