"""What a command says to a person who got something wrong."""

from collections.abc import Callable

import pytest


def told(
    capsys: pytest.CaptureFixture[str], act: Callable[..., object], *arguments: object
) -> str:
    """The one sentence that `act` leaves with, with status 2."""
    with pytest.raises(SystemExit) as end:
        act(*arguments)
    assert end.value.code == 2
    words = capsys.readouterr().err.strip().splitlines()
    assert len(words) == 1, words
    assert words[0].endswith(".") and "Traceback" not in words[0]
    return words[0]
