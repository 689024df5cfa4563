"""Drawings of how data flows through a method, as SVG files whose colours suit light and dark pages.

`flows.py` says what is drawn, and writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH, BOX, ROW, GAP = 480, 46, 74, 10
"""Pixels: width of a drawing, height of a box, distance of rows, gap between boxes."""
Kind = Literal["input", "part", "output", "training"]
FILL = {"input": "#cfe8fc", "part": "#e3e6ea", "output": "#c9ecd5", "training": "#fde7c3"}
EDGE = {"input": "#3b82b8", "part": "#6b7684", "output": "#2f8a57", "training": "#b9791c"}
LINE = "#7c8794"


@dataclass(frozen=True)
class Box:
    """A rectangle with a title and a line below it."""

    name: str
    title: str
    below: str = ""
    kind: Kind = "part"


@dataclass(frozen=True)
class Flow:
    """A drawing: rows of boxes from top to bottom, and arrows between boxes by their names."""

    title: str
    rows: Sequence[Sequence[Box]]
    arrows: Sequence[tuple[str, str]]
    in_training: Sequence[tuple[str, str]] = ()
    """Arrows that are there in training only; they are dashed."""

    def svg(self) -> str:
        """The drawing as a file."""
        places = {box.name: place for y, row in enumerate(self.rows) for box, place in _in_row(row, y)}
        height = ROW * (len(self.rows) - 1) + BOX + 2 * GAP
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
            ' font-family="system-ui, sans-serif">',
            f"<title>{escape(self.title)}</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0 0 8 4 0 8z" fill="{LINE}"/></marker></defs>',
            *(_arrow(places[start], places[end], "") for start, end in self.arrows),
            *(_arrow(places[start], places[end], ' stroke-dasharray="5 4"') for start, end in self.in_training),
            *(_rectangle(box, places[box.name]) for row in self.rows for box in row),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Place:
    """Where a box lies: its number within the row, left, top, width."""

    column: int
    left: float
    top: float
    width: float

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def _in_row(row: Sequence[Box], y: int) -> list[tuple[Box, Place]]:
    width = min((WIDTH - GAP * (len(row) + 1)) / len(row), 300)
    start = (WIDTH - len(row) * width - (len(row) - 1) * GAP) / 2
    return [(box, Place(i, start + i * (width + GAP), GAP + ROW * y, width)) for i, box in enumerate(row)]


def _rectangle(box: Box, place: Place) -> str:
    middle, lift = f'x="{place.middle:g}"', 6 if box.below else 0
    said = [
        f'<rect x="{place.left:g}" y="{place.top:g}" width="{place.width:g}" height="{BOX}" rx="6"'
        f' fill="{FILL[box.kind]}" stroke="{EDGE[box.kind]}"/>',
        f'<text {middle} y="{place.top + BOX / 2 + 5 - lift - 2:g}" text-anchor="middle" font-size="14"'
        f' font-weight="600" fill="#1c2530">{escape(box.title)}</text>',
    ]
    if box.below:
        said.append(
            f'<text {middle} y="{place.top + BOX - 9:g}" text-anchor="middle" font-size="12" fill="#3a4654">'
            f"{escape(box.below)}</text>"
        )
    return "\n".join(said)


def _arrow(start: Place, end: Place, dash: str) -> str:
    """From the lower edge of one box to the upper edge of one below, as near to straight as both allow."""
    low, high = max(start.left, end.left) + 14, min(start.left + start.width, end.left + end.width) - 14
    if low <= high:
        x = min(max(start.middle, low), high)
        path = f"M{x:g} {start.top + BOX} V{end.top - 2:g}"
    else:
        turn = end.top - (ROW - BOX) / 2 - 4 + 5 * start.column  # so that lines of neighbours stay apart
        path = f"M{start.middle:g} {start.top + BOX} V{turn:g} H{end.middle:g} V{end.top - 2:g}"
    return f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.6" marker-end="url(#tip)"{dash}/>'
