"""Every row of the table of situations ends as it must."""

import numpy as np
import pytest

from tests.contract.situations import TABLE
from tests.fuzz import ready
from tests.fuzz.harness import play


@pytest.fixture(scope="module", autouse=True)
def runs(tmp_path_factory):
    """The finished runs that situations copy."""
    folder = tmp_path_factory.mktemp("ready")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ready.WHERE, str(folder))
        ready.make(folder, ["run", "complete"])
        yield


@pytest.mark.parametrize("situation", TABLE, ids=lambda situation: situation.name)
def test_situation(situation, tmp_path):
    play(situation, tmp_path / "s", np.random.default_rng(0))


def test_names_tell_the_rows_apart():
    names = [situation.name for situation in TABLE]
    assert len({*names}) == len(names)
