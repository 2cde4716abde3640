import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.ops import spectra


NOISE = np.random.default_rng(0).normal(size=3000).astype(np.float32)


def test_the_transform_is_that_of_librosa():
    """Recorded of librosa 0.11: `stft(x, 512, 128, pad_mode="reflect")`."""
    found = np.asarray(spectra.magnitude(jnp.asarray(NOISE), 512, 128))
    assert found.shape == (24, 257)
    places = (0, 0), (3, 10), (20, 100), (23, 256), (23, 3)
    wanted = 11.39421, 8.2094, 1.34762, 4.31261, 16.61982
    np.testing.assert_allclose([found[each] for each in places], wanted, atol=2e-4)
    np.testing.assert_allclose(found.astype(np.float64).sum(), 75055.3871, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "total", "checksum", "peaks"),
    [
        ((16000, 1024, 64), 4.0958800316, -0.0258588128, [3, 18, 62, 162, 488]),
        ((22050, 1024, 80, 0.0, 8e3), 3.7136883736, 0.1686595216, [2, 10, 36, 80, 358]),
    ],
)
def test_the_filters_are_those_of_librosa(arguments, total, checksum, peaks):
    """Recorded of librosa 0.11: `filters.mel` with its defaults."""
    found = spectra.mel_filters(*arguments).T
    np.testing.assert_allclose(found.sum(), total, rtol=1e-5)
    weights = np.cos(np.arange(found.size)).reshape(found.shape)
    np.testing.assert_allclose((found * weights).sum(), checksum, atol=1e-6)
    assert found.argmax(1)[[0, 5, 20, 40, -1]].tolist() == peaks


def test_a_sine_is_in_its_bin_alone_and_frames_are_centered():
    time = np.arange(4096) / 4096
    sine = jnp.asarray(np.sin(2 * np.pi * 512 * time), jnp.float32)
    found = spectra.magnitude(sine, 256, 64)
    assert found.shape == (65, 129)
    assert set(np.asarray(found[2:-2].argmax(-1))) == {32}
    np.testing.assert_allclose(found[10, 32], 256 / 4, rtol=1e-4)
    impulse = np.zeros(4096, np.float32)
    impulse[640] = 1
    energy = np.asarray(spectra.magnitude(jnp.asarray(impulse), 256, 64)).sum(-1)
    assert energy.argmax() == 10  # 640 / 64


def test_gradients_are_finite_in_silence_and_agree_with_differences():
    loss = lambda x: spectra.magnitude(x, 64, 16).sum()
    assert np.isfinite(jax.grad(loss)(jnp.zeros(256))).all()
    x = jnp.asarray(NOISE[:256])
    slope = jax.grad(loss)(x) @ x
    step = 1e-3
    near = (loss(x * (1 + step)) - loss(x * (1 - step))) / (2 * step)
    np.testing.assert_allclose(slope, near, rtol=1e-2)


def test_frames_overlap_and_an_incomplete_last_one_is_left_out():
    found = spectra.frames(jnp.arange(10.0), 4, 3)
    np.testing.assert_array_equal(found, [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]])
    assert spectra.frames(jnp.zeros((2, 9)), 4, 3).shape == (2, 2, 4)


def test_frames_are_those_of_a_gather_whether_or_not_the_hop_divides_them():
    for size, hop, length in (
        (64, 16, 300),
        (64, 24, 300),
        (50, 64, 300),
        (64, 64, 64),
    ):
        starts = np.arange(0, length - size + 1, hop)
        wanted = NOISE[starts[:, None] + np.arange(size)]
        found = spectra.frames(jnp.asarray(NOISE[:length]), size, hop)
        np.testing.assert_array_equal(found, wanted)


def test_a_short_window_is_in_the_middle_of_a_frame():
    x = jnp.asarray(NOISE[:400])
    found = spectra.magnitude(x, 64, 16, center=False, window=np.ones(20, np.float32))
    cut = np.asarray(spectra.frames(x, 64, 16))[:, 22:42]
    wanted = np.abs(np.fft.rfft(np.pad(cut, ((0, 0), (22, 22)))))
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_sound_of_some_hops_has_as_many_frames_of_its_log_mel_spectrogram():
    mel = spectra.Mel(rate=8_000, bands=20, size=256, hop=64, high=0.0)
    for hops in (4, 9, 30):
        found = spectra.log_mel(jnp.asarray(NOISE[: 64 * hops])[None], mel)
        assert found.shape == (1, hops, 20)


def test_a_log_mel_spectrogram_is_a_logarithm_of_amplitudes_with_a_floor():
    mel = spectra.Mel()
    x = jnp.asarray(NOISE[:2_816]) / 10
    loud, quiet = spectra.log_mel(x, mel), spectra.log_mel(x / 10, mel)
    np.testing.assert_allclose(loud - quiet, np.log(10), atol=1e-3)
    silence = jax.value_and_grad(lambda x: spectra.log_mel(x, mel).sum())
    value, slope = silence(jnp.zeros(1_024))
    np.testing.assert_allclose(value, 4 * 80 * np.log(1e-5), rtol=1e-6)
    assert np.isfinite(slope).all()
