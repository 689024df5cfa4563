"""Legend of a picture: a swatch and a name for each colour, in lines as wide as the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import ImageDraw, ImageFont

from voxway.core.task import Colour

INK: Colour = (28, 32, 40)
LINE_PX = 30
_FONT_PX = 17
_SWATCH_PX, _INDENT_PX, _BETWEEN_PX = 16, 23, 20


@dataclass(frozen=True)
class Legend:
    """Where each entry stands.

    Attributes:
        entries: name, colour, pixels from the left and line of each.
    """

    entries: tuple[tuple[str, Colour, int, int], ...]

    @classmethod
    def of(cls, named: Sequence[tuple[str, Colour]], width_px: int) -> Legend:
        """Names and colours in order, wrapped to a width."""
        font, placed, x, line = ImageFont.load_default(_FONT_PX), [], 0, 0
        for name, colour in named:
            taken = _INDENT_PX + round(font.getlength(name)) + _BETWEEN_PX
            if x and x + taken > width_px + _BETWEEN_PX:
                x, line = 0, line + 1
            placed.append((name, colour, x, line))
            x += taken
        return cls(tuple(placed))

    @property
    def height_px(self) -> int:
        """Of all lines; one at least."""
        return LINE_PX * (1 + max((line for *_, line in self.entries), default=0))

    def draw(self, canvas: ImageDraw.ImageDraw, left: int, top: int) -> None:
        """Draw it with its corner there."""
        font = ImageFont.load_default(_FONT_PX)
        for name, colour, x, line in self.entries:
            y, start = top + line * LINE_PX, left + x
            canvas.rounded_rectangle((start, y + 3, start + _SWATCH_PX, y + 3 + _SWATCH_PX), 4, fill=colour)
            canvas.text((start + _INDENT_PX, y), name, fill=INK, font=font)
