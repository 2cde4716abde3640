"""A vocoder's networks: how far G looks, and what each part of D does."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.models import hifigan, stft_discriminators, vocoder_discriminators
from ganjax.models.stft_discriminators import Resolution
from ganjax.run.vocode import MARGIN
from tests.helpers.states import seat


KEY = jax.random.key(0)
LABEL = jnp.zeros(2, jnp.int32)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.mark.parametrize("version", ["V1", "V2", "V3"])
def test_a_sound_has_256_samples_for_each_frame(version):
    net = hifigan.Generator(**getattr(hifigan, version))
    mel = jax.ShapeDtypeStruct((2, 7, 80), jnp.float32)
    sound, _ = jax.eval_shape(
        partial(net.init_with_output, train=False), KEY, mel, LABEL
    )
    assert sound.shape == (2, 7 * 256, 1)


@pytest.mark.parametrize("version", ["V1", "V3"])
def test_a_sample_depends_on_fewer_frames_than_tiles_overlap_by(version):
    sizes = {**getattr(hifigan, version), "width": 16}
    net = hifigan.Generator(**sizes)
    mel = normal(0, 1, 2 * MARGIN + 1, 4)
    variables = net.init(KEY, mel, LABEL[:1], train=False)
    run = jax.jit(partial(net.apply, train=False))
    changed = mel.at[:, MARGIN].add(1.0)
    gap = run(variables, mel, LABEL[:1]) - run(variables, changed, LABEL[:1])
    heard = np.flatnonzero(np.asarray(gap)[0, :, 0]) // 256
    assert heard.min() < MARGIN < heard.max(), "and on more than its own"
    assert MARGIN - heard.min() <= 14 and heard.max() - MARGIN <= 14


def test_widths_that_cannot_be_halved_are_refused():
    net = hifigan.Generator(6, rates=(2, 2))
    with pytest.raises(UsageError, match="cannot divide 6 channels into 4 parts"):
        net.init(KEY, normal(0, 1, 4, 5), LABEL[:1], train=False)
    net = hifigan.Generator(8, rates=(3, 2))
    with pytest.raises(UsageError, match="cannot divide 3 samples into 2 halves"):
        net.init(KEY, normal(0, 1, 4, 5), LABEL[:1], train=False)


def judged(net, sound):
    variables = seat(net, sound, LABEL)
    run = jax.jit(partial(net.apply, train=False, method="judge"))
    return lambda sound: run(variables, sound, LABEL)


def test_a_period_looks_along_each_of_its_columns_alone():
    sound = normal(0, 2, 66, 1)
    judge = judged(vocoder_discriminators.MultiPeriod((3,), 2), sound)
    before, after = judge(sound)[0], judge(sound.at[:, 1::3].add(1.0))[0]
    logits = np.asarray(before.logits).reshape(2, 3, -1)
    moved = np.abs(logits - np.asarray(after.logits).reshape(2, 3, -1)).max((0, 2)) > 0
    assert moved.tolist() == [False, True, False]
    # The last feature maps are the logits themselves.
    np.testing.assert_array_equal(
        np.ravel(before.features[-1]), np.ravel(before.logits)
    )


def test_scales_hear_averages_of_more_and_more_samples():
    """An alternating signal is nothing to all scales but the first."""
    silence = jnp.zeros((2, 128, 1))
    sound = silence.at[:, ::2].set(1.0).at[:, 1::2].set(-1.0)
    judge = judged(vocoder_discriminators.MultiScale(16), silence)
    quiet, heard = judge(silence), judge(sound)
    gaps = [
        np.abs(a.features[0] - b.features[0])[:, 16:-16].max()
        for a, b in zip(quiet, heard, strict=True)
    ]
    assert gaps[0] > 0.1 and max(gaps[1:]) < 1e-5


def test_an_ensemble_is_its_parts_side_by_side():
    sound = normal(0, 2, 512, 1)
    resolutions = Resolution(64, 16, 32), Resolution(32, 4, 16)
    nets = (
        vocoder_discriminators.MultiPeriod((2, 3), 1),
        stft_discriminators.MultiResolution(resolutions, 2),
        stft_discriminators.MultiBand((64,), width=2),
    )
    net = vocoder_discriminators.Ensemble(nets)
    variables = seat(net, sound, LABEL)
    parts = net.apply(variables, sound, LABEL, train=False, method="judge")
    assert len(parts) == 2 + 2 + 1
    whole = net.apply(variables, sound, LABEL, train=False)
    np.testing.assert_allclose(
        whole, np.concatenate([part.logits for part in parts], 1), rtol=1e-6
    )
    assert [len(part.features) for part in parts] == [6, 6, 6, 6, 5 * 5 + 1]
    alone = nets[1].apply(
        {"params": variables["params"]["nets_1"]}, sound, LABEL, train=False
    )
    of_both = np.concatenate([parts[2].logits, parts[3].logits], 1)
    np.testing.assert_allclose(alone, of_both, rtol=1e-5)


def test_the_discriminator_of_bands_hears_no_difference_of_loudness():
    sound = normal(0, 2, 512, 1)
    judge = judged(stft_discriminators.MultiBand((64,), width=2), sound)
    (loud,), (quiet,) = judge(sound), judge(sound / 7 + 0.1)
    np.testing.assert_allclose(loud.logits, quiet.logits, rtol=1e-3, atol=1e-3)
