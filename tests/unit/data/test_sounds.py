import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.io import wavfile

from ganjax.data import Spec
from ganjax.data.sound_files import SoundFormat, decode, resample, to_int16
from ganjax.data.sounds import SoundLength, cut, sound_source
from ganjax.errors import FileError, NoSplit, UsageError


TO = SoundFormat(8_000, 1)
LENGTH = SoundLength(1_000)


def sine(hz, seconds=0.25, rate=8_000, channels=1):
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave] * channels, 1)


def wav(samples, rate=8_000):
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


def loudest_hz(samples, rate=8_000):
    spectrum = np.abs(np.fft.rfft(samples[:, 0].astype(float)))
    return spectrum.argmax() * rate / len(samples)


@pytest.mark.parametrize(
    "stored",
    [
        lambda x: np.rint(x * 32767).astype(np.int16),
        lambda x: np.rint(x * 2**31 * 0.999).astype(np.int32),
        lambda x: (np.rint(x * 127) + 128).astype(np.uint8),
        lambda x: x.astype(np.float32),
        lambda x: x,
    ],
)
def test_every_kind_of_wav_is_the_same_sound(stored):
    wave = sine(440)
    found = decode(wav(stored(wave)), "a.wav", TO)
    assert found.dtype == np.int16 and found.shape == (2_000, 1)
    np.testing.assert_allclose(found / 32768, wave, atol=0.01)


@pytest.mark.parametrize(("extension", "format"), [("flac", "FLAC"), ("ogg", "OGG")])
def test_other_formats_are_read_by_soundfile(extension, format):
    file = io.BytesIO()
    soundfile.write(file, sine(440), 8_000, format=format)
    found = decode(file.getvalue(), f"a.{extension.upper()}", TO)
    assert abs(loudest_hz(found) - 440) <= 4


def test_without_soundfile_only_wav_is_read_and_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        FileError, match=r"needs the package soundfile.*ganjax\[sound\]"
    ):
        decode(b"fLaC", "a.flac", TO)
    assert len(decode(wav(sine(440)), "a.wav", TO)) == 2_000


@pytest.mark.parametrize("rate", [44_100, 22_050, 48_000, 11_025, 8_000, 7_919])
def test_any_rate_is_brought_to_the_one_asked_for(rate):
    found = decode(wav(sine(440, rate=rate), rate), "a.wav", TO)
    assert abs(len(found) - 2_000) <= 2
    assert abs(loudest_hz(found) - 440) <= 5


def test_resampling_does_not_alias():
    # 5,000 Hz do not exist at a rate of 8,000 Hz.
    found = resample(sine(5_000, rate=48_000), 48_000, 8_000)
    assert np.abs(found[100:-100]).max() < 0.01


def test_channels_are_mixed_or_copied():
    left = sine(440, channels=2)
    left[:, 1] = 0
    mono = decode(wav(left), "a.wav", TO)
    np.testing.assert_allclose(mono[:, 0] / 32768, left[:, 0] / 2, atol=1e-4)
    both = decode(wav(sine(440)), "a.wav", SoundFormat(8_000, 2))
    np.testing.assert_array_equal(both[:, 0], both[:, 1])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cannot be read as a sound"),
        (b"RIFF....WAVEjunk", "cannot be read as a sound"),
        (wav(np.zeros((0, 1), np.int16)), "holds no samples"),
        (wav(np.array([[np.nan]])), "holds NaN"),
    ],
)
def test_what_is_no_sound_is_a_sentence_with_its_name(data, says):
    with pytest.raises(FileError, match=rf"a\.wav {says}"):
        decode(data, "a.wav", TO)


def test_int16_is_inverted_by_decoding_but_for_rounding():
    given = np.array([-1.5, -1, -0.5, 0, 0.25, 1, 2])
    np.testing.assert_array_equal(
        to_int16(given), [-32768, -32768, -16384, 0, 8192, 32767, 32767]
    )


def test_sounds_are_cut_at_their_end_or_into_windows():
    sounds = [np.arange(1, n + 1, dtype=np.int16)[:, None] for n in (3, 10, 25)]
    example, number = cut(sounds, SoundLength(10), 1)
    assert example.shape == (3, 10, 1) and number.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(example[0, :, 0], [1, 2, 3, *[0] * 7])
    example, number = cut(sounds, SoundLength(10, windows=True), 1)
    # The last window of 25 samples is half full, and that of 24 would not be kept.
    assert number.tolist() == [0, 1, 2, 2, 2]
    np.testing.assert_array_equal(example[4, :, 0], [*range(21, 26), *[0] * 5])
    _, number = cut([np.ones((24, 1), np.int16)], SoundLength(10, windows=True), 1)
    assert number.tolist() == [0, 0]


def kept(folder: Path, name: str, samples, rate=8_000):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav(samples, rate))


@pytest.fixture
def folder(tmp_path):
    for split, count in (("train", 3), ("test", 2)):
        for hz in (440, 880):
            for i in range(count):
                kept(tmp_path / "set", f"{split}/{hz}/{i}.wav", sine(hz + i))
    (tmp_path / "set" / "read.txt").write_text("")
    return tmp_path / "set"


def test_folders_are_splits_and_classes(folder):
    source = sound_source(Spec(str(folder)), TO, LENGTH)
    assert source.length == 6 and source.classes == ("440", "880")
    assert source.shape == (1_000, 1) and source.dtype == np.int16
    assert source.report.held_out == 4 and source.report.skipped == {".txt": 1}
    batch = source.read(np.array([0, 5]))
    assert batch.label.tolist() == [0, 1]
    assert abs(loudest_hz(batch.x[1]) - 882) <= 8
    test = sound_source(Spec(str(folder), split="test"), TO, LENGTH)
    assert test.length == 4 and test.classes == source.classes
    assert set(source.inventory()) == {
        f"train/{hz}/{i}.wav" for hz in (440, 880) for i in range(3)
    }


def test_a_zip_holds_what_its_folder_does(folder):
    archive = folder.parent / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*.*")):
            file.write(path, path.relative_to(folder))
    one = sound_source(Spec(str(folder)), TO, LENGTH)
    other = sound_source(Spec(str(archive)), TO, LENGTH)
    np.testing.assert_array_equal(one.read(np.arange(6)).x, other.read(np.arange(6)).x)


def test_broken_files_are_all_named_and_silence_is_a_note(folder):
    kept(folder, "train/440/quiet.wav", np.zeros(100, np.int16))
    source = sound_source(Spec(str(folder)), TO, LENGTH)
    assert any("1 of 7 sounds are silent" in note for note in source.report.notes)
    (folder / "train" / "440" / "bad.wav").write_text("junk")
    with pytest.raises(UsageError, match=r"bad\.wav cannot be read as a sound"):
        sound_source(Spec(str(folder)), TO, LENGTH)
    (folder / "train" / "880" / "worse.wav").write_text("junk")
    with pytest.raises(UsageError, match=r"2 of the 9 .* cannot be used"):
        sound_source(Spec(str(folder)), TO, LENGTH)


def test_mixed_rates_are_one_set(tmp_path):
    for i, rate in enumerate((8_000, 16_000, 44_100)):
        kept(tmp_path, f"{i}.wav", sine(440, rate=rate), rate)
    x = sound_source(Spec(str(tmp_path)), TO, LENGTH).read(np.arange(3)).x
    assert all(abs(loudest_hz(each) - 440) <= 8 for each in x)


def test_an_npz_holds_samples_and_labels(tmp_path):
    sound = np.arange(6 * 1_200, dtype=np.int16).reshape(6, 1_200)
    label = np.array([3, 3, 5, 5, 3, 5])
    np.savez(tmp_path / "a.npz", sound=sound, label=label)
    source = sound_source(Spec(str(tmp_path / "a.npz")), TO, LENGTH)
    assert source.classes == ("3", "5") and source.length == 6
    batch = source.read(np.arange(6))
    np.testing.assert_array_equal(batch.x[..., 0], sound[:, :1_000])
    assert batch.label.tolist() == [0, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": np.zeros((2, 9), np.int16)}, "holds no array 'sound'"),
        ({"sound": np.zeros((2, 9))}, r"is float64 \[2, 9, 1\]"),
        ({"sound": np.zeros((2, 9, 2), np.int16)}, r"store int16 \[n, t, 1\]"),
        (
            {"sound": np.zeros((2, 9), np.int16), "label": np.zeros(3, int)},
            "one integer for each sound",
        ),
        ({"sound": np.array([None, {}])}, "cannot be read as an .npz of plain"),
    ],
)
def test_other_arrays_are_refused(arrays, says, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UsageError, match=says):
        sound_source(Spec(str(tmp_path / "a.npz")), TO, LENGTH)


def test_what_is_no_place_of_sounds_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no set of sounds"):
        sound_source(Spec(str(tmp_path / "none")), TO, LENGTH)
    (tmp_path / "a.png").write_text("")
    with pytest.raises(UsageError, match=r"holds no sounds such as \.wav"):
        sound_source(Spec(str(tmp_path)), TO, LENGTH)


def test_the_tones_are_the_same_at_every_call_and_can_be_told_apart():
    train = sound_source(Spec("tones"), TO, LENGTH)
    assert train.length == 2_000 and len(train.classes) == 10
    rows = np.arange(20)
    one, two = train.read(rows), sound_source(Spec("tones"), TO, LENGTH).read(rows)
    np.testing.assert_array_equal(one.x, two.x)
    held_out = sound_source(Spec("tones", split="test"), TO, LENGTH).read(rows)
    assert held_out.label.tolist() == one.label.tolist()
    assert not (held_out.x == one.x).all((1, 2)).any()
    long = sound_source(Spec("tones"), TO, SoundLength(8_000)).read(np.arange(10)).x
    hz = [loudest_hz(each) for each in long]
    assert all(np.diff(hz) > 0)  # from C to a, whose fundamental is the loudest
    with pytest.raises(NoSplit, match="tones has no split 'val'"):
        sound_source(Spec("tones", split="val"), TO, LENGTH)
