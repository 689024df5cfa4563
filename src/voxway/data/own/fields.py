"""Named values of a JSON file, each with its place in it, so that an error says where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError, nearest
from voxway.core.files import Json

REMEDY = "Correct the rig's file; docs/rig.md shows one whole."


@dataclass(frozen=True)
class Fields:
    """Named values.

    Attributes:
        values: by name.
        file: that holds them, for errors.
        place: of these values in it, such as ``"cameras[0].pose"``; empty at its top.
        remedy: what to do about a wrong value.
    """

    values: Mapping[str, Json]
    file: Path
    place: str = ""
    remedy: str = REMEDY

    def path(self, name: str) -> str:
        """Where a value stands in the file."""
        return f"{self.place}.{name}" if self.place else name

    def wrong(self, name: str, expected: object, found: object, remedy: str = "") -> InputError:
        """The error about a value."""
        remedy = remedy or self.remedy
        return InputError(file=self.file, field=self.path(name), expected=expected, found=found, remedy=remedy)

    def only(self, *names: str) -> None:
        """Refuse names that mean nothing.

        Raises:
            InputError: there is one; says which are known.
        """
        for name in self.values:
            if name not in names:
                raise nearest(name, names, f"{self.file}: {self.path(name)}")

    def has(self, name: str) -> bool:
        """Whether there is such a value, and not null."""
        return self.values.get(name) is not None

    def one_of(self, *names: str) -> str:
        """The one of these names that is there.

        Raises:
            InputError: none is, or several are.
        """
        there = [name for name in names if self.has(name)]
        if len(there) != 1:
            raise InputError(
                file=self.file,
                field=self.place or "the file",
                expected=f"one of {', '.join(names)}",
                found=" and ".join(there) or "none",
                remedy=self.remedy,
            )
        return there[0]

    def inner(self, name: str) -> Fields:
        """Named values below a name.

        Raises:
            InputError: absent, or something else.
        """
        value = self._there(name, "named values")
        if not isinstance(value, Mapping):
            raise self.wrong(name, "named values", repr(value)[:80])
        return Fields(value, self.file, self.path(name), self.remedy)

    def several(self, name: str) -> list[Fields]:
        """A list of named values; none where the name is absent.

        Raises:
            InputError: something else.
        """
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
            raise self.wrong(name, "a list of named values", repr(value)[:80])
        places = [f"{self.path(name)}[{number}]" for number in range(len(value))]
        return [Fields(one, self.file, place, self.remedy) for one, place in zip(value, places)]

    def text(self, name: str, usual: str | None = None, choices: Sequence[str] = ()) -> str:
        """A text.

        Args:
            name: of the value.
            usual: where it is absent; None: it has to be there.
            choices: what it may be; none: anything but empty.

        Raises:
            InputError: absent, something else, or none of the choices.
        """
        value = usual if usual is not None and not self.has(name) else self._there(name, "text")
        if not isinstance(value, str) or not value:
            raise self.wrong(name, "text", repr(value)[:80])
        if choices and value not in choices:
            raise nearest(value, list(choices), f"{self.file}: {self.path(name)}")
        return value

    def texts(self, name: str, usual: Sequence[str]) -> tuple[str, ...]:
        """A list of texts.

        Raises:
            InputError: something else, or a text that is there twice.
        """
        value = self.values.get(name)
        if value is None:
            return tuple(usual)
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise self.wrong(name, "a list of texts", repr(value)[:80])
        if len(set(value)) < len(value):
            raise self.wrong(name, "different texts", ", ".join(value))
        return tuple(value)

    def number(
        self, name: str, usual: float | None = None, least: float = -np.inf, most: float = np.inf, unit: str = ""
    ) -> float:
        """A number.

        Args:
            name: of the value.
            usual: where it is absent; None: it has to be there.
            least: that it may be.
            most: that it may be.
            unit: for messages.

        Raises:
            InputError: absent, something else, or outside these bounds.
        """
        value = usual if usual is not None and not self.has(name) else self._there(name, "a number")
        if not _is_number(value) or not least <= value <= most:
            bounds = "" if least == -np.inf else f" from {least:g}" + ("" if most == np.inf else f" to {most:g}")
            raise self.wrong(name, f"a number{f' of {unit}' if unit else ''}{bounds}", repr(value)[:80])
        return float(value)

    def whole(self, name: str, least: int) -> int:
        """A whole number.

        Raises:
            InputError: absent, something else, or too small.
        """
        value = self._there(name, "a whole number")
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(name, f"a whole number from {least}", repr(value)[:80])
        return value

    def numbers(self, name: str, *counts: int) -> Float64[np.ndarray, "n"]:
        """Numbers, in lists of any depth.

        Args:
            name: of the value.
            counts: how many there may be.

        Raises:
            InputError: absent, something else, not finite, or another count.
        """
        value = self._there(name, "numbers")
        expected = f"{' or '.join(map(str, counts))} finite numbers"
        flat = list(_flat(value)) if isinstance(value, list) else [value]
        if len(flat) not in counts or not all(map(_is_number, flat)):
            found = repr(value)[:80] if len(flat) in counts else f"{len(flat)}"
            raise self.wrong(name, expected, found)
        return np.array(flat, np.float64)

    def _there(self, name: str, expected: str) -> Json:
        if not self.has(name):
            raise self.wrong(name, expected, "absent", f"Add it. {self.remedy}")
        return self.values[name]


def _flat(value: Json) -> list[Json]:
    return [item for one in value for item in (_flat(one) if isinstance(one, list) else [one])]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < np.inf
