"""How the classifier is trained: its order of images, its rate, its layers, its cache."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import classifier
from ganjax.evaluation.classifier import Network, Settings


RNG = np.random.default_rng(0)


@pytest.mark.parametrize("batch", [4, 25])
def test_each_pass_over_the_images_has_every_one_once_in_a_new_order(batch):
    drawn = [*classifier._training_rows(10, Settings(steps=20, batch=batch))]
    assert len(drawn) == 20
    assert all(len(rows) == len(mirror) == batch for rows, mirror in drawn)
    rows = np.concatenate([rows for rows, _ in drawn])
    passes = rows[: len(rows) // 10 * 10].reshape(-1, 10)
    np.testing.assert_array_equal(
        np.sort(passes), np.tile(np.arange(10), (len(passes), 1))
    )
    assert len(np.unique(passes, axis=0)) == len(passes)
    assert not np.any([mirror for _, mirror in drawn])
    other, _ = next(classifier._training_rows(10, Settings(batch=batch, seed=1)))
    assert not np.array_equal(other, drawn[0][0])


def test_half_of_the_images_are_mirrored_where_asked():
    settings = Settings(steps=50, batch=40, mirror=True)
    mirror = np.array([mirror for _, mirror in classifier._training_rows(9, settings)])
    assert 0.45 < mirror.mean() < 0.55
    assert np.abs(mirror.mean(0) - 0.5).max() < 0.3
    assert np.abs(mirror.mean(1) - 0.5).max() < 0.3


def test_the_rate_rises_for_a_fifth_of_the_steps_and_then_falls(monkeypatch):
    class Enough(Exception):
        pass

    given = {}

    def adamw(rate, **options):
        given.update(options, rate=rate)
        raise Enough

    monkeypatch.setattr(optax, "adamw", adamw)
    settings = Settings(steps=100, rate=0.5, decay=0.25)
    with pytest.raises(Enough):
        classifier._fit(
            Network(2), {}, np.zeros((1, 8, 8, 1), np.uint8), np.zeros(1, int), settings
        )
    rates = np.asarray(jax.vmap(given.pop("rate"))(jnp.arange(101)))
    assert given == {"weight_decay": 0.25}
    np.testing.assert_allclose(rates[[0, 20, 100]], [0.05, 0.5, 0.0005], rtol=1e-4)
    assert (np.diff(rates[:21]) > 0).all() and (np.diff(rates[20:]) < 0).all()


def test_unasked_it_is_trained_as_its_pages_say():
    assert Settings() == (3000, 128, 2e-3, 1e-3, False, 0)


@pytest.mark.parametrize(
    ("size", "widths", "sides"),
    [
        ((4, 9), (), (4, 9)),
        ((5, 8), (16,), (3, 4)),
        ((8, 8), (16,), (4, 4)),
        ((17, 20), (16, 32, 64), (3, 3)),
        ((64, 64), (16, 32, 64, 64), (4, 4)),
        ((256, 192), (16, 32, 64, 64, 64), (8, 6)),
    ],
)
def test_images_are_halved_until_they_are_four_pixels_small(size, widths, sides):
    image = jax.ShapeDtypeStruct((2, *size, 3), "float32")
    params = jax.eval_shape(Network(7).init, jax.random.key(0), image)["params"]
    shapes = [params[f"Dense_{i}"]["kernel"].shape for i in range(len(params))]
    channels = [3, *widths]
    halvings = [(9 * c, width) for c, width in zip(channels, widths, strict=False)]
    flat = sides[0] * sides[1] * channels[-1]
    assert shapes == [*halvings, (flat, 128), (128, 7)]


def test_the_network_is_convolutions_and_two_layers():
    image = RNG.normal(size=(2, 8, 6, 3)).astype(np.float32)
    sizes = [(27, 16), (4 * 3 * 16, 128), (128, 5)]
    params = {
        f"Dense_{i}": {
            "kernel": RNG.normal(size=size).astype(np.float32) / size[0] ** 0.5,
            "bias": RNG.normal(size=size[1]).astype(np.float32),
        }
        for i, size in enumerate(sizes)
    }
    features, logits = Network(5).apply({"params": params}, jnp.asarray(image))
    layer = lambda i, x: (
        x @ params[f"Dense_{i}"]["kernel"] + params[f"Dense_{i}"]["bias"]
    )
    padded = np.pad(image, ((0, 0), (0, 1), (0, 1), (0, 0)))
    seen = np.stack(
        [
            padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].reshape(2, 27)
            for i, j in np.ndindex(4, 3)
        ],
        axis=1,
    )
    hidden = np.maximum(layer(0, seen), 0).reshape(2, -1)
    hidden = np.maximum(layer(1, hidden), 0)
    np.testing.assert_allclose(features, hidden, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logits, layer(2, hidden), rtol=1e-4, atol=1e-5)


def test_patches_of_odd_sides_end_beyond_the_image():
    x = RNG.normal(size=(1, 5, 7, 2)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (0, 2), (0, 2), (0, 0)))
    got = classifier._patches(jnp.asarray(x))
    assert got.shape == (1, 3, 4, 18)
    for i, j in np.ndindex(3, 4):
        window = padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        np.testing.assert_array_equal(got[:, i, j], window.reshape(1, 18))


def test_images_are_looked_at_in_batches_that_fit(monkeypatch):
    sizes = lambda images: [len(batch) for batch in classifier._batches(images)]
    small = np.arange(1100).reshape(1100, 1, 1, 1)
    assert sizes(small) == [500, 500, 100]
    np.testing.assert_array_equal(np.concatenate([*classifier._batches(small)]), small)
    monkeypatch.setattr(classifier, "MAX_BATCH_BYTES", 3 * 4 * 60 + 1)
    assert sizes(np.zeros((8, 4, 5, 3), np.uint8)) == [3, 3, 2]
    assert sizes(np.zeros((2, 40, 50, 3), np.uint8)) == [1, 1]


def test_a_training_batch_is_divided_no_further_than_it_must_be(monkeypatch):
    monkeypatch.setattr(classifier, "MAX_BATCH_BYTES", 5 * 4 * 60 + 1)
    parts = {batch: classifier._num_parts(batch, (4, 5, 3)) for batch in (5, 6, 7, 12)}
    assert parts == {5: 1, 6: 2, 7: 7, 12: 3}
    assert classifier._num_parts(4, (40, 50, 3)) == 4  # an image alone is too large


IMAGES, LABELS = RNG.integers(0, 256, (6, 4, 4, 1), np.uint8), np.arange(6) % 3


def trained(monkeypatch, *data, **options):
    """A classifier with the weights that it starts from."""
    monkeypatch.setattr(classifier, "_fit", lambda net, params, *more: params)
    return evaluation.train_classifier(*data, **{"classes": 3, **options})


def test_the_seed_chooses_the_weights_and_the_cache_is_the_user_s(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path))
    data = IMAGES, LABELS, IMAGES[:4], 2 - LABELS[:4]
    zero, one = (trained(monkeypatch, *data, settings=Settings(seed=i)) for i in (0, 1))
    assert zero.features.name != one.features.name
    assert {path.suffix for path in (tmp_path / "classifiers").iterdir()} == {".npz"}
    assert len([*(tmp_path / "classifiers").iterdir()]) == 2
    seen = IMAGES[:4].astype(np.float32) / 127.5 - 1
    right = zero.probabilities(seen).argmax(1) == 2 - LABELS[:4]
    assert zero.accuracy == right.mean()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({0: IMAGES / np.float32(255)}, "training images must be uint8"),
        ({0: IMAGES[..., 0]}, "training images must be uint8"),
        ({2: IMAGES.astype(int)}, "test images must be uint8"),
        ({1: LABELS[:5]}, "6 training images have 5 labels"),
        ({2: IMAGES[:0], 3: LABELS[:0]}, "0 test images have 0 labels"),
        ({1: LABELS - 1}, r"training labels are not all in 0\.\.2"),
        ({3: LABELS + 1}, r"test labels are not all in 0\.\.2"),
    ],
)
def test_data_that_cannot_be_learned_is_a_mistake(monkeypatch, tmp_path, change, says):
    data = {0: IMAGES, 1: LABELS, 2: IMAGES, 3: LABELS} | change
    with pytest.raises(UsageError, match=says):
        trained(monkeypatch, *data.values(), cache=tmp_path)


def test_whatever_the_weights_depend_on_is_another_file(monkeypatch):
    data = IMAGES, LABELS, IMAGES[:4], LABELS[:4]

    def name(net=None, settings=None, data=data):
        net, settings = net or Network(3), settings or Settings()
        contents = classifier.contents(classifier.LabeledImages(*data))
        return classifier._cache_name(net, settings, contents)

    other = IMAGES ^ 1
    names = [
        name(),
        name(Network(4)),
        name(Network(3, (16, 32))),
        name(settings=Settings(mirror=True)),
        name(settings=Settings(decay=0.0)),
        name(data=(other, *data[1:])),
        name(data=(*data[:2], other[:4], LABELS[:4])),
        name(data=(*data[:3], 2 - LABELS[:4])),
        name(data=(IMAGES.reshape(6, 2, 8, 1), *data[1:])),
        name(data=(IMAGES.view(np.int8), *data[1:])),
    ]
    assert name() == names[0]
    monkeypatch.setattr(jax, "__version__", "0.0.0")
    names.append(name())
    assert len(set(names)) == len(names)
