"""Scores of completions against brute force, other programs and plain cases."""

from functools import partial

import numpy as np
import pytest
from sklearn import svm

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import distances


def images(seed=0):
    """Three images, and three that are somewhat like them."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(-1, 1, (3, 24, 31, 3))
    return a, np.clip(0.7 * a + 0.3 * rng.normal(size=a.shape), -1, 1)


def test_psnr_and_ssim_are_those_of_scikit_image():
    """0.26.0's, with gaussian_weights, sigma 1.5 and use_sample_covariance=False."""
    a, b = images()
    decibels = [15.131865792746197, 15.476399263536821, 15.33534638062916]
    similarity = [0.42498711705221676, 0.4043893423960891, 0.4500918171826602]
    np.testing.assert_allclose(evaluation.psnr(a, b), decibels, rtol=1e-12)
    np.testing.assert_allclose(evaluation.ssim(a, b), similarity, rtol=1e-12)


def test_psnr_is_in_decibels_of_the_range():
    a = np.zeros((2, 4, 4, 1))
    a[1] = 0.2
    b = np.full(a.shape, 0.1)
    np.testing.assert_allclose(evaluation.psnr(a, b, 1.0), [20, 20])
    np.testing.assert_allclose(evaluation.psnr(a * 255, b * 255, 255), [20, 20])
    assert np.isinf(evaluation.psnr(a, a)).all()


def naive_ssim(x, y, data_range):
    """One number for one channel, window by window."""
    place = np.arange(11) - 5
    bell = np.exp(-(place[:, None] ** 2 + place[None] ** 2) / (2 * 1.5**2))
    bell /= bell.sum()
    found = []
    for i in range(x.shape[0] - 10):
        for j in range(x.shape[1] - 10):
            u, v = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            mu, mv = (bell * u).sum(), (bell * v).sum()
            su, sv = (bell * (u - mu) ** 2).sum(), (bell * (v - mv) ** 2).sum()
            suv = (bell * (u - mu) * (v - mv)).sum()
            c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
            numerator = (2 * mu * mv + c1) * (2 * suv + c2)
            found.append(numerator / ((mu**2 + mv**2 + c1) * (su + sv + c2)))
    return np.mean(found)


@pytest.mark.parametrize("data_range", [2.0, 0.1])
def test_ssim_is_that_of_every_window(data_range):
    a, b = (x[:1, :13, :15] for x in images(1))
    channels = [naive_ssim(a[0, ..., c], b[0, ..., c], data_range) for c in range(3)]
    found = evaluation.ssim(a, b, data_range)
    np.testing.assert_allclose(found, np.mean(channels), rtol=1e-10)
    np.testing.assert_allclose(evaluation.ssim(a, a, data_range), 1)


def test_the_error_in_a_hole_is_of_the_hidden_pixels_alone():
    a, b = images()
    mask = np.zeros((*a.shape[:3], 1))
    mask[:, 3:9, 5:20] = 1
    wanted = np.abs(a - b)[:, 3:9, 5:20].mean((1, 2, 3))
    np.testing.assert_allclose(evaluation.hole_l1(a, b, mask), wanted, rtol=1e-12)
    mask[1] = 0
    with pytest.raises(UsageError, match="no hole"):
        evaluation.hole_l1(a, b, mask)


def test_an_edge_is_where_a_step_is():
    step = np.full((1, 6, 8, 1), -1.0)
    step[:, :, 5:] = 1.0
    found = evaluation.edges(step, 0.99)
    assert found[0, :, 4:6].all() and found.sum() == 12
    assert not evaluation.edges(step, 1.01).any()
    assert evaluation.edges(step.swapaxes(1, 2), 0.99)[0, 4:6].all()
    ramp = np.broadcast_to(np.linspace(-1, 1, 9)[:, None, None], (1, 9, 5, 3))
    assert evaluation.edges(ramp, 0.24)[0, 1:-1].all()  # 1/8 a pixel, over two pixels
    assert not evaluation.edges(ramp, 0.26).any()


def test_edges_agree_as_far_as_they_overlap():
    a = np.full((3, 6, 12, 3), -1.0)
    b = a.copy()
    a[0, :, 5:] = 1.0
    b[0, :, 6:] = 1.0  # one of the two columns is shared, and there are three
    a[1, :, 3:] = 1.0
    b[1, :, 8:] = 1.0
    np.testing.assert_allclose(evaluation.edge_iou(a, b), [1 / 3, 0, 1])
    np.testing.assert_allclose(evaluation.edge_iou(a, a), 1)
    np.testing.assert_allclose(evaluation.edge_iou(a[:1], -a[:1]), 1)


def test_images_that_cannot_be_compared_are_a_mistake():
    a, b = images()
    for score in (evaluation.psnr, evaluation.ssim, evaluation.edge_iou):
        with pytest.raises(UsageError, match="one shape"):
            score(a, b[:2])
        with pytest.raises(UsageError, match="NaN"):
            score(a, np.where(a == a[0, 0, 0, 0], np.nan, a))
    with pytest.raises(UsageError, match="11 or more"):
        evaluation.ssim(a[:, :10], b[:, :10])


def test_on_one_feature_the_classifier_is_a_threshold():
    """Symmetric about 0, where the threshold therefore is."""
    real = np.array([[0.5], [1.0], [2.0], [-0.4], [3.0]])
    fake = -real[[2, 0, 3, 4, 1]]  # -2, -0.5, 0.4, -3, -1
    scores = evaluation.discriminative_scores(real, fake)
    assert scores == (0.0, pytest.approx(2 / 10))
    fake[2], fake[4] = -1.0, 0.4  # the same ones, but two pairs are others
    assert evaluation.discriminative_scores(real, fake) == (0.0, pytest.approx(0.2))
    fake[3], fake[4] = 0.4, -3.0
    assert evaluation.discriminative_scores(real, fake) == (0.2, pytest.approx(0.2))


def test_what_cannot_be_told_apart_is_taken_for_real_half_of_the_time():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 2000, 5))
    scores = evaluation.discriminative_scores(real, fake)
    assert 0.42 < scores.paired < 0.5 and 0.42 < scores.unpaired < 0.5
    far = evaluation.discriminative_scores(real, fake + 20)
    assert far == (0, 0)


def test_samples_without_an_original_each_are_a_mistake():
    rows = np.random.default_rng(0).normal(size=(9, 2))
    with pytest.raises(UsageError, match="not pairs"):
        evaluation.discriminative_scores(rows, rows[:8])


def test_a_classifier_that_does_not_converge_is_a_mistake(monkeypatch):
    hasty = partial(svm.LinearSVC, max_iter=1)
    monkeypatch.setattr(svm, "LinearSVC", hasty)
    real, fake = np.random.default_rng(0).normal(size=(2, 9, 2))
    with pytest.raises(UsageError, match="did not converge"):
        evaluation.discriminative_scores(real, fake)


def brute_kernel_distance(x, y):
    k = lambda a, b: (a @ b / len(a) + 1) ** 3
    others = lambda rows: [
        k(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j
    ]
    between = np.mean([[k(a, b) for b in y] for a in x])
    return np.mean(others(x)) + np.mean(others(y)) - 2 * between


@pytest.mark.parametrize("block", [distances.BLOCK_SIZE, 50])
def test_the_kernel_distance_is_brute_force(monkeypatch, block):
    monkeypatch.setattr(distances, "BLOCK_SIZE", block)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(17, 4)), 1.2 * rng.normal(size=(23, 4)) + 0.3
    wanted = brute_kernel_distance(x, y)
    assert evaluation.kernel_distance(x, y) == pytest.approx(wanted, rel=1e-10)


def test_the_kernel_distance_of_equal_distributions_is_zero_whatever_their_number():
    rng = np.random.default_rng(1)
    for n in (3, 12):
        draws = rng.normal(size=(500, 2, n, 2))
        found = np.array([evaluation.kernel_distance(x, y) for x, y in draws])
        assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found))
        assert found.min() < 0


def test_an_edge_of_one_color_is_as_steep_as_it_is_bright():
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        step = np.zeros((1, 5, 6, 3))
        step[:, :, 3:, channel] = 1.0
        assert evaluation.edges(step, weight - 1e-6, 1.0)[0, :, 2:4].all()
        assert not evaluation.edges(step, weight + 1e-6, 1.0).any()
    for channels in (1, 2, 4):
        step = np.zeros((1, 5, 6, channels))
        step[:, :, 3:, 0] = 1.0
        assert evaluation.edges(step, 1 / channels - 1e-6, 1.0).any()
        assert not evaluation.edges(step, 1 / channels + 1e-6, 1.0).any()


def test_an_edge_is_smoothed_along_itself():
    """Around the end of a line that is one pixel wide, by Sobel's weights."""
    image = np.zeros((1, 7, 7, 1))
    image[0, 3, 3] = 1.0
    wanted = np.zeros((7, 7))
    wanted[2:5, 2:5] = [
        [2**0.5 / 4, 0.5, 2**0.5 / 4],
        [0.5, 0, 0.5],
        [2**0.5 / 4, 0.5, 2**0.5 / 4],
    ]
    for threshold in (0.34, 0.36, 0.49, 0.51):
        found = evaluation.edges(image, threshold, 1.0)[0]
        np.testing.assert_array_equal(found, wanted > threshold)


def test_edges_are_told_by_their_threshold_in_units_of_the_range():
    a, b = images()
    usual = evaluation.edge_iou(a, b)
    bytes_of = lambda x: (x + 1) * 127.5
    assert ((usual > 0.3) & (usual < 0.99)).all()
    same = evaluation.edge_iou(bytes_of(a), bytes_of(b), data_range=255)
    np.testing.assert_allclose(same, usual)
    np.testing.assert_allclose(evaluation.edge_iou(a, b, 0.1, 2.0), usual)
    fewer = evaluation.edge_iou(a, b, 0.3)
    np.testing.assert_allclose(evaluation.edge_iou(a / 2, b / 2, 0.3, 1.0), fewer)
    one, other = (evaluation.edges(x, 0.3) for x in (a, b))
    wanted = [(x & y).sum() / (x | y).sum() for x, y in zip(one, other, strict=True)]
    np.testing.assert_allclose(fewer, wanted)
    assert not np.allclose(fewer, usual)


def test_either_image_of_a_pair_is_looked_through():
    a, b = images()
    mask = np.ones((*a.shape[:3], 1))
    broken = a.copy()
    broken[2, -1, -1, -1] = np.inf
    for score in (
        evaluation.psnr,
        evaluation.ssim,
        evaluation.edge_iou,
        lambda x, y: evaluation.hole_l1(x, y, mask),
    ):
        for pair in ((broken, b), (b, broken)):
            with pytest.raises(UsageError, match="NaN or infinity"):
                score(*pair)


def test_ssim_is_of_sides_of_eleven_pixels_or_more():
    a, b = images()
    assert evaluation.ssim(a[:, :11, :11], b[:, :11, :11]).shape == (3,)
    for x, y in ((a[:, :, :10], b[:, :, :10]), (a[:, :10], b[:, :10])):
        with pytest.raises(UsageError, match="11 or more"):
            evaluation.ssim(x, y)


def test_a_completion_that_is_its_original_deceives_nobody():
    """Of a tie the classifier does not find the sample more real."""
    rng = np.random.default_rng(0)
    real = rng.normal(1.5, 1, size=(40, 3))
    fake = np.concatenate([real[:20], rng.normal(2, 1, (20, 3))])
    scores = evaluation.discriminative_scores(real, fake)
    theirs = svm.LinearSVC(dual=False)
    theirs.fit(np.concatenate([fake, real]), [0] * 40 + [1] * 40)
    told = theirs.decision_function(fake), theirs.decision_function(real)
    assert scores.paired == pytest.approx((told[0][20:] > told[1][20:]).sum() / 40)
    wrong = (told[0] > 0).sum() + (told[1] <= 0).sum()
    assert scores.unpaired == pytest.approx(wrong / 80)
    assert 0 < scores.paired < scores.unpaired < 0.5


def smooth_images():
    a = np.random.default_rng(0).uniform(-1, 1, (3, 180, 177, 3))
    a = a + np.roll(a, 1, 1) + np.roll(a, 1, 2)
    a /= np.abs(a).max()
    b = np.clip(0.8 * a + 0.1 * np.random.default_rng(1).normal(size=a.shape), -1, 1)
    return a[:, :176, :176], b[:, :176, :176]


def test_ms_ssim_is_that_of_pytorch_msssim():
    """1.0.0's, with data_range=2 and size_average=False."""
    a, b = smooth_images()
    wanted = [0.9585966813704276, 0.9571425654518627, 0.9607612886151342]
    np.testing.assert_allclose(evaluation.ms_ssim(a, b), wanted, rtol=1e-7)
    wanted = [0.9288743270153169, 0.9266242849166084, 0.9297166840630796]
    found = evaluation.ms_ssim(a, b, scales=(0.3, 0.3, 0.4))
    np.testing.assert_allclose(found, wanted, rtol=1e-7)


def test_ms_ssim_of_one_scale_is_ssim_of_each_channel():
    a, b = images()
    found = evaluation.ms_ssim(a, b, scales=(1.0,))
    np.testing.assert_allclose(found, evaluation.ssim(a, b), rtol=1e-12)


def test_ms_ssim_falls_with_noise_and_is_never_below_zero():
    a, _ = images()
    two = (0.5, 0.5)
    noise = np.random.default_rng(5).normal(size=a.shape)
    found = [evaluation.ms_ssim(a, a + x * noise, scales=two) for x in (0, 0.1, 1)]
    assert (found[0] == 1).all() and (found[0] > found[1]).all()
    assert (found[1] > found[2]).all()
    assert (evaluation.ms_ssim(a, -a, scales=two) >= 0).all()


def test_an_odd_side_loses_its_last_row_at_the_next_scale():
    a, b = images()
    even = evaluation.ms_ssim(a[:, :24, :30], b[:, :24, :30], scales=(0.0, 1.0))
    odd = evaluation.ms_ssim(a[:, :24, :31], b[:, :24, :31], scales=(0.0, 1.0))
    np.testing.assert_allclose(even, odd, rtol=1e-12)


def test_images_too_small_for_the_scales_are_refused():
    a, b = images()
    with pytest.raises(UsageError, match="5 scales needs sides of 176"):
        evaluation.ms_ssim(a, b)
