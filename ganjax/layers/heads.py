"""Heads of discriminators: from features [b, c] and classes to logits [b].

A head is how a discriminator treats classes. Every head is made as
`head(classes, wrap, use_bias, kernel_init)` and called as `head(h, label, train=train)`,
so that any discriminator takes any of them. The four arguments are fields of every head:

- `classes`: The number of classes.
- `wrap`: What each layer is wrapped in, such as `SpectralNorm`.
- `use_bias`: Whether the layer that gives the logits has a bias.
- `kernel_init`: The initializer of all kernels and embeddings.

`h` are the features of D's last layer, `label` the classes of the images. Here, only
`Projection`, and a head that contains it, uses the label for its logits; the others ignore
it, and regularizers compare it with what they sow.

Losses on D often need more than the logits, such as the logits of the classes. A head
sows such arrays by name into the collection "heads"; regularizers find them in
`turn.real.heads` and `turn.fake.heads`. Every head sows "features", its input h.
"""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers.spectral_norm import Wrap, identity_wrap


DEFAULT_KERNEL_INIT = nn.initializers.lecun_normal()
# The field `head` of networks: a function (classes, wrap, use_bias, kernel_init) -> a head,
# of which an argument may also be the head's name. Networks that need the classes alone
# leave the others out. The head is called as `head(h, label, train=train)`.
Head = Callable[..., Callable[..., Array]]


def sow_heads(module: nn.Module, arrays: Mapping[str, Array]) -> None:
    """Stores arrays of this forward pass in the collection "heads", for regularizers.

    Unlike `module.sow` alone, a second array of the same name replaces the first one, and
    nothing is stored while the module is initialized.

    Args:
        module: The module that is being called.
        arrays: The arrays by the names that regularizers know them by.
    """
    # `init` would return what is sown as one more collection of the network's state.
    if not module.is_initializing():
        for name, value in arrays.items():
            module.sow("heads", name, value, lambda _, new: new, lambda: jnp.zeros(()))


def check_has_classes(head: str, classes: int) -> None:
    """Raises a `UsageError` if a head that classifies is made without classes."""
    if classes < 1:
        raise UsageError(
            f"The head {head} needs classes, and D was made for {classes}: give the number "
            "of classes, or use another head."
        )


class Projection(nn.Module):
    """A projection head: psi(h) + <embed(label), h> (Miyato & Koyama, 2018, equation 3).

    psi is linear. Without classes the logit is psi(h), and the label is ignored.
    """

    classes: int = 0
    wrap: Wrap = identity_wrap
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = DEFAULT_KERNEL_INIT

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        sow_heads(self, {"features": h})
        psi = nn.Dense(1, use_bias=self.use_bias, kernel_init=self.kernel_init)
        logits = self.wrap(psi)(h, train=train)[:, 0]
        if not self.classes:
            return logits
        embed = nn.Embed(self.classes, h.shape[-1], embedding_init=self.kernel_init)
        return logits + jnp.sum(self.wrap(embed)(label, train=train) * h, axis=-1)


class Classifier(nn.Module):
    """An auxiliary classifier next to the logit psi(h), as in AC-GAN (Odena et al., 2017).

    It sows the logits of the classes, "classes" [b, outputs_per_class * classes]. The
    layers that classify have no bias, whatever `use_bias` is.

    Attributes:
        outputs_per_class: One, or two for real and generated images of the class (Hou et
            al., 2022).
        twin: Whether to add TAC-GAN's second classifier, which is trained on generated
            images only (Gong et al., 2019). Its logits are sown as "twin classes".
    """

    classes: int
    wrap: Wrap = identity_wrap
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = DEFAULT_KERNEL_INIT
    outputs_per_class: int = 1
    twin: bool = False

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        check_has_classes("Classifier", self.classes)
        # Flax names layers by their order, so the optional twin comes last.
        logits = _dense(self, h, 1, self.use_bias, train)[:, 0]
        count = self.outputs_per_class * self.classes
        classes = _dense(self, h, count, False, train)
        sow_heads(self, {"features": h, "classes": classes})
        if self.twin:
            sow_heads(self, {"twin classes": _dense(self, h, count, False, train)})
        return logits


class Contrastive(nn.Module):
    """Embeddings of images and classes next to the logit psi(h), for contrastive losses.

    It sows "embed" [b, embedding_size], a linear function of h, and "proxies"
    [outputs_per_class * classes, embedding_size], a learned point for each class, as in
    ContraGAN (Kang & Park, 2020) and ReACGAN (Kang et al., 2021). The layer of the
    embeddings has a bias, whatever `use_bias` is.

    Attributes:
        embedding_size: The number of dimensions of an embedding.
        outputs_per_class: As in `Classifier`.
        twin: As in `Classifier`; it sows "twin embed" and "twin proxies".
    """

    classes: int
    wrap: Wrap = identity_wrap
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = DEFAULT_KERNEL_INIT
    embedding_size: int = 512
    outputs_per_class: int = 1
    twin: bool = False

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        check_has_classes("Contrastive", self.classes)
        size = self.embedding_size

        def proxies():
            count = self.outputs_per_class * self.classes
            layer = nn.Embed(count, size, embedding_init=self.kernel_init)
            return self.wrap(layer)(jnp.arange(count), train=train)

        logits = _dense(self, h, 1, self.use_bias, train)[:, 0]
        # Neither is of unit length: the losses normalize them.
        embed = _dense(self, h, size, True, train)
        sow_heads(self, {"features": h, "embed": embed, "proxies": proxies()})
        if self.twin:
            embed = _dense(self, h, size, True, train)
            sow_heads(self, {"twin embed": embed, "twin proxies": proxies()})
        return logits


class MultiHinge(nn.Module):
    """A classifier with one more class, the last, for fakes (Kavalerov et al., 2021).

    It sows its logits, "classes" [b, classes + 1]. The logit of the head is the margin by
    which the best class exceeds the class of the fakes.
    """

    classes: int
    wrap: Wrap = identity_wrap
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = DEFAULT_KERNEL_INIT

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        check_has_classes("MultiHinge", self.classes)
        layer = nn.Dense(self.classes + 1, self.use_bias, kernel_init=self.kernel_init)
        classes = self.wrap(layer)(h, train=train)
        sow_heads(self, {"features": h, "classes": classes})
        return classes[:, :-1].max(axis=-1) - classes[:, -1]


class Codes(nn.Module):
    """InfoGAN's Q, which infers latent codes, next to another head (Chen et al., 2016).

    It sows the logits of the discrete codes, "codes" [b, num_discrete, num_values], and
    the Gaussians of the continuous ones, "mean" and "variance" [b, num_continuous]. The
    layers of Q have no bias, whatever `use_bias` is.

    Attributes:
        num_discrete: The number of discrete codes.
        num_values: The number of values of each discrete code.
        num_continuous: The number of continuous codes.
        head: The head that gives the logits.
    """

    classes: int = 0
    wrap: Wrap = identity_wrap
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = DEFAULT_KERNEL_INIT
    num_discrete: int = 1
    num_values: int = 10
    num_continuous: int = 2
    head: Head = Projection

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        # Q shares all of D but these three layers.
        codes = _dense(self, h, self.num_discrete * self.num_values, False, train)
        codes = codes.reshape(len(h), self.num_discrete, self.num_values)
        # The log-variance is kept within -5..5, as large features would make Q far too
        # sure of a wrong code.
        log_variance = _dense(self, h, self.num_continuous, False, train)
        variance = jnp.exp(5 * jnp.tanh(log_variance / 5))
        mean = _dense(self, h, self.num_continuous, False, train)
        sow_heads(self, {"codes": codes, "mean": mean, "variance": variance})
        head = self.head(self.classes, self.wrap, self.use_bias, self.kernel_init)
        return head(h, label, train=train)


class Sliced(nn.Module):
    """SAN: a head whose last layer is a normalized direction (Takida et al., 2024).

    Where the logits of `head` are a linear function of the features, <w, h> + b, the two
    factors of <w / |w|, |w| h> learn different things: the features and |w| from the loss,
    with the direction held fixed, and the direction from a Wasserstein loss, by which it
    separates real from generated features as far as it can. So the logits are those of
    `head`, without a gradient by the direction; and <w / |w|, |w| h> is sown as "direction"
    [b], with a gradient by the direction alone, for `regularizers.slicing`. D needs both.
    With classes, each has the direction of its own weights.

    Penalties on the gradient by images, such as R1, change the features and |w| alone.

    Attributes:
        head: The head, whose logits are linear in the features.
    """

    classes: int = 0
    wrap: Wrap = identity_wrap
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = DEFAULT_KERNEL_INIT
    head: Head = Projection

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        head = self.head(
            self.classes, self.wrap, self.use_bias, self.kernel_init, name="head"
        )

        def logits_of(head, h):
            return head(h, label, train=train)

        # The weights w of each row, whichever layers they are made of, are the gradient of
        # its logit by its features.
        assert isinstance(head, nn.Module)
        logits, backward = nn.vjp(logits_of, head, h)
        _, w = backward(jnp.ones_like(logits))
        # The small number is for weights of zero, such as those of an unused class.
        norm = jnp.sqrt(jnp.sum(w**2, axis=-1, keepdims=True) + 1e-12)
        direction, scaled = w / norm, norm * h
        hold = jax.lax.stop_gradient
        sow_heads(self, {"direction": jnp.sum(direction * hold(scaled), axis=-1)})
        bias = logits - jnp.sum(w * h, axis=-1)
        return jnp.sum(hold(direction) * scaled, axis=-1) + bias


def _dense(
    head: Classifier | Contrastive | Codes,
    h: Float[Array, "b c"],
    features: int,
    use_bias: bool,
    train: bool,
) -> Float[Array, "b d"]:
    """Applies a new dense layer of a head to h, with the head's wrap and initializer."""
    layer = nn.Dense(features, use_bias, kernel_init=head.kernel_init)
    return head.wrap(layer)(h, train=train)
