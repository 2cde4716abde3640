"""Heads: what they give and what they tell."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Batch, Player, augment, losses, regularizers
from ganjax.core import ONE, Turns, init, make_turn, normal
from ganjax.layers import heads
from ganjax.layers.mixed_precision import Mixed
from ganjax.layers.remat import Remat
from ganjax.layers.spectral_norm import SpectralNorm
from ganjax.models import mlp, r3gan, r3gan2, stylegan2
from tests.helpers.prints import noted
from tests.helpers.states import seat


KEY = jax.random.key(0)
H = jax.random.normal(KEY, (4, 5))
LABEL = jnp.array([0, 2, 1, 2])
CODES = partial(heads.Codes, num_discrete=2, num_values=3, num_continuous=2)
TWIN = {"outputs_per_class": 2, "twin": True}
EACH = {
    heads.Projection: {},
    heads.Classifier: {"classes": (4, 3)},
    partial(heads.Classifier, **TWIN): {"classes": (4, 6), "twin classes": (4, 6)},
    partial(heads.Contrastive, embedding_size=7): {"embed": (4, 7), "proxies": (3, 7)},
    partial(heads.Contrastive, embedding_size=7, **TWIN): {
        "embed": (4, 7),
        "proxies": (6, 7),
        "twin embed": (4, 7),
        "twin proxies": (6, 7),
    },
    heads.MultiHinge: {"classes": (4, 4)},
    CODES: {"codes": (4, 2, 3), "mean": (4, 2), "variance": (4, 2)},
    stylegan2.MappedProjectionHead: {},
    r3gan.ProjectionHead: {},
    r3gan2.ProjectionHead: {},
    heads.Sliced: {"direction": (4,)},
    partial(heads.Sliced, head=heads.Classifier): {
        "direction": (4,),
        "classes": (4, 3),
    },
}
IDS = ["projection", "classifier", "twins", "contrastive", "contrastive twins"]
IDS += [
    "multi-hinge",
    "codes",
    "mapped",
    "embedded",
    "kept",
    "sliced",
    "sliced classifier",
]
HEADS = pytest.mark.parametrize("head", EACH, ids=IDS)


def listen(net, variables, x):
    """What a network gives, and what its head tells, by name."""
    mutable = ["heads", "spectral"]
    y, noticed = net.apply(variables, x, LABEL, train=True, mutable=mutable)
    said = jax.tree_util.tree_leaves_with_path(noticed["heads"])
    return y, {path[-1].key: np.asarray(value) for path, value in said}


@HEADS
def test_a_head_gives_logits_and_tells_what_it_says_it_does(head):
    net = head(3)
    variables = seat(net, H, LABEL)
    assert "heads" not in variables
    y, said = listen(net, variables, H)
    assert y.shape == (4,)
    assert {name: value.shape for name, value in said.items()} == {
        "features": H.shape,
        **EACH[head],
    }
    np.testing.assert_array_equal(said["features"], H)


@HEADS
def test_what_a_head_gives_does_not_depend_on_who_listens(head):
    net = head(3)
    variables = seat(net, H, LABEL)
    alone = net.apply(variables, H, LABEL, train=False)
    np.testing.assert_array_equal(listen(net, variables, H)[0], alone)


def test_projection_adds_the_inner_product_with_the_class():
    net = heads.Projection(3)
    variables = seat(net, H, LABEL)
    weights = jax.tree.map(np.float64, variables["params"])
    dense, embed = weights["Dense_0"], weights["Embed_0"]["embedding"]
    h = np.float64(H)
    psi = h @ dense["kernel"][:, 0] + dense["bias"][0]
    wanted = psi + (embed[LABEL] * h).sum(1)
    np.testing.assert_allclose(listen(net, variables, H)[0], wanted, atol=1e-6)
    params = {"params": {"Dense_0": variables["params"]["Dense_0"]}}
    np.testing.assert_allclose(listen(heads.Projection(), params, H)[0], psi, atol=1e-6)


@pytest.mark.parametrize("use_bias", [False, True])
def test_all_layers_of_a_head_are_wrapped_and_begin_as_is_said(use_bias):
    """The logit's layer alone may lack a bias, and that of embeddings always has one."""
    for make in list(EACH)[:7]:
        kind = getattr(make, "func", make)
        wrapped = []

        def wrap(layer, wrapped=wrapped):
            wrapped.append(layer)
            return lambda *args, train: layer(*args)

        init = jax.nn.initializers.constant(0.25)
        net = make(3, wrap, use_bias, init)
        with noted() as found:
            jax.eval_shape(partial(net.init, train=False), KEY, H, LABEL)
        kernels = [x for (*_, name), (x, _) in found.items() if name != "bias"]
        assert len(wrapped) == len(kernels) and set(kernels) == {init}
        biases = sorted(
            x[0][0] for (*_, name), (_, x) in found.items() if name == "bias"
        )
        wanted = [4 if kind is heads.MultiHinge else 1] * use_bias
        if kind is heads.Contrastive:
            wanted += [7] * (1 + make.keywords.get("twin", False))
        assert biases == wanted


def test_a_twin_and_a_code_have_layers_of_their_own():
    twin, code = partial(heads.Classifier, **TWIN)(3), CODES(3)
    said = listen(twin, seat(twin, H, LABEL), H)[1]
    assert (said["classes"] != said["twin classes"]).all()
    variables = seat(code, H, LABEL)
    said = listen(code, variables, H)[1]
    kernels = {name: x.get("kernel") for name, x in variables["params"].items()}
    np.testing.assert_allclose(said["mean"], H @ kernels["Dense_2"], atol=1e-5)
    logits = (H @ kernels["Dense_0"]).reshape(4, 2, 3)
    np.testing.assert_allclose(said["codes"], logits, atol=1e-5)
    spread = 5 * np.tanh(np.asarray(H @ kernels["Dense_1"]) / 5)
    np.testing.assert_allclose(np.log(said["variance"]), spread, atol=1e-4)


def test_a_multi_hinge_logit_is_how_far_the_best_class_is_above_fake():
    net = heads.MultiHinge(3)
    y, said = listen(net, seat(net, H, LABEL), H)
    classes = said["classes"]
    np.testing.assert_allclose(y, classes[:, :3].max(1) - classes[:, 3], atol=1e-6)


def test_a_head_wears_spectral_norm_where_it_is_given_it():
    net = heads.Classifier(3, SpectralNorm)
    variables = seat(net, H, LABEL)
    kernel = variables["params"]["Dense_1"]["kernel"]
    for _ in range(100):
        _, noticed = net.apply(
            variables, H, LABEL, train=True, mutable=["heads", "spectral"]
        )
        variables |= {"spectral": noticed["spectral"]}
    largest = np.linalg.svd(np.float64(kernel), compute_uv=False)[0]
    said = listen(net, variables, H)[1]["classes"]
    np.testing.assert_allclose(said, np.float64(H) @ kernel / largest, rtol=1e-4)


def test_the_variance_of_a_code_is_an_exponential_that_levels_off_at_e_to_the_five():
    variables = seat(CODES(), H, LABEL)
    small, large = (
        np.log(listen(CODES(), variables, scale * H)[1]["variance"])
        for scale in (1e-3, 1e6)
    )
    one, two = (1e-3 * H @ x["kernel"] for x in layers_of(variables))
    assert min(np.abs(small - each).max() for each in (one, two)) < 1e-6
    np.testing.assert_allclose(np.abs(large), 5, rtol=1e-4)


def layers_of(variables):
    """The layers of `CODES` with as many outputs as there are continuous codes."""
    params = variables["params"].values()
    return [x for x in params if x.get("kernel", H).shape[-1] == 2]


def game(wrap=lambda net: net):
    """A small GAN whose D tells classes, a state of it and a batch."""
    body = mlp.Discriminator(width=4, depth=1, classes=3, head=heads.Classifier)
    gan = GAN(
        g=Player(mlp.Generator((2,), width=4, depth=1), optax.sgd(0.0)),
        d=Player(wrap(body), optax.sgd(0.0)),
        loss=losses.hinge(),
        augment=augment.identity(),
        prior=normal(2),
        ema=optax.constant_schedule(0.0),
    )
    batch = Batch(jnp.ones((4, 2)), LABEL)
    return gan, init(gan, KEY, Turns(batch, batch)), batch


@pytest.mark.parametrize("wrap", [lambda net: net, Mixed, Remat])
def test_a_turn_shows_what_the_head_said_of_either_side(wrap):
    gan, state, batch = game(wrap)
    assert state.d.stats == {}
    turn = make_turn(gan, ONE, state, (KEY, batch))
    real, fake = (np.asarray(look.heads["classes"]) for look in (turn.real, turn.fake))
    assert real.shape == (4, 3)
    assert (real != fake).all()


def test_the_gradient_of_what_a_head_says_reaches_both_networks():
    gan, state, batch = game()

    def cost(g, d):
        seated = state.replace(g=state.g.replace(params=g), d=state.d.replace(params=d))
        return jnp.sum(
            make_turn(gan, ONE, seated, (KEY, batch)).fake.heads["classes"] ** 2
        )

    g, d = jax.grad(cost, (0, 1))(state.g.params, state.d.params)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(d["head"].pop("Dense_0")))
    assert all(np.any(leaf) for leaf in jax.tree.leaves((g, d)))


def sliced_by_hand(params, h, label, real):
    """SAN's loss of D and its gradients in float64, after the equations of the paper.

    The loss is the hinge of <v, |w| h>, in which the direction v = w / |w| is constant,
    and the Wasserstein loss of it, in which v alone is none. `real` are 1 and -1.
    """
    psi = np.float64(params["Dense_0"]["kernel"])[:, 0]
    embed = np.float64(params["Embed_0"]["embedding"])
    h, w = np.float64(h), psi + embed[label]
    norm = np.linalg.norm(w, axis=1, keepdims=True)
    v = w / norm
    logits = (w * h).sum(1) + np.float64(params["Dense_0"]["bias"][0])
    share = 1 / (real > 0).sum()  # as many of either side
    loss = share * (np.maximum(0, 1 - real * logits) - real * (v * norm * h).sum(1))
    slope = -share * real * (real * logits < 1)  # of the hinge by the logit
    along = (v * h).sum(1, keepdims=True)
    by_w = slope[:, None] * along * v - share * real[:, None] * (h - along * v)
    by_embed = np.zeros_like(embed)
    np.add.at(by_embed, label, by_w)
    by = {"kernel": by_w.sum(0), "embedding": by_embed, "bias": slope.sum()}
    return loss.sum(), by, slope[:, None] * w


@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_the_loss_of_a_sliced_head_and_both_gradients_are_the_papers(scale):
    rng = np.random.default_rng(1)
    h = jnp.asarray(rng.normal(0, scale, (12, 5)), jnp.float32)
    label = jnp.arange(12) % 3
    real = np.repeat([1, -1], 6)
    net = heads.Sliced(3)
    params = seat(net, h, label)["params"]

    def loss(params, h):
        logits, sown = net.apply(
            {"params": params}, h, label, train=True, mutable=["heads"]
        )
        direction = sown["heads"]["direction"]
        hinge = losses.hinge().d(logits[:6], logits[6:])
        return hinge + direction[6:].mean() - direction[:6].mean()

    found, (by, by_h) = jax.value_and_grad(loss, (0, 1))(params, h)
    wanted, by_hand, by_h_hand = sliced_by_hand(
        params["head"], h, np.asarray(label), real
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(by_h, by_h_hand, atol=1e-5)
    head = by["head"]
    layers = head["Dense_0"] | head["Embed_0"]
    np.testing.assert_allclose(layers["kernel"][:, 0], by_hand["kernel"], atol=2e-5)
    np.testing.assert_allclose(layers["embedding"], by_hand["embedding"], atol=2e-5)
    np.testing.assert_allclose(layers["bias"][0], by_hand["bias"], atol=1e-6)


def test_a_sliced_head_has_the_logits_of_its_head_and_needs_no_other_weights():
    net, plain = heads.Sliced(3), heads.Projection(3)
    params = seat(net, H, LABEL)["params"]
    sliced, said = listen(net, {"params": params}, H)
    own, _ = listen(plain, {"params": params["head"]}, H)
    np.testing.assert_allclose(sliced, own, atol=1e-6)
    bias = params["head"]["Dense_0"]["bias"][0]
    np.testing.assert_allclose(said["direction"] + bias, own, atol=1e-6)


def test_slicing_turns_the_direction_alone():
    """By the gradient of the term, which is 0 by G, by the features and by |w|."""
    body = mlp.Discriminator(width=4, depth=1, classes=3, head=heads.Sliced)
    gan, *_ = game()
    gan = gan._replace(d=gan.d._replace(net=body))
    batch = Batch(jax.random.normal(KEY, (4, 2)), LABEL)
    state = init(gan, KEY, Turns(batch, batch))
    term = regularizers.slicing(0.5)

    def cost(g, d):
        seated = state.replace(g=state.g.replace(params=g), d=state.d.replace(params=d))
        turn = make_turn(gan, ONE, seated, (KEY, batch))
        gap = turn.fake.heads["direction"].mean() - turn.real.heads["direction"].mean()
        value = term.apply(turn, ())[0]
        return value, gap

    grad = jax.grad(cost, (0, 1), has_aux=True)
    (by_g, by_d), gap = grad(state.g.params, state.d.params)
    assert float(gap) != 0
    np.testing.assert_allclose(cost(state.g.params, state.d.params)[0], gap / 2)
    assert all((np.asarray(x) == 0).all() for x in jax.tree.leaves(by_g))
    of_head = by_d.pop("head")["head"]
    assert all((np.asarray(x) == 0).all() for x in jax.tree.leaves(by_d))
    kernel = np.asarray(of_head["Dense_0"]["kernel"])[:, 0]
    assert np.abs(kernel).max() > 1e-6
    # Without classes the gradient is at a right angle to the weights.
    assert (np.asarray(of_head["Dense_0"]["bias"]) == 0).all()
