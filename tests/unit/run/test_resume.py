"""What a resumed run tells of what has changed, and what it refuses."""

from pathlib import Path

import jax
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.run import resume
from ganjax.store import shapes


def stored(side):
    return shapes.to_json(jax.ShapeDtypeStruct((1, 4, side, side, 1), np.uint8))


THEN = {
    "experiment": "e",
    "args": {"lr": 0.1, "run": {"steps": 8}},
    "data": {"where": "ring", "target": "", "crop": False},
    "shapes": stored(8),
    "classes": ["cat", "dog"],
    "examples": 3,
    "versions": {"jax": "1"},
    "program": "a",
}
FILES = {"a": "1:2"}


def changes(now, defaults=None):
    return resume.find_changes(
        Path("r"), THEN, THEN | now, defaults or {}, FILES, FILES
    )


def test_a_run_that_is_as_it_was_or_only_longer_is_not_talked_about():
    assert changes({}) == []
    assert changes({"args": {"lr": 0.1, "run": {"steps": 16}}}) == []


@pytest.mark.parametrize(
    "now, says",
    [
        ({"classes": ["dog", "cat"]}, "other classes .*cat, dog then, dog, cat now"),
        ({"classes": ["cat", "cow"]}, "other classes"),
        ({"classes": ["cat"]}, "other classes"),
        ({"shapes": stored(16)}, "another shape .*8, 8, 1]] then, .*16, 16, 1]] now"),
        (
            {"data": THEN["data"] | {"crop": True}},
            "read with crop True, and with False",
        ),
        ({"args": {"lr": 0.2, "run": {"steps": 8}}}, "--lr"),
    ],
)
def test_what_would_be_another_run_is_refused(now, says):
    with pytest.raises(UsageError, match=says):
        changes(now)


def test_an_argument_that_is_new_had_its_default():
    now = {"args": {"lr": 0.1, "new": 3, "run": {"steps": 8}}}
    assert changes(now, {"new": 3}) == []
    with pytest.raises(UsageError, match="--new"):
        changes(now, {"new": 4})
    (gone,) = changes({"args": {"run": {"steps": 8}}})
    assert gone == "--lr, which was 0.1, is not an argument any more."


def test_another_program_is_told_unless_another_version_may_have_traced_it():
    (told,) = changes({"program": "b"})
    assert "computes something else" in told
    assert not any(
        "computes something else" in said
        for said in changes({"program": "b", "versions": {"jax": "2"}})
    )
