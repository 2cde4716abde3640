"""Which networks describe released programs, and the names of what these programs have.

`tests.parity.test_networks` compares what the networks compute; here no network is run.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
import pytest

from ganjax.errors import UsageError
from ganjax.layers import filtered
from ganjax.models import stylegan2
from ganjax.pretrained import (
    biggan,
    biggan_deep,
    efficientnet,
    fastgan,
    projected,
    r3gan,
    r3gan2,
    studiogan,
    stylegan2_ada,
    stylegan3,
    translation,
)
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    GAIN,
    PLAIN,
    ROW,
    TABLE,
    TRANSPOSED_CONV,
    Leaf,
)


SKIP = stylegan2.Skip
EYE = efficientnet.EfficientNet(
    4,
    tuple(
        efficientnet.Stage(n, 3, 1, 1 + (i > 0), 4)
        for i, n in enumerate((1, 2, 1, 1, 1, 1, 1))
    ),
    (1, 2, 4, 6),
)
STYLE_G = ("size", "channels", "classes", "latent", "width", "base", "w_dim", "depth")
STYLE_D = ("side", "depth of images", "classes", "width", "base", "depth", "group")
# Of each function: the names of its network's fields in the order of arguments, arguments
# that all differ, and the defaults. "latent" is the length of the input, "side" its side.
FIELDS = {
    "biggan g": (
        biggan.generator,
        ("size", "classes", "latent", "ch", "shared_dim", "attention_resolution"),
        (32, 3, 7, 4, 6, 16),
        (128, 1000, 120, 96, 128, 64),
    ),
    "biggan d": (
        biggan.discriminator,
        ("side", "classes", "first width", "attention_resolution"),
        (256, 3, 4, 16),
        (128, 1000, 96, 64),
    ),
    "biggan_deep g": (
        biggan_deep.generator,
        ("size", "classes", "latent", "ch", "shared_dim", "attention_resolution")
        + ("depth",),
        (32, 3, 7, 4, 6, 16, 5),
        (128, 1000, 128, 128, 128, 64, 2),
    ),
    "biggan_deep d": (
        biggan_deep.discriminator,
        ("side", "classes", "ch", "attention_resolution", "depth"),
        (32, 3, 4, 16, 5),
        (128, 1000, 128, 64, 2),
    ),
    "fastgan g": (
        fastgan.generator,
        ("size", "channels", "width", "classes", "latent", "convs"),
        (128, 5, 4, 3, 7, 1),
        (256, 3, 128, 0, 256, 2),
    ),
    "projected d": (
        projected.discriminator,
        ("classes", "input_size", "", "projector_width"),
        (3, 128, EYE, 8),
        (0, 224, efficientnet.EfficientNet(), 64),
    ),
    "r3gan g": (
        r3gan.generator,
        ("widths", "cardinalities", "blocks", "classes", "latent", "channels"),
        ((8, 4), (2, 1), 3, 6, 7, 5),
        ((768,) * 4, (96,) * 4, 2, 10, 64, 3),
    ),
    "r3gan d": (
        r3gan.discriminator,
        ("widths", "cardinalities", "blocks", "classes", "depth of images"),
        ((8, 4), (2, 1), 3, 6, 5),
        ((768,) * 4, (96,) * 4, 2, 10, 3),
    ),
    "r3gan2 g": (
        r3gan2.generator,
        ("widths", "blocks", "classes", "latent", "channels", "dtype"),
        ((64, 32), 3, 6, 7, 5, jnp.bfloat16),
        ((512,) * 3, 4, 10, 64, 3, jnp.float32),
    ),
    "r3gan2 d": (
        r3gan2.discriminator,
        ("widths", "blocks", "classes", "depth of images", "dtype"),
        ((64, 32), 3, 6, 5, jnp.bfloat16),
        ((512,) * 3, 4, 10, 3, jnp.float32),
    ),
    "studiogan g": (
        studiogan.generator,
        ("width", "classes", "latent"),
        (8, 3, 7),
        (256, 10, 128),
    ),
    "studiogan d": (studiogan.discriminator, ("width", "classes"), (8, 3), (128, 10)),
    "stylegan2_ada g": (
        stylegan2_ada.generator,
        (*STYLE_G, "psi"),
        (16, 1, 3, 7, 8, 64, 5, 2, 0.7),
        (256, 3, 0, 512, 512, 32768, 512, 8, 1.0),
    ),
    "stylegan2_ada d": (
        stylegan2_ada.discriminator,
        (*STYLE_D, "block"),
        (16, 1, 3, 8, 64, 2, 5, SKIP),
        (256, 3, 0, 512, 32768, 8, 4, stylegan2.Residual),
    ),
    "stylegan3 t": (
        stylegan3.generator,
        (*STYLE_G, "psi", "layers", "kernel", "downsample"),
        (16, 1, 3, 7, 8, 64, 5, 1, 0.7, 6, 1, filtered.downsample_radial),
        (512, 3, 0, 512, 512, 32768, 512, 2, 1.0, 14, 3)
        + (filtered.downsample_separable,),
    ),
    "stylegan3 r": (
        stylegan3.generator_r,
        ("size", "channels", "width", "base", "kernel", "downsample"),
        (),
        (512, 3, 1024, 65536, 1, filtered.downsample_radial),
    ),
    "cyclegan g": (
        translation.cyclegan_g,
        ("blocks", "width", "both channels", "side"),
        (5, 4, (1, 2), 16),
        (9, 64, (3, 3), 256),
    ),
    "cut g": (
        translation.cut_g,
        ("blocks", "width", "both channels", "side"),
        (5, 4, (1, 2), 16),
        (9, 64, (3, 3), 256),
    ),
    "pix2pix g": (
        translation.pix2pix_g,
        ("multipliers", "width", "both channels"),
        ((1, 2, 4), 8, (1, 2)),
        ((1, 2, 4, 8, 8, 8, 8, 8), 64, (3, 3)),
    ),
    "cyclegan d": (
        translation.cyclegan_d,
        ("halvings", "width", "depth of images", "side"),
        (2, 4, 5, 16),
        (3, 64, 3, 256),
    ),
    "cut d": (
        translation.cut_d,
        ("halvings", "width", "depth of images", "side"),
        (2, 4, 5, 16),
        (3, 64, 3, 256),
    ),
    "pix2pix d": (
        translation.pix2pix_d,
        ("halvings", "width", "depth of images", "side"),
        (2, 4, 5, 16),
        (3, 64, 6, 256),
    ),
}


def field(released, name):
    """What the network or its input has in the place of an argument."""
    net, shape = released.net, released.input_shape
    if name == "latent":
        assert len(shape) == 1
        return shape[0]
    if name == "side":
        assert shape[0] == shape[1] and len(shape) == 3
        return shape[0]
    if name == "depth of images":
        return shape[2]
    if name == "first width":
        return net.widths[0]
    if name == "both channels":
        return shape[2], net.channels
    if name == "depth" and not hasattr(net, name):
        return net.head.keywords["depth"]
    if name == "convs":
        assert len(net.convs) == 1
        return net.convs[0]
    return getattr(net, name)


@pytest.mark.parametrize("name", FIELDS)
def test_each_argument_is_what_it_says_of_the_network(name):
    make, names, arguments, defaults = FIELDS[name]
    for given, wanted in ((arguments, arguments), ((), defaults)):
        if not wanted:
            continue
        released = make(*given)
        assert isinstance(released.net, nn.Module)
        assert len(names) == len(wanted)
        for each, value in zip(names, wanted, strict=True):
            # The eye of Projected GAN's D is known by its tensors, see below.
            assert not each or field(released, each) == value, each


def test_images_are_as_large_as_the_widths_say():
    assert r3gan.discriminator((8, 4, 4), (2, 1, 1)).input_shape == (16, 16, 3)
    assert r3gan2.discriminator((64, 32, 32), 1).input_shape == (32, 32, 3)
    assert projected.discriminator(0, 128, EYE).input_shape == (128, 128, 3)
    assert translation.pix2pix_g((1, 2, 4, 8)).input_shape == (16, 16, 3)
    assert studiogan.discriminator(8).input_shape == (32, 32, 3)
    assert (studiogan.generator().net.size, studiogan.generator().net.channels) == (
        32,
        3,
    )
    f = translation.cut_f((3, 8, 16), 5, 7)
    assert f.input_shape == [(7, 3), (7, 8), (7, 16)] and f.net.features == 5
    f = translation.cut_f()
    assert f.input_shape == [(256, c) for c in (3, 128, 256, 256, 256)]
    assert f.net.features == 256


def test_layers_have_the_biases_and_epsilons_of_the_programs():
    for released in (
        biggan.generator(32),
        biggan.discriminator(32),
        biggan_deep.generator(32),
        biggan_deep.discriminator(32),
        studiogan.discriminator(),
    ):
        assert released.net.wrap.keywords == {"epsilon": 1e-6}
    assert studiogan.generator().net.norm.keywords == {"epsilon": 1e-4}
    assert studiogan.discriminator().net.skip is nn.relu
    for make in (translation.cyclegan_g, translation.cut_g):
        assert make().net.use_bias and not translation.pix2pix_g().net.use_bias


def test_a_size_that_the_program_does_not_make_is_named():
    for size in (64, 100, 2048):
        with pytest.raises(UsageError, match=str(size)):
            fastgan.generator(size)


def test_tensors_that_are_no_weights_are_ignored():
    averages = {"filt", "running_mean", "running_var", "num_batches_tracked"}
    for make, ignored in (
        (biggan.generator, {"sv0"}),
        (biggan_deep.discriminator, {"sv0"}),
        (r3gan.generator, {"Resampler.Kernel"}),
        (r3gan2.discriminator, {"Resampler.Kernel"}),
        (studiogan.generator, {"weight_v", "num_batches_tracked"}),
        (fastgan.generator, {"weight_v", "num_batches_tracked"}),
        (projected.discriminator, {"weight_v", "num_batches_tracked"}),
        (stylegan2_ada.discriminator, {"resample_filter", "noise_const"}),
        (stylegan3.generator, {"up_filter", "down_filter", "input.transform"}),
        (translation.cyclegan_g, averages),
        (translation.cut_g, averages),
        (translation.cut_d, averages),
        (translation.pix2pix_g, {"num_batches_tracked"}),
        (translation.pix2pix_d, {"num_batches_tracked"}),
        (translation.cut_f, set()),
    ):
        assert {*make().ignored} == ignored


ONLY_WITH_CLASSES = {
    "biggan d": (
        lambda n: biggan.discriminator(32, n, 4, 16),
        {"embed.weight", "embed.u0"},
    ),
    "biggan_deep d": (
        lambda n: biggan_deep.discriminator(32, n, 4, 16),
        {"embed.weight", "embed.u0"},
    ),
    "r3gan g": (
        lambda n: r3gan.generator((8, 4), (2, 1), 1, n),
        {"Model.EmbeddingLayer.weight"},
    ),
    "r3gan d": (
        lambda n: r3gan.discriminator((8, 4), (2, 1), 1, n),
        {"Model.EmbeddingLayer.weight"},
    ),
    "r3gan2 g": (
        lambda n: r3gan2.generator((64, 32), 1, n),
        {"Model.EmbeddingLayer.Weight.Weight"},
    ),
    "r3gan2 d": (
        lambda n: r3gan2.discriminator((64, 32), 1, n),
        {"Model.EmbeddingLayer.Weight.Weight"},
    ),
    "studiogan d": (
        lambda n: studiogan.discriminator(8, n),
        {"embedding.weight_orig", "embedding.weight_u"},
    ),
    "stylegan2_ada g": (
        lambda n: stylegan2_ada.generator(16, 3, n, depth=2),
        {"mapping.embed.weight", "mapping.embed.bias"},
    ),
    "stylegan3": (
        lambda n: stylegan3.generator(16, 3, n, layers=6),
        {"mapping.embed.weight", "mapping.embed.bias"},
    ),
}


@pytest.mark.parametrize("name", ONLY_WITH_CLASSES)
def test_without_classes_their_embedding_alone_is_missing(name):
    make, embedding = ONLY_WITH_CLASSES[name]
    with_classes = dict(make(3).table)
    assert {x for x in with_classes if "embed" in x.lower()} == embedding
    for each in embedding:
        del with_classes[each]
    assert paths(make(0).table) == paths(with_classes)


def paths(table):
    return {name: leaf.path for name, leaf in table.items()}


def dense(theirs, ours):
    return {
        f"{theirs}.weight": Leaf(f"params/{ours}/kernel", DENSE),
        f"{theirs}.bias": Leaf(f"params/{ours}/bias"),
    }


def conv(theirs, ours, layout=CONV):
    return {f"{theirs}.weight": Leaf(f"params/{ours}/kernel", layout)}


def conv_bias(theirs, ours):
    return conv(theirs, ours) | {f"{theirs}.bias": Leaf(f"params/{ours}/bias")}


def norm(theirs, ours):
    return {
        f"{theirs}.weight": Leaf(f"params/{ours}/gain", GAIN),
        f"{theirs}.bias": Leaf(f"params/{ours}/bias", TABLE),
        f"{theirs}.running_mean": Leaf(f"batch_stats/{ours}/BatchNorm_0/mean"),
        f"{theirs}.running_var": Leaf(f"batch_stats/{ours}/BatchNorm_0/var"),
    }


def spectral(theirs, ours, u, layout=CONV):
    """A layer with PyTorch's spectral norm; `u` is where the path of ours ends."""
    module, _, _ = ours.rpartition("/")
    return {
        f"{theirs}.weight_orig": Leaf(f"params/{ours}/kernel", layout),
        f"{theirs}.weight_u": Leaf(f"spectral/{module}/SpectralNorm_{u}/kernel"),
    }


def test_stylegan2_d_has_its_blocks_and_the_mapping_of_its_classes():
    """At 16 px, in the three architectures of the program."""
    d = partial(stylegan2_ada.discriminator, 16, 3, depth=1)
    ends = conv_bias("b16.fromrgb", "Conv_0") | conv_bias("b4.conv", "Conv_1")
    ends |= {"b4.fc.bias": Leaf("params/Dense_0/bias")}
    plain = {}
    residual = {}
    for side, i in ((16, 0), (8, 1)):
        plain |= conv_bias(f"b{side}.conv0", f"Straight_{i}/Conv_0")
        plain |= conv_bias(f"b{side}.conv1", f"Straight_{i}/Conv_1")
        residual |= conv_bias(f"b{side}.conv0", f"Residual_{i}/Conv_1")
        residual |= conv_bias(f"b{side}.conv1", f"Residual_{i}/Conv_2")
        residual |= conv(f"b{side}.skip", f"Residual_{i}/Conv_0")
    skip = {
        name: leaf._replace(path=leaf.path.replace("Straight", "Skip"))
        for name, leaf in plain.items()
    }
    for side, i in ((8, 0), (4, 1)):
        skip |= conv_bias(f"b{side}.fromrgb", f"Skip_{i}/Conv_2")
    mapping = dense("mapping.fc0", "head/Stack_0/Dense_0")
    mapping |= dense("mapping.embed", "head/Dense_0")
    for block, blocks in (
        (stylegan2.Residual, residual),
        (stylegan2.Straight, plain),
        (stylegan2.Skip, skip),
    ):
        for classes, head in (
            (0, dense("b4.out", "head/Dense_0")),
            (1, dense("b4.out", "head/Dense_1") | mapping),
        ):
            table = dict(d(classes=classes, block=block).table)
            assert table.pop("b4.fc.weight").path == "params/Dense_0/kernel"
            assert table == ends | blocks | head


def test_studiogan_g_without_classes_has_plain_norms():
    table = studiogan.generator(8, 0, 7).table
    with_classes = studiogan.generator(8, 3, 7).table
    norms = {}
    for i in range(3):
        for j in range(2):
            norms |= norm(f"blocks.{i}.0.bn{j + 1}", f"UpBlock_{i}/BatchNorm_{j}")
    conditional = {name: leaf for name, leaf in with_classes.items() if "0.bn" in name}
    assert len(conditional) == len(norms) == 24
    assert {name: table[name] for name in norms} == norms
    others = paths(table).items() - paths(norms).items()
    assert others == paths(with_classes).items() - paths(conditional).items()


def upsampling(side, i, convs):
    """A block without classes: upsampling, then convolution, noise, norm and GLU."""
    theirs = f"synthesis.feat_{side}"
    ours = f"UpBlock_{i}"
    if convs == 1:
        table = spectral(f"{theirs}.1", f"{ours}/Conv_0", 0)
        return table | norm(f"{theirs}.2", f"{ours}/BatchNorm_0")
    table = {}
    for j, place in enumerate((1, 5)):
        table |= spectral(f"{theirs}.{place}", f"{ours}/Conv_{j}", j)
        noise = Leaf(f"params/{ours}/Noise_{j}/strength", ROW)
        table[f"{theirs}.{place + 1}.weight"] = noise
        table |= norm(f"{theirs}.{place + 2}", f"{ours}/BatchNorm_{j}")
    return table


def upsampling_of_classes(side, i, convs):
    """A block with classes, whose norms see their embedding."""
    theirs = f"synthesis.feat_{side}"
    ours = f"UpBlock_{i}"
    table = {}
    if convs == 2:
        table[f"{theirs}.noise.weight"] = Leaf(f"params/{ours}/Noise_0/strength", ROW)
    for j, number in enumerate(("1", "2") if convs == 2 else ("",)):
        table |= spectral(f"{theirs}.conv{number}", f"{ours}/Conv_{j}", j)
        bn = f"{theirs}.bn{number}"
        our_bn = f"{ours}/ConditionalNorm_{j}"
        for k, name in ((0, "gain"), (1, "bias")):
            table |= spectral(f"{bn}.{name}", f"{our_bn}/{name}", k, DENSE)
            table[f"{bn}.{name}.bias"] = Leaf(f"params/{our_bn}/{name}/bias", PLAIN)
        stats = f"batch_stats/{our_bn}/BatchNorm_0"
        table[f"{bn}.stored_mean"] = Leaf(f"{stats}/mean")
        table[f"{bn}.stored_var"] = Leaf(f"{stats}/var")
    return table


@pytest.mark.parametrize("classes", [0, 1000])
@pytest.mark.parametrize("convs", [1, 2])
@pytest.mark.parametrize("size", [128, 256, 1024])
def test_fastgan_has_its_blocks_excitations_and_ends(size, convs, classes):
    block = upsampling_of_classes if classes else upsampling
    stages = {}
    for i, side in enumerate((8, 16, 32, 64, 128, 256, 512, 1024)):
        stages[side] = block(side, i, convs)
    for i, side in enumerate((64, 128, 256, 512)):
        theirs, ours = f"synthesis.se_{side}.main", f"Excitation_{i}"
        stages[side] |= spectral(f"{theirs}.1", f"{ours}/Square_0", 0)
        stages[side] |= spectral(f"{theirs}.3", f"{ours}/Conv_0", 1)
    big = "synthesis.to_big"
    wanted = {
        "synthesis.init.init.0.weight_orig": Leaf(
            "params/Start_0/kernel", TRANSPOSED_CONV
        ),
        "synthesis.init.init.0.weight_u": Leaf("spectral/SpectralNorm_0/kernel"),
        f"{big}.weight_orig": Leaf("params/Conv_0/kernel", CONV),
        f"{big}.weight_u": Leaf("spectral/SpectralNorm_1/kernel"),
        f"{big}.bias": Leaf("params/Conv_0/bias"),
    } | norm("synthesis.init.init.1", "BatchNorm_0")
    if classes:
        wanted["synthesis.embed.weight"] = Leaf("params/Embed_0/embedding")
    for side, stage in stages.items():
        if side <= size:
            wanted |= stage
    released = fastgan.generator(size, 3, 4, classes, 6, convs)
    assert released.table == wanted
    # At 128 px the program has the layers for 256 px, too, and does not call them.
    unused = set(released.ignored) - {"weight_v", "num_batches_tracked"}
    more = stages[256] if size == 128 else {}
    assert unused == {name.removeprefix("synthesis.") for name in more}


@pytest.mark.parametrize("classes", [0, 1000])
def test_projected_d_has_its_eye_its_mixing_and_a_network_for_each_scale(classes):
    eye = {}

    def unit(theirs, bn, ours):
        path = f"frozen/features/weights/{ours}"
        eye[f"{theirs}.weight"] = Leaf(f"{path}/kernel", CONV)
        for name, own in (("weight", "gain"), ("bias", "bias")):
            eye[f"{bn}.{name}"] = Leaf(f"{path}/{own}")
        for name in ("mean", "var"):
            eye[f"{bn}.running_{name}"] = Leaf(f"{path}/{name}")

    seen = "feature_network.pretrained.layer"
    unit(f"{seen}0.0", f"{seen}0.1", "Unit_0")
    # The second stage has two blocks; only the first stage does not widen.
    places = ("0.3.0", "0.4.0", "0.4.1", "1.0.0", "2.0.0", "2.1.0", "3.0.0", "3.1.0")
    for i, place in enumerate(places):
        names = ("conv_pw", "conv_dw", "conv_pwl") if i else ("conv_dw", "conv_pw")
        for j, name in enumerate(names):
            block = f"{seen}{place}"
            unit(f"{block}.{name}", f"{block}.bn{j + 1}", f"Block_{i}/Unit_{j}")
    wanted = dict(eye)
    for i in range(4):
        for theirs, ours in (("ccm", "channels"), ("csm.out_conv", "scales")):
            name = f"feature_network.scratch.layer{i}_{theirs}"
            path = f"frozen/Projector_0/{ours}_{i}"
            wanted[f"{name}.weight"] = Leaf(f"{path}/kernel", CONV)
            wanted[f"{name}.bias"] = Leaf(f"{path}/bias")
        disc, scale = f"discriminator.mini_discs.{i}", f"scale_{i}"
        for j in range(4 - i):
            block = f"{disc}.main.{j}.main"
            wanted |= spectral(f"{block}.0", f"{scale}/Resample_{j}", j)
            wanted[f"{block}.0.bias"] = Leaf(f"params/{scale}/Shift_{j}/bias", TABLE)
            wanted |= norm(f"{block}.1", f"{scale}/BatchNorm_{j}")
        last = f"{disc}.cls" if classes else f"{disc}.main.{4 - i}"
        wanted |= spectral(last, f"{scale}/Verdict_0/Square_0", 0)
        if classes:
            embedding = Leaf(f"params/{scale}/Verdict_0/Embed_0/embedding")
            wanted[f"{disc}.embed.weight"] = embedding
            wanted |= dense(f"{disc}.embed_proj.0", f"{scale}/Verdict_0/Dense_0")
    assert projected.discriminator(classes, 128, EYE, 8).table == wanted
    if classes == 0:
        default = projected.discriminator().table
        lite0 = efficientnet.EfficientNet()
        assert default == projected.discriminator(features=lite0).table
        # Of 16 blocks of Lite0 one has two units and the others three.
        units, blocks = 1 + 2 + 15 * 3, 4 + 3 + 2 + 1
        assert len(default) == 5 * units + 4 * 4 + 7 * blocks + 4 * 2


def test_attention_follows_the_block_of_its_side():
    """BigGAN's blocks are numbered through; its D's attention comes after a halving."""
    at = lambda released: {
        name.removesuffix(".gamma") for name in released.table if "gamma" in name
    }
    assert at(biggan.generator(128, ch=4)) == {"blocks.3.1"}
    assert at(biggan.generator(128, ch=4, attention_resolution=32)) == {"blocks.2.1"}
    assert at(biggan.generator(32, ch=4)) == set()
    assert at(biggan.discriminator(128, ch=4)) == {"blocks.0.1"}
    assert at(biggan.discriminator(256, ch=4)) == {"blocks.1.1"}
    assert at(biggan.discriminator(64, ch=4)) == set()
    assert at(biggan_deep.generator(128, ch=4)) == {"blocks.7.1"}
    assert at(biggan_deep.generator(128, ch=4, depth=3)) == {"blocks.11.1"}
    assert at(biggan_deep.discriminator(128, ch=4)) == {"blocks.0.2"}
    assert at(biggan_deep.discriminator(256, ch=4, depth=3)) == {"blocks.1.3"}
    assert at(biggan_deep.discriminator(64, ch=4)) == set()
    # The sides end at 8 at 32 px, so that there is nothing at 4.
    for d in (biggan.discriminator, biggan_deep.discriminator):
        assert at(d(32, ch=4, attention_resolution=4)) == set()
        assert len(at(d(32, ch=4, attention_resolution=8))) == 1


def test_convolutions_in_skip_connections_are_where_shapes_change():
    skips = lambda released: sorted(
        int(name.split(".")[1])
        for name in released.table
        if name.endswith(("conv_sc.weight", "conv2d0.weight_orig", "conv2d0.weight"))
    )
    assert skips(biggan.generator(128, ch=4)) == [0, 1, 2, 3, 4]
    assert skips(biggan.discriminator(128, ch=4)) == [0, 1, 2, 3, 4]
    assert skips(biggan.discriminator(32, ch=4)) == [0, 1]
    assert skips(studiogan.generator(8)) == [0, 1, 2]
    assert skips(studiogan.discriminator(8)) == [0, 1]
