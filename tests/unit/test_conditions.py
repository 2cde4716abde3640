"""What games can be asked for, how it is shown, and how many classes networks know."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import optax

from ganjax import Player
from ganjax.core import ImageToImage, Inpainting, Labels, Masked, classes_of, stored
from ganjax.layers.mixed_precision import Mixed
from ganjax.models import mlp


RNG = np.random.default_rng(0)


def test_labels_go_round_through_the_classes_of_the_data():
    labels = Labels().make(7, 3, len)
    assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0] and labels.dtype == np.int32
    assert Labels().make(4, 0, len).tolist() == [0, 0, 0, 0]
    samples = RNG.normal(size=(7, 2))
    assert Labels().show(labels, samples) is samples


def test_labels_with_frequencies_occur_as_often_in_any_number_of_samples():
    labels = Labels(3, (0.7, 0.1, 0.2))
    for n, most in ((40, 2), (1_000, 4)):
        found = np.bincount(labels.make(n, 3, len), minlength=3)
        assert np.abs(found - np.array([0.7, 0.1, 0.2]) * n).max() <= most
    assert labels.make(9, 3, len).tolist() == labels.make(40, 3, len)[:9].tolist()


def test_a_translation_is_shown_to_the_right_of_its_image_at_the_same_size():
    """Gray images have three equal channels there, and each small pixel is a square."""
    image = RNG.normal(size=(2, 3, 2, 1)).astype(np.float32)
    made = RNG.normal(size=(2, 6, 4, 3)).astype(np.float32)
    shown = ImageToImage(lambda x: x).show(image, made)
    assert shown.shape == (2, 6, 8, 3)
    wanted = image.repeat(2, 1).repeat(2, 2).repeat(3, 3)
    np.testing.assert_array_equal(shown[:, :, :4], wanted)
    np.testing.assert_array_equal(shown[:, :, 4:], made)


def test_what_a_translation_should_become_is_shown_of_pairs_alone():
    image, made, target = RNG.normal(size=(3, 2, 4, 4, 3)).astype(np.float32)
    paired = ImageToImage(lambda x: x, paired=True)
    assert paired.columns == ("input", "output", "target")
    np.testing.assert_array_equal(
        paired.show(image, made, target), np.concatenate([image, made, target], axis=2)
    )
    unpaired = ImageToImage(lambda x: x)
    assert unpaired.columns == ("input", "output") and Labels().columns == ()
    np.testing.assert_array_equal(
        unpaired.show(image, made, target), np.concatenate([image, made], axis=2)
    )


def test_a_completed_image_is_shown_beside_the_original():
    image, made, original = RNG.normal(size=(3, 2, 3, 4, 1)).astype(np.float32)
    inpainting = Inpainting(lambda x: x)
    masked = Masked(image, np.zeros((2, 3, 4, 1), np.float32))
    shown = np.asarray(inpainting.show(masked, made, original))
    assert inpainting.columns == ("input", "output", "original")
    np.testing.assert_array_equal(shown[:, :, 8:], original)


def test_a_hole_is_shown_white_to_the_left_of_what_fills_it():
    image, made = RNG.normal(size=(2, 2, 3, 4, 1)).astype(np.float32)
    mask = np.zeros((2, 3, 4, 1), np.float32)
    mask[0, 1, 2] = mask[1, 0, 0] = 1
    made = np.where(mask > 0, made, image)
    shown = np.asarray(Inpainting(lambda x: x).show(Masked(image, mask), made))
    np.testing.assert_array_equal(shown[:, :, :4], np.where(mask > 0, 1, image))
    np.testing.assert_array_equal(shown[:, :, 4:], made)


def test_conditions_are_made_of_as_many_examples_as_are_asked_for():
    examples = lambda n: jnp.arange(1.0, n + 1)
    assert ImageToImage(lambda x: 2 * x).make(3, 9, examples).tolist() == [2, 4, 6]
    made = Inpainting(lambda x: Masked(2 * x, 0 * x)).make(3, 9, examples)
    assert made.image.tolist() == [2, 4, 6] and made.mask.tolist() == [0, 0, 0]


def test_the_fewest_classes_that_any_network_is_made_for_count():
    g = partial(mlp.Generator, (2,), 4)
    d = partial(mlp.Discriminator, 4)
    of = lambda *nets: classes_of(*(Player(net, optax.sgd(0.1)) for net in nets))
    assert of(g(classes=7), d(classes=5)) == 5 == of(d(classes=5), g(classes=7))
    assert of(g(classes=7), d(classes=0)) == 7, "one that ignores them takes any"
    assert of(g(classes=0), d(classes=0)) == 0
    assert of(Mixed(g(classes=3))) == 3, "also within another module"


def test_bytes_are_the_nearest_to_what_is_shown_and_never_wrap():
    image = np.array([-1.2, -1.0, -0.999, 0.0, 0.5, 1.0, 1.2, 0.0039, -0.9961])
    wanted = [0, 0, 0, 128, 191, 255, 255, 128, 0]
    found = stored(jnp.float32(image))
    assert found.dtype == np.uint8 and found.tolist() == wanted
