import jax
import jax.numpy as jnp
import numpy as np

from ganjax.models import scratchgan


B, N, V = 4, 6, 5
NET = scratchgan.Discriminator(width=8, embedding=3, dropout=0.5)
LABEL = jnp.zeros(B, int)
NUMBERS = jnp.array(
    [[1, 2, 3, 4, 1, 2], [3, 0, 2, 1, 4, 0], [0] * 6, [4, 4, 1, 2, 0, 1]]
)
TEXT = jax.nn.one_hot(NUMBERS, V)
VARIABLES = NET.init(jax.random.key(0), TEXT, LABEL, train=False)


def logits(x, **more):
    return np.asarray(NET.apply(VARIABLES, x, LABEL, train=False, **more))


def test_the_logits_are_those_of_a_normalized_lstm_up_to_the_end():
    """Computed again in float64, as in the released program."""
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), VARIABLES["params"])
    cell = p["cell"]
    sigmoid = lambda a: 1 / (1 + np.exp(-a))
    halves = 2.0 * (N / 2) ** (np.arange(8) / 7)
    for row, found in zip(np.asarray(NUMBERS), logits(TEXT), strict=True):
        h = c = np.zeros(8)
        ended = False
        for t, token in enumerate(row):
            position = np.cos(np.pi * (t / halves + np.arange(8) * 2 / 7))
            x = np.concatenate([p["embedding"][token], position])
            x = x @ p["project"]["kernel"] + p["project"]["bias"]
            gates = np.concatenate([x, h]) @ cell["gates"]["kernel"]
            gates = (gates - gates.mean()) / np.sqrt(gates.var() + 1e-6)
            gates = gates * cell["LayerNorm_0"]["scale"] + cell["LayerNorm_0"]["bias"]
            i, g, f, o = gates.reshape(4, -1)
            c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            wanted = h @ p["head"]["Dense_0"]["kernel"] + p["head"]["Dense_0"]["bias"]
            np.testing.assert_allclose(found[t], 0 if ended else wanted, atol=1e-5)
            ended |= token == 0


def test_a_logit_knows_the_tokens_before_it_and_none_after():
    before = logits(TEXT)
    for t in range(N):
        after = logits(TEXT.at[0, t].set(jax.nn.one_hot(3 if t != 2 else 1, V)))[0]
        np.testing.assert_array_equal(after[:t], before[0, :t])
        assert after[t] != before[0, t]


def test_dropout_is_of_training_and_alike_in_all_texts():
    same = jnp.broadcast_to(TEXT[:1], TEXT.shape)
    draw = lambda seed: np.asarray(
        NET.apply(
            VARIABLES, same, LABEL, train=True, rngs={"dropout": jax.random.key(seed)}
        )
    )
    assert not np.allclose(draw(0), draw(1))
    np.testing.assert_allclose(draw(0), np.broadcast_to(draw(0)[:1], (B, N)), atol=1e-6)
