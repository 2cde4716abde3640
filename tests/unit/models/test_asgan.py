from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.models import asgan
from ganjax.models.asgan import down_matrix, low_pass_matrix, up_matrix
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
SIGNAL = jax.random.normal(KEY, (4, 32, 3))


def wave(cycles, length):
    """A sine of a number of cycles, away from whose ends filters are tested."""
    return np.sin(2 * np.pi * cycles * (np.arange(length) + 0.5) / length)


def test_a_low_pass_filter_keeps_what_is_low_and_takes_what_is_high():
    matrix = low_pass_matrix(128, 0.25)
    middle = slice(16, -16)
    np.testing.assert_allclose((np.ones(128) @ matrix)[middle], 1, atol=1e-12)
    low, high = wave(4, 128), wave(48, 128)  # of 64, which is half the rate
    # The ripple of a window of beta 2.5 is 3 %.
    np.testing.assert_allclose((low @ matrix)[middle], low[middle], atol=0.04)
    assert np.abs((high @ matrix)[middle]).max() < 0.02


def test_raising_the_rate_keeps_a_wave_and_lowering_it_gives_it_back():
    for factor in (2, 4):
        raised = wave(3, 64) @ up_matrix(64, factor)
        assert raised.shape == (64 * factor,)
        # Frames keep their places: the wave of the higher rate at every factor-th one.
        np.testing.assert_allclose(
            raised[::factor][10:-10], wave(3, 64)[10:-10], atol=0.03
        )
        again = raised @ down_matrix(64, factor)
        np.testing.assert_allclose(again[12:-12], wave(3, 64)[12:-12], atol=0.05)


def test_no_copy_of_the_spectrum_passes():
    raised = wave(3, 64) @ up_matrix(64, 2, 0.9)
    spectrum = np.abs(np.fft.rfft(raised * np.hanning(128)))
    assert spectrum[8:].max() < 0.03 * spectrum.max()


def test_signals_have_the_length_and_the_bands_that_are_asked_for():
    net = asgan.Generator(32, 3, (6, 5, 4), (2, 1, 2), 3, w_dim=7)
    run = jax.jit(partial(net.apply, train=False))
    assert run(seat(net, Z, LABEL), Z, LABEL).shape == (4, 32, 3)


def test_a_shift_by_w_moves_the_waves_in_time():
    waves = asgan.Waves(64, 4)
    variables = waves.init(KEY, jnp.zeros((2, 3)))
    params = variables["params"]
    # A shift of two frames of 64, by the bias of the layer that makes shifts of w.
    moved = jax.tree.map(jnp.copy, params)
    moved["Dense_0"]["bias"] = jnp.array([2 / 64])
    frozen = {"frozen": variables["frozen"]}
    before = waves.apply({"params": params} | frozen, jnp.zeros((1, 3)))
    after = waves.apply({"params": moved} | frozen, jnp.zeros((1, 3)))
    np.testing.assert_allclose(after[0, 2:], before[0, :-2], atol=1e-4)


def test_classes_change_signals_and_logits():
    g = asgan.Generator(16, 3, (6, 4), (2, 2), 3, w_dim=7, classes=3)
    d = asgan.Discriminator(4, (2, 2), 3, classes=3, group=2)
    for net, x in ((g, Z), (d, SIGNAL)):
        apply = jax.jit(partial(net.apply, train=False))
        variables = seat(net, x, LABEL)
        assert jnp.any(apply(variables, x, LABEL) != apply(variables, x, LABEL[::-1]))


# The released program's settings for log-mel spectrograms of 128 bands and 96 frames.
def test_the_layers_are_those_of_the_released_program():
    g, d = asgan.Generator(96, 128), asgan.Discriminator()
    shapes = lambda net, x: jax.eval_shape(
        partial(net.init, train=False), KEY, x, jnp.zeros(2, int)
    )["params"]
    found = shapes(g, jnp.zeros((2, 512)))
    kernels = [found[f"Layer_{i}"]["kernel"].shape for i in range(14)]
    outputs = [1024] * 5 + [512] * 4 + [256] * 3 + [128] * 2
    inputs = [1024, *outputs[:-1]]
    assert kernels == [(5, a, b) for a, b in zip(inputs, outputs, strict=True)]
    assert found["Conv_0"]["kernel"].shape == (1, 128, 128)
    found = shapes(d, jnp.zeros((2, 96, 128)))
    blocks = [name for name in found if name.startswith("Block")]
    assert len(blocks) == 11
    assert found["Block_0"]["Conv_1"]["kernel"].shape == (5, 128, 128)
    assert found["Block_0"]["Conv_2"]["kernel"].shape == (5, 128, 512)
    assert found["Conv_0"]["kernel"].shape == (5, 513, 512)
    assert found["Dense_0"]["kernel"].shape == (12 * 512, 512)


def test_lengths_that_cannot_be_halved_are_refused():
    with pytest.raises(UsageError, match="ASGAN's G has no signals of 20"):
        seat(asgan.Generator(20, 3), Z, LABEL)
