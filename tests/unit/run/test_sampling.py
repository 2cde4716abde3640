"""Samples drawn a chunk at a time: their keys, their conditions and their number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax import Batch
from ganjax.core import ImageToImage
from ganjax.data import Source, Spec
from ganjax.data.source import example_struct
from ganjax.errors import NoSplit, UsageError
from ganjax.modalities import POINTS
from ganjax.run import sampling
from tests.helpers.runs import game


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


@pytest.mark.parametrize("held_out", [True, False])
def test_conditions_are_the_first_examples_held_out_or_else_of_the_training_data(
    held_out,
):
    loaded = []

    def load(spec):
        loaded.append(spec)
        if spec.split == "test" and not held_out:
            raise NoSplit("There is none.")
        first, length = (100, 3) if spec.split == "test" else (0, 5)

        def read(rows):
            assert rows.max() < length
            return Batch(first + rows[:, None].astype(np.float32), np.zeros(len(rows)))

        return Source(spec, length, example_struct((1,), np.float32), (), read)

    modality = POINTS._replace(load=load, decode=lambda x: jnp.asarray(2 * x))
    asks = game()._replace(modality=modality, conditions=ImageToImage(lambda x: x + 1))
    spec = Spec("x", mirror=True)
    made = sampling.conditions(asks, spec, 7, 0)
    assert isinstance(made, np.ndarray)
    rows = 100 + np.arange(7) % 3 if held_out else np.arange(7) % 5
    assert made[:, 0].tolist() == (2 * rows + 1).tolist()
    assert loaded == [spec._replace(split="test"), spec][: 2 - held_out]
    twice = asks._replace(real=lambda x: 3 * x)
    real = sampling.real_of_conditions(twice, spec, 7)
    assert real[:, 0].tolist() == (6 * rows).tolist(), "of the same examples"
    loaded.clear()
    sampling.conditions(game()._replace(modality=modality), spec, 7, 3)
    assert not loaded, "labels need no data"


def test_only_a_split_that_is_not_there_is_none():
    def load(spec):
        raise UsageError("The split is damaged.")

    with pytest.raises(UsageError, match="damaged"):
        sampling.held_out(Spec("x"), load)


def test_the_progress_of_drawing_is_that_of_the_samples(monkeypatch):
    moves = []

    class Bar:
        def __init__(self, **options):
            moves.append(options["total"])

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def update(self, count):
            moves.append(count)

    monkeypatch.setattr(sampling, "tqdm", Bar)
    n = sampling.CHUNK + 5
    sampling.draw(latents, "state", sampling.FIXED, np.arange(n), 1)
    assert moves == [n, sampling.CHUNK, 5]
