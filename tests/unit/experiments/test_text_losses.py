"""The losses of text GANs, computed again in float64."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import relgan
import scratchgan

import ganjax as gx
from ganjax.core import ONE, State, make_turn
from ganjax.core.types import GAN


SIGMOID = lambda x: 1 / (1 + np.exp(-np.float64(x)))
SOFTPLUS = lambda x: np.log1p(np.exp(np.float64(x)))


def played(module, **flags):
    """A tiny game, its state with larger weights, and the data of a step."""
    args = replace(module.TINY, **flags)
    game = module.make(args)
    source = game.modality.load(gx.Spec("grammar"))
    x = game.modality.decode(jnp.asarray(source.read(np.arange(8)).x))
    turns = gx.turns(x)
    state = game.init(jax.random.key(0), turns)
    # Larger weights than those of initialization, so that logits are not all alike.
    large = lambda player: replace(
        player, params=jax.tree.map(lambda w: 3 * w, player.params)
    )
    state = replace(state, g=large(state.g), d=large(state.d))
    gan = next(each for each in game.step.args if isinstance(each, GAN))
    return args, game, gan, state, turns


def turn_of(gan: GAN, state: State, batch):
    return make_turn(gan, ONE, state, (jax.random.key(7), batch))


def test_g_of_scratchgan_is_rewarded_for_each_token_by_what_d_says_from_there_on():
    args, game, gan, state, turns = played(scratchgan)
    term = gan.g.regularizers["reinforce"]
    before = jnp.float32(0.3)

    def value(params):
        moved = replace(state, g=replace(state.g, params=params))
        turn = turn_of(gan, moved, turns.g)
        found, baseline = term.apply(turn, before)
        return found, (baseline, turn.fake.x, turn.fake.logits)

    (found, (baseline, x, logits)), grads = jax.value_and_grad(value, has_aux=True)(
        state.g.params
    )
    numbers, logits = np.asarray(x.argmax(-1)), np.asarray(logits, np.float64)
    n, t = numbers.shape
    log_p = np.asarray(
        gan.g.net.apply(
            {"params": state.g.params, **state.g.stats},
            x,
            turns.g.label,
            train=False,
            method="log_likelihood",
        ),
        np.float64,
    )
    returns = np.zeros((n, t))
    for i in range(n):
        for first in range(t):
            for s in range(first, t):
                reward = 2 * SIGMOID(logits[i, s]) - 1
                returns[i, first] += args.gamma ** (s - first) * reward
    decay = args.baseline_decay
    average = decay * 0.3 + (1 - decay) * returns.mean()
    total, weights = 0.0, np.zeros((n, t))
    for i in range(n):
        for place in range(t):
            weights[i, place] = -(returns[i, place] - average) / (n * t)
            total += weights[i, place] * log_p[i, place]
            if numbers[i, place] == 0:  # the end; nothing after it counts
                break
    assert len(np.unique(numbers)) > 2 and (weights == 0).any()
    np.testing.assert_allclose(found, total, rtol=1e-5)
    np.testing.assert_allclose(baseline, average, rtol=1e-5)

    # The gradient is that of the log-probabilities, weighted by numbers.
    def weighted(params):
        own = {"params": params, **state.g.stats}
        given = x, turns.g.label
        log_p = gan.g.net.apply(own, *given, train=False, method="log_likelihood")
        return (log_p * weights).sum()

    wanted = jax.grad(weighted)(state.g.params)
    for a, b in zip(*map(jax.tree.leaves, (grads, wanted)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-8)


def test_ds_of_text_gans_have_the_losses_of_their_papers():
    _, game, gan, state, turns = played(scratchgan)
    turn = turn_of(gan, state, turns.g)
    real, fake = (np.asarray(x.logits) for x in (turn.real, turn.fake))
    found = gan.loss.d(turn.real.logits, turn.fake.logits)
    wanted = SOFTPLUS(-real).mean() / 2 + SOFTPLUS(fake).mean() / 2
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert gan.loss.g(turn.real.logits, turn.fake.logits) == 0

    _, game, gan, state, turns = played(relgan)
    turn = turn_of(gan, state, turns.g)
    real, fake = (np.asarray(x.logits) for x in (turn.real, turn.fake))
    gap = np.float64(real) - fake  # of each text and each representation
    np.testing.assert_allclose(
        gan.loss.d(turn.real.logits, turn.fake.logits), SOFTPLUS(-gap).mean(), rtol=1e-5
    )
    np.testing.assert_allclose(
        gan.loss.g(turn.real.logits, turn.fake.logits), SOFTPLUS(gap).mean(), rtol=1e-5
    )


def test_d_of_relgan_is_convolutions_of_several_embeddings():
    """Computed again in float64: filters of 2 to 5 tokens, the largest, a highway."""
    _, game, gan, state, turns = played(relgan)
    turn = turn_of(gan, state, turns.g)
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), state.d.params)
    dense = lambda a, name: a @ p[name]["kernel"] + p[name].get("bias", 0)
    for side in (turn.real, turn.fake):
        x = np.asarray(side.x, np.float64)
        b, n, _ = x.shape
        embedded = dense(x, "Dense_0").reshape(b, n, 2, -1)
        wanted = np.zeros((b, 2))
        for i in range(b):
            for r in range(2):
                one, parts = embedded[i, :, r], []
                for layer, window in enumerate((2, 3, 4, 5), 1):
                    seen = [one[k : k + window].ravel() for k in range(n - window + 1)]
                    filtered = np.maximum(dense(np.array(seen), f"Dense_{layer}"), 0)
                    parts.append(filtered.max(0))
                found = np.concatenate(parts)
                gate = SIGMOID(dense(found, "Dense_5"))
                found = (
                    gate * np.maximum(dense(found, "Dense_6"), 0) + (1 - gate) * found
                )
                wanted[i, r] = (found @ p["head"]["Dense_0"]["kernel"])[0]
                wanted[i, r] += p["head"]["Dense_0"]["bias"][0]
        np.testing.assert_allclose(side.logits, wanted, rtol=1e-4, atol=1e-5)


def test_g_of_relgan_writes_softmaxes_that_grow_hard_by_a_schedule_of_its_own():
    """Whatever the number of steps: beta ** (turns / anneal) of the flags."""
    args, game, gan, state, turns = played(relgan, beta=50.0, anneal=10)
    longer = relgan.make(replace(args, run=replace(args.run, steps=999)))
    assert str(longer.step.args[0].g.net) == str(gan.g.net)
    z = jax.vmap(gan.prior)(jax.random.split(jax.random.key(1), 8))
    own = {"params": state.g.params, "counter": {"turns": jnp.float32(3)}}
    made, _ = gan.g.net.apply(own, z, turns.g.label, train=True, mutable=["counter"])
    log_p = gan.g.net.apply(
        own,
        made,
        turns.g.label,
        train=False,
        method=lambda net, x, label, train: net.next_token(*net.first(label))[1],
    )
    scores = np.float64(log_p) + np.float64(z[:, 0])
    soft = np.exp(50.0 ** (4 / 10) * scores)
    soft = soft / soft.sum(1, keepdims=True)
    np.testing.assert_allclose(made[:, 0], soft, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_longer_run_of_relgan_goes_on_as_one_that_was_meant_to_be_longer(tmp_path):
    def run(name, steps):
        settings = replace(
            relgan.TINY.run, workdir=str(tmp_path / name), steps=steps, scores=False
        )
        return relgan.main(replace(relgan.TINY, run=settings, beta=50.0, anneal=3))

    whole = run("whole", 4)
    run("parts", 2)
    for a, b in zip(
        jax.tree.leaves(run("parts", 4).g.params),
        jax.tree.leaves(whole.g.params),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
