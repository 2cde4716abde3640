"""CTGAN's cross entropy of the column that a row is conditioned on."""

import jax
import jax.numpy as jnp
import numpy as np

from ganjax.regularizers import conditional_column, gradient_penalty
from tests.helpers.slopes import turn, value


RNG = np.random.default_rng(0)
# A number of two modes, a category of three values, another number, a category of two.
LAYOUT = ((True, 2), (False, 3), (True, 1), (False, 2))
COLUMNS = {0: (3, 6), 1: (3, 6), 2: (3, 6), 3: (8, 10), 4: (8, 10)}  # of each label
LABEL = np.array([0, 4, 2, 3, 1, 1, 3, 0], np.int32)
OUTPUTS = RNG.normal(size=(8, 10))


def conditioned(outputs):
    """A turn whose G has these outputs before their activations."""
    given = turn()

    def g(z, label, method=None):
        assert method == "outputs"
        return jnp.asarray(outputs, jnp.float32)

    return given._replace(g=g, fake=given.fake._replace(label=jnp.asarray(LABEL)))


def expected(outputs):
    """The mean over the rows, in float64: label 3 is the first value of the last column."""
    total = 0.0
    for row, label in zip(outputs, LABEL, strict=True):
        start, end = COLUMNS[int(label)]
        logits = row[start:end]
        own = label - (0 if label < 3 else 3)
        total += np.log(np.exp(logits).sum()) - logits[own]
    return total / len(LABEL)


def test_it_is_the_cross_entropy_of_the_columns_own_logits():
    term = conditional_column(LAYOUT)
    found = value(term, conditioned(OUTPUTS))
    np.testing.assert_allclose(found, expected(OUTPUTS), rtol=1e-5)
    twice = value(conditional_column(LAYOUT, 2.0), conditioned(OUTPUTS))
    np.testing.assert_allclose(twice, 2 * found, rtol=1e-6)


def test_outputs_of_other_columns_do_not_matter():
    moved = OUTPUTS.copy()
    moved[:, [0, 1, 2, 6, 7]] += 10
    term = conditional_column(LAYOUT)
    assert value(term, conditioned(moved)) == value(term, conditioned(OUTPUTS))


def test_rows_of_a_pack_share_their_point_and_their_gradient():
    """D(x) = |pack|^2 / 2 has the pack as its gradient: the share of each pack of ones."""
    d = lambda image: jnp.sum(image.reshape(4, -1) ** 2, axis=1) / 2
    given = turn(d, real=jnp.ones((8, 2, 2)), fake=jnp.zeros((8, 2, 2)))
    share = jax.vmap(jax.random.uniform)(given.keys("interpolation"))[::2]
    wanted = np.mean((np.sqrt(8) * share - 1) ** 2)
    found = value(gradient_penalty(1.0, pack=2), given)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
