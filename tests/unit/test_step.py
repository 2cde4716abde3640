"""How a GAN moves: whose turn it is, what it changes, and what it reads."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import Player, augment, losses
from ganjax.augment import chain, fixed, pseudo
from ganjax.core import (
    ONE,
    Augment,
    Devices,
    Regularizer,
    d_turn,
    g_turn,
    generate,
    init,
    latents,
    make_turn,
    monitor,
    train_step,
)
from ganjax.games import game
from tests.helpers.counting import made, turns
from tests.helpers.states import apart, same


def begin(gan):
    return init(gan, jax.random.key(0), turns())


def compiled(gan):
    return jax.jit(partial(train_step, gan))


@pytest.fixture(scope="module")
def played():
    """A GAN, its first state, and the state and logs after one step."""
    gan = made()
    step, state = compiled(gan), begin(gan)
    return gan, step, state, *step(state, turns())


def test_a_step_is_n_turns_of_d_and_one_of_g(played):
    gan, _, start, after, logs = played
    d_key, g_key = jax.random.split(jax.random.fold_in(start.key, 0))
    state, data, d_logs = start, turns(), []
    move = jax.jit(partial(d_turn, gan, ONE))
    for i, key in enumerate(jax.random.split(d_key, 3)):
        state, row = move(state, (key, jax.tree.map(lambda x, i=i: x[i], data.d)))
        d_logs.append(row)
    moved, g_logs = jax.jit(partial(g_turn, gan, ONE))(state, (g_key, data.g))
    average = {"params": moved.g.params, **moved.g.stats}
    ema = jax.tree.map(lambda old, new: 0.75 * old + 0.25 * new, start.ema, average)
    wanted = moved.replace(step=moved.step + 1, ema=ema)
    assert max(apart(wanted, after).values()) < 1e-6
    mean = jax.tree.map(lambda *rows: jnp.stack(rows).mean(), *d_logs)
    assert max(apart({"d": mean, "g": g_logs}, logs).values()) < 1e-6
    assert max(apart(d_logs[0], d_logs[1]).values()) > 1e-3

    for kept in ("g", "ema", "key", "step"):
        same(getattr(state, kept), getattr(start, kept))
    for kept in ("d", "augment", "ema", "key", "step"):
        same(getattr(moved, kept), getattr(state, kept))


def test_what_a_player_keeps_moves_on_its_own_turns_alone(played):
    _, _, start, after, _ = played
    assert (after.step, after.d.opt[0].count, after.g.opt[0].count) == (1, 3, 1)
    assert (after.d.memory["paid"], after.g.memory["paid"]) == (3, 1)
    assert after.d.stats["stats"]["calls"] == 6, "real and fake, three times"
    assert after.g.stats["stats"]["calls"] == 1
    assert start.d.stats["stats"]["calls"] == start.g.stats["stats"]["calls"] == 0
    np.testing.assert_allclose(after.augment.p, 3 * 4 / 100, rtol=1e-6)


def test_d_s_statistics_are_of_the_real_images_and_then_of_the_fakes():
    gan = made(augment=augment.identity())
    turn = jax.jit(partial(d_turn, gan, ONE))
    state, data = begin(gan), turns(n=1)
    batch = jax.tree.map(lambda x: x[0], data.d)
    far = batch._replace(x=batch.x + 100)
    ours, theirs = (turn(state, (jax.random.key(0), x))[0] for x in (batch, far))
    assert ours.d.stats["stats"]["last"] == theirs.d.stats["stats"]["last"] != 0


def test_the_augmentation_hears_how_sure_d_is_of_the_real_images():
    gan = made(augment=augment.adaptive(chain(), 4, 0, images=100, every=1))
    turn, state, data = jax.jit(partial(d_turn, gan, ONE)), begin(gan), turns(n=1)
    draw = jax.random.key(0), jax.tree.map(lambda x: x[0], data.d)
    for bias, wanted in ((100.0, 0.54), (-100.0, 0.46)):
        params = {"Dense_0": state.d.params["Dense_0"] | {"bias": jnp.full((1,), bias)}}
        half = state.augment.replace(p=jnp.float32(0.5))
        sure = state.replace(d=state.d.replace(params=params), augment=half)
        moved, logs = turn(sure, draw)
        np.testing.assert_allclose(moved.augment.p, wanted, rtol=1e-6)
        assert logs["sign"] == np.sign(bias) and abs(logs["real"] - bias) < 10


def test_r_t_is_the_mean_of_the_signs_and_not_the_sign_of_the_mean():
    gan, batch = made(augment=augment.identity()), turns().g
    turn = make_turn(gan, ONE, begin(gan), (jax.random.key(0), batch))
    logits = jnp.array([-1.0, -2.0, -3.0, 90.0])
    real = turn.real._replace(logits=logits)
    fake = turn.fake._replace(logits=-2 * logits)
    logs = monitor(turn._replace(real=real, fake=fake))
    assert logs == {"real": 21.0, "fake": -42.0, "sign": -0.5}


def test_the_augmentation_is_told_r_t_and_the_step():
    kept = Augment(
        init=lambda: (jnp.zeros(()), jnp.zeros((), jnp.int32)),
        apply=lambda state, key, image: image,
        update=lambda state, sign, step: (sign, step),
    )
    gan = made(augment=kept)
    state = begin(gan).replace(step=jnp.int32(7))
    draw = jax.random.key(0), turns().g
    after, logs = jax.jit(partial(d_turn, gan, ONE))(state, draw)
    assert after.augment == (logs["sign"], 7)
    assert logs["sign"] != logs["real"]


def test_no_two_draws_of_a_turn_are_the_same():
    """Neither of real and fake images, nor of two rows, nor of latents; in two turns."""
    # It draws as the prior does, so that one key for both would give the same numbers.
    drawn = fixed(lambda key, image, p: jax.random.normal(key, image.shape))
    gan = made(augment=drawn)
    state, batch = begin(gan), turns().g
    seen = []

    class Seeing(nn.Module):
        @nn.compact
        def __call__(self, x, label, *, train):
            return x[:, 0]

    gan = gan._replace(d=Player(Seeing(), optax.identity()))
    state = state.replace(d=state.d.replace(params={}, stats={}))
    for key in jax.random.split(jax.random.key(0)):
        turn = make_turn(gan, ONE, state, (key, batch))
        draws = turn.real.logits, turn.fake.logits, turn.z[:, 0]
        seen += np.concatenate(draws).tolist()
    assert len(seen) == 36 and len(set(seen)) == 36


def looks(augmentation, image):
    """Real and generated images, and logits on both, of one turn."""
    gan, batch = made(augment=augmentation), turns().g._replace(x=image)
    state = begin(gan)

    def both():
        turn = make_turn(gan, ONE, state, (jax.random.key(0), batch))
        return [(look.x, look.logits) for look in (turn.real, turn.fake)]

    return jax.jit(both)()


class Noisy(nn.Module):
    """What a network draws as noise and as dropout, and a weight that it does not need."""

    @nn.compact
    def __call__(self, x, label, *, train):
        self.param("weight", nn.initializers.ones, ())
        draw = lambda name: jax.random.normal(self.make_rng(name), (len(x),))
        return jnp.stack([draw("noise"), draw("dropout")], axis=1)


def noisy():
    """Two players of one such network, and their state."""
    player = Player(Noisy(), optax.identity())
    gan = made(augment=augment.identity(), g=player, d=player)
    return gan, begin(gan)


def test_networks_draw_apart_from_each_other_and_noise_apart_from_dropout():
    gan, state = noisy()
    turn = make_turn(gan, ONE, state, (jax.random.key(0), turns().g))
    drawn = np.concatenate([turn.fake.x, turn.fake.logits])
    assert len(np.unique(drawn)) == drawn.size
    # Both sides of the batch are judged under one mask.
    np.testing.assert_array_equal(turn.real.logits, turn.fake.logits)


def test_replicas_draw_noise_and_dropout_of_their_own():
    gan, state = noisy()
    batch = turns().g

    def replica(_):
        mean = partial(jax.lax.pmean, axis_name="data")
        on = Devices(mean, partial(jax.lax.axis_index, "data"), count=4)
        turn = make_turn(gan, on, state, (jax.random.key(0), batch))
        return turn.fake.x, turn.fake.logits

    drawn = jnp.stack(jax.vmap(replica, axis_name="data")(jnp.arange(4)))
    assert len(np.unique(drawn)) == drawn.size


def test_what_replicas_keep_is_the_mean_of_what_each_has_seen():
    """Statistics and memory: the state is one for all, though each has rows of its own."""
    last = Regularizer(
        init=lambda: jnp.zeros(()),
        apply=lambda turn, _: (jnp.zeros(()), turn.real.x.mean()),
    )
    gan = made(augment=augment.identity())
    gan = gan._replace(d=gan.d._replace(regularizers={"last": last}))
    state, key = begin(gan), jax.random.key(0)
    whole = jax.tree.map(lambda x: x[0], turns(d=8).d)
    parts = jax.tree.map(lambda x: x.reshape(4, 2, *x.shape[1:]), whole)

    def replica(batch):
        mean = partial(jax.lax.pmean, axis_name="data")
        on = Devices(mean, partial(jax.lax.axis_index, "data"), count=4)
        return d_turn(gan, on, state, (key, batch))[0].d

    @jax.jit
    def both():
        alone = d_turn(gan, ONE, state, (key, whole))[0].d
        return jax.vmap(replica, axis_name="data")(parts), alone

    moved, alone = both()
    for each in ("memory", "stats"):
        every = jax.tree.map(lambda x: jnp.stack([x] * 4), getattr(alone, each))
        assert max(apart(getattr(moved, each), every).values()) < 1e-6
    assert alone.memory["last"] != 0 and alone.stats["stats"]["last"] != 0


def test_what_is_presented_is_all_that_is_known_of_real_images():
    image = turns().g.x
    never, always = (pseudo(fixed(chain(), p)) for p in (0.0, 1.0))
    same(looks(never, image), looks(fixed(chain(), 0.0), image))
    (real, logits), (fake, _) = looks(always, nan(image))
    assert jnp.isfinite(real).all() and jnp.isfinite(logits).all()
    assert not (real == fake).any(), "these fakes are drawn anew"
    gap = jnp.abs(real.mean(0) - fake.mean(0)) / (real.std(0) + fake.std(0))
    assert (gap < 1).all(), "they come from the same generator"


def test_g_learns_nothing_from_fakes_that_pass_for_real():
    loss = losses.wasserstein()._replace(g=lambda real, fake: real.mean())
    gan = made(loss=loss, augment=pseudo(fixed(chain())))
    state, draw = begin(gan), (jax.random.key(0), turns().g)
    moved, _ = jax.jit(partial(g_turn, gan, ONE))(state, draw)
    same(moved.g.params, state.g.params)


def test_the_logs_name_every_term_and_are_scalars(played):
    *_, logs = played
    terms = {"loss", "rows", "paid"}
    assert set(logs["d"]) == terms | {"r1", "real", "fake", "sign"}
    assert set(logs["g"]) == terms
    for value in jax.tree.leaves(logs):
        assert value.shape == () and jnp.isfinite(value)
    assert (logs["d"]["rows"], logs["g"]["rows"]) == (4, 6), "rows of each one's batch"


def test_a_state_holds_arrays_alone_and_keeps_its_form(played):
    _, step, start, after, _ = played
    assert all(isinstance(x, jax.Array) for x in jax.tree.leaves(after))
    form = lambda state: jax.tree.map(jax.typeof, state)
    assert form(after) == form(start)
    state = start
    for seed in range(3):
        state, _ = step(state, turns(seed=seed))
    assert step._cache_size() == 1, "it was compiled again"
    assert state.step == 3


def test_a_step_follows_from_the_state_and_draws_anew_at_each(played):
    _, step, start, after, logs = played
    again, _ = step(start, turns())
    same(again, after)
    _, other = step(start.replace(step=start.step + 1), turns())
    assert other["g"]["loss"] != logs["g"]["loss"]


def nan(tree):
    return jax.tree.map(lambda x: x * jnp.nan, tree)


def test_what_the_objective_does_not_read_does_not_matter(played):
    _, step, start, after, _ = played
    data = turns()
    blind = data._replace(g=data.g._replace(x=nan(data.g.x)))
    same(step(start, blind)[0], after)
    forgot, _ = step(start.replace(ema=nan(start.ema)), data)
    same(forgot.replace(ema=after.ema), after)


def test_a_relativistic_g_does_read_the_real_images():
    gan = made(loss=losses.relativistic())
    step, state, data = compiled(gan), begin(gan), turns()
    other = data._replace(g=data.g._replace(x=data.g.x[::-1]))
    ours, theirs = (step(state, x)[0] for x in (data, other))
    same(ours.d, theirs.d)
    assert max(apart(ours.g.opt, theirs.g.opt).values()) > 0


def test_an_average_without_decay_is_g_itself():
    gan = made(ema=lambda step: jnp.where(step == 0, 0.0, 1.0))
    step = compiled(gan)
    once, _ = step(begin(gan), turns())
    same(once.ema, {"params": once.g.params, **once.g.stats})
    twice, _ = step(once, turns())
    same(twice.ema, once.ema)
    assert max(apart(twice.g.params, once.g.params).values()) > 0


def test_a_schedule_of_d_s_learning_rate_counts_d_s_turns():
    """With three turns in a step, a rate that ends after three leaves D be in step 2."""
    adam = optax.adam(optax.piecewise_constant_schedule(1e-2, {3: 0.0}))
    gan = made()
    gan = gan._replace(g=gan.g._replace(optim=adam), d=gan.d._replace(optim=adam))
    step = compiled(gan)
    once, _ = step(begin(gan), turns())
    twice, _ = step(once, turns())
    assert max(apart(once.d.params, begin(gan).d.params).values()) > 0
    same(twice.d.params, once.d.params)
    assert max(apart(twice.g.params, once.g.params).values()) > 0


def test_a_game_is_the_gan_s_four_functions(played):
    gan, _, start, *_ = played
    made, label, key = game(gan), jnp.zeros(3, jnp.int32), jax.random.key(3)
    same(made.init(jax.random.key(0), turns()), start)
    z_key, noise = jax.random.split(key)
    z = made.latents(z_key, 3)
    same(z, latents(gan, z_key, 3))
    drawn = made.sample(start, key, label)
    same(drawn, generate(gan, start, z, label, noise))
    same(drawn, made.generate(start, z, label, noise))
    assert jax.eval_shape(made.step, start, turns())[0].step.shape == ()
