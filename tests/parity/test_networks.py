"""Networks of released programs: with the same weights ours compute the same outputs.

`tests.helpers.released` lists them and describes their fixtures.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from weights import drawn

from ganjax.errors import UsageError
from ganjax.layers import modulated
from ganjax.models import stylegan2
from ganjax.pretrained import (
    biggan,
    biggan_deep,
    conversion,
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
from tests.helpers.marks import some
from tests.helpers.processes import FIXTURES
from tests.helpers.released import CASES, seen, weights


EACH = pytest.mark.parametrize("name", some(CASES))
COUNTS = {  # parameters, as counted in the released programs
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
    "stylegan3 r 512": (stylegan3.generator_r(), 16665594),
    "stylegan3 r 1024": (stylegan3.generator_r(1024), 15093151),
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


@pytest.fixture(autouse=True, scope="module")
def traced_once():
    """Every test of a case asks for the shapes of its network, which take a trace."""
    seen = {}

    def shapes(released):
        if id(released) not in seen:
            seen[id(released)] = released, trace(released)
        return seen[id(released)][1]

    trace = conversion.variable_shapes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "variable_shapes", shapes)
        yield


def constant_noise(key, shape, dtype=jnp.float32):
    """Replaces `jax.random.normal` by what the fixtures have in place of noise.

    It depends on the size of the feature map alone, so both programs have the same.
    """
    if len(shape) < 4:
        return jnp.ones(shape)  # not noise, but the initial value of some variable
    side = shape[1]
    return jnp.broadcast_to(
        drawn(f"noise {side}", (side, side))[None, ..., None], shape
    )


# Of a network with and one without classes `make test` takes the one with them, but not
# the largest and not every kind of block.
LARGE = (
    "fastgan_g_1000",
    "projected_d_1000",
    "stylegan2_ada_d_orig_3",
    "stylegan2_ada_d_skip_3",
)


@pytest.mark.parametrize(
    "name",
    some(
        CASES,
        quick=lambda _, name: not name.endswith("_0") and name not in LARGE,
    ),
)
def test_outputs_are_those_of_the_released_network(name, monkeypatch):
    if name.startswith(("stylegan2_ada_g", "r3gan2_g", "fastgan_")):
        monkeypatch.setattr(modulated.jax.random, "normal", constant_noise)
    released = CASES[name].released
    with np.load(FIXTURES / f"{name}.npz") as file:
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

        # PyTorch evaluates with the stored u and v; ours agrees once u has converged.
        if name.startswith("studiogan_d"):
            variables, _ = jax.lax.scan(step, variables, length=300)
        return apply(variables, x, label, train=False)

    made = run(load(released, weights(name)))
    wanted = given["output"]
    if isinstance(made, list):
        made = np.stack(made)
    # Fixtures of large images hold only some of their pixels.
    if "every" in given:
        made = made[:, :: given["every"], :: given["every"]]
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() <= 3e-5 * np.abs(wanted).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stylegan3_t_0", "stylegan3_r_3"])
def test_stylegan3_moves_its_images_as_released(name):
    net = CASES[name].released.net
    with np.load(FIXTURES / f"{name}.npz") as file:
        z, label, transform = (file[key] for key in ("input", "label", "transform"))
        still = file["output"]
        wanted = file["turned"]

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
def test_dump_is_the_inverse_of_load(name):
    released = CASES[name].released
    given = weights(name)
    found = dump(released, load(released, given))
    assert found.keys() == given.keys()
    for key, array in given.items():
        np.testing.assert_array_equal(found[key], array, strict=True)
        assert found[key].dtype == np.float32 and found[key].flags.c_contiguous


@EACH
def test_the_table_has_every_variable_once(name):
    released = CASES[name].released
    paths = [leaf.path for leaf in released.table.values()]
    assert sorted(paths) == sorted(conversion.variable_shapes(released))


@pytest.mark.parametrize("name", some(COUNTS))
def test_there_are_as_many_parameters_as_released(name):
    released, count = COUNTS[name]
    sizes = {
        path: int(np.prod(x.shape))
        for path, x in conversion.variable_shapes(released).items()
    }
    assert sum(n for path, n in sizes.items() if path.startswith("params/")) == count


def test_weights_of_another_network_are_named():
    released = CASES["r3gan_g_0"].released
    given = weights("r3gan_g_0")
    name = "Model.AggregationLayer.Layer.weight"
    with pytest.raises(UsageError, match=f"no tensor {name}"):
        load(released, {k: x for k, x in given.items() if k != name})
    with pytest.raises(UsageError, match="a tensor extra that"):
        load(released, given | {"extra": np.zeros(3)})
    load(released, given | {"Model.x.Resampler.Kernel": np.zeros((4, 4))})
    for wrong in (np.zeros((3, 4, 1, 1)), np.zeros(24), np.zeros(())):
        with pytest.raises(UsageError, match=rf"{name} is .* another size or width"):
            load(released, given | {name: wrong})
