"""A drawing of the rooms of the package and of the imports between them.

A room is a folder or a file directly in `ganjax/`. Its floor is one above the highest room
that it imports, so the drawing has no list of floors of its own. Arrows that follow from
others are left out: `run` imports `core`, but it also imports `data`, which imports `core`.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path


ROOT = Path(__file__).parents[2] / "ganjax"
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 118, 38, 22, 54, 12  # pixels

Imports = Mapping[str, set[str]]


def imports(root: Path = ROOT) -> dict[str, set[str]]:
    """Returns the rooms that each room imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(root.rglob("*.py")):
        room = path.relative_to(root).parts[0].removesuffix(".py")
        if room not in ("__init__", "__main__"):
            found.setdefault(room, set()).update(_imported(path))
    # The lazy names of the package itself are no room.
    return {room: (others & found.keys()) - {room} for room, others in found.items()}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        modules = []
        if isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "ganjax":
            modules = [f"ganjax.{name.name}" for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        for module in modules:
            if module.startswith("ganjax."):
                yield module.split(".")[1]


def floors(rooms: Imports) -> list[list[str]]:
    """Returns the rooms by floor, the lowest first.

    Raises:
        ValueError: if imports go in a circle.
    """
    placed: dict[str, int] = {}
    while len(placed) < len(rooms):
        ready = [
            room
            for room, others in rooms.items()
            if room not in placed and others <= placed.keys()
        ]
        if not ready:
            raise ValueError(f"Circle among {sorted(rooms.keys() - placed.keys())}")
        for room in ready:
            placed[room] = 1 + max((placed[other] for other in rooms[room]), default=-1)
    top = max(placed.values())
    return [sorted(r for r in placed if placed[r] == floor) for floor in range(top + 1)]


def reduced(rooms: Imports) -> dict[str, set[str]]:
    """Returns the imports that do not follow from others."""

    def below(room: str) -> set[str]:
        return set().union(*({other} | below(other) for other in rooms[room]))

    return {
        room: others - set().union(*(below(other) for other in others))
        for room, others in rooms.items()
    }


def ordered(rows: list[list[str]], rooms: Imports) -> list[list[str]]:
    """Returns the floors with rooms near those that they import, for fewer crossings."""
    place: dict[str, float] = {}

    def middle(room: str) -> float:
        near = [place[other] for other in rooms[room] if other in place]
        return sum(near) / len(near) if near else 0.5

    result = []
    for row in rows:
        result.append(sorted(row, key=middle))
        place |= {room: (i + 0.5) / len(row) for i, room in enumerate(result[-1])}
    return result


def table(rooms: Imports, root: Path = ROOT) -> str:
    """Returns a table of the rooms in Markdown, from the highest, by their docstrings."""
    lines = ["| room | what is in it |", "|---|---|"]
    for row in reversed(floors(rooms)):
        for room in row:
            path = root / room / "__init__.py"
            path = path if path.exists() else root / f"{room}.py"
            text = ast.get_docstring(ast.parse(path.read_text())) or ""
            first = " ".join(text.split("\n\n")[0].split()).replace("|", r"\|")
            lines.append(f"| `{room}` | {first} |")
    return "\n".join([*lines, ""])


def svg(rooms: Imports) -> str:
    """Returns the drawing, the highest floor first."""
    arrows = reduced(rooms)
    rows = ordered(floors(rooms), arrows)
    most = max(map(len, rows))
    width = most * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = len(rows) * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    center: dict[str, tuple[float, float]] = {}
    for floor, row in enumerate(rows):
        left = (width - len(row) * (WIDTH + GAP_X) + GAP_X) / 2
        y = height - MARGIN - HEIGHT / 2 - floor * (HEIGHT + GAP_Y)
        for i, room in enumerate(row):
            center[room] = left + i * (WIDTH + GAP_X) + WIDTH / 2, y
    lines = []
    for room, others in arrows.items():
        for other in sorted(others):
            (x1, y1), (x2, y2) = center[room], center[other]
            top, bottom = y1 + HEIGHT / 2, y2 - HEIGHT / 2
            bend = (top + bottom) / 2
            lines.append(
                f'<path d="M{x1:.0f} {top:.0f}C{x1:.0f} {bend:.0f} {x2:.0f} {bend:.0f} '
                f'{x2:.0f} {bottom:.0f}"/>'
            )
    boxes = []
    for room, (x, y) in center.items():
        boxes.append(
            f'<rect x="{x - WIDTH / 2:.0f}" y="{y - HEIGHT / 2:.0f}" width="{WIDTH}" '
            f'height="{HEIGHT}" rx="6"/><text x="{x:.0f}" y="{y + 5:.0f}">{room}</text>'
        )
    style = (
        "path{fill:none;stroke:#7a8aa0;stroke-width:1.2}"
        "rect{fill:#eef2f8;stroke:#48618a;stroke-width:1.2}"
        "text{font:15px sans-serif;text-anchor:middle;fill:#1b2a41}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}"><style>{style}</style>'
        f'<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>'
        f"{''.join(lines)}{''.join(boxes)}</svg>\n"
    )
