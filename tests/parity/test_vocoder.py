"""HiFi-GAN's spectrograms and losses against the authors' program.

The fixture `hifigan_losses.npz` is written by `tools/fixtures_hifigan.py`. The networks
themselves are in `test_networks`.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from weights import by_fan_in, drawn

from ganjax import Player, losses, models
from ganjax.core import Batch, Turns
from ganjax.games.vocoder import vocoder
from ganjax.modalities import sounds
from ganjax.models.vocoder_discriminators import Ensemble
from ganjax.ops.spectra import Mel, log_mel
from ganjax.pretrained import dump, hifigan, load
from tests.helpers.processes import FIXTURES
from tests.helpers.released import CASES, weights


FORMATS = {
    "mel": Mel(),
    "mel of all": Mel(high=0.0),
    "mel at 16 kHz": Mel(16_000, 64, 800, 200, 50.0, 7_000.0),
}


@pytest.fixture(scope="module")
def given():
    with np.load(FIXTURES / "hifigan_losses.npz") as file:
        return dict(file)


def sound_like(name, n, length):
    """The sounds of the fixture, loud and quiet by turns."""
    loudness = np.exp(-8 * np.abs(np.sin(np.arange(length) / 900)))
    return (np.tanh(drawn(name, (n, length))) * loudness).astype(np.float32)


@pytest.mark.parametrize("name", FORMATS)
def test_spectrograms_are_theirs(name, given):
    sound = jnp.asarray(sound_like("sound", 2, 8_000))
    found = log_mel(sound, FORMATS[name])
    assert found.shape == given[name].shape
    assert np.ptp(given[name]) > 4
    np.testing.assert_allclose(found, given[name], atol=1e-4)


@pytest.mark.slow
def test_the_losses_of_a_step_are_theirs(given):
    """From the same weights, with the steps of spectral norm between the passes of D."""
    released = {name: CASES[f"hifigan_{name}"].released for name in ("g", "mpd", "msd")}
    found = {
        name: load(one, weights(f"hifigan_{name}")) for name, one in released.items()
    }
    still = optax.sgd(0.0)
    d = Ensemble((released["mpd"].net, released["msd"].net))
    game = vocoder(
        Player(released["g"].net, still),
        Player(d, still),
        losses.weighted(losses.least_squares(), d=2, g=2),
        Mel(),
        sounds(22_050, 8_192),
    )
    batch = Batch(
        jnp.asarray(sound_like("segment", 2, 8_192)[..., None]), jnp.zeros(2, jnp.int32)
    )
    turns = Turns(jax.tree.map(lambda x: x[None], batch), batch)
    state = jax.eval_shape(game.init, jax.random.key(0), turns)
    of_d = {
        kind: {
            f"nets_{i}": found[name].get(kind, {})
            for i, name in enumerate(("mpd", "msd"))
        }
        for kind in ("params", "spectral")
    }
    stats = {"spectral": {"nets_1": of_d["spectral"]["nets_1"]}}
    players = {
        "g": state.players["g"].replace(params=found["g"]["params"]),
        "d": state.players["d"].replace(params=of_d["params"], stats=stats),
    }
    opt = {name: still.init(player.params) for name, player in players.items()}
    players = {name: each.replace(opt=opt[name]) for name, each in players.items()}
    start = state.replace(step=jnp.int32(0), key=jax.random.key(0), players=players)
    _, logs = jax.jit(game.step)(start, turns)
    made = {
        "d": logs["d"]["loss"],
        "g": logs["g"]["loss"],
        "mel": logs["g"]["mel"],
        "features": logs["g"]["features"],
    }
    for name, value in made.items():
        wanted = given[f"{name} loss"]
        np.testing.assert_allclose(value, wanted, rtol=1e-4, err_msg=name)


def test_a_checkpoint_of_theirs_is_read_by_its_path():
    small = hifigan.generator(**{**models.hifigan.V3, "width": 8})
    found = dump(small, hifigan.read(small, FIXTURES / "hifigan_checkpoint"))
    assert found.keys() == small.table.keys()
    for name, array in found.items():
        wanted = np.float32(by_fan_in(array.shape)) * drawn(name, array.shape)
        np.testing.assert_array_equal(array, wanted)
