"""What `ganjax check` says of saves and of a run."""

from ganjax.store import readback
from ganjax.store.check import CheckedSave, check_saves, describe_state


def run(folder):
    """A run's folder with one save, in which nothing needs to be readable."""
    (folder / "checkpoints" / "8").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    return folder


def test_a_run_without_a_status_is_said_to_have_none(tmp_path):
    assert describe_state(run(tmp_path)) == f"The state of {tmp_path} is not recorded."


def test_a_disk_that_fails_after_a_repair_is_a_problem_of_the_save(
    tmp_path, monkeypatch
):
    answers = iter([readback.NOT_JOINED, OSError(5, "Input/output error")])

    def find_problem(path):
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(readback, "find_problem", find_problem)
    monkeypatch.setattr(readback, "join_parts", lambda path: None)
    assert check_saves(run(tmp_path)) == [
        CheckedSave(
            "checkpoints",
            8,
            "it cannot be read now (Input/output error)",
            "joined what each process wrote",
        )
    ]
