"""Networks of released programs: ours with their weights does what they do.

`tests/released` holds what the released modules made of drawn weights, by the scripts of
`experiments/released`; here the same weights are drawn anew.
"""

import sys
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import Mistake
from ganjax.models import modulated, stylegan2
from ganjax.models.efficientnet import EfficientNet, Stage
from ganjax.released import (
    Released,
    biggan,
    biggan_deep,
    dump,
    fastgan,
    load,
    projected,
    r3gan,
    r3gan2,
    studiogan,
    stylegan2_ada,
    stylegan3,
    translation,
)
from ganjax.released.names import inputs, shape_there, shapes
from tests.support import some


ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "experiments" / "released"))
from weights import by_fan_in, drawn, fill, unit  # noqa: E402


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
        r = partial(stylegan3.rotated, *sizes, width=16, base=128, w_dim=16, layers=6)
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


CASES = dict(cases())
EACH = pytest.mark.parametrize("name", some(CASES))
COUNTS = {  # as the released modules count themselves
    "stylegan2_ada cifar g": (stylegan2_ada.generator(32, depth=2), 19947539),
    "stylegan2_ada cifar d": (
        stylegan2_ada.discriminator(32, depth=2, block=stylegan2.Straight),
        20720641,
    ),
    "stylegan2_ada cifar classes g": (
        stylegan2_ada.generator(32, classes=10, depth=2),
        20215315,
    ),
    "stylegan2_ada cifar classes d": (
        stylegan2_ada.discriminator(32, 3, 10, depth=2, block=stylegan2.Straight),
        21513728,
    ),
    "stylegan2_ada 256 g": (stylegan2_ada.generator(base=16384), 24767458),
    "stylegan2_ada 256 d": (stylegan2_ada.discriminator(base=16384), 24001089),
    "stylegan2_ada 1024 g": (stylegan2_ada.generator(1024), 30370060),
    "stylegan2_ada 1024 d": (stylegan2_ada.discriminator(1024), 29012513),
    "biggan 128 g": (biggan.generator(), 70433988),
    "biggan 128 d": (biggan.discriminator(), 87982370),
    "biggan_deep 128 g": (biggan_deep.generator(), 50244484),
    "biggan_deep 128 d": (biggan_deep.discriminator(), 34590210),
    "biggan_deep 256 g": (biggan_deep.generator(256), 55736708),
    "biggan_deep 256 d": (biggan_deep.discriminator(256), 38247426),
    "studiogan cifar g": (studiogan.generator(), 4304387),
    "studiogan cifar d": (studiogan.discriminator(), 1055105),
    "studiogan cifar without classes g": (studiogan.generator(classes=0), 4276739),
    "studiogan cifar without classes d": (studiogan.discriminator(classes=0), 1053825),
    "fastgan 256 g": (fastgan.generator(), 105684175),
    "fastgan 512 g": (fastgan.generator(512), 105870961),
    "fastgan 1024 g": (fastgan.generator(1024), 105884483),
    "fastgan classes g": (fastgan.generator(classes=1000), 110527689),
    "fastgan lite 256 g": (fastgan.generator(convs=1), 79354307),
    "fastgan lite 1024 g": (fastgan.generator(1024, convs=1), 79531379),
    "fastgan lite classes g": (fastgan.generator(classes=1000, convs=1), 81904067),
    "cyclegan g": (translation.cyclegan_g(), 11378179),
    "cyclegan 128 g": (translation.cyclegan_g(6, side=128), 7837699),
    "cyclegan d": (translation.cyclegan_d(), 2764737),
    "cyclegan deeper d": (translation.cyclegan_d(5), 11154369),
    "cut g": (translation.cut_g(), 11378179),
    "cut d": (translation.cut_d(), 2764737),
    "cut f": (translation.cut_f(), 560384),
    "pix2pix 256 g": (translation.pix2pix_g(), 54413955),
    "pix2pix 128 g": (translation.pix2pix_g((1, 2, 4, 8, 8, 8, 8)), 41828995),
    "pix2pix d": (translation.pix2pix_d(), 2768705),
    "projected d": (projected.discriminator(), 10331328),
    "projected classes d": (projected.discriminator(1000), 12940736),
    "stylegan3 t 512": (stylegan3.generator(), 24873519),
    "stylegan3 t 1024": (stylegan3.generator(1024), 22313167),
    "stylegan3 r 512": (stylegan3.rotated(), 16665594),
    "stylegan3 r 1024": (stylegan3.rotated(1024), 15093151),
    "r3gan cifar g": (r3gan.generator(), 20781952),
    "r3gan cifar d": (r3gan.discriminator(), 21280512),
    "r3gan ffhq g": (
        r3gan.generator((768,) * 4 + (384,), (96,) * 4 + (48,), classes=0),
        22429824,
    ),
    "r3gan ffhq d": (
        r3gan.discriminator((768,) * 4 + (384,), (96,) * 4 + (48,), classes=0),
        22381440,
    ),
    "r3gan2 cifar g": (r3gan2.generator(), 17335425),
    "r3gan2 cifar d": (r3gan2.discriminator(), 17720832),
    "r3gan2 ffhq 64 g": (r3gan2.generator((512,) * 4, classes=0), 22653441),
    "r3gan2 ffhq 64 d": (r3gan2.discriminator((512,) * 4, classes=0), 22572544),
    "r3gan2 ffhq 256 g": (
        r3gan2.generator((512,) * 4 + (256, 128), classes=0),
        24855425,
    ),
    "r3gan2 ffhq 256 d": (
        r3gan2.discriminator((512,) * 4 + (256, 128), classes=0),
        24771456,
    ),
    "r3gan2 imagenet 32 g": (r3gan2.generator((1024,) * 3, classes=1000), 60947969),
    "r3gan2 imagenet 32 d": (r3gan2.discriminator((1024,) * 3, classes=1000), 63718400),
}


@cache
def weights(name):
    """The drawn tensors of a case, by the released program's names."""
    released, size, variance = CASES[name]
    ours = shapes(released)
    turned = {
        there: shape_there(leaf, ours[leaf.path].shape)
        for there, leaf in released.table.items()
    }
    return fill(turned, size, variance)


def seen(released):
    """What a fixture that holds no input was made of."""
    if isinstance(released.shape, list):
        names = (f"features {i}" for i in range(len(released.shape)))
        return inputs(released, lambda x: np.tanh(drawn(next(names), (4, *x))))
    return np.tanh(drawn("image", (4, *released.shape)))


def constant_noise(key, shape, dtype=jnp.float32):
    """What the fixtures have in place of noise: the same for every image and layer."""
    if len(shape) < 4:
        return jnp.ones(shape)  # no noise: a value at the start
    side = shape[1]
    return jnp.broadcast_to(
        drawn(f"noise {side}", (side, side))[None, ..., None], shape
    )


@EACH
def test_ours_makes_of_their_weights_what_theirs_made(name, monkeypatch):
    if name.startswith(("stylegan2_ada_g", "r3gan2_g", "fastgan_")):
        monkeypatch.setattr(modulated.jax.random, "normal", constant_noise)
    released = CASES[name].released
    with np.load(ROOT / "tests" / "released" / f"{name}.npz") as file:
        given = dict(file)
    x = jax.tree.map(jnp.asarray, given.get("input", seen(released)))
    label = jnp.asarray(given["label"], jnp.int32)
    rngs = {"noise": jax.random.key(0)}
    apply = partial(released.net.apply, rngs=rngs)

    @jax.jit
    def run(variables):
        def step(variables, _):
            _, moved = apply(variables, x, label, train=True, mutable="spectral")
            return {**variables, **moved}, None

        if name.startswith("studiogan_d"):  # until u has settled
            variables, _ = jax.lax.scan(step, variables, length=300)
        return apply(variables, x, label, train=False)

    made, wanted = run(load(released, weights(name))), given["output"]
    made = np.stack(made) if isinstance(made, list) else made
    if "every" in given:
        made = made[:, :: given["every"], :: given["every"]]
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() <= 3e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("name", ["stylegan3_t_0", "stylegan3_r_3"])
def test_stylegan3_moves_its_images_as_theirs(name):
    net = CASES[name].released.net
    with np.load(ROOT / "tests" / "released" / f"{name}.npz") as file:
        z, label, transform = (file[key] for key in ("input", "label", "transform"))
        still, wanted = file["output"], file["turned"]

    @jax.jit
    def run(variables, z, label, transform):
        w = net.apply(variables, z, label, train=False, method="mapping")
        given = {"train": False, "transform": transform, "method": "synthesis"}
        return net.apply(variables, w, **given)

    variables = load(CASES[name].released, weights(name))
    made = run(variables, z, label.astype(np.int32), transform)
    assert np.abs(still - wanted).max() > 0.1 * np.abs(wanted).max()
    assert np.abs(made - wanted).max() <= 1e-5 * np.abs(wanted).max()


@EACH
def test_what_is_loaded_is_dumped_to_the_bit(name):
    released = CASES[name].released
    given = weights(name)
    found = dump(released, load(released, given))
    assert found.keys() == given.keys()
    for key, array in given.items():
        np.testing.assert_array_equal(found[key], array, strict=True)
        assert found[key].dtype == np.float32 and found[key].flags.c_contiguous


@EACH
def test_the_table_covers_the_network(name):
    released = CASES[name].released
    here = [leaf.path for leaf in released.table.values()]
    assert sorted(here) == sorted(shapes(released))


@pytest.mark.parametrize("name", COUNTS)
def test_there_are_as_many_parameters_as_released(name):
    released, count = COUNTS[name]
    sizes = {path: int(np.prod(x.shape)) for path, x in shapes(released).items()}
    assert sum(n for path, n in sizes.items() if path.startswith("params/")) == count


def test_weights_of_another_network_are_named():
    released = CASES["r3gan_g_0"].released
    given = weights("r3gan_g_0")
    name = "Model.AggregationLayer.Layer.weight"
    with pytest.raises(Mistake, match=f"no tensor {name}"):
        load(released, {k: x for k, x in given.items() if k != name})
    with pytest.raises(Mistake, match="a tensor extra that"):
        load(released, given | {"extra": np.zeros(3)})
    load(released, given | {"Model.x.Resampler.Kernel": np.zeros((4, 4))})
    for wrong in (np.zeros((3, 4, 1, 1)), np.zeros(24), np.zeros(())):
        with pytest.raises(Mistake, match=rf"{name} is .* another size or width"):
            load(released, given | {name: wrong})
