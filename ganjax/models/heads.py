"""What D ends with: from features [b, c] and classes to logits [b].

Every head is made as `head(classes, wrap, use_bias, kernel_init)` and called as
`head(h, label, train=train)`, so that a discriminator takes any of them; what else a head
knows of the images it tells the regularizers, who find it in `turn.real.heads` and
`turn.fake.heads` under the names given here. Every one tells "features", its h.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import layers


Wrap = Callable[[nn.Module], Callable[..., Any]]
INIT = nn.initializers.lecun_normal()


def tell(module: nn.Module, **said: Array) -> None:
    """Lets regularizers see arrays of this pass, in the collection "heads"."""
    if not module.is_initializing():
        for name, value in said.items():
            module.sow("heads", name, value, lambda _, new: new, lambda: jnp.zeros(()))


def needs_classes(head: str, classes: int) -> None:
    """Raises a `Mistake` for a head that is made for classes where there are none."""
    if classes < 1:
        raise Mistake(
            f"The head {head} tells classes apart, and D was made for {classes}: give the "
            "number of classes, or another head."
        )


class Projection(nn.Module):
    """psi(h) + <embed(label), h> (Miyato & Koyama, 2018, eq. 3); psi(h) of no classes."""

    classes: int = 0
    wrap: Wrap = layers.plain
    use_bias: bool = True
    kernel_init: Callable[..., Array] = INIT

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        tell(self, features=h)
        dense = nn.Dense(1, use_bias=self.use_bias, kernel_init=self.kernel_init)
        logits = self.wrap(dense)(h, train=train)[:, 0]
        if not self.classes:
            return logits
        embed = nn.Embed(self.classes, h.shape[-1], embedding_init=self.kernel_init)
        return logits + jnp.sum(self.wrap(embed)(label, train=train) * h, axis=-1)


class Classifier(nn.Module):
    """psi(h), and logits "classes" [b, k] by another layer (Odena et al., 2017).

    `outputs` says how many there are for each class: one, or two to tell real and fake
    ones apart (Hou et al., 2022). `twin` adds "twin classes", the same by a further
    layer (Gong et al., 2019), which learns the classes of the fakes.
    """

    classes: int
    wrap: Wrap = layers.plain
    use_bias: bool = True
    kernel_init: Callable[..., Array] = INIT
    outputs: int = 1
    twin: bool = False

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        needs_classes("Classifier", self.classes)

        def dense(features, use_bias):
            layer = nn.Dense(features, use_bias, kernel_init=self.kernel_init)
            return self.wrap(layer)(h, train=train)

        logits, width = dense(1, self.use_bias)[:, 0], self.outputs * self.classes
        tell(self, features=h, classes=dense(width, False))
        if self.twin:
            tell(self, **{"twin classes": dense(width, False)})
        return logits


class Contrastive(nn.Module):
    """psi(h), where h lies, "embed" [b, e], and where classes lie, "proxies" [k, e].

    For losses between data and data (Kang & Park, 2020; Kang et al., 2021). `outputs` and
    `twin` are a `Classifier`'s; the twins are "twin embed" and "twin proxies".
    """

    classes: int
    wrap: Wrap = layers.plain
    use_bias: bool = True
    kernel_init: Callable[..., Array] = INIT
    size: int = 512  # of an embedding
    outputs: int = 1
    twin: bool = False

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        needs_classes("Contrastive", self.classes)

        def dense(features, use_bias):
            layer = nn.Dense(features, use_bias, kernel_init=self.kernel_init)
            return self.wrap(layer)(h, train=train)

        def proxies():
            count = self.outputs * self.classes
            layer = nn.Embed(count, self.size, embedding_init=self.kernel_init)
            return self.wrap(layer)(jnp.arange(count), train=train)

        logits = dense(1, self.use_bias)[:, 0]
        tell(self, features=h, embed=dense(self.size, True), proxies=proxies())
        if self.twin:
            said = {"twin embed": dense(self.size, True), "twin proxies": proxies()}
            tell(self, **said)
        return logits


class MultiHinge(nn.Module):
    """A logit for every class and one, the last, for fakes: "classes" [b, k + 1].

    Kavalerov et al. (2021). The logit given is how far the best class is above "fake".
    """

    classes: int
    wrap: Wrap = layers.plain
    use_bias: bool = True
    kernel_init: Callable[..., Array] = INIT

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        needs_classes("MultiHinge", self.classes)
        init = self.kernel_init
        layer = nn.Dense(self.classes + 1, self.use_bias, kernel_init=init)
        classes = self.wrap(layer)(h, train=train)
        tell(self, features=h, classes=classes)
        return classes[:, :-1].max(axis=-1) - classes[:, -1]


class Codes(nn.Module):
    """A head, and InfoGAN's Q beside it (Chen et al., 2016, section 6).

    It tells of each of `discrete` codes the logits of its `values`, "codes" [b, n, v],
    and of each of `continuous` ones "mean" and "variance" [b, m]. Its logarithm stays
    within 5 of 0, as features that are large would have Q all too sure of what is wrong.
    """

    classes: int = 0
    wrap: Wrap = layers.plain
    use_bias: bool = True
    kernel_init: Callable[..., Array] = INIT
    discrete: int = 1
    values: int = 10
    continuous: int = 2
    head: Callable[..., Callable[..., Any]] = Projection

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        def dense(features):
            layer = nn.Dense(features, False, kernel_init=self.kernel_init)
            return self.wrap(layer)(h, train=train)

        shape = len(h), self.discrete, self.values
        codes = dense(self.discrete * self.values).reshape(shape)
        variance = jnp.exp(5 * jnp.tanh(dense(self.continuous) / 5))
        tell(self, codes=codes, mean=dense(self.continuous), variance=variance)
        fields = self.classes, self.wrap, self.use_bias, self.kernel_init
        return self.head(*fields)(h, label, train=train)
