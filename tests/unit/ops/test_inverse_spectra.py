import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.ops import inverse_spectra, spectra


NOISE = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)


@pytest.mark.parametrize("size, hop", [(64, 16), (64, 32), (256, 64), (60, 20)])
def test_the_inverse_transform_gives_every_sample_back(size, hop):
    x = jnp.asarray(NOISE)
    spectrum = inverse_spectra.framed_stft(x, size, hop)
    assert spectrum.shape == (2, -(-1000 // hop), size // 2 + 1)
    found = inverse_spectra.istft(spectrum, size, hop, 1000)
    np.testing.assert_allclose(found, x, atol=3e-6)


def test_frames_lie_evenly_around_the_signal():
    """The spectrum of a frame is that of its samples by the definition, in float64."""
    x = np.float64(NOISE[0, :100])
    found = inverse_spectra.framed_stft(jnp.asarray(NOISE[0, :100]), 16, 4)
    padded = np.pad(x, (6, 6))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    for i in (0, 7, 24):
        wanted = np.fft.rfft(window * padded[4 * i : 4 * i + 16])
        np.testing.assert_allclose(found[i], wanted, atol=1e-5)


def test_the_inverse_of_a_spectrum_that_no_signal_has_is_the_nearest_one():
    """By least squares over all spectra, in float64."""
    size, hop, length = 8, 4, 20
    rng = np.random.default_rng(1)
    shape = (5, 5)
    spectrum = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    found = inverse_spectra.istft(jnp.asarray(spectrum), size, hop, length)
    # The squared norm of a real frame counts all bins but the first and the last twice.
    weight = np.sqrt(np.array([1, 2, 2, 2, 1]))
    # Where frames reach beyond the signal they meet zeros: these parts are free.
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    columns = []
    for i in range(length + 4):
        padded = np.eye(length + 4)[i]
        frames = [window * padded[4 * f : 4 * f + size] for f in range(5)]
        columns.append((np.fft.rfft(frames) * weight).ravel())
    matrix = np.array(columns).T
    wanted = (spectrum * weight).ravel()
    both = lambda z: np.concatenate([z.real, z.imag])
    solution = np.linalg.lstsq(both(matrix), both(wanted), rcond=None)[0]
    np.testing.assert_allclose(found, solution[2:-2], atol=1e-5)


def test_a_steady_tone_has_one_frequency_from_frame_to_frame():
    rate, hz, size, hop = 8_000, 700, 256, 64
    x = jnp.asarray(np.sin(2 * np.pi * hz * np.arange(4_000) / rate), jnp.float32)
    phase = jnp.angle(inverse_spectra.framed_stft(x, size, hop))
    found = inverse_spectra.instantaneous_frequency(phase)[
        5:-5, round(hz * size / rate)
    ]
    advance = 2 * hz * hop / rate  # in units of pi
    np.testing.assert_allclose(found, advance - 2 * round(advance / 2), atol=1e-3)


def test_frequencies_are_within_one_and_add_up_to_the_phase():
    phase = jnp.asarray(
        np.random.default_rng(2).uniform(-9, 9, (3, 50, 4)), jnp.float32
    )
    found = inverse_spectra.instantaneous_frequency(phase)
    assert np.abs(found).max() <= 1
    turns = (inverse_spectra.phase_of(found) - phase) / (2 * np.pi)
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-4)


def test_phases_and_magnitudes_make_the_spectrum_again():
    spectrum = inverse_spectra.framed_stft(jnp.asarray(NOISE), 64, 16)
    again = inverse_spectra.polar(jnp.abs(spectrum), jnp.angle(spectrum))
    np.testing.assert_allclose(again, spectrum, atol=1e-5)


def test_griffin_lim_nears_the_magnitude_and_momentum_helps():
    wanted = jnp.abs(inverse_spectra.framed_stft(jnp.asarray(NOISE), 64, 16))

    def left(iterations, momentum):
        x = inverse_spectra.griffin_lim(wanted, 64, 16, 1000, iterations, momentum)
        found = jnp.abs(inverse_spectra.framed_stft(x, 64, 16))
        return float(inverse_spectra.spectral_convergence(wanted, found).max())

    plain = [left(n, 0.0) for n in (0, 4, 16, 64)]
    # Plain iterations never go back (Griffin & Lim, 1984).
    assert plain == sorted(plain, reverse=True)
    assert left(64, 0.99) < 0.8 * plain[-1] < plain[-1] < 0.25 * plain[0]


def test_griffin_lim_leaves_silence_silent():
    found = inverse_spectra.griffin_lim(jnp.zeros((10, 33)), 64, 16, 160, 3)
    np.testing.assert_array_equal(found, 0)


def test_spectral_convergence_is_the_relative_distance():
    wanted = jnp.asarray([[[3.0, 4.0]], [[0.0, 2.0]]])
    found = jnp.asarray([[[3.0, 1.0]], [[0.0, 2.0]]])
    distance = inverse_spectra.spectral_convergence(wanted, found)
    np.testing.assert_allclose(distance, [3 / 5, 0])


def test_the_inverse_has_the_gradient_of_a_linear_function():
    spectrum = inverse_spectra.framed_stft(jnp.asarray(NOISE[0]), 64, 16)
    invert = lambda scale: inverse_spectra.istft(scale * spectrum, 64, 16, 1000)
    slope = jax.jvp(invert, (jnp.float32(1),), (jnp.float32(1),))[1]
    np.testing.assert_allclose(slope, NOISE[0], atol=1e-5)


def test_frames_that_cannot_be_inverted_are_refused():
    for size, hop in ((64, 64), (64, 24), (64, 0)):
        with pytest.raises(UsageError, match="hop that divides the size"):
            inverse_spectra.framed_stft(jnp.zeros(100), size, hop)
    spectrum = inverse_spectra.framed_stft(jnp.zeros(100), 64, 16)
    with pytest.raises(UsageError, match="200 samples have 13 frames .* not 7"):
        inverse_spectra.istft(spectrum, 64, 16, 200)


def test_magnitudes_within_the_signal_are_those_of_the_other_transform():
    x = jnp.asarray(NOISE)
    ours = jnp.abs(inverse_spectra.framed_stft(x, 64, 16))
    theirs = spectra.magnitude(x, 64, 16, center=False)
    # Frame i of ours begins 24 samples earlier: those of theirs from 8 on, in steps of 16.
    shifted = spectra.magnitude(x[:, 8:], 64, 16, center=False)
    assert theirs.shape[1] >= 50
    np.testing.assert_allclose(ours[:, 2:50], shifted[:, :48], atol=1e-4)
