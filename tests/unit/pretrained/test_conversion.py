"""Released tensors become variables that compute the same, and become themselves again."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers.normalization import BatchNorm
from ganjax.ops.convolution import Conv
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    GAIN,
    IMAGE,
    PLAIN,
    POINTWISE,
    ROW,
    TABLE,
    TRANSPOSED_CONV,
    Leaf,
    Released,
    assemble,
    batch_norm,
    compose,
    dump,
    flattened_input,
    flattened_output,
    layer,
    load,
    make_inputs,
    permuted,
    released_shape,
    running_averages,
)
from tests.helpers.states import same, seat


RNG = np.random.default_rng(0)
C, H, W = 2, 3, 5  # of an image that is flattened
THEIRS = {  # the layout, a shape in the program, and the one here
    "plain": (PLAIN, (4,), (4,)),
    "dense": (DENSE, (3, 4), (4, 3)),
    "conv": (CONV, (2, 3, 4, 5), (4, 5, 3, 2)),
    "transposed conv": (TRANSPOSED_CONV, (2, 3, 4, 5), (4, 5, 2, 3)),
    "image": (IMAGE, (2, 3, 4), (3, 4, 2)),
    "pointwise": (POINTWISE, (3, 4), (1, 1, 4, 3)),
    "row": (ROW, (1, 4), (4,)),
    "table": (TABLE, (4,), (1, 4)),
    "gain": (GAIN, (4,), (1, 4)),
    "flattened input": (flattened_input(C, H, W), (4, 30), (30, 4)),
    "flattened output": (flattened_output(C, H, W), (30, 4), (4, 30)),
    "its bias": (flattened_output(C, H, W), (30,), (30,)),
    "its vector": (compose(ROW, flattened_output(C, H, W)), (1, 30), (30,)),
}


@pytest.mark.parametrize("name", THEIRS)
def test_what_is_converted_can_be_converted_back(name):
    layout, theirs, ours = THEIRS[name]
    x = RNG.normal(size=theirs)
    assert layout.to_ours(x).shape == ours
    np.testing.assert_allclose(layout.to_theirs(layout.to_ours(x)), x, rtol=1e-12)


def test_a_dense_layer_sees_a_flattened_image_as_the_program_does():
    image, kernel = RNG.normal(size=(6, H, W, C)), RNG.normal(size=(4, C * H * W))
    theirs = image.transpose(0, 3, 1, 2).reshape(6, -1) @ kernel.T
    ours = image.reshape(6, -1) @ flattened_input(C, H, W).to_ours(kernel)
    np.testing.assert_allclose(ours, theirs)


def test_a_dense_layer_makes_the_image_that_it_makes_in_the_program():
    z, layout = RNG.normal(size=(6, 4)), flattened_output(C, H, W)
    kernel, bias = RNG.normal(size=(C * H * W, 4)), RNG.normal(size=C * H * W)
    theirs = (z @ kernel.T + bias).reshape(6, C, H, W).transpose(0, 2, 3, 1)
    ours = (z @ layout.to_ours(kernel) + layout.to_ours(bias)).reshape(6, H, W, C)
    np.testing.assert_allclose(ours, theirs)


class Small(nn.Module):
    """A convolution, a norm and a dense layer."""

    @nn.compact
    def __call__(self, x, label, *, train):
        x = BatchNorm()(Conv(3, use_bias=False)(x), label, train=train)
        return nn.Dense(2)(x.reshape(len(x), -1))


SMALL = Released(
    Small(),
    (4, 5, 2),
    layer("conv", "Conv_0", CONV, bias=False)
    | batch_norm("norm", "BatchNorm_0")
    | layer("fc", "Dense_0", flattened_input(3, 4, 5)),
    ignored=("num_batches_tracked",),
)


@pytest.fixture(scope="module")
def variables():
    return seat(SMALL.net, jnp.zeros((1, 4, 5, 2)), jnp.zeros(1, jnp.int32))


def test_a_network_is_made_of_its_tensors(variables):
    given = dump(SMALL, variables)
    assert given["conv.weight"].shape == (3, 2, 3, 3)
    assert given["fc.weight"].shape == (2, 60)
    gain = variables["params"]["BatchNorm_0"]["gain"][0]
    np.testing.assert_array_equal(given["norm.weight"], gain + 1)
    again = dump(SMALL, load(SMALL, given))
    same(again, given)
    # A counter is no weight.
    load(SMALL, given | {"norm.num_batches_tracked": np.zeros((), np.int64)})


@pytest.mark.parametrize("ignored", [("num_batches_tracked",), ()])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fc.bias": None}, "no tensor fc.bias"),
        ({"more.weight": np.zeros(3)}, "a tensor more.weight that this network lacks"),
        ({"fc.weight": np.zeros((3, 60))}, r"fc.weight is \[3, 60\], and \[2, 60\]"),
    ],
)
def test_tensors_of_another_network_are_named(variables, change, says, ignored):
    given = dump(SMALL, variables) | change
    given = {name: x for name, x in given.items() if x is not None}
    with pytest.raises(UsageError, match=says):
        load(SMALL._replace(ignored=ignored), given)


def test_axes_are_permuted_into_ours_and_back():
    x = RNG.normal(size=(2, 3, 4, 5))
    layout = permuted(3, 0, 1, 2)
    np.testing.assert_array_equal(layout.to_ours(x), np.moveaxis(x, 3, 0))
    np.testing.assert_array_equal(layout.to_theirs(np.moveaxis(x, 3, 0)), x)
    np.testing.assert_array_equal(CONV.to_ours(x)[1, 2, 0], x[:, 0, 1, 2])
    np.testing.assert_array_equal(TRANSPOSED_CONV.to_ours(x)[1, 2], x[:, :, 1, 2])
    np.testing.assert_array_equal(GAIN.to_ours(x[0, 0, 0]), x[0, 0, 0][None] - 1)
    np.testing.assert_array_equal(POINTWISE.to_ours(x[0, 0])[0, 0], x[0, 0].T)


def test_tables_of_layers_have_a_bias_only_where_the_program_has_one():
    kernel = {"a.weight": Leaf("params/b/kernel", DENSE)}
    assert layer("a", "b", DENSE, bias=False) == kernel
    assert layer("a", "b", DENSE) == kernel | {"a.bias": Leaf("params/b/bias", PLAIN)}
    averages = {
        "a.running_mean": Leaf("batch_stats/b/BatchNorm_0/mean"),
        "a.running_var": Leaf("batch_stats/b/BatchNorm_0/var"),
    }
    assert running_averages("a", "b") == averages
    assert batch_norm("a", "b") == averages | {
        "a.weight": Leaf("params/b/gain", GAIN),
        "a.bias": Leaf("params/b/bias", TABLE),
    }


def test_tensors_take_the_type_of_the_network_and_the_place_of_the_table():
    table = {"k": Leaf("params/a/kernel", DENSE), "n": Leaf("stats/n")}
    wanted = {
        "params/a/kernel": jax.ShapeDtypeStruct((3, 2), jnp.bfloat16),
        "stats/n": jax.ShapeDtypeStruct((), jnp.int32),
    }
    given = {"k": np.arange(6.0).reshape(2, 3), "n": np.array(7)}
    given["other.x"] = np.ones(1)
    found = assemble(table, wanted, given, ("z", ".x"))
    assert found["params"]["a"]["kernel"].dtype == jnp.bfloat16
    np.testing.assert_array_equal(found["params"]["a"]["kernel"], given["k"].T)
    assert (found["stats"]["n"].dtype, int(found["stats"]["n"])) == (jnp.int32, 7)
    with pytest.raises(UsageError, match="a tensor other.x that"):
        assemble(table, wanted, given, ("other",))
    both = {"b": Leaf("x"), "a": Leaf("y")}
    with pytest.raises(UsageError, match="no tensor a:"):
        assemble(both, wanted, {"unknown": np.ones(1)}, ())
    with pytest.raises(UsageError, match="a tensor l that"):
        assemble(table, wanted, given | dict.fromkeys("ml", np.ones(1)), (".x",))


def test_a_network_may_have_a_list_of_inputs():
    net = SMALL._replace(input_shape=[(2, 3), (4,)])
    made = make_inputs(net, lambda shape: jnp.zeros((7, *shape)))
    assert [x.shape for x in made] == [(7, 2, 3), (7, 4)]
    assert make_inputs(SMALL, lambda shape: jnp.zeros(shape)).shape == (4, 5, 2)
    assert released_shape(Leaf("x", CONV), (5, 4, 3, 2)) == (2, 3, 5, 4)
