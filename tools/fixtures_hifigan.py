"""What HiFi-GAN's program makes of drawn weights, for the tests to compare with.

`python tools/fixtures_hifigan.py CHECKOUT` takes a checkout of jik876/hifi-gan and writes
the tests' fixtures hifigan_*: what each network makes, mel spectrograms, the losses of one
step, and a checkpoint. It prints how many parameters the published networks have. Needs
PyTorch and librosa.

The program's discriminators have one width; here their convolutions are made narrower.
"""

import json
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import librosa
import numpy as np
import torch
from torch_side import Args, count, evaluated, keep, released, seat
from weights import by_fan_in, drawn

from ganjax.run import command


NARROWER = 8
SIZES = {  # of the fixtures, besides those of config_v1.json and config_v3.json
    "hifigan_g": ("config_v1.json", {"upsample_initial_channel": 16}),
    "hifigan_g_v3": ("config_v3.json", {"upsample_initial_channel": 16}),
}
FORMATS = {  # (rate, bands, size, hop, low, high)
    "mel": (22_050, 80, 1024, 256, 0, 8_000),
    "mel of all": (22_050, 80, 1024, 256, 0, None),
    "mel at 16 kHz": (16_000, 64, 800, 200, 50, 7_000),
}


def narrow(layer: Callable[..., torch.nn.Module]) -> Callable[..., torch.nn.Module]:
    """A convolution with fewer channels, but of one where it has one."""

    def make(inputs, outputs, *args, **more):
        few = (max(1, n // NARROWER) for n in (inputs, outputs))
        return layer(*few, *args, **more)

    return make


def stub_plots() -> None:
    """The program imports Matplotlib, with which it draws spectrograms."""
    plots: Any = ModuleType("matplotlib")
    plots.use = lambda backend: None
    plots.pylab = ModuleType("matplotlib.pylab")
    sys.modules |= {"matplotlib": plots, "matplotlib.pylab": plots.pylab}


def mel_function(checkout) -> Callable[..., torch.Tensor]:
    """Their mel spectrogram, whose calls have changed in PyTorch and librosa since."""
    dataset = released(checkout, "meldataset")
    dataset.librosa_mel_fn = lambda rate, size, bands, low, high: librosa.filters.mel(
        sr=rate, n_fft=size, n_mels=bands, fmin=low, fmax=high
    )
    stft = torch.stft

    def as_pairs(*args, **more):
        return torch.view_as_real(stft(*args, **more, return_complex=True))

    def mel(sound, rate, bands, size, hop, low, high):
        torch.stft = as_pairs
        try:
            return dataset.mel_spectrogram(
                sound, size, bands, rate, hop, size, low, high
            )
        finally:
            torch.stft = stft

    return mel


def sound_like(name: str, n: int, length: int) -> np.ndarray:
    """Noise that is loud and quiet by turns, [n, length] in -1..1."""
    loudness = np.exp(-8 * np.abs(np.sin(np.arange(length) / 900)))
    return (np.tanh(drawn(name, (n, length))) * loudness).astype(np.float32)


def spectral_vectors(net: torch.nn.Module) -> tuple[str, ...]:
    """The names of what ours does not store."""
    names = net.state_dict()
    return tuple(k for k in names if k.startswith("discriminators.0.") and k[-1] == "v")


def main(args: Args) -> None:
    stub_plots()
    models = released(args.checkout, "models")
    mel = mel_function(args.checkout)
    label = np.zeros(4, np.int64)

    def generator(config, **changes):
        sizes = json.loads((args.checkout / config).read_text())
        return models.Generator(SimpleNamespace(**sizes | changes))

    names = "config_v1.json", "config_v2.json", "config_v3.json"
    published = [*map(generator, names), models.MultiPeriodDiscriminator()]
    print(count([*published, models.MultiScaleDiscriminator()]))

    models.Conv1d, models.Conv2d = narrow(models.Conv1d), narrow(models.Conv2d)
    mpd, msd = models.MultiPeriodDiscriminator(), models.MultiScaleDiscriminator()
    models.Conv1d, models.Conv2d = torch.nn.Conv1d, torch.nn.Conv2d
    seat(mpd, by_fan_in)
    seat(msd, by_fan_in, spectral_vectors(msd))

    sound = sound_like("sound", 4, 999)
    given = torch.from_numpy(sound)[:, None]
    with torch.no_grad():
        parts = [d(given)[0] for d in mpd.discriminators]
        # Ours have one column of samples after another.
        columns = [
            x.unflatten(1, (-1, d.period)).swapaxes(1, 2).flatten(1)
            for x, d in zip(parts, mpd.discriminators, strict=True)
        ]
        of_periods = torch.cat(columns, 1)
        state = {k: x.clone() for k, x in msd.state_dict().items()}
        evaluated(msd)
        of_scales = torch.cat(msd(given, given)[0], 1)
        msd.load_state_dict(state)
    x = sound[..., None]
    keep(args.out, "hifigan_mpd", input=x, label=label, output=of_periods)
    keep(args.out, "hifigan_msd", input=x, label=label, output=of_scales)

    for name, (config, changes) in SIZES.items():
        net = seat(generator(config, **changes), by_fan_in).eval()
        bands = net.conv_pre.weight_v.shape[1]
        z = drawn("spectrogram", (4, 12, bands))
        with torch.no_grad():
            y = net(torch.from_numpy(z).swapaxes(1, 2)).swapaxes(1, 2)
        keep(args.out, name, input=z, label=label, output=y)

    kept = {}
    for name, sizes in FORMATS.items():
        with torch.no_grad():
            found = mel(torch.from_numpy(sound_like("sound", 2, 8_000)), *sizes)
        kept[name] = found.swapaxes(1, 2).numpy()

    g = seat(generator("config_v1.json", upsample_initial_channel=16), by_fan_in)
    y = torch.from_numpy(sound_like("segment", 2, 8_192))[:, None]
    made = g(mel(y[:, 0], *FORMATS["mel"]))
    msd.train()
    losses = {}
    with torch.no_grad():
        real_p, fake_p, _, _ = mpd(y, made)
        real_s, fake_s, _, _ = msd(y, made)
        d_losses = [
            models.discriminator_loss(*pair)[0]
            for pair in ((real_p, fake_p), (real_s, fake_s))
        ]
        losses["d"] = sum(d_losses)
        _, fake_p, features_p, made_p = mpd(y, made)
        _, fake_s, features_s, made_s = msd(y, made)
        losses["g"] = sum(models.generator_loss(x)[0] for x in (fake_p, fake_s))
        losses["features"] = models.feature_loss(features_p, made_p)
        losses["features"] += models.feature_loss(features_s, made_s)
        of_all = [mel(x[:, 0], *FORMATS["mel of all"]) for x in (y, made)]
        losses["mel"] = 45 * torch.nn.functional.l1_loss(*of_all)
    kept |= {f"{name} loss": float(x) for name, x in losses.items()}
    keep(args.out, "hifigan_losses", **kept)

    # As the program saves it, in a file without a suffix.
    net = seat(generator("config_v3.json", upsample_initial_channel=8), by_fan_in)
    torch.save({"generator": net.state_dict()}, args.out / "hifigan_checkpoint")


if __name__ == "__main__":
    command(main)
