"""New ideas need no edit elsewhere: each is one function, or one file of somebody's own.

Here are a loss, regularizers with and without memory, a head, an augmentation, a metric and
another game. A kind of data is in `test_another_modality`, a command in `test_commands`, an
experiment in each of their files.
"""

import dataclasses
import inspect
import json

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ganjax
from ganjax import Game, augment, losses
from ganjax.core import (
    GAN,
    Augment,
    Loss,
    Modality,
    Player,
    Regularizer,
    Turn,
    normal,
)
from ganjax.data import Spec, read_all
from ganjax.evaluation.evaluator import with_metric
from ganjax.evaluation.metric import lower_is_better
from ganjax.games import game
from ganjax.layers import heads
from ganjax.modalities import IMAGES, POINTS
from ganjax.models import mlp
from ganjax.regularizers import stateless
from ganjax.run import NoPrefix, Run
from ganjax.store import metrics
from tests.helpers.states import apart, arrays, same
from tests.helpers.two_generators import two_generators


@dataclasses.dataclass(frozen=True)
class Args:
    run: NoPrefix[Run]


def hardest(share: float) -> Loss:
    """G learns from the fakes that D likes least (a loss of fifteen lines or fewer)."""

    def g(real, fake):
        count = max(1, int(len(fake) * share))
        return -jnp.sort(fake)[:count].mean()

    return losses.hinge()._replace(g=g)


def flip_agreement(weight: float):
    """D is to judge a point and its mirror image alike."""

    def value(turn: Turn):
        mirrored = turn.real.d(turn.real.x * jnp.asarray([-1.0, 1.0])[None])
        return weight * jnp.mean((mirrored - turn.real.logits) ** 2)

    return stateless(value)


class Counting(nn.Module):
    """A head: it sows how many features are active, beside one logit."""

    classes: int

    @nn.compact
    def __call__(self, h, label, *, train):
        heads.sow_heads(self, {"active": (h > 0).mean(-1)})
        return nn.Dense(1)(h)[:, 0]


def steady(weight: float) -> Regularizer:
    """D's share of active features is to stay near its own running mean."""

    def apply(turn: Turn, memory):
        active = turn.real.heads["active"].mean()
        mean = turn.on.mean(0.9 * memory + 0.1 * active)
        return weight * (active - mean) ** 2, mean

    return Regularizer(init=lambda: jnp.zeros(()), apply=apply)


def fading(scale: float) -> Augment:
    """Noise on what D sees, which halves with every turn of D."""
    return Augment(
        init=lambda: jnp.asarray(scale),
        apply=lambda state, key, x: x + state * jax.random.normal(key, x.shape),
        update=lambda state, sign, step: state / 2,
    )


def darkness(samples: np.ndarray) -> float:
    return float((samples < 0).mean())


def images_scored_by_darkness() -> Modality:
    def evaluator(source, held_out, to_real, *features, scratch=None):
        usual = IMAGES.evaluator(source, held_out, to_real, *features, scratch=scratch)
        metric = lower_is_better("dark", "Fraction of dark pixels.")
        real = np.asarray(to_real(read_all(source).x))
        return with_metric(usual, metric, darkness, real)

    return IMAGES._replace(evaluator=evaluator)


def test_a_head_a_memory_an_augmentation_and_a_metric_play(tmp_path):
    """All in one game on images, which trains, scores and resumes to the bit."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 1), np.uint8)
    np.savez(tmp_path / "images.npz", image=pixels)
    adam = optax.adam(1e-3)
    d = mlp.Discriminator(width=8, head=Counting)
    made = game(
        GAN(
            g=Player(mlp.Generator(shape=(4, 4, 1), width=8), adam),
            d=Player(d, adam, {"steady": steady(0.1)}),
            loss=losses.hinge(),
            augment=fading(0.5),
            prior=normal(2),
            ema=optax.constant_schedule(0.9),
        ),
        images_scored_by_darkness(),
    )
    spec = Spec(str(tmp_path / "images.npz"))
    state = train(made, tmp_path / "run", spec)
    assert float(state.augment) == 0.5 / 2**8
    assert float(state.d.memory["steady"]) > 0
    told = json.loads((tmp_path / "run" / "evaluation.json").read_text())["metrics"]
    assert told["dark"]["real"] == darkness(pixels / 127.5 - 1)
    rows = metrics.read(tmp_path / "run" / metrics.METRICS)
    assert {*told} == {*rows[-1]} - {"step", "event"}
    assert any("d/steady" in row for row in rows)
    train(made, tmp_path / "half", spec, steps=4)
    same(train(made, tmp_path / "half", spec), state)


def new_ideas() -> Game:
    adam = optax.adam(1e-3)
    return game(
        GAN(
            g=Player(mlp.Generator(shape=(2,), width=8, output=mlp.linear), adam),
            d=Player(mlp.Discriminator(width=8), adam, {"flip": flip_agreement(0.1)}),
            loss=hardest(0.5),
            augment=augment.identity(),
            prior=normal(2),
            ema=optax.constant_schedule(0.9),
        ),
        POINTS,
    )


RING = Spec("ring")


def train(made, folder, spec=RING, **changes):
    flags = {"steps": 8, "batch": 16, "log_every": 1, "save_every": 4} | changes
    return ganjax.train(made, spec, Run(str(folder), **flags))


def test_a_new_loss_and_a_new_penalty_are_short_and_play(tmp_path):
    for idea in (hardest, flip_agreement):
        assert len(inspect.getsource(idea).strip().splitlines()) <= 15
    state = train(new_ideas(), tmp_path / "run")
    assert "d/flip" in (tmp_path / "run" / "metrics.jsonl").read_text()
    assert int(state.step) == 8


def test_another_game_trains_resumes_and_is_sampled_like_any(tmp_path):
    made = two_generators()
    whole = train(made, tmp_path / "whole")
    train(made, tmp_path / "half", steps=4)
    same(train(made, tmp_path / "half"), whole)
    loaded = ganjax.load(tmp_path / "whole", game=made)
    assert loaded.sample(6).shape == (6, 2)
    assert (tmp_path / "whole" / "report.html").exists()


@pytest.mark.slow
def test_another_game_plays_on_eight_devices(tmp_path):
    made = two_generators()
    alone = train(made, tmp_path / "jit", devices="jit")
    shared = train(made, tmp_path / "shard", devices="shard")
    assert max(apart(alone, shared).values()) <= 1e-5
    mapped = train(made, tmp_path / "pmap", devices="pmap")
    assert all(np.isfinite(x).all() for x in arrays(mapped).values())
