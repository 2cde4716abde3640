"""Which parameters of a test `make test` takes."""

from collections.abc import Callable

import pytest


def some(items, name=str, quick: Callable[[int, str], bool] | None = None) -> list:
    """Parameters of a test, of which `make test` takes some and `make test-rest` all else.

    Args:
        items: the parameters.
        name: of an item, its name.
        quick: of an item's place and name, whether `make test` takes it; every fourth by
            default.
    """
    quick = quick or (lambda place, _: place % 4 == 0)
    found = []
    for place, item in enumerate(items):
        marks = () if quick(place, name(item)) else pytest.mark.slow
        found.append(pytest.param(item, id=name(item), marks=marks))
    return found
