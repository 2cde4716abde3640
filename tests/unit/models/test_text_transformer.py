import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.models import text, text_transformer


B, N, V = 3, 7, 5
NET = text_transformer.Generator(V, width=8, layers=2, heads=2)
LABEL = jnp.zeros(B, int)


def noise(count=B, seed=0):
    keys = jax.random.split(jax.random.key(seed), count)
    return jax.vmap(text.gumbel(N, V))(keys)


@pytest.fixture(scope="module")
def variables():
    made = NET.init(jax.random.key(1), noise(), LABEL, train=False)
    # Larger weights than those of initialization, so that tokens are not all alike.
    return jax.tree.map(lambda x: 2 * x if x.ndim > 1 else x, made)


@jax.jit
def written(variables, z):
    return NET.apply(variables, z, LABEL, train=False)


@jax.jit
def log_p(variables, x):
    return NET.apply(variables, x, LABEL, train=False, method="log_likelihood")


def one_by_one(module, x, label):
    """Log-probabilities by the steps of writing."""
    state, token = module.first(label, x.shape[1])
    found = []
    for t in range(x.shape[1]):
        state, logits = module.next_token(state, token)
        found.append((jax.nn.log_softmax(logits) * x[:, t]).sum(-1))
        token = module.embed(x[:, t])
    return jnp.stack(found, 1)


@jax.jit
def steps_of(variables, x):
    return NET.apply(variables, x, LABEL, method=one_by_one)


def test_cached_steps_and_all_places_at_once_have_the_same_probabilities(variables):
    x = written(variables, noise())
    assert len(np.unique(x.argmax(-1))) > 2
    np.testing.assert_array_equal(x.max(-1), 1)
    steps = steps_of(variables, x)
    np.testing.assert_allclose(log_p(variables, x), steps, atol=1e-5)
    soft = jax.nn.softmax(noise(seed=3))
    steps = steps_of(variables, soft)
    np.testing.assert_allclose(log_p(variables, soft), steps, atol=1e-5)


def test_what_is_written_is_the_choice_by_its_own_probabilities(variables):
    z = noise(seed=4)
    x = written(variables, z)
    every = jax.nn.one_hot(jnp.arange(V), V)
    for t in range(N):
        # The scores of all tokens at this place, after those that were written.
        scores = jnp.stack(
            [log_p(variables, x.at[:, t].set(token))[:, t] for token in every], 1
        )
        chosen = (scores + z[:, t]).argmax(-1)
        np.testing.assert_array_equal(chosen, x[:, t].argmax(-1))


def test_no_token_sees_those_after_it(variables):
    x = written(variables, noise())
    before = log_p(variables, x)
    for t in range(N):
        after = log_p(variables, x.at[:, t].set(jnp.roll(x[:, t], 1, -1)))
        np.testing.assert_array_equal(after[:, :t], before[:, :t])
        if t + 1 < N:
            assert not np.allclose(after[:, t + 1], before[:, t + 1])


def test_the_likelihood_is_that_of_a_transformer(variables):
    """Computed again in float64, by the equations of one."""
    x = written(variables, noise())
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), variables["params"])
    dense = lambda a, w: a @ w["kernel"] + w.get("bias", 0)

    def norm(a, w):
        a = a - a.mean(-1, keepdims=True)
        return (
            a / np.sqrt((a**2).mean(-1, keepdims=True) + 1e-6) * w["scale"] + w["bias"]
        )

    def rotated(a):
        # As complex numbers: a pair is turned by its position times its frequency.
        turn = np.exp(1j * np.arange(N)[:, None] * 10_000.0 ** -(np.arange(2) / 2))
        turned = (a[..., ::2] + 1j * a[..., 1::2]) * turn[None, :, None]
        return np.stack([turned.real, turned.imag], -1).reshape(a.shape)

    known = np.asarray(x, np.float64)
    begin = np.broadcast_to(dense(np.ones((B, 1)), p["begin"])[:, None], (B, 1, 8))
    h = np.concatenate([begin, dense(known[:, :-1], p["embed"])], 1)
    causal = np.tril(np.ones((N, N), bool))
    for i in range(2):
        w = p[f"blocks_{i}"]
        qkv = dense(norm(h, w["attention_norm"]), w["attention"]["qkv"])
        q, k, v = np.moveaxis(qkv.reshape(B, N, 3, 2, 4), 2, 0)
        scores = np.einsum("bthd,bshd->bhts", rotated(q), rotated(k)) / 2
        scores = np.where(causal, scores, -np.inf)
        share = np.exp(scores - scores.max(-1, keepdims=True))
        share = share / share.sum(-1, keepdims=True)
        seen = np.einsum("bhts,bshd->bthd", share, v).reshape(B, N, 8)
        h = h + dense(seen, w["attention"]["out"])
        both = dense(norm(h, w["feed_forward_norm"]), w["feed_forward"]["Dense_0"])
        gate, value = np.split(both, 2, -1)
        h = h + dense(gate / (1 + np.exp(-gate)) * value, w["feed_forward"]["Dense_1"])
    logits = dense(norm(h, p["norm"]), p["out"])
    wanted = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    found = log_p(variables, x)
    np.testing.assert_allclose(found, (wanted * known).sum(-1), atol=1e-5)


def test_soft_texts_grow_hard_with_its_turns_and_choices_stay_choices(variables):
    def played(net, turns):
        state = {**variables, "counter": {"turns": jnp.float32(turns)}}
        made, after = net.apply(state, noise(), LABEL, train=True, mutable=["counter"])
        assert after["counter"]["turns"] == turns + 1
        return np.asarray(made)

    net = NET.clone(anneal=10)
    assert played(net, 0).max(-1).mean() < played(net, 10).max(-1).mean()
    hard = played(NET.clone(soft=False), 0)
    still = written(variables, noise())
    np.testing.assert_array_equal(hard, still)


def test_gradients_reach_every_weight_through_soft_texts(variables):
    def loss(params):
        made = NET.apply({**variables, "params": params}, noise(), LABEL, train=True)
        return (made * jnp.arange(V)[None, None]).sum()

    grads = jax.grad(loss)(variables["params"])
    assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(grads))


def test_a_width_that_the_heads_do_not_divide_is_a_sentence():
    net = text_transformer.Generator(V, width=12, heads=4)
    with pytest.raises(UsageError, match="give a multiple of 8"):
        net.init(jax.random.key(0), noise(), LABEL, train=False)
