"""Which evaluator a run has, and what that is given."""

from pathlib import Path

import numpy as np
import pytest

from ganjax import Batch
from ganjax.data import Source, Spec
from ganjax.data.source import example_struct
from ganjax.errors import NoSplit, UsageError
from ganjax.evaluation import Features
from ganjax.evaluation.evaluator import no_scores
from ganjax.modalities import POINTS
from ganjax.run.evaluator import check_held_out, evaluator, real_of
from tests.helpers.runs import game


FEATURES = Features("sum", lambda x: x.sum(1, keepdims=True))


def data(own=None, held_out=True):
    """A game of points that are doubled and halved, and whose data tells its calls."""
    told = []

    def load(spec):
        told.append(spec)
        if spec.split == "test" and not held_out:
            raise NoSplit("There is none.")
        read = lambda rows: Batch(np.zeros((len(rows), 4)), np.zeros(len(rows)))
        example = example_struct((4,), np.float32)
        return Source(spec, 9, example, (), read, evaluator=own)

    def judge(*given, scratch=None):
        told.append((*given, scratch))
        return no_scores(0)

    modality = POINTS._replace(load=load, decode=lambda x: 2 * x, evaluator=judge)
    return game()._replace(modality=modality, real=lambda x: x[:, :2]), told


def test_data_is_compared_as_its_modality_says_and_unmirrored(tmp_path):
    made, told = data()
    evaluator(Spec("x", mirror=True), made, FEATURES, scratch=tmp_path)
    train, test = Spec("x"), Spec("x", split="test")
    assert told[:2] == [train, test]
    source, other, to_real, features, scratch = told[2]
    assert (source.spec, other.spec) == (train, test)
    assert (features, scratch) == (FEATURES, tmp_path)
    stored = np.arange(8.0).reshape(2, 4)
    assert to_real(stored).tolist() == [[0, 2], [8, 10]]


@pytest.mark.parametrize("held_out", [True, False])
def test_data_of_known_modes_judges_itself_and_by_no_features(held_out):
    given = []

    def own(*parts):
        given.append(parts)
        return no_scores(3)

    made, told = data(own, held_out)
    judge = evaluator(Spec("x"), made, scratch=Path("s"))
    assert judge.reference == no_scores(3).reference
    ((source, other, to_real, scratch),) = given
    assert source.spec == Spec("x") and scratch == Path("s")
    assert (other is not None) == held_out
    assert to_real(np.ones((1, 4))).tolist() == [[2, 2]]
    with pytest.raises(UsageError, match="x is scored by its modes: remove --features"):
        evaluator(Spec("x"), made, FEATURES)


def test_real_examples_are_decoded_before_a_part_of_them_is_taken():
    made, _ = data()
    made = made._replace(real=lambda x: x - 1)
    assert real_of(made)(np.full((1, 2), 3.0)).tolist() == [[5, 5]]
    source = made.modality.load(Spec("x", mirror=True))
    assert check_held_out(source, made).spec == Spec("x", split="test")
    made, _ = data(held_out=False)
    assert check_held_out(source, made) is None
