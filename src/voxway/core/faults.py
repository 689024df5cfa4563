"""What is wrong with a value, before anyone knows which file it came from."""

from __future__ import annotations

from dataclasses import dataclass

from voxway.core.errors import InputError


@dataclass(frozen=True)
class Fault:
    """Why a value cannot be what it is taken for.

    Attributes:
        expected: what it should be.
        found: what it is.
        remedy: what to do, where the value itself tells; else the reader of the file knows.
    """

    expected: str
    found: str
    remedy: str = ""

    def error(self, file: object, field: str, remedy: str) -> InputError:
        """The error that names the file and field; says `remedy` where the fault has none."""
        return InputError(
            file=file, field=field, expected=self.expected, found=self.found, remedy=self.remedy or remedy
        )
