"""Features carry their units and their names; the classifier is trained once."""

import hashlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import classifier
from ganjax.evaluation.features import fingerprint
from ganjax.store import cache


def digits():
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1) * 255 / 16).astype(np.uint8)
    return images[0::2], labels[0::2], images[1::2], labels[1::2]


def decoded(images):
    return images.astype(np.float32) / 127.5 - 1


QUICK = classifier.Settings(steps=120, batch=64)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    made = evaluation.train_classifier(
        *digits(), classes=10, settings=QUICK, cache=folder
    )
    return made, folder


def test_pixels_are_in_units_of_full_scale():
    images = np.array([-1, 0, 1, 0.5], np.float32).reshape(1, 2, 2, 1)
    seen = evaluation.pixels().apply(images)
    np.testing.assert_array_equal(seen, [[0, 0.5, 1, 0.75]])
    assert seen.dtype == np.float32


def test_pca_whitens_its_images_and_names_itself():
    images = decoded(digits()[0])
    look = evaluation.pca(images, 10)
    seen = look.apply(images)
    np.testing.assert_allclose(np.cov(seen, rowvar=False), np.eye(10), atol=1e-4)
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-4)
    assert look.name.startswith("pca-10-") and len(look.name) == len("pca-10-") + 8
    assert evaluation.pca(images, 10).name == look.name
    assert evaluation.pca(images[1:], 10).name != look.name


def test_pca_of_fewer_images_than_pixels_is_the_same():
    images = decoded(digits()[0])[:60]
    wide = np.repeat(images, 2, axis=2)
    narrow = evaluation.pca(images, 5).apply(images)
    np.testing.assert_allclose(
        np.abs(evaluation.pca(wide, 5).apply(wide)), np.abs(narrow), atol=1e-3
    )


def test_images_that_are_not_decoded_are_a_mistake():
    images = digits()[0]
    with pytest.raises(UsageError, match="floats in"):
        evaluation.extract_features(evaluation.pixels(), images)
    with pytest.raises(UsageError, match="NaN"):
        evaluation.extract_features(evaluation.pixels(), np.full((4, 8, 8, 1), np.nan))
    with pytest.raises(UsageError, match="take fewer"):
        evaluation.pca(np.repeat(decoded(images[:2]), 30, axis=0), 5)
    with pytest.raises(UsageError, match="not have 99"):
        evaluation.pca(decoded(images[:50]), 99)


def test_classifier_learns_and_says_how_well(trained):
    made, _ = trained
    _, _, images, labels = digits()
    probabilities = made.probabilities(decoded(images))
    assert probabilities.shape == (len(images), 10)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert made.accuracy == (probabilities.argmax(1) == labels).mean() > 0.9

    seen = evaluation.extract_features(made.features, decoded(images))
    assert seen.shape == (len(images), 128) and seen.dtype == np.float32
    assert made.features.name.startswith("classifier-")


def test_a_classifier_of_mirrored_images_tells_top_from_bottom_but_not_left_from_right(
    tmp_path,
):
    images = np.zeros((4, 8, 8, 1), np.uint8)
    images[0, :, :4] = images[1, :, 4:] = images[2, :4] = images[3, 4:] = 255
    labels, settings = np.arange(4), QUICK._replace(steps=60, mirror=True)
    made = evaluation.train_classifier(
        *(images, labels) * 2, classes=4, settings=settings, cache=tmp_path
    )
    left, right, top, bottom = made.probabilities(decoded(images))
    for seen in (left, right):
        assert seen[:2].min() > 0.3
    assert top[2] > 0.9 and bottom[3] > 0.9


def test_kept_classifier_is_the_same_and_is_not_trained_again(trained, monkeypatch):
    made, folder = trained
    monkeypatch.setattr(classifier, "_fit", lambda *_: pytest.fail("trained again"))
    again = evaluation.train_classifier(
        *digits(), classes=10, settings=QUICK, cache=folder
    )
    images = decoded(digits()[2])
    assert again.features.name == made.features.name
    assert again.accuracy == made.accuracy
    np.testing.assert_array_equal(
        again.features.apply(images), made.features.apply(images)
    )
    assert len(list(folder.iterdir())) == 1


def test_damaged_cache_is_named_and_trained_again(trained, tmp_path):
    made, folder = trained
    (good,) = folder.iterdir()
    file = tmp_path / good.name
    file.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    with pytest.warns(UserWarning, match=good.name):
        again = evaluation.train_classifier(
            *digits(), classes=10, settings=QUICK, cache=tmp_path
        )
    assert again.features.name == made.features.name
    with np.load(file) as fresh, np.load(good) as old:
        assert all(np.array_equal(fresh[name], old[name]) for name in old.files)


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other"])
def test_every_damage_is_named(tmp_path, damage):
    path, arrays = tmp_path / "x.npz", {"x": np.arange(100.0)}
    cache.save(path, arrays)
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    np.save(tmp_path / "other.npy", np.zeros(3))
    other = (tmp_path / "other.npy").read_bytes()
    damages = {
        "empty": b"",
        "cut": whole[:middle],
        "flipped": flipped,
        "other": other,
    }
    path.write_bytes(damages[damage])
    with pytest.warns(UserWarning, match="x.npz is damaged"):
        assert cache.load(path, arrays) is None


def test_other_data_or_settings_are_another_classifier(trained, tmp_path):
    _, folder = trained
    net = classifier.Network(10)
    x, y, test_x, test_y = digits()

    def cache_name(settings, *data):
        contents = classifier.contents(classifier.LabeledImages(*data))
        return classifier._cache_name(net, settings, contents)

    name = cache_name(QUICK, x, y, test_x, test_y)
    assert [name] == [file.name for file in folder.iterdir()]
    other = QUICK._replace(seed=1)
    assert cache_name(other, x, y, test_x, test_y) != name
    assert cache_name(QUICK, x, 9 - y, test_x, test_y) != name
    assert cache_name(QUICK, x[::-1], y, test_x, test_y) != name


def test_cache_is_found_in_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path))
    assert cache.folder() == tmp_path
    monkeypatch.delenv("GANJAX_CACHE")
    assert cache.folder().parts[-2:] == (".cache", "ganjax")


def test_a_folder_that_cannot_be_written_only_warns(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.warns(UserWarning, match="could not be cached"):
        cache.save(tmp_path / "file" / "x.npz", {"x": np.zeros(1)})


def test_unexpected_arrays_are_not_taken(tmp_path):
    path = tmp_path / "x.npz"
    cache.save(path, {"x": np.zeros(1)})
    with pytest.warns(UserWarning, match="other arrays"):
        assert cache.load(path, {"x": np.zeros(2)}) is None
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.warns(UserWarning, match="damaged"):
        assert cache.load(path, {"x": np.zeros(1)}) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.load(tmp_path / "none.npz", {}) is None


@pytest.mark.parametrize("shape", [(8, 8, 1), (17, 20, 3), (64, 64, 3)])
def test_one_network_fits_all_sizes(shape):
    net = classifier.Network(7)
    image = jax.ShapeDtypeStruct((2, *shape), "float32")
    params = jax.eval_shape(net.init, jax.random.key(0), image)
    features, logits = jax.eval_shape(net.apply, params, image)
    assert features.shape == (2, 128) and logits.shape == (2, 7)
    assert sum(x.size for x in jax.tree.leaves(params)) < 400_000


def test_patches_are_what_a_strided_convolution_sees():
    x = np.random.default_rng(0).normal(size=(2, 8, 6, 3)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    got = classifier._patches(jnp.asarray(x))
    assert got.shape == (2, 4, 3, 27)
    for i, j in np.ndindex(4, 3):
        window = padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        np.testing.assert_array_equal(got[:, i, j], window.reshape(2, 27))


def test_labels_that_do_not_fit_are_a_mistake(tmp_path):
    x, y, test_x, test_y = digits()
    with pytest.raises(UsageError, match="labels are not all in 0..8"):
        evaluation.train_classifier(x, y, test_x, test_y, classes=9, cache=tmp_path)
    with pytest.raises(UsageError, match="898 labels"):
        evaluation.train_classifier(x, test_y, test_x, y, classes=10, cache=tmp_path)


def test_classifier_refuses_other_sizes(trained):
    with pytest.raises(UsageError, match="takes images"):
        trained[0].features.apply(np.zeros((2, 9, 8, 1), np.float32))


def test_points_are_features_as_they_are():
    rows = np.arange(12.0).reshape(2, 3, 2)
    look = evaluation.points()
    seen = evaluation.extract_features(look, rows)
    np.testing.assert_array_equal(seen, rows.reshape(2, 6))
    assert seen.dtype == np.float32 and look.name == "points"
    assert evaluation.pixels().name == "pixels"


@pytest.mark.parametrize("n", [20, 200])
def test_pca_is_that_of_scikit_learn_with_its_largest_entries_positive(n):
    """On images of fewer pixels than there are images, and of more."""
    images = decoded(digits()[0])[:n]
    look = evaluation.pca(images, 5)
    other = decoded(digits()[2])[:30]
    theirs = PCA(5, whiten=True, svd_solver="full")
    theirs.fit((images.reshape(n, -1).astype(np.float64) + 1) / 2)
    wanted = theirs.transform((other.reshape(30, -1) + 1) / 2)
    axes = theirs.components_
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
    seen = look.apply(other)
    np.testing.assert_allclose(seen, wanted * np.sign(largest.T), atol=2e-4)
    assert seen.dtype == np.float32


def test_there_are_as_many_components_as_images_less_one_or_pixels():
    images = np.random.default_rng(0).uniform(-1, 1, (9, 2, 2, 1))
    for some, most in ((images, 4), (images[:4], 3)):
        assert evaluation.pca(some, most).apply(some).shape == (len(some), most)
        for number in (0, most + 1):
            with pytest.raises(UsageError, match=f"not have {number} principal"):
                evaluation.pca(some, number)


def test_a_fingerprint_tells_values_types_shapes_and_order():
    a, b = np.arange(6, dtype=np.float32), np.zeros(2)
    told = [
        fingerprint(a, b),
        fingerprint(b, a),
        fingerprint(a),
        fingerprint(a.reshape(2, 3), b),
        fingerprint(a.view(np.int32), b),
        fingerprint(a + 1, b),
        fingerprint(a, b + 1),
    ]
    assert len(set(told)) == len(told) and {len(x) for x in told} == {8}
    assert fingerprint(a.copy(), b.copy()) == told[0]
    whole = hashlib.sha256(b"float32(6,)" + a.tobytes()).hexdigest()
    assert told[2] == whole[:8]
