"""Networks of released programs, with the weights that their fixtures were made of.

`tests/parity/fixtures` holds what the released modules made of drawn weights, by the
scripts of `tools`; here the same weights are drawn anew.
"""

from functools import cache, partial
from typing import NamedTuple

import numpy as np
from weights import by_fan_in, drawn, fill, unit

from ganjax import models
from ganjax.models import stylegan2
from ganjax.pretrained import (
    Released,
    biggan,
    biggan_deep,
    conversion,
    fastgan,
    hifigan,
    projected,
    r3gan,
    r3gan2,
    studiogan,
    stylegan2_ada,
    stylegan3,
    translation,
)
from ganjax.pretrained.conversion import make_inputs, released_shape
from ganjax.pretrained.efficientnet import EfficientNet, Stage


EYE = (  # what the fixtures of Projected GAN's D look with
    *(Stage(1, 3, 1, 1, 8), Stage(1, 3, 2, 2, 8), Stage(2, 5, 2, 2, 16)),
    *(Stage(1, 3, 2, 2, 16), Stage(1, 3, 1, 2, 24), Stage(1, 5, 2, 2, 24)),
)


class Case(NamedTuple):
    """A network of ours, and how large weights and variances of its fixture are."""

    released: Released
    size: object
    variance: float = 1.0


def cases():
    for classes in (0, 3):
        g = partial(stylegan2_ada.generator, 16, 3, classes, 16, 16, 128, 16, 2)
        yield f"stylegan2_ada_g_{classes}", Case(g(psi=0.7), unit)
        d = partial(stylegan2_ada.discriminator, 16, 3, classes, 16, 128, 2, 4)
        blocks = stylegan2.Residual, stylegan2.Straight, stylegan2.Skip
        for name, block in zip(("resnet", "orig", "skip"), blocks, strict=True):
            yield f"stylegan2_ada_d_{name}_{classes}", Case(d(block), unit)
        sizes = 16, 3, classes, 16
        t = partial(stylegan3.generator, *sizes, 8, 64, 16, layers=6)
        r = partial(
            stylegan3.generator_r, *sizes, width=16, base=128, w_dim=16, layers=6
        )
        for name, g in (("t", t), ("r", r)):
            yield f"stylegan3_{name}_{classes}", Case(g(psi=0.7), unit)
        stages = (16, 16, 8), (4, 4, 2), 2, classes
        yield f"r3gan_g_{classes}", Case(r3gan.generator(*stages, 5), by_fan_in)
        yield f"r3gan_d_{classes}", Case(r3gan.discriminator(*stages), by_fan_in)
        stages = (32, 32, 16), 2, classes
        yield f"r3gan2_g_{classes}", Case(r3gan2.generator(*stages, 5), unit)
        yield f"r3gan2_d_{classes}", Case(r3gan2.discriminator(*stages), unit)
        g, d = studiogan.generator(8, classes, 5), studiogan.discriminator(8, classes)
        yield f"studiogan_g_{classes}", Case(g, by_fan_in)
        yield f"studiogan_d_{classes}", Case(d, by_fan_in)
    for name, size, convs in (("g", 256, 2), ("lite", 128, 1)):
        for classes in (0, 1000):
            g = fastgan.generator(size, 3, 4, classes, 6, convs)
            yield f"fastgan_{name}_{classes}", Case(g, by_fan_in, 0.35)
    small = {"blocks": 5, "width": 4, "side": 16}
    yield "cyclegan_g", Case(translation.cyclegan_g(**small), by_fan_in)
    yield "cut_g", Case(translation.cut_g(**small), by_fan_in)
    yield "pix2pix_g", Case(translation.pix2pix_g((1, 2, 4, 8, 8, 8), 4), by_fan_in)
    small = {"halvings": 2, "width": 4, "side": 16}
    yield "cyclegan_d", Case(translation.cyclegan_d(**small), by_fan_in)
    yield "cut_d", Case(translation.cut_d(**small), by_fan_in)
    yield "pix2pix_d", Case(translation.pix2pix_d(**small), by_fan_in)
    yield "cut_f", Case(translation.cut_f((3, 8, 16, 16, 16), 8, 12), by_fan_in)
    eye = EfficientNet(8, EYE, (1, 2, 4, 5))
    for classes in (0, 1000):
        d = projected.discriminator(classes, 128, eye, 8)
        yield f"projected_d_{classes}", Case(d, by_fan_in, 0.35)
    yield "biggan_g", Case(biggan.generator(32, 3, 16, 4, 6, 16), by_fan_in)
    yield "biggan_d", Case(biggan.discriminator(64, 3, 4, 16), by_fan_in)
    yield "biggan_deep_g", Case(biggan_deep.generator(64, 3, 5, 2, 6, 16), by_fan_in)
    yield "biggan_deep_d", Case(biggan_deep.discriminator(64, 3, 4, 16), by_fan_in)
    v3 = {**models.hifigan.V3, "width": 16}
    yield "hifigan_g", Case(hifigan.generator(16), by_fan_in)
    yield "hifigan_g_v3", Case(hifigan.generator(**v3), by_fan_in)
    yield "hifigan_mpd", Case(hifigan.multi_period(4), by_fan_in)
    yield "hifigan_msd", Case(hifigan.multi_scale(16), by_fan_in)


CASES = dict(cases())


@cache
def weights(name):
    """The drawn tensors of a case, by the released program's names."""
    released, size, variance = CASES[name]
    ours = conversion.variable_shapes(released)
    turned = {
        theirs: released_shape(leaf, ours[leaf.path].shape)
        for theirs, leaf in released.table.items()
    }
    return fill(turned, size, variance)


def seen(released):
    """What a fixture that holds no input was made of."""
    if isinstance(released.input_shape, list):
        names = (f"features {i}" for i in range(len(released.input_shape)))
        return make_inputs(released, lambda x: np.tanh(drawn(next(names), (4, *x))))
    return np.tanh(drawn("image", (4, *released.input_shape)))
