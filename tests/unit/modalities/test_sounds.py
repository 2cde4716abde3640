import io
import zipfile
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import wavegan
from scipy.io import wavfile

import ganjax as gx
from ganjax import cli
from ganjax.errors import UsageError
from ganjax.modalities.sounds import (
    decode,
    log_mel,
    log_mel_statistics,
    spectrogram_images,
    wav_bytes,
)
from ganjax.report import report
from tests.helpers.states import apart, same


RATE, LENGTH = 4_000, 1_024
SOUNDS = gx.modalities.sounds(RATE, LENGTH)


def sine(hz, loudness=1.0):
    wave = loudness * np.sin(2 * np.pi * hz * np.arange(LENGTH) / RATE)
    return wave.astype(np.float32)[:, None]


def test_decoding_divides_and_takes_int16_alone():
    stored = np.array([[-32768], [0], [16384]], np.int16)
    np.testing.assert_array_equal(SOUNDS.decode(stored), [[-1], [0], [0.5]])
    np.testing.assert_array_equal(
        jax.jit(decode)(jnp.asarray(stored)), [[-1], [0], [0.5]]
    )
    with pytest.raises(UsageError, match="must be stored as int16, .* float32"):
        decode(np.zeros(3, np.float32))


def test_a_spectrogram_shows_pitch_and_loudness():
    seen = lambda *given: np.asarray(log_mel(jnp.asarray(sine(*given)[None]), RATE))[0]
    low, high = seen(300), seen(1_500)
    assert low.shape[0] == 64
    # The lowest band is the last row.
    assert low[:, 5].argmax() > high[:, 5].argmax()
    assert -0.2 < low.max() - 1 <= 0  # full scale is nearly 1
    quiet = seen(300, 0.1)
    np.testing.assert_allclose(low.max() - quiet.max(), 20 * 2 / 80, atol=0.01)
    assert (np.asarray(log_mel(jnp.zeros((1, LENGTH, 1)), RATE)) == -1).all()


def test_impossible_sounds_are_refused():
    for given in ((0, LENGTH, 1), (RATE, 10, 1), (RATE, LENGTH, 3)):
        with pytest.raises(UsageError, match="cannot be had"):
            gx.modalities.sounds(*given)


def test_a_picture_has_a_column_for_each_class():
    samples = np.stack([sine(200 + 100 * i) for i in range(6)])
    by_class = SOUNDS.render(samples, classes=3)
    assert by_class.size == (3 * (128 + 6) - 6, 2 * (104 + 6) - 6)
    with pytest.raises(UsageError, match="NaN"):
        SOUNDS.render(np.full((2, LENGTH, 1), np.nan))


def test_samples_are_written_as_sounds(tmp_path):
    samples = np.stack([sine(300), sine(600)])
    labels = np.array([0, 1], np.int32)
    SOUNDS.files[".wav"](tmp_path / "a.wav", samples, labels)
    rate, both = wavfile.read(tmp_path / "a.wav")
    assert rate == RATE and len(both) == 2 * (LENGTH + RATE // 4)
    np.testing.assert_allclose(both[:LENGTH] / 32768, samples[0, :, 0], atol=1e-4)
    SOUNDS.files[".zip"](tmp_path / "a.zip", samples, labels)
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert file.namelist() == ["0/000000.wav", "1/000001.wav"]
        _, second = wavfile.read(io.BytesIO(file.read("1/000001.wav")))
    np.testing.assert_allclose(second / 32768, samples[1, :, 0], atol=1e-4)
    assert wav_bytes(samples[0], RATE)[:4] == b"RIFF"
    # What was written is data to train on.
    source = SOUNDS.load(gx.Spec(str(tmp_path / "a.zip")))
    assert source.length == 2 and source.classes == ("0", "1")


def args(folder, **changes):
    small = replace(wavegan.TINY, rate=RATE, length=LENGTH, classes=10)
    run = replace(small.run, workdir=str(folder), steps=4, save_every=2, **changes)
    return replace(small, run=run)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds") / "run"
    return folder, wavegan.main(args(folder, devices="jit", scores=False))


def test_a_run_resumes_to_the_bit_and_shards(run, tmp_path):
    half = args(tmp_path / "half", devices="jit", scores=False)
    wavegan.main(replace(half, run=replace(half.run, steps=2)))
    same(wavegan.main(half), run[1])
    shared = wavegan.main(args(tmp_path / "shard", devices="shard", scores=False))
    assert max(apart(shared, run[1]).values()) <= 1e-5


def test_the_report_plays_the_newest_samples_and_real_sounds(run):
    folder, _ = run
    assert (folder / "real.wav").exists()
    assert (folder / "samples" / "000000004.wav").exists()
    text = report.write_report(folder).read_text()
    assert text.count('<audio controls src="data:audio/wav;base64,') == 2
    assert "media-src data:" in text
    (folder / "real.wav").rename(folder / "gone")
    assert report.write_report(folder).read_text().count("<audio") == 1
    (folder / "gone").rename(folder / "real.wav")


def test_the_commands_sample_it(run, tmp_path, capsys):
    folder = str(run[0])
    cli.main(["sample", folder, "--n", "3", "--out", str(tmp_path / "a.wav")])
    assert wavfile.read(tmp_path / "a.wav")[0] == RATE
    cli.main(["sample", folder, "--n", "3", "--out", str(tmp_path / "a.npz")])
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["sound"].shape == (3, LENGTH, 1)
        assert arrays["sound"].dtype == np.int16


def test_statistics_are_the_mean_and_deviation_of_each_band():
    images = np.random.default_rng(0).uniform(-1, 1, (5, 4, 7, 1)).astype(np.float32)
    found = log_mel_statistics(images)
    assert found.shape == (5, 8)
    row = np.float64(images[2, 3, :, 0])
    np.testing.assert_allclose(found[2, [3, 7]], [row.mean(), row.std()], rtol=1e-5)


def test_without_classes_there_are_kernel_distances_and_no_inception_score():
    source = SOUNDS.load(gx.Spec("tones"))
    few = source._replace(length=60, classes=())
    test = SOUNDS.load(gx.Spec("tones", split="test"))._replace(length=60, classes=())
    scoring = SOUNDS.evaluator(few, test, SOUNDS.decode)
    samples = np.asarray(SOUNDS.decode(few.read(np.arange(60)).x))
    found, real = scoring.score(samples), scoring.real_scores()
    assert {"kad/log-mel", "kad/log-mel-statistics"} < set(found)
    assert not any(name.startswith("inception") for name in found)
    # All training sounds take the place of samples.
    np.testing.assert_allclose(found["kad/log-mel"], real["kad/log-mel"], atol=1e-9)
    images = spectrogram_images(RATE)(samples)
    assert images.shape == (60, 64, 17, 1) and images.dtype == np.uint8


@pytest.mark.slow
def test_scores_know_real_sounds_from_noise():
    train = SOUNDS.load(gx.Spec("tones"))
    test = SOUNDS.load(gx.Spec("tones", split="test"))
    scoring = SOUNDS.evaluator(train, test, SOUNDS.decode)
    real = scoring.real_scores()
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (scoring.count, LENGTH, 1)).astype(np.float32)
    found = scoring.score(noise)
    (frechet,) = {scoring.headline.name}
    assert frechet.startswith("frechet/classifier-")
    assert found[frechet] > 20 * real[frechet]
    assert found["precision/log-mel"] < 0.01 < 0.9 < real["precision/log-mel"]
    assert set(found) == {metric.name for metric in scoring.metrics}
    classifier = frechet.removeprefix("frechet/")
    for features in ("log-mel", "log-mel-statistics", classifier):
        name = f"kad/{features}"
        assert found[name] > 20 > 1 > abs(real[name])
    sure = f"inception/{classifier}"
    assert found[sure] < 3 < 8 < real[sure] <= 10
    assert scoring.reference == "held-out sounds"
