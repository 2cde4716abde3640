"""PatchNCE against its definition, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.regularizers import patch_nce


RNG = np.random.default_rng(0)
Q, K = RNG.normal(size=(2, 3, 5, 4))
Q, K = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (Q, K))
nce = jax.jit(patch_nce)


def by_definition(q, k, tau=0.07):
    """Each row's own place against the others of its image, one by one."""
    terms = []
    for b, i in np.ndindex(*q.shape[:2]):
        same = np.exp(q[b, i] @ k[b, i] / tau)
        others = [np.exp(q[b, i] @ k[b, j] / tau) for j in range(len(q[b])) if j != i]
        terms.append(-np.log(same / (same + sum(others))))
    return np.mean(terms)


@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_it_is_the_paper_s_equation_3(tau):
    made = jax.jit(lambda q, k: patch_nce(q, k, tau))(jnp.array(Q), jnp.array(K))
    assert made == pytest.approx(by_definition(Q, K, tau), rel=1e-5)


def test_its_gradient_is_that_of_float64():
    of_q, of_k = jax.jit(jax.grad(patch_nce, (0, 1)))(jnp.array(Q), jnp.array(K))
    assert not np.any(of_k)
    step, exact = 1e-5, np.zeros_like(Q)
    for place in np.ndindex(Q.shape):
        move = np.zeros_like(Q)
        move[place] = step
        gap = by_definition(Q + move, K) - by_definition(Q - move, K)
        exact[place] = gap / (2 * step)
    np.testing.assert_allclose(of_q, exact, atol=1e-6 * np.abs(exact).max())


def test_images_are_strangers_to_one_another_unless_made_one():
    q, k = jnp.array(Q), jnp.array(K)
    alone = [nce(q[i : i + 1], k[i : i + 1]) for i in range(3)]
    assert nce(q, k) == pytest.approx(np.mean(alone), rel=1e-6)
    assert nce(q.reshape(1, -1, 4), k.reshape(1, -1, 4)) > nce(q, k) + 0.1


def test_who_cannot_tell_the_places_apart_pays_their_logarithm():
    alike = jnp.ones((2, 6, 1))
    assert nce(alike, alike) == pytest.approx(np.log(6), rel=1e-6)
