"""A suite computes what applies, under the names of its metrics, and from any storage."""

import numpy as np
import pytest

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import FeatureSet
from ganjax.evaluation.metric import Direction, lower_is_better
from ganjax.evaluation.suite import SUITE, WHILE_TRAINING, metrics_of, score_features


RNG = np.random.default_rng(0)
TRAIN, HELD_OUT, FAKE = (RNG.normal(size=(n, 5)).astype("f4") for n in (130, 90, 100))
LABELS = np.arange(100) % 3
PROBABILITIES = RNG.dirichlet(np.ones(3), 100)


def everything(rows=lambda x: x):
    real = FeatureSet(rows(HELD_OUT), labels=LABELS[:90], train=rows(TRAIN))
    return real, FeatureSet(rows(FAKE), PROBABILITIES, LABELS)


def test_where_all_is_known_all_is_computed_and_finite():
    scores = score_features(*everything())
    assert list(scores) == [metric.name for metric in metrics_of(SUITE)]
    assert all(type(value) is float and np.isfinite(value) for value in scores.values())
    assert len(set(scores)) == len(metrics_of(SUITE)) > 20


def test_scores_are_those_of_the_functions():
    scores = score_features(*everything())
    wanted = {
        "frechet": evaluation.frechet_distance(HELD_OUT, FAKE),
        "frechet/ratio": evaluation.frechet_ratio(TRAIN, HELD_OUT, FAKE),
        "kernel": evaluation.kernel_distance(HELD_OUT, FAKE),
        "kad": evaluation.kad(HELD_OUT, FAKE),
        "cmmd": evaluation.cmmd(HELD_OUT, FAKE),
        "mind": evaluation.mind(HELD_OUT, FAKE),
        "inception": evaluation.inception_score(PROBABILITIES).mean,
        "recall": evaluation.prdc(HELD_OUT, FAKE).recall,
        "clipped_coverage": evaluation.clipped_scores(HELD_OUT, FAKE).coverage,
        "copies/ratio": evaluation.copies(FAKE, TRAIN, HELD_OUT).ratio,
        "authenticity": evaluation.authenticity(FAKE, TRAIN),
        "copying": evaluation.mann_whitney_copying(FAKE, TRAIN, HELD_OUT),
        "copying/cells": evaluation.c_t(FAKE, TRAIN, HELD_OUT),
        "fld": evaluation.feature_likelihood(FAKE, TRAIN, HELD_OUT).divergence,
    }
    assert {name: scores[name] for name in wanted} == pytest.approx(wanted)


def test_features_in_a_buffer_have_the_scores_of_an_array():
    def buffered(rows):
        buffer = evaluation.row_buffer()
        for part in np.array_split(rows, 4):
            buffer.add(part)
        return buffer.rows()

    found = score_features(*everything(buffered))
    assert found == pytest.approx(score_features(*everything()), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("real", "fake", "absent"),
    [
        (FeatureSet(HELD_OUT), FeatureSet(FAKE), "copying frechet/ratio inception"),
        (FeatureSet(HELD_OUT, labels=LABELS[:90]), FeatureSet(FAKE), "frechet/classes"),
        (FeatureSet(HELD_OUT), FeatureSet(FAKE, PROBABILITIES[:9]), "inception"),
        (FeatureSet(HELD_OUT[:5]), FeatureSet(FAKE), "precision clipped_density"),
        (FeatureSet(HELD_OUT), FeatureSet(FAKE[:1]), "frechet kid kad"),
        (FeatureSet(0 * HELD_OUT), FeatureSet(FAKE), "kad"),
    ],
)
def test_what_does_not_apply_is_left_out(real, fake, absent):
    scores = score_features(real, fake)
    assert not scores.keys() & set(absent.split())
    assert {"mind", "cmmd"} <= scores.keys()


def test_a_training_set_in_place_of_held_out_data_is_refused():
    with pytest.raises(UsageError, match="hold out other"):
        score_features(FeatureSet(TRAIN, train=TRAIN), FeatureSet(FAKE))


def test_scores_while_training_are_few_and_one_can_choose_the_best_save():
    metrics = metrics_of(WHILE_TRAINING)
    assert {metric.name for metric in metrics} == {"frechet", "frechet/ratio", "mind"}
    assert {metric.direction for metric in metrics} == {Direction.LOWER}
    assert [*score_features(*everything(), suite=WHILE_TRAINING)] == [
        metric.name for metric in metrics
    ]


def test_a_metric_of_one_s_own_is_one_more_value():
    gap = evaluation.FeatureMetric(
        lower_is_better("gap", "Distance of the means."),
        lambda real, fake: float(np.linalg.norm(real.rows.mean(0) - fake.rows.mean(0))),
    )
    found = score_features(*everything(), suite=(*WHILE_TRAINING, gap))
    wanted = np.linalg.norm(HELD_OUT.mean(0) - FAKE.mean(0))
    assert found["gap"] == pytest.approx(wanted)
