"""Which way of computing a convolution is taken for which shapes.

The ways agree in what they compute; each is the fastest one for the shapes that are listed
here, as measured on CPUs.
"""

from functools import partial

import jax
import jax.numpy as jnp
import pytest

from ganjax.ops import products, winograd, winograd_1d
from ganjax.ops.geometry import IMAGE, KERNEL, OUTPUT, Geometry


WAYS = {
    "minimal filtering": (winograd, "convolve", "kernel_gradient"),
    "minimal filtering of rows": (winograd_1d, "convolve", "kernel_gradient"),
    "patches": (products, "_patches", "_multiply_patches"),
    "shifted images": (products, "_depthwise"),
    "scattered": (products, "_scatter"),
    "places": (products, "_views"),
    "phases": (products, "_image_by_phases"),
    "XLA's": (jax.lax, "conv_general_dilated"),
}


def way(monkeypatch, missing, size, c, d, stride=1, groups=1, side=8):
    """The first way that is taken for images [2, side, side, c] and d outputs."""
    taken = []
    for name, (room, *functions) in WAYS.items():
        for function in functions:
            run = getattr(room, function)

            def note(*args, name=name, run=run, **more):
                taken.append(name)
                return run(*args, **more)

            monkeypatch.setattr(room, function, note)
    padding = tuple(((k - 1) // 2, k // 2) for k in size)
    geometry = Geometry((side, side), size, padding, (stride, stride), groups)
    arrays = (
        (2, side, side, c),
        (*size, c // groups, d),
        (2, *geometry.output, d),
    )
    given = [jnp.zeros(x) for role, x in enumerate(arrays) if role != missing]
    run = partial(products.by_products, missing=missing, geometry=geometry)
    assert jax.eval_shape(run, *given).shape == arrays[missing]
    return taken[0] if taken else "one product"


@pytest.mark.parametrize(
    ("size", "c", "d", "more", "wanted"),
    [
        ((1, 1), 3, 5, {}, "one product"),
        ((3, 3), 16, 16, {}, "minimal filtering"),
        ((2, 2), 16, 16, {}, "minimal filtering"),
        ((3, 3), 15, 16, {}, "XLA's"),
        ((3, 3), 16, 15, {}, "scattered"),
        ((4, 4), 16, 16, {}, "XLA's"),
        ((4, 4), 63, 16, {}, "XLA's"),
        ((4, 4), 64, 16, {}, "places"),
        ((2, 3), 16, 16, {}, "XLA's"),
        ((1, 25), 64, 64, {}, "minimal filtering of rows"),
        ((1, 25), 63, 64, {}, "XLA's"),
        ((1, 5), 64, 64, {}, "XLA's"),  # seven products in place of ten
        ((1, 2), 64, 64, {}, "minimal filtering of rows"),
        ((4, 4), 4, 16, {"stride": 2}, "minimal filtering"),
        ((3, 3), 8, 8, {"groups": 2}, "minimal filtering"),
        ((3, 3), 6, 8, {"groups": 2}, "patches"),
        ((3, 3), 8, 6, {"groups": 2}, "patches"),
        ((4, 4), 8, 8, {"groups": 2}, "patches"),
        ((3, 3), 8, 8, {"groups": 2, "stride": 2}, "patches"),
        ((3, 3), 4, 4, {"groups": 4}, "shifted images"),
    ],
)
def test_outputs_are_computed_in_the_way_that_is_fast(
    size, c, d, more, wanted, monkeypatch
):
    assert way(monkeypatch, OUTPUT, size, c, d, **more) == wanted


@pytest.mark.parametrize(
    ("size", "c", "d", "more", "wanted"),
    [
        ((3, 3), 16, 16, {}, "minimal filtering"),
        ((3, 3), 15, 16, {}, "patches"),
        ((3, 3), 16, 15, {}, "patches"),
        ((4, 4), 16, 16, {}, "places"),
        ((1, 25), 64, 64, {}, "minimal filtering of rows"),
        ((1, 25), 63, 64, {}, "places"),
        ((4, 4), 4, 16, {"stride": 2}, "minimal filtering"),
        ((3, 3), 8, 8, {"groups": 2}, "minimal filtering"),
    ],
)
def test_gradients_of_kernels_are_computed_in_the_way_that_is_fast(
    size, c, d, more, wanted, monkeypatch
):
    assert way(monkeypatch, KERNEL, size, c, d, **more) == wanted


@pytest.mark.parametrize(
    ("size", "c", "d", "more", "wanted"),
    [
        ((4, 4), 3, 16, {"stride": 2}, "phases"),
        ((4, 4), 16, 16, {"stride": 2}, "phases"),
        ((4, 4), 16, 8, {"stride": 2}, "XLA's"),
        ((4, 4), 3, 16, {"stride": 2, "side": 9}, "scattered"),  # no whole strides
    ],
)
def test_gradients_of_images_are_computed_in_the_way_that_is_fast(
    size, c, d, more, wanted, monkeypatch
):
    assert way(monkeypatch, IMAGE, size, c, d, **more) == wanted
