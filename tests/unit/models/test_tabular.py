from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.models import tabular
from ganjax.models.tabular import continuous, discrete
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1, 0, 2])
Z = jax.random.normal(KEY, (6, 5))
SPANS = *continuous(4), *discrete(3), *continuous(2)
SCALARS, CHOICES = (0, 8), (slice(1, 5), slice(5, 8), slice(9, 11))
ROW = jax.random.normal(KEY, (6, 11))

generator = partial(tabular.Generator, SPANS, widths=(8, 8))
discriminator = partial(tabular.Discriminator, widths=(8, 8), dropout=0.2)


def run(net, key, z=Z, train=False):
    apply = partial(net.apply, train=train, rngs={"noise": key, "dropout": key})
    return jax.jit(apply)(seat(net, z, LABEL), z, LABEL)


def test_scalars_are_bounded_and_choices_add_up_to_one():
    rows = run(generator(), KEY, 100 * Z)
    assert rows.shape == (6, 11)
    assert jnp.abs(rows[:, SCALARS]).max() <= 1
    for choice in CHOICES:
        np.testing.assert_allclose(rows[:, choice].sum(-1), 1, rtol=1e-5)
        assert rows[:, choice].min() >= 0


def test_noise_moves_the_choices_and_not_the_scalars():
    a, b = (run(generator(), jax.random.key(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(a[:, SCALARS], b[:, SCALARS])
    assert all(jnp.any(a[:, choice] != b[:, choice]) for choice in CHOICES)
    quiet = generator(noise=0.0)
    a, b = (run(quiet, jax.random.key(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(a, b)


def test_choices_follow_the_softmax_of_the_last_layer():
    """The largest of the logits with Gumbel noise is drawn from their softmax."""
    net = tabular.Generator(discrete(3), widths=())
    z, label = jnp.ones((20_000, 1)), jnp.zeros(20_000, jnp.int32)
    logits = jnp.array([1.0, 0.0, -0.5])
    dense = {"kernel": logits[None], "bias": jnp.zeros(3)}
    apply = jax.jit(partial(net.apply, train=True))
    rows = apply({"params": {"Dense_0": dense}}, z, label, rngs={"noise": KEY})
    shares = jnp.bincount(rows.argmax(-1), length=3) / len(rows)
    np.testing.assert_allclose(shares, jax.nn.softmax(logits), atol=0.01)


def test_cold_choices_are_one_hot():
    rows = run(generator(temperature=1e-4), KEY)
    for choice in CHOICES:
        np.testing.assert_allclose(rows[:, choice].max(-1), 1, atol=1e-3)


def test_dropout_is_for_training_alone():
    net, other = discriminator(), jax.random.key(1)
    train = [run(net, key, ROW, train=True) for key in (KEY, other)]
    assert jnp.any(train[0] != train[1])
    still = [run(net, key, ROW) for key in (KEY, other)]
    np.testing.assert_array_equal(*still)


# The authors' networks for 64 outputs, z of 128 and no condition, but for the biases
# before batch norms: each layer of G sees all before it.
COUNTS = [
    (
        tabular.Generator((*continuous(10) * 4, *discrete(8) * 2, *discrete(4))),
        (6, 128),
        128 * 256 + 512 + 384 * 256 + 512 + 641 * 64,
    ),
    (tabular.Discriminator(), (6, 64), 65 * 256 + 257 * 256 + 257),
]


@pytest.mark.parametrize("net, shape, count", COUNTS, ids=["g", "d"])
def test_parameter_counts_are_those_of_the_authors_code(net, shape, count):
    init = partial(net.init, train=False)
    variables = jax.eval_shape(init, KEY, jnp.zeros(shape), LABEL)
    leaves = jax.tree.leaves(variables["params"])
    assert sum(leaf.size for leaf in leaves) == count


def test_d_judges_the_rows_of_a_pack_together():
    """A row moves the logit of its own pack, and of no other."""
    net = discriminator(pack=2)
    logits = run(net, KEY, ROW)
    assert logits.shape == (3,)
    moved = run(net, KEY, ROW.at[3].add(1.0))
    assert (moved != logits).tolist() == [False, True, False]
    with pytest.raises(UsageError, match="judges 4 rows together, not 6"):
        run(discriminator(pack=4), KEY, ROW)


def test_spans_follow_the_layout_of_a_table():
    assert tabular.spans(((True, 4), (False, 3), (True, 2))) == SPANS


def test_the_outputs_are_what_the_activations_are_of():
    net = generator(noise=0.0, temperature=1.0)
    variables = seat(net, Z, LABEL)
    apply = partial(net.apply, variables, Z, LABEL, train=False, rngs={"noise": KEY})
    outputs, rows = apply(method="outputs"), apply()
    np.testing.assert_allclose(rows[:, 0], jnp.tanh(outputs[:, 0]), rtol=1e-6)
    choice = jax.nn.softmax(outputs[:, 5:8])
    np.testing.assert_allclose(rows[:, 5:8], choice, rtol=1e-5)
