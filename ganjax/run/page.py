"""One HTML page that needs nothing else: its style, tables and embedded pictures."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from PIL import Image

from ganjax.run.pictures import shrink


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

MANY = 100  # values of a list that are still told one by one
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(title: str, body: str) -> str:
    """The whole page; its policy forbids the browser to load anything else."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def section(title: str, body: str) -> str:
    """A heading and what is under it; nothing at all if that is empty."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n" if body else ""


def scores(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of names, each with its numbers."""
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


def facts(values: Mapping[str, object]) -> str:
    """A table of names and plain values; a nested mapping gives dotted names."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>\n'
        for name, value in flat(values).items()
    )
    return f'<table class="facts"><tbody>\n{rows}</tbody></table>' if rows else ""


def flat(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested plain values as text under dotted names."""
    found = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = _words(value)
    return found


def still(path: Path, alt: str, caption: str, limit: int) -> str:
    """A figure of one picture file, embedded in at most `limit` bytes before base64."""
    image = _embedded(path, alt, limit)
    caption = f"<figcaption>{escape(caption)}</figcaption>"
    return f'<figure class="still">{caption}{image}</figure>'


def moving(path: Path, alt: str, caption: str) -> str:
    """An animation, which a reader can fold away to stop it."""
    image = _img(path.read_bytes(), _size(path), "webp", alt)
    return f"<details open><summary>{escape(caption)}</summary>{image}</details>"


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        shown = value if len(value) <= MANY else [*value[:3], "…", value[-1]]
        count = f" ({len(value):,})" if len(value) > MANY else ""
        return ", ".join(map(_words, shown)) + count or "none"
    if value is None or value == "" or value == {}:
        return "none"
    return str(value)


def _embedded(path: Path, alt: str, limit: int) -> str:
    data = path.read_bytes()
    if len(data) <= limit:
        return _img(data, _size(path), "png", alt)
    side = 1600
    while True:
        with Image.open(path) as image:
            small = shrink(image.convert("RGBA"), side)
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=82)
        if buffer.tell() <= limit or side < 64:
            return _img(buffer.getvalue(), small.size, "webp", alt)
        side = side * 3 // 4


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def _img(data: bytes, size: tuple[int, int], kind: str, alt: str) -> str:
    code = base64.b64encode(data).decode()
    return (
        f'<img alt="{escape(alt)}" width="{size[0]}" height="{size[1]}" '
        f'src="data:image/{kind};base64,{code}">'
    )
