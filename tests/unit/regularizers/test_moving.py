"""Terms that move images or latents, or remember, on networks that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.core import ONE, Devices, DiscriminatorOutputs, Turn
from ganjax.regularizers import (
    balanced_consistency,
    boundary_equilibrium,
    consistency,
    latent_consistency,
    latent_step_penalty,
    lecam,
    max_gradient_penalty,
    mode_seeking,
)


KEY = jax.random.key(3)
W = np.array([1.0, -2.0, 0.5])
V = np.array([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]])


def square(image):
    """D(x) = |x|^2 / 2: its slope is x itself."""
    return jnp.sum(image**2, axis=1) / 2


def cubic(image):
    return jnp.tanh(image @ W) ** 3


def linear(z):
    return z @ V


def bend(z):
    return jnp.tanh(z @ V)


def turn(d=cubic, g=bend, step=0, rows=5, real=None, fake=None):
    """A turn on rows of three numbers, with latents of two."""
    z = jax.random.normal(jax.random.key(1), (rows, 2))
    image = jax.random.normal(jax.random.key(0), (rows, 3)) if real is None else real
    drawn = g(z) if fake is None else fake
    label = jnp.zeros(len(z), jnp.int32)
    look = lambda image: DiscriminatorOutputs(image, label, d(image), d, None, {})
    see, make = lambda image, label: d(image), lambda z, label: g(z)
    looks = look(image), look(drawn)
    return Turn(make, see, z, z, *looks, {}, {}, KEY, jnp.asarray(step), ONE)


def pay(term, turn):
    return float(term.apply(turn, term.init())[0])


def double(key, image, p):
    return image * (1 + p)


def noisy(key, image, p):
    return image + p * jax.random.normal(key, image.shape)


def test_max_gradient_penalty_is_the_largest_squared_slope_between_the_pairs():
    real, fake = jnp.full((5, 3), 2.0), jnp.full((5, 3), 1.0)
    seen = turn(square, real=real, fake=fake)
    value = pay(max_gradient_penalty(2.0), seen)
    assert 2 * 3 < value < 2 * 12  # at all ones and all twos
    one = pay(max_gradient_penalty(), turn(square, real=real, fake=real))
    np.testing.assert_allclose(one, 12.0, rtol=1e-6)
    mixed = jnp.arange(5.0)[:, None] * jnp.ones((5, 3))
    most = pay(max_gradient_penalty(), turn(square, real=mixed, fake=mixed))
    np.testing.assert_allclose(most, 48.0, rtol=1e-6)


def test_consistency_is_the_squared_change_of_the_logit_under_the_transform():
    seen = turn(cubic)
    real, fake = np.float64(seen.real.x), np.float64(seen.fake.x)
    gap = lambda x: np.mean((np.tanh(2 * x @ W) ** 3 - np.tanh(x @ W) ** 3) ** 2)
    np.testing.assert_allclose(pay(consistency(double, 3.0), seen), 3 * gap(real), 1e-5)
    both = 3 * gap(real) + 7 * gap(fake)
    balanced = balanced_consistency(double, 3.0, 7.0)
    np.testing.assert_allclose(pay(balanced, seen), both, rtol=1e-5)


def test_consistency_draws_for_each_row_by_itself():
    same = jnp.ones((5, 3))
    seen = turn(lambda image: image[:, 0], real=same, fake=same)
    keys = seen.keys("consistency")
    moved = jax.vmap(lambda key: jax.random.normal(key, (3,)))(keys)[:, 0]
    assert len(np.unique(moved)) == 5
    wanted = np.mean(np.float64(moved) ** 2)
    np.testing.assert_allclose(pay(consistency(noisy, 1.0), seen), wanted, rtol=1e-5)


def test_latent_consistency_pays_g_for_what_it_costs_d():
    """Of D(x) = w'x and G(z) = V'z a step of sigma n moves both by known amounts."""
    sigma = 0.25
    seen = turn(lambda image: image @ W, linear)
    draw = lambda key: jax.random.normal(key, (2,))
    n = np.float64(jax.vmap(draw)(seen.keys("latent_consistency")))
    both = latent_consistency(2.0, 3.0, sigma)
    d = 2 * np.mean((sigma * n @ V @ W) ** 2)
    g = -3 * np.mean((sigma * n @ V) ** 2)
    np.testing.assert_allclose(pay(both.d, seen), d, rtol=1e-4)
    np.testing.assert_allclose(pay(both.g, seen), g, rtol=1e-4)


def test_mode_seeking_is_the_inverse_of_how_far_images_are_apart_for_their_latents():
    seen = turn(g=bend)
    z = np.float64(seen.z)
    x, other = np.tanh(z @ V), np.roll(z, 1, axis=0)
    ratio = np.abs(np.tanh(other @ V) - x).mean() / np.abs(other - z).mean()
    wanted = 2 / (ratio + 1e-5)
    np.testing.assert_allclose(pay(mode_seeking(2.0), seen), wanted, rtol=1e-5)


def test_a_collapsed_g_pays_most_for_its_mode_and_a_finite_price():
    flat = turn(g=lambda z: jnp.ones((len(z), 3)))
    np.testing.assert_allclose(pay(mode_seeking(), flat), 1e5, rtol=1e-5)


def logits(real, fake, step):
    rows = jnp.zeros((2, 3))
    seen = turn(step=step, rows=2, real=rows, fake=rows)
    look = lambda look, x: look._replace(logits=jnp.asarray(x, jnp.float32))
    return seen._replace(real=look(seen.real, real), fake=look(seen.fake, fake))


def test_lecam_compares_each_side_with_where_the_other_used_to_be():
    term = lecam(0.5, decay=0.75, start=2)
    memory, rng, anchors = term.init(), np.random.default_rng(0), np.zeros(2)
    for step in range(6):
        real, fake = rng.normal(1, 1, 2), rng.normal(-1, 1, 2)
        keep = 0.0 if step < 2 else 0.75
        anchors = keep * anchors + (1 - keep) * np.array([real.mean(), fake.mean()])
        gaps = np.maximum(real - anchors[1], 0), np.maximum(anchors[0] - fake, 0)
        wanted = 0.5 * sum((gap**2).mean() for gap in gaps) if step > 2 else 0.0
        value, memory = term.apply(logits(real, fake, step), memory)
        np.testing.assert_allclose(memory, anchors, rtol=1e-5)
        np.testing.assert_allclose(value, wanted, rtol=1e-5)


def test_lecam_does_not_move_d_through_its_memory():
    term, seen = lecam(1.0, decay=0.0, start=0), logits([2, 1], [-1, -2], step=5)

    def cost(real):
        changed = seen._replace(real=seen.real._replace(logits=real))
        return term.apply(changed, term.init())[0]

    slope = jax.grad(cost)(jnp.array([2.0, 1.0]))
    np.testing.assert_allclose(slope, [2 + 1.5, 1 + 1.5], rtol=1e-6)


def test_boundary_equilibrium_balances_what_d_spends_on_fakes():
    both = boundary_equilibrium(gamma=0.5, rate=0.1)
    k, wanted = both.d.init(), 0.0
    for real, fake in (([-2, -4], [-1, -1]), ([-2, -2], [-3, -3]), ([-9, -9], [0, 0])):
        value, k = both.d.apply(logits(real, fake, 0), k)
        e_real, e_fake = -np.mean(real), -np.mean(fake)
        np.testing.assert_allclose(value, e_real - wanted * e_fake, rtol=1e-6)
        wanted = np.clip(wanted + 0.1 * (0.5 * e_real - e_fake), 0, 1)
        np.testing.assert_allclose(k, wanted, rtol=1e-6)
        paid, _ = both.g.apply(logits(real, fake, 0), ())
        np.testing.assert_allclose(paid, e_fake, rtol=1e-6)


def conditional():
    """A turn whose networks read labels, and whose D augments what it scored."""
    seen, label = turn(cubic, bend), jnp.array([0, 1, 2, 1, 0])
    unused = lambda image: pytest.fail("the augmentation is not applied again")
    look = lambda look: look._replace(label=label, d=unused)
    return seen._replace(
        g=lambda z, label: bend(z) * (1 + label[:, None]),
        d=lambda image, label: cubic(image) + label,
        z_drawn=seen.z + jnp.array([[1.0, 2.0]]),
        real=look(seen.real),
        fake=look(seen.fake),
    )


def test_what_is_looked_at_again_keeps_its_label_and_is_not_augmented():
    seen = conditional()
    label, z = np.asarray(seen.real.label), np.float64(seen.z)
    score = lambda x: np.tanh(x @ W) ** 3
    images = lambda z: np.tanh(z @ V) * (1 + label[:, None])

    def gap(look):
        x = np.float64(look.x)
        return np.mean((score(2 * x) + label - score(x)) ** 2)

    paid = pay(balanced_consistency(double, 2.0, 3.0), seen)
    np.testing.assert_allclose(paid, 2 * gap(seen.real) + 3 * gap(seen.fake), rtol=1e-5)

    draw = lambda key: jax.random.normal(key, (2,))
    n = np.float64(jax.vmap(draw)(seen.keys("latent_consistency")))
    both, near = latent_consistency(2.0, 3.0, 0.25), images(z + 0.25 * n)
    d = 2 * np.mean((score(near) + label - np.float64(seen.fake.logits)) ** 2)
    g = -3 * np.mean((near - np.float64(seen.fake.x)) ** 2)
    np.testing.assert_allclose(pay(both.d, seen), d, rtol=1e-4)
    np.testing.assert_allclose(pay(both.g, seen), g, rtol=1e-4)

    other = np.roll(z, 1, axis=0)
    moved = np.abs(images(other) - np.float64(seen.fake.x)).mean()
    wanted = 1 / (moved / np.abs(other - z).mean() + 1e-5)
    np.testing.assert_allclose(pay(mode_seeking(), seen), wanted, rtol=1e-4)


def test_a_step_of_the_latents_costs_its_squared_length():
    seen = conditional()  # a step by (-1, -2) each, and one by (3, -2)
    seen = seen._replace(z=seen.z.at[0, 0].add(4.0))
    paid = pay(latent_step_penalty(3.0), seen)
    np.testing.assert_allclose(paid, 3 * (4 * 5 + 13) / 5, rtol=1e-5)


SCHEDULED = {  # made of numbers, of which each is a weight or a sigma
    "bcr": (lambda *x: balanced_consistency(double, *x), (2.0, 3.0)),
    "zcr d": (lambda *x: latent_consistency(*x).d, (2.0, 3.0, 0.25)),
    "zcr g": (lambda *x: latent_consistency(*x).g, (2.0, 3.0, 0.25)),
    "lecam": (lambda x: lecam(x, start=0), (2.0,)),
}


@pytest.mark.parametrize("name", SCHEDULED)
def test_every_number_may_be_a_schedule(name):
    make, numbers = SCHEDULED[name]
    rise = lambda end: lambda step: end * step / 4
    scheduled, seen = make(*map(rise, numbers)), turn(step=4)
    wanted = pay(make(*numbers), seen)
    assert wanted != 0
    np.testing.assert_allclose(pay(scheduled, seen), wanted, rtol=1e-6)


def test_what_is_remembered_is_the_mean_over_all_replicas():
    real, fake = np.array([[2.0, 5.0], [1.0, 0.5]]), np.array([[-1.0, 0.0], [3, -4.0]])
    mean = lambda x: jax.lax.pmean(x, "data")
    for term in (lecam(decay=0.5, start=0), boundary_equilibrium(3.0, 0.1).d):

        def replica(real, fake, term=term):
            seen = logits(-real, -fake, 2)._replace(on=Devices(mean))
            return term.apply(seen, term.init())[1]

        parts = jax.vmap(replica, axis_name="data")(jnp.array(real), jnp.array(fake))
        whole = logits(-real.ravel(), -fake.ravel(), 2)
        _, wanted = term.apply(whole, term.init())
        found = np.transpose(jax.tree.leaves(parts)).reshape(2, -1)
        wanted = jax.tree.leaves(wanted)
        assert all(wanted)
        np.testing.assert_allclose(found, [wanted, wanted], rtol=1e-6)


def test_what_d_spends_on_fakes_never_exceeds_what_it_spends_on_reals():
    term = boundary_equilibrium(gamma=0.5, rate=1.0).d
    _, most = term.apply(logits([-9, -9], [-1, -1], 0), jnp.asarray(0.5))
    assert most == 1


TERMS = {
    "maxgp": max_gradient_penalty(),
    "cr": consistency(double),
    "bcr": balanced_consistency(noisy),
    "zcr d": latent_consistency(sigma=0.5).d,
    "zcr g": latent_consistency(sigma=0.5).g,
    "mode seeking": mode_seeking(),
}


@pytest.mark.parametrize("name", TERMS)
def test_gradients_in_the_weights_agree_with_finite_differences(name):
    """In D's and G's weights at once; MaxGP's is of the second order."""

    def cost(weights):
        d = lambda image: jnp.tanh(image @ weights[0]) ** 3
        g = lambda z: jnp.tanh(z @ weights[1])
        return TERMS[name].apply(turn(d, g, real=real), ())[0]

    with jax.enable_x64(True):
        real = jax.random.normal(jax.random.key(0), (5, 3), jnp.float64)
        weights = jnp.asarray(W) / 4, jnp.asarray(V)
        ways = (
            jnp.array([0.3, 0.5, -1.0]),
            jnp.array([[1.0, -0.4, 0.2], [0.3, 0.6, -1]]),
        )
        move = lambda t: jax.tree.map(lambda w, way: w + t * way, weights, ways)
        along = jax.jit(lambda t: cost(move(t)))
        exact = float(along(1e-5) - along(-1e-5)) / 2e-5
        assert abs(exact) > 1e-4
        np.testing.assert_allclose(jax.jit(jax.grad(along))(0.0), exact, rtol=1e-3)
