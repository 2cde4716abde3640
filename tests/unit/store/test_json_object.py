"""JSON of files that anybody may have edited."""

import pytest

from ganjax.store import json_object


DEEP = "[" * 200_000


def test_text_that_is_no_json_or_too_deep_is_an_error_of_value():
    assert json_object.parse(b'{"a": [1, "\xc3\xa9"]}') == {"a": [1, "é"]}
    for text in ("{", "", DEEP):
        with pytest.raises(ValueError):  # noqa: PT011
            json_object.parse(text)


def test_a_file_without_an_object_is_an_empty_one(tmp_path):
    path = tmp_path / "a.json"
    assert json_object.read(path) == {} == json_object.read(tmp_path)
    for data in (b"", b"[1]", b"null", b'"a"', b"\xff\xfe", DEEP.encode()):
        path.write_bytes(data)
        assert json_object.read(path) == {}
    path.write_text('{"a": {"b": "é"}}', "utf-8")
    assert json_object.read(path) == {"a": {"b": "é"}}


def test_nested_objects_get_dotted_names_and_empty_ones_stay():
    nested = {"run": {"steps": 4, "more": {"a": [1, {"b": 2}], "none": {}}}, "lr": 0.1}
    assert json_object.flatten(nested) == {
        "run.steps": 4,
        "run.more.a": [1, {"b": 2}],
        "run.more.none": {},
        "lr": 0.1,
    }
    assert json_object.flatten({"": {"a": 1}, "x": {}}) == {".a": 1, "x": {}}
