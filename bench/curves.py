"""Lines over a few columns as a drawing (SVG), which browsers and repositories show."""

from __future__ import annotations

from collections.abc import Sequence, Set
from html import escape

_COLOURS = ("#d62828", "#f77f00", "#1e6091", "#52b788", "#3a0ca3", "#6c757d", "#111111")
_LEFT, _STEP, _BOTTOM, _HEIGHT = 80, 120, 360, 320


def drawn(
    lines: dict[str, list[float | None]], columns: Sequence[str], *, across: str, up: str, dashed: Set[str]
) -> str:
    """The drawing; a line leaves out columns where it has no value.

    Args:
        lines: values of each column by name, from 0 on.
        columns: names of the columns.
        across: what the columns are.
        up: what the values are.
        dashed: names of lines that are dashed.
    """
    right, top = _LEFT + _STEP * (len(columns) - 1), max(v for line in lines.values() for v in line if v is not None)
    width = right + 420

    def text(x: float, y: float, words: str, anchor: str = "middle", colour: str = "#222") -> str:
        return f'<text x="{x}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'

    def height(value: float) -> float:
        return _BOTTOM - _HEIGHT * value / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 420" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="420" fill="white"/>',
        text(_LEFT - 10, 24, up, "end"),
        text((_LEFT + right) / 2, 408, across),
        *(text(_LEFT + _STEP * column, 385, name) for column, name in enumerate(columns)),
    ]
    for value in range(0, int(top) + 1, max(round(top / 6), 1)):
        y = height(value)
        parts += [f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#ddd"/>', text(_LEFT - 10, y + 4, str(value), "end")]
    for number, (name, values) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        known = [(_LEFT + _STEP * column, height(v)) for column, v in enumerate(values) if v is not None]
        path = " ".join(f"{x},{y:.1f}" for x, y in known)
        dashes = ' stroke-dasharray="5 4"' if name in dashed else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        parts += [f'<circle cx="{x}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in known]
        parts.append(text(right + 25, 60 + 24 * number, name, "start", colour))
    return "\n".join([*parts, "</svg>"])
