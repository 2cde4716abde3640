from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers import tokens


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
GRID = 2, 3


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_token_is_a_patch_and_they_make_up_the_image_again():
    x = normal(0, 2, 4, 6, 3)
    rows = tokens.patchify(jnp.asarray(x), 2)
    assert rows.shape == (2, 6, 12)
    for n, (i, j) in enumerate(np.ndindex(GRID)):
        patch = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        np.testing.assert_array_equal(rows[:, n], patch.reshape(2, -1))
    np.testing.assert_array_equal(tokens.unpatchify(rows, GRID, 2), x)


def test_patches_that_do_not_fill_an_image_are_a_mistake():
    with pytest.raises(UsageError, match="9x8 .* multiples of 2; .* 8 and 10"):
        tokens.patch_grid(9, 8, 2)


def test_sinusoids_tell_the_column_and_then_the_row():
    ours = tokens.sinusoids(GRID, 8)
    for n, (i, j) in enumerate(np.ndindex(GRID)):
        wanted = [
            f(at * w) for at in (j, i) for f in (np.sin, np.cos) for w in (1, 0.01)
        ]
        np.testing.assert_allclose(ours[n], wanted, atol=1e-6)


def test_turned_queries_and_keys_know_how_far_they_are_apart_and_no_more():
    q, k = normal(1, 8), normal(2, 8)
    angles = tokens.rope_angles((4, 4), 8)
    turn = lambda x: tokens.apply_rope(jnp.broadcast_to(x, (1, 16, 1, 8)), angles)[
        0, :, 0
    ]
    products = np.asarray(turn(q) @ turn(k).T).reshape(4, 4, 4, 4)
    here, moved = products[:3, :3, :3, :3], products[1:, 1:, 1:, 1:]
    np.testing.assert_allclose(here, moved, atol=1e-4)
    assert products[0, 0, 0, 1] != pytest.approx(products[0, 0, 1, 0], abs=1e-3)
    np.testing.assert_allclose(
        np.linalg.norm(turn(q), axis=-1), np.linalg.norm(q), 1e-6
    )


def test_a_head_whose_numbers_do_not_pair_off_twice_is_a_mistake():
    with pytest.raises(UsageError, match="that 4 divides, not 6"):
        tokens.rope_angles(GRID, 6)


def test_attention_is_what_its_formula_says():
    """Softmax of turned, normalized queries and keys, in float64 and one by one."""
    layer, x, angles = (
        tokens.Attention(2),
        normal(3, 2, 6, 8),
        tokens.rope_angles(GRID, 4),
    )
    shapes = jax.eval_shape(layer.init, KEY, x, angles)
    rng = np.random.default_rng(4)
    variables = jax.tree.map(lambda s: jnp.float32(rng.normal(0, 0.5, s.shape)), shapes)
    ours = jax.jit(partial(layer.apply, angles=angles))(variables, x)

    w = jax.tree.map(np.float64, variables["params"])
    qkv = (x @ w["qkv"]["kernel"] + w["qkv"]["bias"]).reshape(2, 6, 3, 2, 4)

    def turned(x, name, n):
        x = x / np.sqrt(np.mean(x**2)) * w[name]["scale"]
        pairs = (x[::2] + 1j * x[1::2]) * np.exp(1j * angles[n])
        return np.stack([pairs.real, pairs.imag], -1).reshape(-1)

    for b, n in np.ndindex(2, 6):
        seen = []
        for head in range(2):
            q = turned(qkv[b, n, 0, head], "q_norm", n)
            k = [turned(qkv[b, m, 1, head], "k_norm", m) for m in range(6)]
            weight = np.exp([q @ each / 2 for each in k])
            seen.append(weight @ qkv[b, :, 2, head] / weight.sum())
        wanted = np.concatenate(seen) @ w["out"]["kernel"] + w["out"]["bias"]
        np.testing.assert_allclose(ours[b, n], wanted, atol=1e-4)


def test_the_feed_forward_layer_is_gated():
    layer, x = tokens.FeedForward(), normal(5, 2, 3, 6)
    params = jax.jit(layer.init)(KEY, x)["params"]
    ours = jax.jit(layer.apply)({"params": params}, x)
    first, last = (np.float64(params[f"Dense_{i}"]["kernel"]) for i in (0, 1))
    assert first.shape == (6, 2 * 16)
    gate, value = np.split(x @ first, 2, axis=-1)
    np.testing.assert_allclose(
        ours, (gate / (1 + np.exp(-gate)) * value) @ last, atol=1e-5
    )
