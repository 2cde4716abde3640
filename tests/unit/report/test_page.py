"""The elements of a page: tables, values and pictures that are embedded."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from ganjax.report import page


def embedded(html):
    """The kind, the size and the picture of the first `img`."""
    width, height, kind, code = re.search(
        r'width="(\d+)" height="(\d+)" src="data:image/(\w+);base64,(.*?)"', html
    ).groups()
    data = base64.b64decode(code)
    return kind, (int(width), int(height)), data, Image.open(io.BytesIO(data))


def noise(path, width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_a_document_has_its_title_and_its_body():
    html = page.document("a < b", "<p>c</p>")
    assert "<title>a &lt; b</title>" in html and "<main>\n<p>c</p>\n</main>" in html
    assert html.startswith("<!doctype html>") and page.STYLE in html


def test_a_section_without_a_body_is_left_out():
    assert page.section("a", "") == ""
    html = page.section("a & b", "<p>c</p>")
    assert html == "<section>\n<h2>a &amp; b</h2>\n<p>c</p>\n</section>\n"


def test_a_table_of_scores_has_a_column_for_each_head():
    html = page.score_table(["score", "<x>"], [["a & b", "1 < 2"], ["c", "3"]])
    assert re.findall(r'<th scope="col">(.*?)</th>', html) == ["score", "&lt;x&gt;"]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>', html)
    assert rows == [("a &amp; b", "1 &lt; 2"), ("c", "3")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (1.5, "1.5"),
        ("<x>", "&lt;x&gt;"),
        ("", "none"),
        (None, "none"),
        ({}, "none"),
        ([], "none"),
        ([True, None, "a"], "yes, none, a"),
        ((1, [2, 3]), "1, 2, 3"),
        ([*range(100)], ", ".join(map(str, range(100)))),
        ([*range(1101)], "0, 1, 2, …, 1100 (1,101)"),
        ([*range(101)], "0, 1, 2, …, 100 (101)"),
    ],
)
def test_a_value_is_told_in_words(value, text):
    html = page.value_table({"run": {"x": value}})
    assert f'<th scope="row">run.x</th><td>{text}</td>' in html


def test_a_table_of_nothing_is_left_out():
    assert page.value_table({}) == ""


def test_a_small_picture_is_embedded_as_it_is(tmp_path):
    path = noise(tmp_path / "a.png", 20, 12)
    size = path.stat().st_size
    html = page.picture(path, "what it is", "a & b", size)
    kind, shown, data, _ = embedded(html)
    assert kind == "png" and shown == (20, 12) and data == path.read_bytes()
    assert 'alt="what it is"' in html and "<figcaption>a &amp; b</figcaption>" in html
    assert embedded(page.picture(path, "a", "b", size - 1))[0] == "webp"


def test_a_large_picture_is_reduced_until_it_fits(tmp_path):
    path = noise(tmp_path / "a.png", 200, 100)
    loose, tight = (
        embedded(page.picture(path, "a", "b", limit)) for limit in (16_000, 3000)
    )
    assert loose[1] == (200, 100) and loose[0] == tight[0] == "webp"
    assert len(tight[2]) <= 3000 and tight[1][0] < 200
    assert abs(tight[1][0] - 2 * tight[1][1]) <= 1 and tight[3].size == tight[1]


def test_an_animation_can_be_folded(tmp_path):
    noise(tmp_path / "a.webp", 20, 12)
    html = page.animation(tmp_path / "a.webp", "moving", "from <1> on")
    kind, shown, data, _ = embedded(html)
    assert kind == "webp" and shown == (20, 12)
    assert data == (tmp_path / "a.webp").read_bytes()
    assert html.startswith("<details open><summary>from &lt;1&gt; on</summary>")
    assert 'alt="moving"' in html
