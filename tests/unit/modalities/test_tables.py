"""Tables as networks see them, and back: files, pictures and scores."""

import jax
import numpy as np
import pytest

from ganjax.core import Labels
from ganjax.data.rows import in_memory
from ganjax.data.schema import Encoded, encode, infer
from ganjax.data.tables import from_frame, read_table
from ganjax.errors import UsageError
from ganjax.evaluation import pixels
from ganjax.modalities import tables
from ganjax.modalities.tables import decode, harden, marginals, natural


N = 300
RNG = np.random.default_rng(0)
AGE = RNG.normal(40, 10, N).round(1)
TABLE = from_frame(
    {
        "age": AGE,
        "old": AGE > 45,
        "id": [f"p{i}" for i in range(N)],
        "score": np.where(RNG.random(N) < 0.2, None, (AGE * 2).round(1)),
    }
)
SCHEMA = infer(TABLE, target="old")
MODALITY = tables(SCHEMA)
DATA = in_memory(TABLE, SCHEMA)
TRAIN, TEST = (
    DATA.load(DATA.spec._replace(split=split)) for split in ("train", "test")
)
ROWS = encode(SCHEMA, TABLE)
SEEN = np.asarray(decode(SCHEMA, ROWS))


def test_networks_see_scalars_and_one_hot_vectors():
    start = 0
    for is_continuous, width in SCHEMA.layout:
        start += is_continuous
        choice = SEEN[:, start : start + width]
        assert ((choice == 0) | (choice == 1)).all() and (choice.sum(1) == 1).all()
        start += width
    assert start == SEEN.shape[1] and np.abs(SEEN).max() <= 1


def test_stored_rows_are_decoded_within_a_program_as_outside_of_it():
    stored = natural(TRAIN).read(np.arange(5)).x
    decoded = jax.jit(MODALITY.decode)(stored)
    np.testing.assert_array_equal(decoded, decode(SCHEMA, Encoded(**stored)))


def test_soft_samples_become_the_most_probable_rows():
    hard = harden(SCHEMA, SEEN * 0.6 + 0.01)
    np.testing.assert_array_equal(hard.code, ROWS.code)
    np.testing.assert_allclose(hard.position, ROWS.position * 0.6 + 0.01, atol=1e-6)


def test_samples_are_written_as_the_rows_of_the_table(tmp_path):
    MODALITY.files[".csv"](tmp_path / "new" / "a.csv", SEEN, np.zeros(N, np.int32))
    table = read_table(tmp_path / "new" / "a.csv")
    assert table.names == TABLE.names
    for name in ("age", "old", "score"):
        assert table.column(name).tolist() == TABLE.column(name).tolist()
    assert table.column("id")[0] == f"p{N}"


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (SEEN[:, 1:], "Rows of this table are"),
        (np.full_like(SEEN, np.nan), "the generator has diverged"),
    ],
)
def test_what_are_no_rows_of_the_table_is_a_sentence(samples, says):
    with pytest.raises(UsageError, match=says):
        harden(SCHEMA, samples)


def test_a_picture_has_a_panel_for_each_column():
    blue = np.array([36, 88, 190])
    image = np.asarray(marginals(SCHEMA, SEEN))
    panels = np.split(image[:, :-12], 3, axis=1)
    assert all((panel == blue).all(-1).any() for panel in panels)
    # Rows of one age alone fill one bar, which is as high as the panel.
    alone = np.asarray(marginals(SCHEMA, SEEN[:1].repeat(9, 0)))
    assert (alone == blue).all(-1)[:, :240].any(1).sum() > 100
    assert np.asarray(MODALITY.render(SEEN)).shape == image.shape


def test_lines_of_a_run_say_what_a_table_is():
    assert MODALITY.summary(TRAIN) == "240 rows of 4 columns"
    assert MODALITY.describe((7,)) == "rows of 7 numbers"


@pytest.fixture(scope="module")
def judged():
    return MODALITY.evaluator(TRAIN, TEST, MODALITY.decode)


def test_scores_have_the_metrics_that_are_declared(judged):
    scores = judged.score(SEEN[:60])
    assert list(scores) == [metric.name for metric in judged.metrics]
    assert judged.headline.name == "detection/boosted" and judged.count == 60
    assert judged.reference == "held-out rows" and judged.shape == SEEN.shape[1:]


def test_real_rows_score_as_real_data_does(judged):
    """Rows that were trained on are no other than those that are held out."""
    real = judged.real_scores()
    assert real["detection/boosted"] < 0.65 and real["shapes"] > 0.85
    assert real["efficacy"] > 0.85


def test_independent_columns_are_found_out(judged):
    """They have the shapes of the real ones, and nothing else."""
    mixed = Encoded(
        np.stack([RNG.permutation(x) for x in ROWS.position.T], axis=1),
        np.stack([RNG.permutation(x) for x in ROWS.code.T], axis=1),
    )
    scores, real = judged.score(np.asarray(decode(SCHEMA, mixed))), judged.real_scores()
    assert scores["shapes"] > real["shapes"] - 0.1
    assert scores["detection/boosted"] > 0.75 > real["detection/boosted"] + 0.1
    assert scores["efficacy"] < real["efficacy"] - 0.1


def test_copies_of_training_rows_are_told_from_new_ones(judged):
    stored = natural(TRAIN).read(np.arange(60)).x
    copies = np.asarray(MODALITY.decode(stored))
    assert judged.score(copies)["copies/ratio/rows"] < 0.01


def test_without_held_out_rows_they_are_compared_with_the_training_rows():
    judged = MODALITY.evaluator(TRAIN, None, MODALITY.decode)
    assert judged.reference == "the training rows" and judged.count == 240
    assert judged.real_scores()["shapes"] > 0.8
    assert not [name for name in judged.score(SEEN) if "copies" in name]


def test_few_rows_have_no_scores_and_features_are_a_mistake():
    few = in_memory(TABLE.take(np.arange(9)), infer(TABLE))
    source = few.load(few.spec)
    assert MODALITY.evaluator(source, None, MODALITY.decode).count == 0
    with pytest.raises(UsageError, match="remove --features"):
        MODALITY.evaluator(TRAIN, TEST, MODALITY.decode, pixels())


def test_labels_of_samples_occur_as_often_as_in_the_table():
    labels = Labels(len(SCHEMA.conditions), SCHEMA.frequencies).make(500, 2, len)
    share = (AGE > 45).mean()
    np.testing.assert_allclose((labels == 1).mean(), share, atol=0.005)
    assert labels.dtype == np.int32 and len({*labels[:20].tolist()}) == 2
