import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.models import text


B, N, V = 4, 6, 5
NET = text.Generator(V, width=8, embedding=3, beta=100.0, anneal=10)
LABEL = jnp.zeros(B, int)


def noise(count=B, seed=0):
    keys = jax.random.split(jax.random.key(seed), count)
    return jax.vmap(text.gumbel(N, V))(keys)


@pytest.fixture(scope="module")
def variables():
    made = NET.init(jax.random.key(1), noise(), LABEL, train=False)
    # Larger weights than those of initialization, so that tokens are not all alike.
    larger = lambda x: 3 * x if x.ndim else x
    return jax.tree.map(larger, made)


def test_texts_follow_from_z_and_are_choices(variables):
    first = NET.apply(variables, noise(), LABEL, train=False)
    assert first.shape == (B, N, V)
    np.testing.assert_array_equal(first.sum(-1), 1)
    np.testing.assert_array_equal(first.max(-1), 1)
    again = NET.apply(variables, noise(), LABEL, train=False)
    np.testing.assert_array_equal(first, again)
    other = NET.apply(variables, noise(seed=2), LABEL, train=False)
    assert not np.array_equal(first, other)


def test_tokens_are_drawn_as_often_as_they_are_probable(variables):
    count = 4_000
    z, label = noise(count), jnp.zeros(count, int)
    drawn = NET.apply(variables, z, label, train=False)
    log_p = NET.apply(variables, drawn, label, train=False, method="log_likelihood")
    first = np.asarray(drawn[:, 0]).mean(0)
    own = np.zeros(V)
    for token in range(V):
        has = np.asarray(drawn[:, 0, token]) == 1
        own[token] = np.exp(log_p[has, 0]).mean() if has.any() else 0
    np.testing.assert_allclose(first, own, atol=0.03)
    # The mean of -log p over texts of the model is its entropy, whose gradient is not 0
    # where tokens are drawn in another way: compare with half the temperature.
    cool = NET.apply(variables, 0.5 * z, label, train=False)
    colder = NET.apply(variables, cool, label, train=False, method="log_likelihood")
    assert colder.sum(1).mean() > log_p.sum(1).mean() + 0.5


def test_the_likelihood_is_that_of_one_token_after_another(variables):
    """Computed again in float64, by the equations of an LSTM."""
    x = NET.apply(variables, noise(), LABEL, train=False)
    found = NET.apply(variables, x, LABEL, train=False, method="log_likelihood")
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), variables["params"])
    sigmoid = lambda a: 1 / (1 + np.exp(-a))
    h = c = np.zeros((B, 8))
    token = np.ones((B, 1)) @ p["begin"]["kernel"] + p["begin"]["bias"]
    cell = p["cell"]
    for t in range(N):
        gates = {}
        for gate in "ifgo":
            inner = token @ cell[f"i{gate}"]["kernel"]
            outer = h @ cell[f"h{gate}"]["kernel"] + cell[f"h{gate}"]["bias"]
            gates[gate] = (np.tanh if gate == "g" else sigmoid)(inner + outer)
        c = gates["f"] * c + gates["i"] * gates["g"]
        h = gates["o"] * np.tanh(c)
        logits = h @ p["out"]["kernel"] + p["out"]["bias"]
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        given = np.asarray(x[:, t], np.float64)
        np.testing.assert_allclose(found[:, t], (log_p * given).sum(1), atol=1e-5)
        token = given @ p["embed"]["kernel"]


def test_soft_texts_grow_hard_with_the_turns_of_g(variables):
    def played(turns):
        state = {**variables, "counter": {"turns": jnp.float32(turns)}}
        made, after = NET.apply(state, noise(), LABEL, train=True, mutable=["counter"])
        return np.asarray(made), float(after["counter"]["turns"])

    soft, count = played(0)
    hard, _ = played(10)
    assert count == 1 and played(7)[1] == 8
    np.testing.assert_allclose(soft.sum(-1), 1, rtol=1e-5)
    assert soft.max(-1).mean() < 0.9 < 0.98 < hard.max(-1).mean()
    np.testing.assert_array_equal(played(10)[0], played(99)[0])
    # Of another player's turn nothing is kept, and sampling is no turn.
    state = {**variables, "counter": {"turns": jnp.float32(3)}}
    NET.apply(state, noise(), LABEL, train=True)
    assert state["counter"]["turns"] == 3


def test_gradients_reach_every_weight_through_soft_texts(variables):
    def loss(params):
        made = NET.apply({**variables, "params": params}, noise(), LABEL, train=True)
        return (made * jnp.arange(V)[None, None]).sum()

    grads = jax.grad(loss)(variables["params"])
    assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(grads))


def test_a_class_changes_the_text(variables):
    net = NET.clone(classes=3)
    own = net.init(jax.random.key(1), noise(), LABEL, train=False)
    likelihood = lambda label: net.apply(
        own,
        jax.nn.one_hot(jnp.zeros((B, N), int), V),
        jnp.full(B, label),
        train=False,
        method="log_likelihood",
    )
    assert not np.allclose(likelihood(0), likelihood(2))


def test_d_has_a_logit_of_each_representation_and_reads_short_texts():
    net = text.Discriminator(width=3, representations=4)
    for length in (1, 3, 9):
        x = jax.nn.one_hot(jnp.zeros((B, length), int), V)
        state = net.init(jax.random.key(0), x, LABEL, train=False)
        logits = net.apply(state, x, LABEL, train=False)
        assert logits.shape == (B, 4)
        assert len({*np.asarray(logits[0]).tolist()}) == 4


def test_d_sees_the_order_of_tokens():
    net = text.Discriminator(width=8, representations=2)
    x = jax.nn.one_hot(jnp.array([[1, 2, 3, 4, 0, 0]]), V)
    state = net.init(jax.random.key(0), x, LABEL[:1], train=False)
    turned = net.apply(state, x[:, ::-1], LABEL[:1], train=False)
    assert not np.allclose(net.apply(state, x, LABEL[:1], train=False), turned)
