"""Plays a user's own sounds and mel spectrograms by a vocoder, whatever their length.

A network was trained on short segments. A spectrogram that is longer than a tile goes
through it in tiles that overlap, of which only the inner frames are kept; the first tile
begins, and the last one ends, with the spectrogram. So what is made is what the network
makes of all of it at once, if it sees less than the overlap. Names and places of all files
are checked before the first one is written.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from ganjax import store
from ganjax.core import Vocoding
from ganjax.data import sound_files
from ganjax.data.sound_files import SoundFormat
from ganjax.errors import UsageError, brief_reason
from ganjax.modalities.sounds import wav_bytes
from ganjax.ops.spectra import MIN_AMPLITUDE, Mel, log_mel
from ganjax.pretrained import hifigan
from ganjax.run.args import Save
from ganjax.run.loading import load
from ganjax.run.terminal import warn
from ganjax.run.translate import check_writable


MARGIN = 32  # frames at each end of a tile that are not kept; HiFi-GAN sees up to 14
BLOCK = 256  # frames, of which spectrograms of sounds are computed in multiples
ARRAYS = frozenset({".npy", ".npz"})
NAME = "mel"  # of the array in an .npz
KINDS = "sound files, or .npy and .npz of log-mel spectrograms"


class Vocoder(NamedTuple):
    """A vocoder that can be played.

    Attributes:
        mel: the spectrograms that it takes.
        network: spectrograms [1, frames, bands] -> sounds [1, frames * hop, 1].
    """

    mel: Mel
    network: Callable[[np.ndarray], np.ndarray]


def vocoder_of(run: str, save: Save) -> Vocoder:
    """Loads a vocoder.

    Args:
        run: the folder of a run, or a file of weights of the authors' HiFi-GAN, whose
            config.json is in the same folder.
        save: which weights of the run.

    Raises:
        UsageError: it is neither, or a run that makes something else.
    """
    if Path(run).expanduser().is_file():
        return _released(Path(run).expanduser())
    loaded = load(
        run,
        best=save.best,
        member=save.member,
        trust=save.trust,
        sigma_rel=save.sigma_rel,
    )
    conditions = loaded.game.conditions
    if not isinstance(conditions, Vocoding):
        raise UsageError(
            f"{run} is not the run of a vocoder: name one, as experiments/hifigan.py makes."
        )
    return Vocoder(conditions.mel, loaded.sample_of)


def _released(path: Path) -> Vocoder:
    found = hifigan.vocoder(path)
    label = jnp.zeros(1, jnp.int32)

    @jax.jit
    def network(mel):
        return found.released.net.apply(found.variables, mel, label, train=False)

    return Vocoder(found.mel, lambda mel: np.asarray(network(mel)))


def vocode(vocoder: Vocoder, where: Path, out: Path, tile: int) -> list[Path]:
    """Writes a .wav of each sound or spectrogram.

    Args:
        vocoder: what plays them.
        where: a sound file; an .npy, or an .npz with an array "mel", of log-mel
            spectrograms [bands, frames] or [n, bands, frames]; or a folder of these.
        out: the folder that they are written to, with the sub-folders of `where`.
        tile: frames of what goes through the network at once.

    Returns:
        The files that were written.

    Raises:
        UsageError: if a file cannot be read, is no spectrogram of this vocoder's, or cannot
            be written.
    """
    written = []
    targets = plan_outputs(where, out)
    with tqdm(targets.items(), desc=str(where), unit="file", disable=None) as bar:
        for path, target in bar:
            if path.suffix.lower() in ARRAYS:
                mels = read_mels(path, vocoder.mel)
                sounds = [apply_in_tiles(vocoder, mel, tile) for mel in mels]
            else:
                sounds = [resynthesize(vocoder, path, tile)]
            for i, sound in enumerate(sounds):
                number = f"_{i:04d}" if len(sounds) > 1 else ""
                place = target.with_name(f"{target.stem}{number}.wav")
                _write(place, sound, vocoder.mel.rate)
                written.append(place)
    return written


def resynthesize(vocoder: Vocoder, path: Path, tile: int) -> Float[np.ndarray, "n 1"]:
    """Returns what the vocoder makes of the spectrogram of a sound file, as long as it.

    Raises:
        UsageError: the file is no sound.
    """
    mel = vocoder.mel
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    sound = sound_files.decode(data, str(path), SoundFormat(mel.rate, 1)) / 32_768
    return apply_in_tiles(vocoder, mel_of(sound[:, 0], mel), tile)[: len(sound)]


def mel_of(sound: Float[np.ndarray, " n"], mel: Mel) -> Float[np.ndarray, "f m"]:
    """Returns the log-mel spectrogram of a sound of any length, followed by silence.

    Its frames are as many as it takes to hold the sound.
    """
    # Lengths are rounded up, so that few programs are compiled for sounds of many lengths.
    block = max(BLOCK, -(-mel.size // mel.hop)) * mel.hop
    padded = np.zeros(-(-max(len(sound), 1) // block) * block, np.float32)
    padded[: len(sound)] = sound
    return np.asarray(_log_mel(padded, mel))[: -(-len(sound) // mel.hop)]


_log_mel = jax.jit(log_mel, static_argnums=1)


def read_mels(path: Path, mel: Mel) -> Float[np.ndarray, "n f m"]:
    """Reads spectrograms of an .npy or .npz, [bands, frames] or [n, bands, frames].

    Raises:
        UsageError: they cannot be read, or are not such as the vocoder takes.
    """
    try:
        found = np.load(path, allow_pickle=False)
        if path.suffix.lower() == ".npz":
            with found as file:
                found = file[NAME]
    except KeyError:
        raise UsageError(
            f"{path} holds no array {NAME!r}: save the spectrogram under this name."
        ) from None
    except Exception as error:  # a damaged file makes NumPy raise almost anything
        raise UsageError(
            f"{path} cannot be read as plain arrays ({brief_reason(error)})."
        ) from error
    given = found[None] if found.ndim == 2 else found
    is_float = np.issubdtype(given.dtype, np.floating)
    if not is_float or given.ndim != 3 or given.shape[1] != mel.bands or not given.size:
        raise UsageError(
            f"{path} is {found.dtype} {list(found.shape)}: this vocoder takes log-mel "
            f"spectrograms, floats [{mel.bands} bands, frames]."
        )
    if not np.isfinite(given).all():
        raise UsageError(f"{path} holds NaN or infinity: compute it again.")
    return given.swapaxes(1, 2).astype(np.float32)


def apply_in_tiles(
    vocoder: Vocoder, mel: Float[np.ndarray, "f m"], tile: int
) -> Float[np.ndarray, "n 1"]:
    """Returns the sound of a spectrogram of any length.

    Args:
        vocoder: what makes it.
        mel: the spectrogram. One that is shorter than a tile is followed by silence, so
            that the network is compiled for one length.
        tile: frames that go through the network at once, with margins of `MARGIN` frames.
    """
    hop, count = vocoder.mel.hop, len(mel)
    size = tile + 2 * MARGIN
    missing = max(0, size - count)
    silence = float(np.log(MIN_AMPLITUDE))
    mel = np.pad(mel, ((0, missing), (0, 0)), constant_values=silence)
    parts = []
    kept = 0  # frames that are done
    while kept < count:
        start = min(max(kept - MARGIN, 0), len(mel) - size)
        end = start + size
        # The last tile has nothing after it, so all of it is kept.
        until = end if end == len(mel) else end - MARGIN
        sound = vocoder.network(mel[None, start:end])[0]
        parts.append(sound[(kept - start) * hop : (until - start) * hop])
        kept = until
    return np.concatenate(parts)[: count * hop]


def plan_outputs(where: Path, out: Path) -> dict[Path, Path]:
    """Returns the .wav that each file becomes, and checks that all can be written.

    Args:
        where: a file, or a folder of them, with its sub-folders but without `out`.
        out: the folder that they are written to.

    Raises:
        UsageError: there are no such files, two would become one, one would be written
            over, or `out` cannot be written into.
    """
    if (
        out.exists()
        and not out.is_dir()
        or out.suffix.lower() in sound_files.EXTENSIONS
    ):
        raise UsageError(f"--out {out} is a file: name a folder.")
    targets = {
        path: (out / name).with_suffix(".wav") for path, name in _find(where, out)
    }
    counts = Counter(targets.values())
    shared = [target for target, count in counts.items() if count > 1]
    if shared:
        raise UsageError(f"Two files would both be written as {shared[0]}: rename one.")
    sources = {path.resolve() for path in targets}
    for target in targets.values():
        if target.resolve() in sources:
            raise UsageError(f"{target} is a sound that is read: name another --out.")
    for folder in {target.parent for target in targets.values()}:
        check_writable(folder)
    return targets


def _find(where: Path, out: Path) -> list[tuple[Path, Path]]:
    """The files that can be played, each with its path within the output."""
    known = sound_files.EXTENSIONS | ARRAYS
    if where.is_file():
        if where.suffix.lower() not in known:
            raise UsageError(
                f"{where} is not of a kind that can be played: give {KINDS}."
            )
        return [(where, Path(where.name))]
    if not where.exists():
        raise UsageError(f"{where} does not exist: give {KINDS}, or a folder of them.")
    resolved = out.resolve()
    files = [
        path
        for path in sorted(where.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(where).parts)
        # What an earlier call has written within the folder is not read again.
        and not (resolved in path.resolve().parents and resolved != where.resolve())
    ]
    found = [path for path in files if path.suffix.lower() in known]
    if not found:
        raise UsageError(f"{where} holds nothing that can be played: give {KINDS}.")
    if len(found) < len(files):
        warn(
            f"Skipped in {where}, as they are of other kinds: {len(files) - len(found)}."
        )
    return [(path, path.relative_to(where)) for path in found]


def _write(path: Path, sound: np.ndarray, rate: int) -> None:
    try:
        store.write(path, wav_bytes(sound, rate), parents=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}): name another --out."
        ) from error
