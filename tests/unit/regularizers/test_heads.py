"""Terms on what D's head tells, against loops over rows in float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax.core import ONE, DiscriminatorOutputs, Turn
from ganjax.regularizers import (
    ac_gan,
    adc_gan,
    contrastive,
    cross_entropy,
    data_to_data,
    feature_matching,
    multi_hinge,
    mutual_information,
    pulling_away,
    reconstruction,
    tac_gan,
)


B, K, C = 6, 3, 5
LABEL = np.array([0, 2, 1, 2, 0, 0])
RNG = np.random.default_rng(0)
TOLD = {
    "features": (B, C),
    "classes": (B, K),
    "twin classes": (B, K),
    "embed": (B, C),
    "proxies": (K, C),
    "twin embed": (B, C),
    "twin proxies": (K, C),
}
REAL, FAKE = ({name: RNG.normal(size=s) for name, s in TOLD.items()} for _ in "rf")
TWICE = {"classes": (B, 2 * K), "embed": (B, C), "proxies": (2 * K, C)}
REAL2, FAKE2 = ({name: RNG.normal(size=s) for name, s in TWICE.items()} for _ in "rf")
HINGE = [{"classes": RNG.normal(size=(B, K + 1))} for _ in "rf"]
DRAWN = [
    {name: RNG.normal(size=(B, 3, 2, 2, 1)) for name in ("reconstructions", "targets")}
    for _ in "rf"
]
CODES = {
    "codes": RNG.normal(size=(B, 2, 3)),
    "mean": RNG.normal(size=(B, 2)),
    "variance": RNG.uniform(0.5, 2, size=(B, 2)),
}
CHOSEN = np.eye(3)[RNG.integers(3, size=(B, 2))]
NUMBERS = RNG.uniform(-1, 1, size=(B, 2))
Z = np.concatenate([RNG.normal(size=(B, 4)), CHOSEN.reshape(B, -1), NUMBERS], 1)


def turn(real, fake, z=None, step=0):
    """A turn in which only what the head told and z are of interest."""
    look = partial(DiscriminatorOutputs, None, jnp.asarray(LABEL), None, None, None)
    z = jnp.asarray(Z if z is None else z)
    looks = look(real), look(fake)
    return Turn(None, None, z, z, *looks, {}, {}, None, jnp.asarray(step), ONE)


def cross(heads, label=LABEL, name="classes"):
    rows = zip(heads[name], label, strict=True)
    return -np.mean([x[y] - np.log(np.exp(x).sum()) for x, y in rows])


def redrawn(heads):
    pairs = zip(heads["reconstructions"], heads["targets"], strict=True)
    return np.mean([np.abs(a - b).mean((1, 2, 3)).sum() for a, b in pairs])


def cosine(x, y):
    return x @ y / np.sqrt((x @ x) * (y @ y))


def near(heads, label=LABEL, twin="", t=0.7):
    """ContraGAN's 2C loss, row by row."""
    embed, proxies, rates = heads[twin + "embed"], heads[twin + "proxies"], []
    for i in range(B):
        own = np.exp(cosine(embed[i], proxies[label[i]]) / t)
        other = lambda k, i=i: np.exp(cosine(embed[i], embed[k]) / t)
        others = {k: other(k) for k in range(B) if k != i}
        like = sum(e for k, e in others.items() if label[k] == label[i])
        rates.append(-np.log((own + like) / (own + sum(others.values()))))
    return np.mean(rates)


def apart(heads, label=LABEL, twin="", t=0.5, margin=0.7):
    """ReACGAN's D2D-CE loss, row by row, as its authors compute it.

    They do not differentiate the largest similarity, which is that of `heads["still"]`.
    """
    embed, proxies, rates = heads[twin + "embed"], heads[twin + "proxies"], []
    still = heads.get("still", heads)[twin + "embed"]
    for i in range(B):
        rest = [k for k in range(B) if k != i]
        above = lambda embed, k, i=i: (cosine(embed[i], embed[k]) + margin - 1) / t
        most = max(above(still, k) for k in rest)
        others = {k: above(embed, k) for k in rest}
        pull = max(0, (margin - cosine(embed[i], proxies[label[i]])) / t)
        push = [max(0, e) - most for k, e in others.items() if label[k] != label[i]]
        rates.append(pull + np.log(np.exp(-pull) + np.exp(push).sum()))
    return np.mean(rates)


def singer(classes, label):
    rows = zip(classes, label, strict=True)
    return np.mean([max(0, 1 + np.delete(x, y).max() - x[y]) for x, y in rows])


def informed(fake):
    logs = fake["codes"] - np.log(np.exp(fake["codes"]).sum(2, keepdims=True))
    choice = -(logs * CHOSEN).sum((1, 2)).mean()
    gap, v = NUMBERS - fake["mean"], fake["variance"]
    density = np.exp(-(gap**2) / (2 * v)) / np.sqrt(2 * np.pi * v)
    return 2.0 * choice - 0.3 * np.log(density).sum(1).mean()


def matched(real, fake):
    return np.mean((real["features"].mean(0) - fake["features"].mean(0)) ** 2)


def pulled(real, fake):
    h = fake["features"]
    pairs = [(i, k) for i in range(B) for k in range(B) if i != k]
    return np.mean([cosine(h[i], h[k]) ** 2 for i, k in pairs])


FIRST, SECOND = 2 * LABEL, 2 * LABEL + 1
LAST = np.full(B, K)
NEAR, APART = contrastive(0.7), data_to_data(0.5, 0.7)
CASES = {  # the term, what the head tells of real and fake, the float64 value
    "AC d": (ac_gan(cross_entropy()).d, REAL, FAKE, lambda r, f: cross(r)),
    "AC g": (
        ac_gan(cross_entropy(), 1.0, 0.1).g,
        REAL,
        FAKE,
        lambda r, f: cross(f) / 10,
    ),
    "TAC d": (
        tac_gan(cross_entropy(), 1.0, 2.0).d,
        *(REAL, FAKE),
        lambda r, f: cross(r) + 2 * cross(f, name="twin classes"),
    ),
    "TAC g": (
        tac_gan(cross_entropy(), 1.0, 2.0).g,
        *(REAL, FAKE),
        lambda r, f: cross(f) - 2 * cross(f, name="twin classes"),
    ),
    "ADC d": (
        adc_gan(cross_entropy(), 3.0).d,
        *(REAL2, FAKE2),
        lambda r, f: 3 * (cross(r, FIRST) + cross(f, SECOND)),
    ),
    "ADC g": (
        adc_gan(cross_entropy(), 3.0).g,
        *(REAL2, FAKE2),
        lambda r, f: 3 * (cross(f, FIRST) - cross(f, SECOND)),
    ),
    "2C d": (ac_gan(NEAR).d, REAL, FAKE, lambda r, f: near(r)),
    "2C g": (ac_gan(NEAR).g, REAL, FAKE, lambda r, f: near(f)),
    "2C TAC g": (
        tac_gan(NEAR).g,
        *(REAL, FAKE),
        lambda r, f: near(f) - near(f, twin="twin "),
    ),
    "2C ADC d": (
        adc_gan(NEAR).d,
        *(REAL2, FAKE2),
        lambda r, f: near(r, FIRST) + near(f, SECOND),
    ),
    "D2D-CE d": (ac_gan(APART, 0.5).d, REAL, FAKE, lambda r, f: apart(r) / 2),
    "D2D-CE g": (ac_gan(APART, 0.5).g, REAL, FAKE, lambda r, f: apart(f) / 2),
    "D2D-CE TAC d": (
        tac_gan(APART).d,
        *(REAL, FAKE),
        lambda r, f: apart(r) + apart(f, twin="twin "),
    ),
    "MH d": (
        multi_hinge().d,
        *HINGE,
        lambda r, f: singer(r["classes"], LABEL) + singer(f["classes"], LAST),
    ),
    "MH g": (
        multi_hinge(0.05).g,
        *HINGE,
        lambda r, f: singer(f["classes"], LABEL) / 20,
    ),
    "information": (
        mutual_information(2.0, 0.3).d,
        CODES,
        CODES,
        lambda r, f: informed(f),
    ),
    "features": (feature_matching(2.0), REAL, FAKE, lambda r, f: 2 * matched(r, f)),
    "reconstruction": (reconstruction(2.0), *DRAWN, lambda r, f: 2 * redrawn(r)),
    "another distance": (
        reconstruction(distance=lambda a, b: ((a - b) ** 2).sum((1, 2, 3))),
        *DRAWN,
        lambda r, f: np.sum((r["reconstructions"] - r["targets"]) ** 2) / B,
    ),
    "pulling away": (pulling_away(), REAL, FAKE, lambda r, f: pulled(r, f) / 10),
}
EACH = pytest.mark.parametrize("name", CASES)


@EACH
def test_values_are_those_of_loops_over_rows(name):
    term, real, fake, wanted = CASES[name]
    with jax.enable_x64(True):
        value = jax.jit(lambda r, f: term.apply(turn(r, f), ())[0])(real, fake)
        np.testing.assert_allclose(value, wanted(real, fake), rtol=1e-9)


@EACH
def test_gradients_are_those_of_finite_differences(name):
    """Of everything that the head told, along a direction at random."""
    term, real, fake, wanted = CASES[name]
    rng = np.random.default_rng(1)
    way = lambda said: {key: rng.normal(size=x.shape) for key, x in said.items()}
    ways, told = (way(real), way(fake)), (real, fake)

    def moved(t):
        for said, way in zip(told, ways, strict=True):
            yield {key: x + t * way[key] for key, x in said.items()} | {"still": said}

    with jax.enable_x64(True):
        cost = lambda *told: term.apply(turn(*told), ())[0]
        grads = jax.jit(jax.grad(cost, (0, 1)))(*told)
        slope = float(optax.tree.vdot(grads, ways))
    exact = (wanted(*moved(1e-5)) - wanted(*moved(-1e-5))) / 2e-5
    assert abs(exact) > 1e-4
    np.testing.assert_allclose(slope, exact, rtol=1e-6)


@pytest.mark.parametrize(
    "both", [ac_gan(cross_entropy(), optax.linear_schedule(1.0, 0.0, 8))]
)
def test_a_weight_may_be_scheduled(both):
    for term in both:
        first, middle, last = (
            float(term.apply(turn(REAL, FAKE, step=step), ())[0]) for step in (0, 4, 8)
        )
        assert first > 0 and last == 0
        np.testing.assert_allclose(middle, first / 2, rtol=1e-6)


def test_an_image_alone_is_pulled_to_its_class_and_pushed_from_none():
    """As where each of several replicas has one."""
    alone = {"embed": jnp.array([[3.0, 4.0]]), "proxies": jnp.array([[2.0, 0.0]])}
    measure = data_to_data(0.5, 0.98)
    value, slope = jax.value_and_grad(lambda heads: measure(heads, jnp.zeros(1, int)))(
        alone
    )
    np.testing.assert_allclose(value, 0.0, atol=1e-6)  # (m - p)/t less the same
    assert jnp.isfinite(slope["embed"]).all()


def test_each_side_is_judged_by_the_classes_of_its_own_images():
    other = (LABEL + np.array([1, 1, 2, 0, 2, 1])) % K

    def paid(both, real, fake):
        seen = turn(*jax.tree.map(jnp.asarray, (real, fake)))
        seen = seen._replace(fake=seen.fake._replace(label=jnp.asarray(other)))
        return [term.apply(seen, ())[0] for term in both]

    twin = cross(FAKE, other, "twin classes")
    d, g = paid(tac_gan(cross_entropy(), 3.0, 2.0), REAL, FAKE)
    np.testing.assert_allclose(d, 3 * cross(REAL) + 2 * twin, rtol=1e-5)
    np.testing.assert_allclose(g, 3 * cross(FAKE, other) - 2 * twin, rtol=1e-5)
    d, g = paid(adc_gan(cross_entropy()), REAL2, FAKE2)
    as_real, as_fake = cross(FAKE2, 2 * other), cross(FAKE2, 2 * other + 1)
    np.testing.assert_allclose(d, cross(REAL2, 2 * LABEL) + as_fake, rtol=1e-5)
    np.testing.assert_allclose(g, as_real - as_fake, rtol=1e-5)
    real, fake = HINGE
    d, g = paid(multi_hinge(), real, fake)
    last = singer(fake["classes"], LAST)
    np.testing.assert_allclose(d, singer(real["classes"], LABEL) + last, rtol=1e-5)
    np.testing.assert_allclose(g, singer(fake["classes"], other) / 20, rtol=1e-5)


def test_g_alone_may_be_spared_the_classes():
    both = ac_gan(cross_entropy(), 2.0, 0.0)
    assert both.g.apply(turn(REAL, FAKE), ())[0] == 0
    np.testing.assert_allclose(
        both.d.apply(turn(REAL, FAKE), ())[0], 2 * cross(REAL), rtol=1e-5
    )


def test_features_may_be_matched_by_another_penalty():
    paid, _ = feature_matching(penalty=jnp.abs).apply(turn(REAL, FAKE), ())
    gap = REAL["features"].mean(0) - FAKE["features"].mean(0)
    np.testing.assert_allclose(paid, np.abs(gap).mean(), rtol=1e-5)


def test_both_players_maximize_the_information_by_weights_that_may_be_scheduled():
    up, down = optax.linear_schedule(0.0, 4.0, 8), optax.linear_schedule(0.6, 0.0, 8)
    for term in mutual_information(up, down):
        paid, _ = term.apply(turn(CODES, CODES, step=4), ())
        np.testing.assert_allclose(paid, informed(CODES), rtol=1e-5)


def test_images_opposite_to_each_other_are_pushed_no_further():
    """Two of a cosine of -0.96, of which the second lacks its class by 0.98."""
    told = {
        "embed": jnp.array([[3.0, 0.0], [-0.96, -0.28]]),
        "proxies": jnp.array([[2.0, 0.0], [0.0, 1.0]]),
    }
    value = data_to_data(0.5, 0.7)(told, jnp.array([0, 1]))
    push = np.exp(-(-0.96 + 0.7 - 1) / 0.5)  # its own is the largest similarity
    pull = (0.7 + 0.28) / 0.5
    wanted = (np.log(1 + push) + pull + np.log(np.exp(-pull) + push)) / 2
    np.testing.assert_allclose(value, wanted, rtol=1e-5)
