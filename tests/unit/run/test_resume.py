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


def changes(now, defaults=None, then=None):
    then = THEN if then is None else then
    return resume.find_changes(
        Path("r"), then, then | now, defaults or {}, FILES, FILES
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


def test_what_is_said_of_an_argument_names_its_flag_and_both_values():
    before = {"run": {"batch_size": 8, "steps": 8, "new_one": 1}, "lr": 0.1}
    now = {"run": {"batch_size": 16, "steps": 9}, "lr": 0.1}
    then = THEN | {"args": before}
    with pytest.raises(UsageError) as told:
        resume.find_changes(Path("r"), then, THEN | {"args": now}, {}, FILES, FILES)
    assert str(told.value) == (
        "--batch-size was 8 when r was begun and is 16 now; give it as it was, or name "
        "another --workdir, with --init-from r to begin with its weights."
    )
    now["run"]["batch_size"] = 8
    said = resume.find_changes(Path("r"), then, THEN | {"args": now}, {}, FILES, FILES)
    assert said == ["--new-one, which was 1, is not an argument any more."]
    # "steps" of the experiment itself is no setting of the run.
    mine = THEN | {"args": {"steps": 3, "run": {}}}
    with pytest.raises(UsageError, match="--steps was 3"):
        changes({"args": {"steps": 4, "run": {}}}, then=mine)


def test_an_experiment_may_be_renamed_if_its_code_stays():
    for then, now, renamed in (
        ({"sha256": "a"}, {"sha256": "a", "experiment": "f"}, True),
        ({"sha256": "a"}, {"sha256": "b", "experiment": "f"}, False),
        ({"sha256": ""}, {"sha256": "", "experiment": "f"}, False),
        ({}, {"experiment": "f"}, False),
        ({"sha256": "a"}, {"sha256": "b"}, True),
    ):
        if renamed:
            assert changes(now, then=THEN | then) == []
        else:
            with pytest.raises(UsageError, match="r is a run of e, not of f"):
                changes(now, then=THEN | then)


def test_a_place_in_the_arguments_may_change_as_the_data_may(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    place = str(tmp_path / "data")
    then = THEN | {"args": {"data": "gone"}, "data": {"where": "gone", "target": ""}}
    for argument, data in (
        ("data", {"where": place, "target": ""}),
        (place, {"where": place, "target": ""}),
        ("data", {"where": "gone", "target": place}),
        ("ring", {"where": "ring", "target": ""}),
    ):
        now = {"args": {"data": argument}, "data": data}
        (said,) = changes(now, then=then)
        named = ", ".join(x for x in data.values() if x)
        assert said == f"The data is now read from {named}."
    with pytest.raises(UsageError, match="--data was gone"):
        changes({"args": {"data": "data"}, "data": {"where": "else"}}, then=then)
    with pytest.raises(UsageError, match="--data was 3"):
        changes(
            {"args": {"data": "ring"}, "data": {"where": "ring"}},
            then=then | {"args": {"data": 3}},
        )


def test_data_under_its_full_path_has_not_moved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    then = THEN | {"data": {"where": "data", "target": ""}}
    place = {"where": str(tmp_path / "data"), "target": ""}
    assert changes({"data": place}, then=then) == []
    assert changes({"data": then["data"]}, then=then) == []
    older = THEN | {"data": {"where": "data"}}
    assert changes({"data": place}, then=older) == [], "it knew of no second place"
    here = {"args": {"data": ".", "note": ""}, "data": place | {"where": str(tmp_path)}}
    before = THEN | here | {"args": {"data": ".", "note": "x"}}
    with pytest.raises(UsageError, match="--note was x"):
        changes(here, then=before)


def names(*words):
    return {word: f"digest of {word}" for word in words}


def files(now, before, **more):
    then, moved = THEN | more.pop("then", {}), {"data": {"where": "b", "target": ""}}
    now_is = THEN | (moved if more.pop("moved", False) else {}) | more
    return resume.find_changes(Path("r"), then, now_is, {}, before, now)


@pytest.mark.parametrize("missing", ["then", "now"])
def test_without_an_inventory_the_number_of_examples_is_compared(missing):
    before, now = (None, FILES) if missing == "then" else (FILES, {})
    assert files(now, before) == []
    assert files(now, before, moved=True) == ["The data is now read from b."]
    with pytest.raises(UsageError, match=r"\(3 examples then, 4 now\)"):
        files(now, before, examples=4)
    assert files(FILES, FILES, examples=4) == [], "the files say more"


def test_data_that_stays_may_change_by_a_half_and_is_told_file_by_file():
    before = names("a", "b", "c", "d", "e", "f")
    now = {**names("a", "b", "c", "g", "h"), "d": "another"}
    (said,) = files(now, before)
    assert said == (
        "The data has changed since r was begun: 2 removed (e, f), 2 added (g, h), 1 "
        "replaced (d). The run goes on with what is there, and ends otherwise than it "
        "would have."
    )
    with pytest.raises(UsageError, match=r"begun with: 2 removed \(e, f\), 2 added"):
        files(now, before, moved=True)
    with pytest.raises(UsageError, match=r"4 removed \(c, d, e, \.\.\.\)"):
        files(names("a", "b"), before)
    more = names("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l")
    (said,) = files(more, before)
    assert "begun: 6 added (g, h, i, ...)." in said
    with pytest.raises(UsageError, match="7 added"):
        files(more | names("m"), before)


def test_files_of_other_names_that_moved_are_other_data():
    assert files(FILES, FILES, moved=True) == ["The data is now read from b."]
    with pytest.raises(UsageError, match="name another --workdir"):
        files(FILES | {"b": "3"}, FILES, moved=True)


def test_a_program_is_compared_only_where_both_runs_have_told_it():
    for then, now, told in (
        ({}, {"program": "b"}, True),
        ({}, {"program": "a"}, False),
        ({}, {"program": ""}, False),
        ({"program": ""}, {"program": "b"}, False),
    ):
        assert bool(changes(now, then=THEN | then)) == told


def test_how_data_is_read_is_compared_but_for_what_an_older_run_did_not_know():
    data = {**THEN["data"], "channels": 1}
    assert changes({"data": data}) == []
    with pytest.raises(UsageError, match="read with channels 1, and with 3 when r"):
        changes({"data": data}, then=THEN | {"data": data | {"channels": 3}})
