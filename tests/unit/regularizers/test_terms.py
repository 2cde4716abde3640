"""What terms are made of, and the coefficients that they have unasked."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax import losses, regularizers
from ganjax.regularizers.terms import expand_like, normal, per_row
from tests.helpers.slopes import turn


# Of every method with a number that need not be given: the paper's, or its code's.
UNASKED = {
    losses.smooth_hinge: {"softness": 0.2},
    losses.least_squares: {"a": 0, "b": 1, "c": 1},
    losses.energy: {"margin": 10},
    losses.weighted: {"d": 1, "g": 1},
    regularizers.ac_gan: {"weight": 1, "g_weight": None},
    regularizers.adc_gan: {"weight": 1},
    regularizers.approximate_r1: {"sigma": 0.01},
    regularizers.approximate_r2: {"sigma": 0.01},
    regularizers.balanced_consistency: {"weight": 10, "fake_weight": 10},
    regularizers.boundary_equilibrium: {"gamma": 0.5, "rate": 0.001},
    regularizers.coded_prior: {
        "num_discrete": 1,
        "num_values": 10,
        "num_continuous": 2,
    },
    regularizers.consistency: {"weight": 10},
    regularizers.contrastive: {"temperature": 1},
    regularizers.data_to_data: {"temperature": 0.5, "margin": 0.98},
    regularizers.dragan: {"weight": 10, "target": 1, "c": 0.5},
    regularizers.feature_matching: {"weight": 1, "penalty": jnp.square},
    regularizers.gradient_penalty: {"weight": 10, "target": 1, "pack": 1},
    regularizers.latent_consistency: {"d_weight": 20, "g_weight": 0.5, "sigma": 0.05},
    regularizers.latent_step_penalty: {"weight": 1},
    regularizers.lecam: {"weight": 0.3, "decay": 0.99, "start": 1000},
    regularizers.max_gradient_penalty: {"weight": 1},
    regularizers.mode_seeking: {"weight": 1, "epsilon": 1e-5},
    regularizers.multi_hinge: {"g_weight": 0.05},
    regularizers.mutual_information: {"weight": 1, "continuous_weight": 0.1},
    regularizers.patch_nce: {"tau": 0.07},
    regularizers.path_length: {"weight": 2, "decay": 0.01, "shrink": 1},
    regularizers.pulling_away: {"weight": 0.1},
    regularizers.tac_gan: {"weight": 1, "twin_weight": 1},
}


@pytest.mark.parametrize("method", UNASKED, ids=lambda method: method.__name__)
def test_numbers_that_are_not_given_are_those_of_the_papers(method):
    parameters = inspect.signature(method).parameters.values()
    given = {x.name: x.default for x in parameters if x.default is not x.empty}
    assert given == UNASKED[method]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_normal_numbers_are_drawn_for_each_row_in_the_type_of_what_they_move(dtype):
    seen = turn()
    like = jnp.zeros((2, 50, 30), dtype)  # of fewer rows than the batch
    drawn = normal(seen, "noise", like)
    assert drawn.shape == (8, 50, 30) and drawn.dtype == dtype
    rows = np.asarray(drawn, np.float32).reshape(8, -1)
    np.testing.assert_allclose(rows.mean(1), 0, atol=0.15)
    np.testing.assert_allclose(rows.std(1), 1, atol=0.1)
    apart = np.corrcoef(rows) - np.eye(8)
    assert np.abs(apart).max() < 0.15
    assert not np.array_equal(
        rows, np.asarray(normal(seen, "other", like), np.float32).reshape(8, -1)
    )


def test_what_is_drawn_for_a_row_is_drawn_with_its_own_key():
    seen = turn()
    told = per_row(seen, "noise", jax.random.key_data)
    np.testing.assert_array_equal(told, jax.random.key_data(seen.keys("noise")))
    assert len(np.unique(told, axis=0)) == 8


def test_a_number_for_each_row_is_laid_over_images_of_any_kind():
    rows = jnp.array([1.0, 2.0])
    for shape in ((2,), (2, 3), (2, 3, 4, 5)):
        laid = expand_like(rows, jnp.zeros(shape))
        assert laid.shape == (2, *[1] * (len(shape) - 1))
        np.testing.assert_array_equal(laid.ravel(), rows)
