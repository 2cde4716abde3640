"""Samples drawn a chunk at a time: their keys, their conditions and their number."""

import jax
import numpy as np
import pytest

from ganjax.run import sampling


ROWS = lambda rows: np.asarray(rows)


def latents(state, key, condition):
    """In place of samples, the key's own numbers and the condition, of two seeds."""
    numbers = np.asarray(jax.random.uniform(key, (2, len(condition))))
    return np.stack([numbers, np.broadcast_to(condition, numbers.shape)], -1)


def drawn(n=7, purpose=sampling.SCORED, seed=0, size=3):
    chunks = list(sampling.chunks(latents, None, purpose, ROWS, n, seed, size))
    return chunks, np.concatenate(chunks, axis=1)


def test_every_row_has_its_condition_and_a_latent_of_its_own():
    chunks, samples = drawn()
    assert [chunk.shape[1] for chunk in chunks] == [3, 3, 1]
    np.testing.assert_array_equal(samples[..., 1], [np.arange(7)] * 2)
    assert len(np.unique(samples[..., 0])) == samples[..., 0].size


def test_a_chunk_has_one_size_so_that_one_program_draws_all():
    asked = []

    def sample(state, key, condition):
        asked.append(condition.tolist())
        return latents(state, key, condition)

    list(sampling.chunks(sample, None, sampling.FIXED, ROWS, 5, size=3))
    assert asked == [[0, 1, 2], [3, 4, 0]]
    asked.clear()
    list(sampling.chunks(sample, None, sampling.FIXED, ROWS, 2, size=3))
    assert asked == [[0, 1]]


@pytest.mark.parametrize("change", [{"purpose": sampling.ASKED}, {"seed": 1}])
def test_another_purpose_or_seed_has_other_latents(change):
    (_, one), (_, again), (_, other) = drawn(), drawn(), drawn(**change)
    np.testing.assert_array_equal(one, again)
    assert not np.isin(other[..., 0], one[..., 0]).any()


def test_draw_returns_the_samples_of_all_chunks():
    n = sampling.CHUNK + 5
    made = sampling.draw(latents, None, sampling.SCORED, np.arange(n), seed=0)
    np.testing.assert_array_equal(made, drawn(n, size=sampling.CHUNK)[1])


def test_as_many_are_drawn_at_once_as_fit():
    assert sampling.rows_at_once((8, 8, 1)) == sampling.CHUNK
    large = sampling.rows_at_once((1024, 1024, 3))
    assert large * 4 * 1024**2 * 3 <= sampling.CHUNK_BYTES
    assert (large + 1) * 4 * 1024**2 * 3 > sampling.CHUNK_BYTES
    assert sampling.rows_at_once((1024, 1024, 3), seeds=2) == large // 2
    assert sampling.rows_at_once((10**5, 10**5, 3)) == 1
