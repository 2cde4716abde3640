"""Names as they are sorted and shown."""

import pytest

from ganjax.data.names import listed, natural_key, printable, shortened, sort_classes


@pytest.mark.parametrize(
    "names",
    [
        "-1.5 -1 +0 0.25 0.5 2 10",
        "01 1 2",  # equal by value, so the text decides
        "1.5 2 x",
        "1e3 2",  # is no number here
        "1. 2",
        "a a01 a1 a1b a2",
        "a0 a00 a1",
        "2a 10a a",
        "x-2 x-10",
        "A a",
    ],
)
def test_classes_are_sorted_by_number_where_all_are_numbers(names):
    assert sort_classes(reversed(names.split())) == names.split()


def test_paths_are_sorted_folder_by_folder():
    names = ["a/2/x", "a/10/b", "a/10/c", "a1/1", "a b/1", "b"]
    assert sorted(reversed(names), key=natural_key) == names


def test_what_cannot_be_printed_is_escaped():
    assert printable("café кот 猫") == "café кот 猫"
    assert printable("a\tb\nc\x1b[0m\u200b") == "a\\tb\\nc\\x1b[0m\\u200b"
    assert printable("a\udcff\udce9") == "a\\xff\\xe9"
    assert printable("\udcc3\udca9") == "é"  # two bytes that are UTF-8 after all


@pytest.mark.parametrize("length, shown", [(59, 59), (60, 60), (61, 57), (99, 57)])
def test_long_names_end_in_dots(length, shown):
    dots = "..." if shown < length else ""
    assert shortened("x" * length) == "x" * shown + dots
    escaped = shortened("\n" * length)
    assert len(escaped) == 60 and escaped == ("\\n" * 60)[:57] + "..."


def test_a_list_of_names_ends_in_a_count():
    assert listed([]) == "" and listed(["a"]) == "a"
    assert listed("abc") == "a, b, c" and listed("abcd") == "a, b, c and 1 more"
    assert listed(iter("abcd"), 2) == "a, b and 2 more"
    assert listed(map(str, range(1234)), 1) == "0 and 1,233 more"
    assert listed(["a\n", "x" * 61]) == f"a\\n, {'x' * 57}..."
