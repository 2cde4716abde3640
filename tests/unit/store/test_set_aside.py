"""The names of damaged saves."""

import pytest

from ganjax.store import set_aside


def test_each_damaged_save_of_a_step_gets_a_name_of_its_own(tmp_path):
    names = ["damaged-12", "damaged-12-again", "damaged-12-again-again"]
    for name in names:
        path = set_aside.new_path(tmp_path, 12)
        assert path == tmp_path / name and not path.exists()
        path.mkdir()
        assert set_aside.step_of(name) == 12
    assert set_aside.new_path(tmp_path, 1) == tmp_path / "damaged-1"


@pytest.mark.parametrize(
    "name",
    ["12", "damaged-", "damaged-x", "damaged-1-", "damaged-1-once", "adamaged-1"],
)
def test_other_names_are_of_no_damaged_save(name):
    assert set_aside.step_of(name) is None
