"""Sounds and spectrograms of one's own, played by a vocoder."""

import json
from dataclasses import replace
from pathlib import Path

import hifigan
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.io import wavfile

from ganjax import cli, models
from ganjax.errors import UsageError
from ganjax.ops.spectra import Mel, log_mel
from ganjax.pretrained import dump, hifigan as released, tensors
from ganjax.run import vocode
from ganjax.run.vocode import MARGIN, Vocoder, apply_in_tiles, mel_of, plan_outputs
from tests.helpers.sentences import told


MEL = Mel(1_000, 4, 32, 8, 0.0, 400.0)
RNG = np.random.default_rng(0)


def smooth(mel):
    """A network that makes 8 samples of a frame, by its 8 neighbors on each side."""
    assert mel.ndim == 3 and len(mel) == 1
    taps = np.hanning(19)[1:-1]
    mixed = np.convolve(mel[0].mean(1), taps, "same")
    return mixed.repeat(MEL.hop)[None, :, None].astype(np.float32)


SMOOTH = Vocoder(MEL, smooth)


@pytest.mark.parametrize("count", [1, 70, 90, 200, 501])
def test_tiles_make_what_the_network_makes_of_all_at_once(count):
    mel = RNG.normal(size=(count, 4)).astype(np.float32)
    seen = []

    def network(tile):
        seen.append(tile.shape[1])
        return smooth(tile)

    found = apply_in_tiles(Vocoder(MEL, network), mel, tile=10)
    assert found.shape == (count * 8, 1)
    assert set(seen) == {10 + 2 * MARGIN}, "it is compiled once"
    size = max(count, 10 + 2 * MARGIN)
    silence = ((0, size - count), (0, 0))
    whole = smooth(np.pad(mel, silence, constant_values=np.log(1e-5))[None])[0]
    np.testing.assert_allclose(found, whole[: count * 8], atol=1e-6)


def test_spectrograms_of_sounds_have_a_frame_for_each_begun_hop():
    sound = RNG.uniform(-1, 1, 1_003).astype(np.float32)
    found = mel_of(sound, MEL)
    assert found.shape == (126, 4)
    whole = log_mel(jnp.asarray(np.pad(sound, (0, 5))), MEL)
    # The end is followed by silence here, and by its reflection there.
    np.testing.assert_allclose(found[:-2], whole[:-2], atol=1e-4)
    assert mel_of(sound[:1], MEL).shape == (1, 4)


def save(path: Path, seconds: float, rate: int = 1_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.sin(np.arange(int(seconds * rate)) * 400 / rate)
    wavfile.write(path, rate, np.int16(wave * 20_000))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run of the tiny vocoder."""
    folder = tmp_path_factory.mktemp("vocoder") / "run"
    args = hifigan.TINY
    tiny = {"workdir": str(folder), "steps": 1, "scores": False, "devices": "jit"}
    hifigan.main(replace(args, run=replace(args.run, **tiny)))
    return str(folder)


def test_the_command_plays_files_of_any_length_and_rate(run, tmp_path, capsys):
    save(tmp_path / "in" / "a.wav", 0.503)
    save(tmp_path / "in" / "deep" / "b.wav", 1.2, rate=2_000)
    np.save(tmp_path / "in" / "c.npy", RNG.normal(size=(4, 21)))
    np.savez(tmp_path / "in" / "d.npz", mel=RNG.normal(size=(2, 4, 5)))
    (tmp_path / "in" / "notes.txt").write_text("no sound")
    capsys.readouterr()
    cli.main(["vocode", run, f"{tmp_path}/in", "--out", f"{tmp_path}/out"])
    said = capsys.readouterr()
    assert said.out == f"5 sounds at 1,000 Hz: {tmp_path}/out\n"
    assert "Skipped" in said.err
    lengths = {"a.wav": 503, "deep/b.wav": 1_200, "c.wav": 168}
    lengths |= {"d_0000.wav": 40, "d_0001.wav": 40}
    found = {
        str(path.relative_to(tmp_path / "out")): wavfile.read(path)
        for path in (tmp_path / "out").rglob("*.wav")
    }
    assert {name: len(sound) for name, (_, sound) in found.items()} == lengths
    assert all(rate == 1_000 for rate, _ in found.values())
    assert np.abs(found["a.wav"][1]).max() > 0
    # A sound and its own spectrogram make the same.
    wave = np.sin(np.arange(503) * 0.4) * 20_000
    mel = mel_of(np.int16(wave).astype(np.float32) / 32_768, MEL)
    np.save(tmp_path / "own.npy", mel.T)
    cli.main(["vocode", run, f"{tmp_path}/own.npy", "--out", f"{tmp_path}/own"])
    _, again = wavfile.read(tmp_path / "own" / "own.wav")
    np.testing.assert_array_equal(again[:503], found["a.wav"][1])


def test_what_is_no_spectrogram_of_the_run_is_one_sentence(run, tmp_path, capsys):
    for array, says in (
        (
            np.zeros((21, 4)),
            r"float64 [21, 4]: this vocoder takes log-mel spectrograms",
        ),
        (np.zeros((4, 21), np.int32), "int32 [4, 21]: this vocoder takes"),
        (np.full((4, 21), np.nan), "holds NaN or infinity"),
        (np.zeros((4, 0)), "this vocoder takes"),
    ):
        np.save(tmp_path / "a.npy", array)
        argv = ["vocode", run, f"{tmp_path}/a.npy", "--out", f"{tmp_path}/out"]
        assert says in told(capsys, cli.main, argv)
    np.savez(tmp_path / "b.npz", other=np.zeros((4, 21)))
    (tmp_path / "c.npy").write_bytes(b"no array")
    (tmp_path / "d.wav").write_bytes(b"no sound")
    for name, says in (
        ("b.npz", "holds no array 'mel'"),
        ("c.npy", "cannot be read as plain arrays"),
        ("d.wav", "cannot be read as a sound"),
        ("e.wav", "does not exist"),
    ):
        argv = ["vocode", run, f"{tmp_path}/{name}", "--out", f"{tmp_path}/out"]
        assert says in told(capsys, cli.main, argv)
    assert not (tmp_path / "out").exists()


def test_outputs_are_planned_and_nothing_that_is_read_is_written_over(tmp_path):
    save(tmp_path / "a.wav", 0.1)
    planned = plan_outputs(tmp_path / "a.wav", tmp_path / "out")
    assert planned == {tmp_path / "a.wav": tmp_path / "out" / "a.wav"}
    with pytest.raises(UsageError, match="a.wav is a sound that is read"):
        plan_outputs(tmp_path / "a.wav", tmp_path)
    with pytest.raises(UsageError, match="is a file: name a folder"):
        plan_outputs(tmp_path / "a.wav", tmp_path / "b.wav")
    (tmp_path / "in" / "out").mkdir(parents=True)
    with pytest.raises(UsageError, match="holds nothing that can be played"):
        plan_outputs(tmp_path / "in", tmp_path / "out")
    for name in ("b.wav", "out/b.wav"):
        save(tmp_path / "in" / name, 0.1)
    found = plan_outputs(tmp_path / "in", tmp_path / "in" / "out")
    assert list(found) == [tmp_path / "in" / "b.wav"]
    np.save(tmp_path / "in" / "b.npy", np.zeros((4, 5)))
    with pytest.raises(UsageError, match="Two files would both be written as"):
        plan_outputs(tmp_path / "in", tmp_path / "out")
    (tmp_path / "c.png").write_bytes(b"")
    with pytest.raises(UsageError, match="c.png is not of a kind that can be played"):
        plan_outputs(tmp_path / "c.png", tmp_path / "out")


def test_a_run_that_makes_no_sounds_of_spectrograms_is_refused(monkeypatch):
    from tests.helpers.runs import game

    loaded = type("Loaded", (), {"game": game()})()
    monkeypatch.setattr(vocode, "load", lambda run, **more: loaded)
    with pytest.raises(UsageError, match="ring is not the run of a vocoder"):
        vocode.vocoder_of("ring", vocode.Save())


def test_released_weights_are_played_by_their_path(tmp_path, capsys):
    small = released.generator(8, (4, 2), (3,), ((1, 2),), 1, bands=4)
    label = jnp.zeros(1, jnp.int32)
    mel = jnp.asarray(RNG.normal(size=(1, 100, 4)), jnp.float32)
    variables = small.net.init(jax.random.key(0), mel, label, train=False)
    where = tmp_path / "released" / "g.safetensors"
    where.parent.mkdir()
    tensors.write(where, dump(small, variables))
    config = {
        "resblock": "2",
        "upsample_rates": [4, 2],
        "upsample_kernel_sizes": [8, 4],
        "upsample_initial_channel": 8,
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 2]],
        "num_mels": 4,
        "n_fft": 32,
        "hop_size": 8,
        "win_size": 32,
        "sampling_rate": 1_000,
        "fmin": 0,
        "fmax": None,
    }
    argv = ["vocode", str(where), f"{tmp_path}/a.npy", "--out", f"{tmp_path}/out"]
    np.save(tmp_path / "a.npy", np.asarray(mel[0]).T)
    assert "config.json, which has the sizes" in told(capsys, cli.main, argv)
    (where.parent / "config.json").write_text(json.dumps(config))
    found = vocode.vocoder_of(str(where), vocode.Save())
    assert found.mel == Mel(1_000, 4, 32, 8, 0.0, 0.0)
    wanted = small.net.apply(variables, mel, label, train=False)
    np.testing.assert_allclose(found.network(np.asarray(mel)), wanted, atol=1e-6)
    cli.main(argv)
    rate, sound = wavfile.read(tmp_path / "out" / "a.wav")
    assert rate == 1_000 and len(sound) == 800
    wider = json.dumps({**config, "upsample_kernel_sizes": [8, 6]})
    (where.parent / "config.json").write_text(wider)
    assert "twice as long as" in told(capsys, cli.main, argv)
    (where.parent / "config.json").write_text(json.dumps({"num_mels": 4}))
    assert "is not that of a HiFi-GAN" in told(capsys, cli.main, argv)


def test_training_begins_with_released_weights(tmp_path):
    args = replace(hifigan.TINY, weights=str(tmp_path / "g.safetensors"))
    described = released.described(hifigan.generator(args), args.bands)
    variables = described.net.init(
        jax.random.key(5), jnp.zeros((1, 8, 4)), jnp.zeros(1, jnp.int32), train=False
    )
    tensors.write(args.weights, dump(described, variables))
    game = hifigan.make(args)
    sounds = game.modality.load(hifigan.gx.Spec("tones")).read(np.arange(2)).x
    turns = hifigan.gx.turns(game.modality.decode(sounds))
    state = jax.jit(game.init)(jax.random.key(0), turns)
    found = state.players["g"].params
    jax.tree.map(np.testing.assert_array_equal, found, variables["params"])
    assert models.hifigan.Generator is type(hifigan.generator(args))
