"""What the documentation makes from the code when it is built, without Sphinx."""

import pytest

from docs.extensions import experiments, floors
from tests.helpers.processes import EXPERIMENTS


FOUND = experiments.experiments()


def test_every_experiment_has_a_page():
    assert [each.name for each in FOUND] == sorted(
        x.stem for x in EXPERIMENTS.glob("*.py")
    )


@pytest.mark.parametrize("experiment", FOUND, ids=lambda each: each.name)
def test_the_page_of_an_experiment_has_its_arguments(experiment):
    text = experiments.page(experiment)
    assert text.startswith(f"# {experiment.name}\n\n{experiment.title}")
    assert experiment.run.keys() >= {"workdir", "steps", "batch"}
    assert experiment.arguments
    for argument in experiment.arguments:
        assert f"| `{argument.flag}` | `{argument.default}` |" in text


def test_a_room_stands_above_all_that_it_imports():
    rooms = floors.imports()
    floor = {room: i for i, row in enumerate(floors.floors(rooms)) for room in row}
    assert floor.keys() == rooms.keys() >= {"core", "losses", "cli"}
    assert all(floor[other] < floor[room] for room in rooms for other in rooms[room])
    drawing = floors.svg(rooms)
    assert all(f">{room}</text>" in drawing for room in rooms)


def test_arrows_that_follow_from_others_are_left_out():
    rooms = {"a": set(), "b": {"a"}, "c": {"a", "b"}}
    assert floors.reduced(rooms) == {"a": set(), "b": {"a"}, "c": {"b"}}
    with pytest.raises(ValueError, match="Circle"):
        floors.floors({"a": {"b"}, "b": {"a"}})
