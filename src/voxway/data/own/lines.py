"""Files of numbers, a line for each recording: times and poses. Empty lines and those that begin with # say nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError
from voxway.data.files.raw import read_bytes

_REMEDY = "Write the file again, as docs/rig.md shows it."


@dataclass(frozen=True)
class Line:
    """Words of a line.

    Attributes:
        file: that it is from.
        number: of the line, from 1.
        words: parted by blanks or commas.
    """

    file: Path
    number: int
    words: tuple[str, ...]

    def number_at(self, place: int) -> float:
        """A word as a number.

        Raises:
            InputError: it is none, or not finite.
        """
        try:
            value = float(self.words[place])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.wrong("finite numbers", self.words[place])
        return value

    def numbers(self, count: int) -> Float64[np.ndarray, "n"]:
        """All words as numbers.

        Raises:
            InputError: there are not as many, or one is none.
        """
        if len(self.words) != count:
            raise self.wrong(f"{count} numbers", f"{len(self.words)}")
        return np.array([self.number_at(place) for place in range(count)])

    def wrong(self, expected: object, found: object) -> InputError:
        """The error about this line."""
        return InputError(file=self.file, field=f"line {self.number}", expected=expected, found=found, remedy=_REMEDY)


def read_lines(path: Path) -> list[Line]:
    """Lines that say something.

    Raises:
        InputError: absent, no text, or no such line.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(file=path, field="contents", expected="text", found=error.reason, remedy=_REMEDY) from None
    rows = enumerate(text.splitlines(), 1)
    lines = [Line(path, number, tuple(row.replace(",", " ").split())) for number, row in rows]
    lines = [line for line in lines if line.words and not line.words[0].startswith("#")]
    if not lines:
        raise InputError(file=path, field="lines", expected="one for each recording", found="none", remedy=_REMEDY)
    return lines
