"""Heads that make encoders of discriminators, and the scale of a decoder."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers.autoencoders import Code, LearnedScale, Posterior
from ganjax.models import dcgan, mlp


KEY = jax.random.key(0)
LABEL = jnp.arange(32) % 3
IMAGES = jax.random.normal(KEY, (32, 16, 16, 2))


@pytest.mark.parametrize(("head", "numbers"), [(Posterior, 10), (Code, 5)])
@pytest.mark.parametrize("net", [dcgan, mlp], ids=lambda module: module.__name__)
def test_any_discriminator_is_an_encoder(net, head, numbers):
    e = net.Discriminator(width=4, head=partial(head, latent=5))
    found, _ = e.init_with_output(KEY, IMAGES, LABEL, train=False)
    assert found.shape == (32, numbers)


@pytest.mark.parametrize("head", [Posterior, Code])
def test_an_encoder_knows_classes_if_it_is_made_for_them(head):
    h = jax.random.normal(KEY, (32, 6))
    for classes, differs in ((3, True), (0, False)):
        layer = head(classes, latent=4)
        variables = layer.init(KEY, h, LABEL, train=False)
        one, other = (
            layer.apply(variables, h, label, train=False)
            for label in (LABEL, (LABEL + 1) % 3)
        )
        assert bool(jnp.any(one != other)) == differs


def test_codes_have_the_scale_of_the_prior():
    h = 5 * jax.random.normal(KEY, (32, 6)) + 3
    layer = Code(latent=4, momentum=0.0)
    variables = layer.init(KEY, h, LABEL, train=False)
    assert jax.tree.map(jnp.shape, variables["params"]) == {
        "Dense_0": {"kernel": (6, 4)}
    }
    code, stats = layer.apply(variables, h, LABEL, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(code.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(code.std(0), 1, rtol=1e-3)
    # One at a time they are the same, by the averages of training.
    later = layer.apply({**variables, **stats}, h[:1], LABEL[:1], train=False)
    np.testing.assert_allclose(later, code[:1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("is_log", [True, False])
def test_a_scale_begins_where_it_is_said_and_learns(is_log):
    net = LearnedScale(mlp.Generator((3,), width=4, depth=1), 0.25, (2,), is_log)
    z = jnp.ones((4, 2))
    variables = net.init(KEY, z, LABEL[:4], train=False)
    output = net.apply(variables, z, LABEL[:4], train=False)
    assert output.mean.shape == (4, 3)
    np.testing.assert_allclose(output.log_scale, np.log([0.25, 0.25]), rtol=1e-6)

    def value(params):
        made = net.apply({"params": params}, z, LABEL[:4], train=True)
        return made.log_scale.sum()

    grads = jax.grad(value)(variables["params"])
    name = "log_scale" if is_log else "scale"
    np.testing.assert_allclose(grads[name], 1.0 if is_log else 4.0, rtol=1e-6)
