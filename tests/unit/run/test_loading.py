"""What a run takes over from another that it starts from."""

import jax
import numpy as np
import optax
import pytest

from ganjax import GAN, Player, augment, game, losses
from ganjax.core import Regularizer, normal
from ganjax.errors import UsageError
from ganjax.modalities import POINTS
from ganjax.run import loading
from ganjax.store import checkpoint
from ganjax.store.workdir import CHECKPOINTS
from tests.helpers.points import Point, Slope, turns
from tests.helpers.states import same


def test_weights_and_statistics_are_taken_over_and_nothing_else(tmp_path, monkeypatch):
    count = Regularizer(
        init=lambda: np.float32(0), apply=lambda turn, seen: (0.0 * seen, seen + 1)
    )
    made = game(
        GAN(
            g=Player(Point(), optax.adam(0.1), {"count": count}),
            d=Player(Slope(), optax.adam(0.1)),
            loss=losses.wasserstein(),
            augment=augment.identity(),
            prior=normal(2),
            ema=optax.constant_schedule(0.5),
        ),
        POINTS,
    )
    old, _ = jax.jit(made.step)(made.init(jax.random.key(0), turns()), turns())
    new = made.init(jax.random.key(1), turns())
    assert old.g.stats["stats"]["calls"] > 0 == new.g.stats["stats"]["calls"]
    saves = checkpoint.open_saves(tmp_path / CHECKPOINTS)
    checkpoint.save(saves, 1, old)
    checkpoint.finish(saves)
    saves.orbax.close()
    monkeypatch.setattr(loading, "read_manifest", lambda run: {"args": {"run": {}}})

    begun = loading.init_weights_from(tmp_path, new)
    for field in "params", "stats":
        same(getattr(begun.g, field), getattr(old.g, field))
        same(getattr(begun.d, field), getattr(old.d, field))
    same(begun.ema, old.ema)
    same(
        (begun.g.opt, begun.d.opt, begun.g.memory), (new.g.opt, new.d.opt, new.g.memory)
    )
    assert begun.step == 0 and (begun.key == new.key).all()


@pytest.mark.parametrize(
    "label, number", [("1", 0), ("0", 1), (1, 1), (0, 0), ("2", 2), ("7", 3)]
)
def test_the_name_of_a_class_comes_before_its_number(label, number):
    assert loading.class_number(label, ("1", "0", "cat", "7")) == number


@pytest.mark.parametrize("label", ["dog", "4", 4, "-1", -1])
def test_a_class_that_is_none_is_named(label):
    with pytest.raises(UsageError, match=f"--label {label} is not a class"):
        loading.class_number(label, ("1", "0", "cat", "7"))
