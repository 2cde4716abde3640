"""Elements of the HTML page: its style sheet, tables and embedded pictures.

The page loads nothing from elsewhere. Functions return HTML, and escape every text that
comes from a run.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from PIL import Image

from ganjax.modalities.pictures import shrink
from ganjax.store import json_object


# For light and dark color schemes, narrow screens and print, without a script. --s0 to --s5
# are the colors of the lines of a chart (`chart.NUM_STYLES`).
STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fcfcfb; --card: #ffffff; --ink: #1c2024; --soft: #60666e; --rule: #e6e7e9;
  --s0: #2458be; --s1: #c2531b; --s2: #1d7f62; --s3: #8a3fa8; --s4: #8a6d00;
  --s5: #b3305a; --good: #1d7f62; --bad: #b3261e; --wait: #8a6d00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131518; --card: #1a1d21; --ink: #e7e9ec; --soft: #a0a7b0;
    --rule: #2c3137; --s0: #82aaff; --s1: #ffa36b; --s2: #63cfaa; --s3: #d39bf0;
    --s4: #e0c35a; --s5: #ff8fb1; --good: #63cfaa; --bad: #ff8a80; --wait: #e0c35a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue",
    Arial, sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
main { max-width: 1040px; margin: 0 auto; padding: 56px 28px 96px; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.015em; margin: 0 0 6px; }
h2 {
  font-size: 20px; letter-spacing: -.005em; margin: 64px 0 18px; padding-top: 20px;
  border-top: 1px solid var(--rule);
}
h3 { font-size: 15px; margin: 32px 0 8px; color: var(--soft); font-weight: 600; }
p { margin: 0 0 12px; max-width: 68ch; }
.doc, .note { color: var(--soft); }
.note { font-size: 13px; margin: 6px 0 0; }
.status { margin: 18px 0 36px; }
.status b::before {
  content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%;
  margin-right: 9px; background: var(--wait);
}
.status.finished b::before { background: var(--good); }
.status.diverged b::before { background: var(--bad); border-radius: 0; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 14px; font-weight: 600; overflow-wrap: anywhere; }
.still figcaption { font-weight: 400; color: var(--soft); margin-bottom: 6px; }
.still img, details img {
  display: block; max-width: 100%; height: auto; border-radius: 4px;
}
.hero {
  display: grid; gap: 28px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr));
}
.hero img { width: 100%; }
.still audio { display: block; width: 100%; margin-top: 8px; }
.strip {
  display: grid; gap: 26px 20px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 210px), 1fr));
}
.strip img { width: 100%; }
.charts {
  display: grid; gap: 34px 28px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 280px), 1fr));
}
.scroll + .charts { margin-top: 40px; }
@media (min-width: 700px) { .charts > .wide { grid-column: span 2; } }
.chart svg { display: block; width: 100%; height: auto; margin-top: 4px; }
.chart > svg { overflow: visible; }
.line, .thin { vector-effect: non-scaling-stroke; }
.chart text { font-size: 11px; fill: var(--soft); }
.rule, .axis { stroke: var(--rule); stroke-width: 1; fill: none; }
.axis { stroke: var(--soft); stroke-opacity: .6; }
.mark { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; fill: none; }
.line { fill: none; stroke-width: 1.9; stroke-linejoin: round; stroke-linecap: round; }
.thin { fill: none; stroke-width: .8; stroke-opacity: .3; stroke-linejoin: round; }
.s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); }
.s3 { stroke: var(--s3); } .s4 { stroke: var(--s4); } .s5 { stroke: var(--s5); }
.line.s1 { stroke-dasharray: 7 4; } .line.s2 { stroke-dasharray: 2 4; }
.line.s3 { stroke-dasharray: 9 3 2 3; } .line.s4 { stroke-dasharray: 12 4; }
.line.s5 { stroke-dasharray: 4 3; }
.dot { fill: var(--paper); stroke-width: 1.5; }
.legend {
  display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; margin: 2px 0 0;
  padding: 0; font-size: 13px; color: var(--soft);
}
.chart .legend .key {
  display: inline-block; width: 28px; height: 8px; margin: 0 7px 1px 0;
}
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; width: 100%; }
th, td { padding: 7px 0 7px 20px; border-bottom: 1px solid var(--rule); }
th { text-align: left; font-weight: 500; } thead th { color: var(--soft); }
th:first-child { padding-left: 0; }
td { text-align: right; white-space: nowrap; }
.scores thead th + th { text-align: right; }
.facts th { width: 34%; color: var(--soft); vertical-align: top; }
.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.two { columns: 2; column-gap: 44px; }
.two > div { break-inside: avoid; margin-bottom: 32px; }
.two h3 { margin-top: 0; }
pre {
  background: var(--card); border: 1px solid var(--rule); border-radius: 6px;
  padding: 14px 16px; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0;
  font: 14px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
summary { cursor: pointer; color: var(--soft); font-size: 14px; margin-bottom: 6px; }
@media (max-width: 640px) {
  main { padding: 32px 18px 64px; }
  h1 { font-size: 27px; }
  h2 { margin-top: 48px; }
  .two { columns: 1; }
  .strip { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .wide.chart text { font-size: 19px; }
  .wide.chart .unit { transform: translateY(13px); }
  .wide.chart > svg { margin: 8px 0 10px; }
  th, td { padding-left: 14px; }
}
@media print { h2 { break-after: avoid; } figure { break-inside: avoid; } }
"""

MAX_LISTED = 100  # longer lists are shortened
MAX_TEXT = 400  # characters of one value
# The browser must load nothing: neither a script that was smuggled in by the name of a run,
# nor a remote picture that would reveal that the page is read.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
)


def document(title: str, body: str) -> str:
    """Returns the complete HTML document.

    Args:
        title: the title of the browser window, as text.
        body: the contents, as HTML.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def section(title: str, body: str) -> str:
    """Returns a section with a heading, or '' if the body is empty.

    Args:
        title: the heading, as text.
        body: the contents, as HTML.
    """
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n" if body else ""


def score_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table of numbers with a named row for each score.

    Args:
        head: the headings of the columns.
        rows: the cells of each row as text; the first cell is the name of the row.
    """
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(value)}</td>" for value in values)
        + "</tr>\n"
        for name, *values in rows
    )
    head_row = f"<thead><tr>{top}</tr></thead>"
    table = f'<table class="scores">{head_row}<tbody>\n{body}</tbody></table>'
    # Focusable, so that a keyboard can scroll it where the screen is narrow.
    return f'<div class="scroll" tabindex="0">{table}</div>'


def value_table(values: Mapping[str, object]) -> str:
    """Returns a table of names and values, or '' if there are none.

    Args:
        values: JSON values by name; nested mappings give dotted names.
    """
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(_as_text(value))}</td></tr>\n'
        for name, value in json_object.flatten(values).items()
    )
    return f'<table class="facts"><tbody>\n{rows}</tbody></table>' if rows else ""


def picture(
    path: Path, alt: str, caption: str, max_bytes: int, sound: Path | None = None
) -> str:
    """Returns a figure with an embedded picture.

    Args:
        path: the PNG file.
        alt: the alternative text.
        caption: the text above the picture.
        max_bytes: a larger file is embedded as a smaller WebP. Its base64 encoding on the
            page is a third longer.
        sound: a .wav that is played below the picture; one that is missing is left out.
    """
    image = _embedded(path, alt, max_bytes)
    caption = f"<figcaption>{escape(caption)}</figcaption>"
    player = _player(sound) if sound is not None and sound.is_file() else ""
    return f'<figure class="still">{caption}{image}{player}</figure>'


def animation(path: Path, alt: str, caption: str) -> str:
    """Returns an embedded animation, which a reader can collapse to stop it.

    Args:
        path: the WebP file.
        alt: the alternative text.
        caption: the text above the animation.
    """
    image = _img(path.read_bytes(), _size(path), "webp", alt)
    return f"<details open><summary>{escape(caption)}</summary>{image}</details>"


def _as_text(value: object) -> str:
    # Long lists, such as those of classes, are shortened, and so is long text.
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        shown = value if len(value) <= MAX_LISTED else [*value[:3], "…", value[-1]]
        count = f" ({len(value):,})" if len(value) > MAX_LISTED else ""
        return ", ".join(map(_as_text, shown)) + count or "none"
    if value is None or value == "" or value == {}:
        return "none"
    text = str(value)
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]} … ({len(text):,} characters)"


def _embedded(path: Path, alt: str, max_bytes: int) -> str:
    data = path.read_bytes()
    if len(data) <= max_bytes:
        return _img(data, _size(path), "png", alt)
    # Too large: encode it as WebP, at smaller and smaller sizes until it fits.
    side = 1600
    while True:
        with Image.open(path) as image:
            small = shrink(image.convert("RGBA"), side)
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=82)
        if buffer.tell() <= max_bytes or side < 64:
            return _img(buffer.getvalue(), small.size, "webp", alt)
        side = side * 3 // 4


def _player(path: Path) -> str:
    encoded = base64.b64encode(path.read_bytes()).decode()
    return f'<audio controls src="data:audio/wav;base64,{encoded}"></audio>'


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def _img(data: bytes, size: tuple[int, int], kind: str, alt: str) -> str:
    code = base64.b64encode(data).decode()
    return (
        f'<img alt="{escape(alt)}" width="{size[0]}" height="{size[1]}" '
        f'src="data:image/{kind};base64,{code}">'
    )
