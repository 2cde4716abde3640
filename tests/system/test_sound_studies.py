"""The study of sounds: data sets are made once, and every run is trained for its time."""

import dataclasses
import stat
import sys
from functools import partial

import drum_hits
import numpy as np
import pytest
import soundfile
import sounds
import spoken_digits
from scipy.io import wavfile

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import ClassifierSettings
from ganjax.modalities.sounds import wav_bytes
from ganjax.report.results import read_results


# A program that says a digit by a tone of so many hundred Hz, in the voices a, a2 and b.
SPEAKER = """#!{python}
import sys
import numpy as np
if sys.argv[1] == "--voices=variant":
    print("Pty Language Age/Gender VoiceName File Other")
    for name in ("b", "a", "a2"):
        print(f" 5 variant --/M {{name}} !v/{{name}}")
    sys.exit()
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert given["-v"].startswith("en-us+") and sys.argv[-2] == "--stdout"
hz = 100 * (1 + int(sys.argv[-1])) + int(given["-p"])
wave = 16_000 * np.sin(2 * np.pi * hz * np.arange(4_410) / 22_050)
header = bytearray(44)
header[24:28] = (22_050).to_bytes(4, "little")
sys.stdout.buffer.write(bytes(header) + wave.astype(np.int16).tobytes())
"""


@pytest.fixture
def speaker(tmp_path, monkeypatch):

    program = tmp_path / "bin" / "espeak-ng"
    program.parent.mkdir()
    program.write_text(SPEAKER.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(spoken_digits, "PITCHES", (35,))
    monkeypatch.setattr(spoken_digits, "SPEEDS", (160,))


@pytest.mark.slow
def test_digits_are_spoken_once_and_a_family_of_voices_is_on_one_side(
    tmp_path, speaker, monkeypatch
):
    folder = spoken_digits.prepare(tmp_path / "digits")
    assert (folder / "voices.txt").read_text().split() == ["a", "a2", "b"]
    found = sorted(folder.glob("*/3/*.wav"))
    assert len(found) == 3
    split = {path.name.split("-")[0]: path.parts[-3] for path in found}
    assert split["a"] == split["a2"]
    rate, samples = wavfile.read(found[0])
    assert rate == 16_000 and len(samples) == 3_200
    # The tone of a 3 at 400 Hz and its pitch.
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * rate / len(samples) == pytest.approx(435, abs=5)
    monkeypatch.setenv("PATH", "")
    assert spoken_digits.prepare(folder) == folder, "it is there"
    with pytest.raises(UsageError, match="apt install espeak-ng"):
        spoken_digits.prepare(tmp_path / "other")


def test_drum_hits_are_sorted_by_their_names(tmp_path, monkeypatch):
    named = {
        "SabianHatClosed-Soft": "hihat",
        "BD_04": "kick",
        "EE_Kick_Stomp": "kick",
        "RimClick-0": "snare",
        "CrashRide18-1": "cymbal",
        "TM2_06": "tom",
        "Cowbell-Med": "",
    }
    assert {name: drum_hits.class_of(name) for name in named} == named
    kits = tmp_path / "kits"
    rng = np.random.default_rng(0)
    for name in ("BD_1", "BD_2", "TomHigh-Soft", "TomHigh-Hard", "Cowbell"):
        sound = np.concatenate([np.zeros(500), rng.normal(0, 0.1, 800)])[:, None]
        (kits / "a kit").mkdir(parents=True, exist_ok=True)
        (kits / "a kit" / f"{name}.wav").write_bytes(wav_bytes(sound, 16_000))
    monkeypatch.setattr(drum_hits, "KITS", kits)
    folder = drum_hits.prepare(tmp_path / "hits")
    made = (folder / "files.txt").read_text().split()
    assert len(made) == 4 and all((folder / name).exists() for name in made)
    sides = {tuple(name.split("/")[:2]) for name in made}
    assert len(sides) == 2, "all strengths of an instrument are on one side"
    # Silence before a hit is cut off.
    assert len(wavfile.read(folder / made[0])[1]) == 800
    monkeypatch.setattr(drum_hits, "KITS", tmp_path / "none")
    with pytest.raises(UsageError, match="apt install hydrogen-drumkits"):
        drum_hits.prepare(tmp_path / "other")


def notes(folder):
    """A data set of three notes, as short files."""
    for split, seed in (("train", 0), ("test", 1)):
        rng = np.random.default_rng(seed)
        for i, hz in enumerate((300, 600, 1_200)):
            for n in range(20):
                time = np.arange(1_024) / 4_000
                wave = rng.uniform(0.4, 0.8) * np.sin(2 * np.pi * hz * time + n)
                path = folder / split / str(i) / f"{n}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(wav_bytes(wave[:, None].astype(np.float32), 4_000))
    return folder


@pytest.mark.slow
def test_gans_of_sounds_are_trained_for_their_time_and_scored(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(sounds, "RATE", 4_000)
    monkeypatch.setattr(sounds, "LENGTH", 1_024)
    monkeypatch.setattr(sounds, "SAMPLES", 30)
    monkeypatch.setattr(sounds, "READING_SECONDS", 0.2)
    monkeypatch.setattr(sounds, "SETS", {"three notes": sounds.SoundSet(notes, 3)})
    small = {"frame": 64, "hop": 16, "bands": 0, "g_width": 2, "d_width": 2}
    spec = next(x for x in sounds.GANS.values() if x.representation)
    gans = {
        "WaveGAN": sounds.Recipe("wavegan", {"width": 2, "latent": 4}, 2, 5.0),
        "SpecGAN": spec._replace(flags=small | {"latent": 4}, pace=5.0),
    }
    monkeypatch.setattr(sounds, "GANS", gans)
    train = partial(evaluation.train_classifier, settings=ClassifierSettings(60, 20))
    monkeypatch.setattr(evaluation, "train_classifier", train)
    args = sounds.Args(("three notes",), str(tmp_path), minutes=0.02, batch=8, seeds=2)
    sounds.main(args)
    printed = capsys.readouterr().out
    table = read_results(tmp_path / "results.json").tables["three notes"]
    real, first, images, second = table.rows
    assert [row[0] for row in (real, first, second)] == ["real sounds", *gans]
    assert images[0] == "real sounds, as images of SpecGAN"
    assert real[1] > 90 and images[1] > 90
    # What the representation loses is small beside what an untrained G does not have.
    assert abs(images[2] - real[2]) < 0.2 * second[2]["mean"]
    for row in (first, second):
        assert 0 <= row[1]["mean"] <= 100 and row[2]["mean"] > real[2]
        assert row[5] == pytest.approx(0.02, rel=0.6) and row[6] > 1
    for name in ("three_notes_real", "three_notes_wavegan", "three_notes_specgan"):
        heard, rate = soundfile.read(tmp_path / f"{name}.ogg")
        assert rate == 4_000 and len(heard) == 3 * (1_024 + 1_000)
    # Once more, everything is read.
    sounds.main(args)
    again = capsys.readouterr()
    assert again.out == printed and "begins" not in again.err
    longer = dataclasses.replace(args, minutes=0.2)
    with pytest.raises(UsageError, match="name another --workdir"):
        sounds.main(longer)
    with pytest.raises(UsageError, match="--sets songs is not one of three notes"):
        sounds.main(dataclasses.replace(args, sets=("songs",)))
