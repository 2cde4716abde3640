import numpy as np
import pytest
import scipy.signal

from ganjax.ops import lowpass


# taps, cutoff, half-width, rate; the first are StyleGAN3's, the others cross every range
# of the window's beta
CASES = pytest.mark.parametrize(
    "case",
    [(12, 2.0, 6.0, 32), (24, 161.27, 94.73, 1024), (12, 512, 118, 2048)]
    + [(12, 5.0, width, 64) for width in (0.5, 3.0, 8.0)],
)


@CASES
def test_sinc_is_the_windowed_filter_of_scipy(case):
    taps, cutoff, half_width, rate = case
    wanted = scipy.signal.firwin(taps, cutoff, width=2 * half_width, fs=rate)
    np.testing.assert_allclose(lowpass.sinc_taps(*case), wanted, atol=1e-12)


@CASES
def test_jinc_is_the_windowed_transform_of_a_disc(case):
    """The integral of waves over a disc of frequencies, one strip of it at a time."""
    taps, cutoff, half_width, rate = case
    x = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.sqrt(x[:, None] ** 2 + x[None] ** 2)
    angle = (np.arange(2000) + 0.5) * np.pi / 2000
    strips = np.sin(angle) ** 2  # as wide as long, up to a factor
    waves = np.cos(2 * np.pi * cutoff * radius[..., None] * np.cos(angle))
    attenuation = scipy.signal.kaiser_atten(taps, 2 * half_width / (rate / 2))
    beta = scipy.signal.kaiser_beta(attenuation)
    window = scipy.signal.windows.kaiser(taps, beta, sym=True)
    wanted = waves @ strips * np.outer(window, window)
    np.testing.assert_allclose(
        lowpass.jinc_taps(*case), wanted / wanted.sum(), atol=1e-12
    )


def test_an_odd_number_of_taps_has_its_largest_in_the_middle():
    taps = lowpass.jinc_taps(7, 4.0, 6.0, 32)
    assert np.isfinite(taps).all() and taps.argmax() == 24


def response(taps, frequencies, rate):
    """How much of waves [n, 2] is left."""
    x = (np.arange(len(taps)) - (len(taps) - 1) / 2) / rate
    waves = np.exp(2j * np.pi * frequencies[:, :, None] * x)
    return np.einsum("na,nb,ab->n", waves[:, 0], waves[:, 1], taps).real


@pytest.mark.parametrize("radius", [4.0, 6.0, 8.0])
def test_jinc_has_no_direction_and_sinc_has(radius):
    """Measured: up to 0.008, and from 0.033 to 0.059."""
    angle = np.linspace(0, np.pi / 2, 9)
    waves = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    spread = lambda taps: np.ptp(response(taps, waves, 32))
    sinc = lowpass.sinc_taps(12, 4.0, 4.0, 32)
    assert spread(lowpass.jinc_taps(12, 4.0, 4.0, 32)) < 0.02
    assert spread(np.outer(sinc, sinc)) > 0.03


def test_what_is_below_the_band_passes_and_what_is_above_does_not():
    taps = lowpass.sinc_taps(24, 4.0, 2.0, 32)
    along = lambda f: response(np.outer(taps, taps), np.array([[f, 0.0]]), 32)
    assert abs(along(2.0) - 1) < 0.02 and abs(along(6.0)) < 0.02
