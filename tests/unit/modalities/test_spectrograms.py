import json
import zipfile
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import specgan
from scipy.io import wavfile

import ganjax as gx
from ganjax.errors import UsageError
from ganjax.modalities import spectrograms
from ganjax.modalities.sounds import log_mel
from ganjax.modalities.spectrograms import (
    Frames,
    Moments,
    magnitude,
    magnitude_and_frequency,
    measure,
    mel_frames,
)
from ganjax.report import report


RATE, LENGTH = 4_000, 1_024
FRAMES = Frames(RATE, LENGTH, size=64, hop=16)
MEL = FRAMES._replace(size=128, hop=32, bands=32)


def tones(n=20):
    sounds = gx.modalities.sounds(RATE, LENGTH)
    source = sounds.load(gx.Spec("tones"))
    return np.asarray(sounds.decode(source.read(np.arange(n)).x))


def decibels(wanted, found):
    """The ratio of signal to noise."""
    noise = np.square(np.float64(wanted) - found).sum()
    return 10 * np.log10(np.square(np.float64(wanted)).sum() / noise)


def apart(wanted, found):
    """The mean distance of log-mel spectrograms in decibels."""
    seen = [np.asarray(log_mel(jnp.asarray(x), RATE, 32)) for x in (wanted, found)]
    return 40 * np.abs(seen[0] - seen[1]).mean()


def low_noise(n=20):
    """Noise of less than 0.8 of half the rate, which begins and ends in silence."""
    noise = np.random.default_rng(0).normal(size=(n, LENGTH))
    spectrum = np.fft.rfft(noise * np.hanning(LENGTH))
    spectrum[:, int(0.4 * LENGTH) :] = 0
    return 0.2 * np.fft.irfft(spectrum, LENGTH)[..., None].astype(np.float32)


@pytest.mark.parametrize("size, hop", [(64, 16), (64, 32), (256, 64)])
def test_levels_and_frequencies_of_all_bins_give_the_sound_back(size, hop):
    """But for the bin at half the rate, of which notes have a little at their onset."""
    image = magnitude_and_frequency(FRAMES._replace(size=size, hop=hop))
    for x, least in ((low_noise(), 60), (tones(), 25)):
        seen = image.encode(jnp.asarray(x))
        assert seen.shape == (20, *image.shape) == (20, size // 2, LENGTH // hop, 2)
        assert -1 <= seen.min() and seen.max() <= 1
        assert decibels(x, image.decode(seen)) > least


def test_an_image_in_bytes_still_gives_a_clear_sound():
    image = magnitude_and_frequency(FRAMES)
    seen = image.encode(jnp.asarray(low_noise()))
    rounded = jnp.round((seen + 1) * 127.5) / 127.5 - 1
    assert decibels(low_noise(), image.decode(rounded)) > 25


def test_mel_bands_give_a_sound_of_like_levels_back():
    """As near as 32 bands of 64 bins can be: most of what silence is apart is there."""
    x = tones()
    both = magnitude_and_frequency(MEL)
    alone = magnitude(MEL, iterations=64)
    assert both.shape == (32, 32, 2) and alone.shape == (32, 32, 1)
    quiet = apart(x, np.zeros_like(x))
    for image in (both, alone):
        assert apart(x, image.decode(image.encode(jnp.asarray(x)))) < 0.5 * quiet


def test_griffin_lim_gives_sounds_of_nearly_the_same_levels():
    x = tones()
    image = magnitude(FRAMES._replace(size=128, hop=32), iterations=64)
    found = image.decode(image.encode(jnp.asarray(x)))
    assert found.shape == x.shape
    assert apart(x, found) < 0.1 * apart(x, np.zeros_like(x))


def test_the_lowest_frequency_is_the_last_row_and_silence_is_minus_one():
    time = np.arange(LENGTH) / RATE
    low = jnp.asarray(np.sin(2 * np.pi * 125 * time)[None, :, None], jnp.float32)
    image = magnitude_and_frequency(FRAMES)
    seen = np.asarray(image.encode(low))[0, :, :, 0]
    assert set(seen[:, 8:-8].argmax(0)) == {31 - 2}  # 125 Hz are the third of 62.5 Hz
    # A sine of full scale is 6 dB below the loudest that a frame can have.
    np.testing.assert_allclose(seen[29, 8:-8], 1 - 2 * 6.0206 / 80, atol=2e-3)
    silent = np.asarray(image.encode(jnp.zeros((1, LENGTH, 1))))
    np.testing.assert_allclose(silent[..., 0], -1, atol=1e-6)
    np.testing.assert_array_equal(silent[..., 1], 0)
    assert np.abs(image.decode(jnp.asarray(silent))).max() < 1e-6


def test_a_mel_band_has_the_frequency_of_its_loudest_bin():
    """Of a tone it is the advance of its phase, as in a bin."""
    hz = 500
    x = np.sin(2 * np.pi * hz * np.arange(LENGTH) / RATE)[None, :, None]
    seen = np.asarray(magnitude_and_frequency(MEL).encode(jnp.asarray(x, jnp.float32)))
    loud = seen[0, :, :, 0].argmax(0)[4:-4]
    advance = 2 * hz * MEL.hop / RATE
    wrapped = advance - 2 * round(advance / 2)
    found = seen[0, loud, np.arange(4, 28), 1]
    # At the ends of the circle -1 and 1 are one.
    np.testing.assert_allclose(np.abs(found), np.abs(wrapped), atol=0.02)


def test_signals_of_mel_frames_are_the_same_spectrogram_on_its_side():
    x = jnp.asarray(tones(3))
    signal, image = mel_frames(MEL), magnitude(MEL)
    seen = signal.encode(x)
    assert seen.shape == (3, *signal.shape) == (3, 32, 32)
    upright = np.asarray(image.encode(x))[..., 0]
    np.testing.assert_array_equal(seen, upright[:, ::-1].transpose(0, 2, 1))
    np.testing.assert_allclose(
        signal.decode(seen), image.decode(image.encode(x)), atol=1e-5
    )


def test_moments_are_those_of_all_levels_and_bring_each_band_to_one_scale():
    sounds = gx.modalities.sounds(RATE, LENGTH)
    source = sounds.load(gx.Spec("tones"))
    few = source._replace(length=150)
    found = measure(few, FRAMES)
    x = sounds.decode(few.read(np.arange(150)).x)
    unscaled = np.asarray(magnitude(FRAMES).encode(x), np.float64)[..., 0]
    level = (unscaled - 1) * 40  # decibels
    mean, deviation = level.mean((0, 2))[::-1], level.std((0, 2))[::-1]
    np.testing.assert_allclose(found.mean, mean, atol=2e-3)
    np.testing.assert_allclose(found.deviation, deviation, atol=2e-3)
    seen = np.asarray(magnitude(FRAMES, found).encode(x), np.float64)
    assert np.abs(seen).max() <= 1
    clipped = np.clip(
        (level[:, ::-1] - mean[:, None]) / (3 * deviation[:, None]), -1, 1
    )
    np.testing.assert_allclose(seen[:, ::-1, :, 0], clipped, atol=1e-3)
    assert spectrograms.from_json(spectrograms.to_json(found)) == found
    again = magnitude(FRAMES, found, 64)
    assert apart(x, again.decode(again.encode(x))) < 0.2 * apart(x, np.zeros(x.shape))


def test_what_cannot_be_represented_is_refused():
    with pytest.raises(UsageError, match="hop that divides the size"):
        magnitude(FRAMES._replace(hop=48))
    with pytest.raises(UsageError, match="50 mel bands cannot be had of 32 bins"):
        magnitude_and_frequency(FRAMES._replace(bands=50))
    with pytest.raises(UsageError, match="Moments of 1 bands were given for 32"):
        magnitude(FRAMES, Moments((0.0,), (1.0,)))
    for text in ("{", "{}", json.dumps({"mean": [1], "deviation": None})):
        with pytest.raises(UsageError, match="not JSON with mean and deviation"):
            spectrograms.from_json(text)


def modality():
    return spectrograms.spectrograms(magnitude_and_frequency(FRAMES), RATE, LENGTH)


def test_samples_are_written_drawn_and_played_as_sounds(tmp_path):
    made = modality()
    x = tones(3)
    stored = np.rint(x * 32_768).astype(np.int16)
    images = np.asarray(jax.jit(made.decode)(stored))
    labels = np.arange(3, dtype=np.int32)
    made.files[".wav"](tmp_path / "a.wav", images, labels)
    rate, found = wavfile.read(tmp_path / "a.wav")
    assert rate == RATE and len(found) == 3 * (LENGTH + RATE // 4)
    assert decibels(x[0, :, 0], found[:LENGTH] / 32_768) > 25
    made.files[".npz"](tmp_path / "a.npz", images, labels)
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["sound"].shape == (3, LENGTH, 1)
    made.files[".zip"](tmp_path / "a.zip", images, labels)
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert len(file.namelist()) == 3
    made.play(tmp_path / "played.wav", images)
    assert len(wavfile.read(tmp_path / "played.wav")[1]) == len(found)
    sounds = gx.modalities.sounds(RATE, LENGTH)
    assert made.render(images, classes=3).size == sounds.render(x, classes=3).size
    with pytest.raises(UsageError, match="are no spectrograms"):
        made.render(x)


def test_samples_are_compared_as_sounds_with_sounds_that_never_were_images():
    made = modality()
    source = made.load(gx.Spec("tones"))
    few = source._replace(length=100)
    test = made.load(gx.Spec("tones", split="test"))._replace(length=100)
    scoring = made.evaluator(few, test, made.decode)
    assert scoring.shape == (32, 64, 2)
    assert scoring.reference == "held-out sounds"
    images = np.asarray(made.decode(few.read(np.arange(100)).x))
    of_images = scoring.score(images)
    sounds = gx.modalities.sounds(RATE, LENGTH)
    plain = sounds.evaluator(few, test, sounds.decode)
    of_sounds = plain.score(tones(100))
    assert list(of_images) == list(of_sounds)
    for name in ("frechet/log-mel", "kad/log-mel"):
        np.testing.assert_allclose(of_images[name], of_sounds[name], 0.05, 0.05)


def test_a_run_with_griffin_lim_keeps_the_moments_that_it_measured(tmp_path):
    run = replace(specgan.TINY.run, workdir=str(tmp_path / "run"), scores=False)
    specgan.main(replace(specgan.TINY, run=run, griffin_lim=2))
    kept = json.loads((tmp_path / "run" / "run.json").read_text())["args"]["moments"]
    assert len(spectrograms.from_json(kept).mean) == 16
    loaded = gx.load(tmp_path / "run", trust=True)
    assert loaded.sample(2).shape == (2, 16, 16, 1)
    assert "<audio controls" in report.write_report(tmp_path / "run").read_text()
