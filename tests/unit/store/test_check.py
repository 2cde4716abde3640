"""What `ganjax check` says of saves and of a run."""

import pytest

from ganjax.errors import UsageError
from ganjax.store import check, readback
from ganjax.store.check import (
    CheckedSave,
    advice,
    check_saves,
    describe_state,
    leftovers,
)
from ganjax.store.status import write_status
from ganjax.store.workdir import locked


def run(folder, *saves):
    """A run's folder with some saves, in which nothing needs to be readable."""
    for name in saves or ("checkpoints/8",):
        (folder / name).mkdir(parents=True)
    (folder / "run.json").write_text('{"steps": 20}')
    return folder


@pytest.fixture
def problems(monkeypatch):
    """The answers that readback gives, by the names of the saves; '' for all others."""
    found = {}

    def find_problem(path):
        answer = found.get(path.name, "")
        answer = answer.pop(0) if isinstance(answer, list) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(readback, "find_problem", find_problem)
    return found


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.glob("*/*"))


def test_saves_are_checked_in_the_order_of_their_steps(tmp_path, problems):
    saves = ("checkpoints/9", "checkpoints/10", "checkpoints/damaged-9-again")
    others = ("checkpoints/3.orbax-checkpoint-tmp", "averages/7", "samples/1")
    run(tmp_path, *saves, *others)
    (tmp_path / "checkpoints" / "11").touch()  # a file is no save
    problems["10"] = "it is cut off"
    problems["damaged-9-again"] = "it is altered"
    before = names(tmp_path)
    assert check_saves(tmp_path) == [
        CheckedSave("checkpoints", 9, "", ""),
        CheckedSave("checkpoints", 9, "it is altered", ""),
        CheckedSave("checkpoints", 10, "it is cut off", ""),
        CheckedSave("averages", 7, "", ""),
    ]
    assert names(tmp_path) == before


def test_a_folder_that_is_no_run_is_not_checked(tmp_path):
    for ask in (check_saves, describe_state):
        with pytest.raises(UsageError, match="is not a run"):
            ask(tmp_path)
    assert check_saves(run(tmp_path, "samples/1")) == []


def test_a_save_gets_its_name_back_if_it_is_intact_and_the_name_is_free(
    tmp_path, problems
):
    place = "checkpoints"
    run(tmp_path, *(f"{place}/{x}" for x in ("damaged-4", "8", "damaged-8")))
    problems["damaged-4"] = ["it is altered", ""]
    assert [x.repairs for x in check_saves(tmp_path)] == ["", "", ""]
    assert names(tmp_path) == [f"{place}/{x}" for x in ("8", "damaged-4", "damaged-8")]
    again = check_saves(tmp_path)
    assert again[0] == CheckedSave(place, 4, "", "put back in its place")
    assert names(tmp_path) == [f"{place}/{x}" for x in ("4", "8", "damaged-8")]


def test_parts_are_joined_and_the_save_is_read_again(tmp_path, problems, monkeypatch):
    joined = []
    monkeypatch.setattr(readback, "join_parts", joined.append)
    run(tmp_path, "checkpoints/damaged-4", "averages/8")
    problems["damaged-4"] = [readback.NOT_JOINED, ""]
    problems["8"] = [readback.NOT_JOINED, "it is altered"]
    assert check_saves(tmp_path) == [
        CheckedSave(
            "checkpoints",
            4,
            "",
            "joined what each process wrote, put back in its place",
        ),
        CheckedSave("averages", 8, "it is altered", "joined what each process wrote"),
    ]
    assert joined == [tmp_path / "checkpoints/damaged-4", tmp_path / "averages/8"]


@pytest.mark.parametrize("error", [OSError("no room"), ValueError("no room")])
def test_parts_that_cannot_be_joined_are_a_problem(
    tmp_path, problems, monkeypatch, error
):
    def fail(path):
        raise error

    monkeypatch.setattr(readback, "join_parts", fail)
    problems["8"] = readback.NOT_JOINED
    why = "what each process wrote could not be joined (no room)"
    assert check_saves(run(tmp_path)) == [CheckedSave("checkpoints", 8, why, "")]


def test_nothing_is_joined_or_moved_while_a_process_trains(
    tmp_path, problems, monkeypatch
):
    monkeypatch.setattr(readback, "join_parts", lambda path: pytest.fail("joined"))
    run(tmp_path, "checkpoints/4", "checkpoints/damaged-8")
    problems["4"] = readback.NOT_JOINED
    with locked(tmp_path):
        found = check_saves(tmp_path)
    assert found == [
        CheckedSave("checkpoints", 4, readback.NOT_JOINED, ""),
        CheckedSave("checkpoints", 8, "", ""),
    ]
    assert names(tmp_path) == ["checkpoints/4", "checkpoints/damaged-8"]


def test_a_disk_that_fails_after_a_repair_is_a_problem_of_the_save(
    tmp_path, problems, monkeypatch
):
    problems["8"] = [readback.NOT_JOINED, OSError(5, "Input/output error")]
    monkeypatch.setattr(readback, "join_parts", lambda path: None)
    assert check_saves(run(tmp_path)) == [
        CheckedSave(
            "checkpoints",
            8,
            "it cannot be read now (Input/output error)",
            "joined what each process wrote",
        )
    ]


def test_a_run_without_a_status_is_said_to_have_none(tmp_path):
    assert describe_state(run(tmp_path)) == f"The state of {tmp_path} is not recorded."


def test_how_a_run_stands_is_said_with_its_step_and_its_reason(tmp_path):
    run(tmp_path)
    for state, sentence, said in (
        (
            "running",
            "",
            "was killed before step 20: the same command resumes it from its",
        ),
        ("finished", "", "is finished at step 8 of 20."),
        ("failed", "A disk is full.", "is failed at step 8 of 20. A disk is full."),
    ):
        write_status(tmp_path, state, 8, sentence)
        told = describe_state(tmp_path)
        assert told.startswith(f"{tmp_path} {said}")
        assert state == "running" or told == f"{tmp_path} {said}"
        with locked(tmp_path):
            assert describe_state(tmp_path) == f"{tmp_path} is being trained now."
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "status.json").write_text('{"state": "stopped"}')
    assert describe_state(tmp_path) == f"{tmp_path} is stopped at step 0 of ?."


def test_the_newest_intact_save_is_named_and_averages_are_none(tmp_path):
    saves = [
        CheckedSave("checkpoints", 9, "", ""),
        CheckedSave("checkpoints", 10, "", "put back in its place"),
        CheckedSave("checkpoints", 11, "it is cut off", ""),
        CheckedSave("averages", 12, "", ""),
    ]
    newest = "The newest intact save is that of step 10."
    assert advice(tmp_path, saves) == [newest]
    assert advice(tmp_path, saves[2:]) == []
    odd = tmp_path / "a[b?"
    move, second = advice(odd, saves)
    assert move.startswith(f"Move {odd} to a path without ? [: ") and second == newest


def test_what_a_kill_left_of_saves_is_listed(tmp_path, monkeypatch):
    made = [f"checkpoints/{n}.orbax-checkpoint-tmp-1" for n in (4, 3)]
    made += [
        "averages/2.orbax-checkpoint-tmp",
        "checkpoints/1",
        "x/orbax-checkpoint-tmp",
    ]
    for name in made:
        (tmp_path / name).mkdir(parents=True)
    assert leftovers(tmp_path) == sorted(tmp_path / name for name in made[:3])
    assert leftovers(tmp_path / "x") == []

    def fail(folder):
        raise PermissionError

    monkeypatch.setattr(check.Path, "iterdir", fail)
    assert leftovers(tmp_path) == []
