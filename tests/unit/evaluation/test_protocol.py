import json

import pytest

from ganjax.errors import UsageError
from ganjax.evaluation.protocol import (
    IN_WORDS,
    Protocol,
    check_comparable,
    differences,
    from_json,
    to_json,
)


ONE = Protocol(
    features="inception-a",
    reference="real/",
    reference_digest="a" * 64,
    real=50_000,
    samples=50_000,
    split="train",
    weights="ema",
    pretrained=("efficientnet-lite0",),
    version="0.1.0",
)
OTHER = {  # another value of each field
    "features": "inception-b",
    "reference": "other/",
    "reference_digest": "b" * 64,
    "real": 10_000,
    "samples": 10_000,
    "split": "test",
    "flips": True,
    "weights": "live",
    "truncation": 0.7,
    "seed": 1,
    "statistics": "other",
    "pretrained": (),
    "version": "0.2.0",
}


def test_a_protocol_returns_from_json_and_later_fields_may_be_missing():
    assert from_json(json.loads(json.dumps(to_json(ONE)))) == ONE
    short = {k: v for k, v in to_json(ONE).items() if k not in ("pretrained", "flips")}
    assert from_json(short | {"unknown": 3}) == ONE._replace(pretrained=())
    with pytest.raises(UsageError, match="no protocol"):
        from_json({"features": "a"})


@pytest.mark.parametrize("field", Protocol._fields)
def test_any_field_changes_the_digest(field):
    assert ONE._replace(**{field: OTHER[field]}).digest() != ONE.digest()
    assert ONE._replace().digest() == ONE.digest()


@pytest.mark.parametrize("field", Protocol._fields)
def test_unlike_protocols_are_refused_by_the_name_of_what_differs(field):
    other = ONE._replace(**{field: OTHER[field]})
    scores = {"a": ONE, "b": ONE, "c": other}
    if field in ("reference", "version"):  # a name, which says nothing of the images
        check_comparable(scores)
        return
    assert differences(ONE, other) == {field: (getattr(ONE, field), OTHER[field])}
    with pytest.raises(UsageError, match=f"a and c cannot .*{IN_WORDS[field]}: "):
        check_comparable(scores)
    check_comparable(scores, across=(field,))


def test_what_is_compared_across_must_be_a_field():
    with pytest.raises(
        UsageError, match="'resize' is nothing that protocols differ in"
    ):
        check_comparable({"a": ONE, "b": ONE}, across=("resize",))
