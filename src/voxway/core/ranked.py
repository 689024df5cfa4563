"""Ranked: probabilities of the most likely classes of every voxel, in half precision, small enough to be kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float16, UInt8
from torch import Tensor

from voxway.core.errors import InputError

_SLACK = 2e-3
"""What sums of probabilities may differ from 1: half precision rounds each by 2^-12 of itself."""
_REMEDY = "Make them with `Occupancy.ranked`, or leave them out."


@dataclass(frozen=True)
class Ranked:
    """The r most likely classes of every voxel, the likeliest first.

    Attributes:
        values: their probabilities, which do not rise along r.
        ids: their class ids.

    Raises:
        InputError: unlike shapes, other types, values that are no probabilities or rise, sums beyond 1, or a
            class twice.
    """

    values: Float16[Tensor, "r x y z"]
    ids: UInt8[Tensor, "r x y z"]

    def __post_init__(self) -> None:
        if self.values.shape != self.ids.shape or self.values.ndim != 4 or not len(self.values):
            raise _wrong(
                "shape", "(ranks, x, y, z), of values as of ids", f"{[*self.values.shape]}, {[*self.ids.shape]}"
            )
        if (self.values.dtype, self.ids.dtype) != (torch.half, torch.uint8):
            raise _wrong("types", "float16 values and uint8 ids", f"{self.values.dtype}, {self.ids.dtype}")
        values = self.values.float()
        if not ((values >= 0) & (values <= 1)).all():
            raise _wrong("values", "probabilities, 0..1", f"{float(values.min()):g}..{float(values.max()):g}")
        if (values[1:] > values[:-1]).any():
            raise _wrong("values", "the likeliest class first", "values that rise along the ranks")
        if any((self.ids[rank] == self.ids[rank + 1 :]).any() for rank in range(len(self.ids) - 1)):
            raise _wrong("ids", "every class once in a voxel", "one that comes twice")
        if (most := float(values.sum(0).max())) > 1 + _SLACK:
            raise _wrong("sums", "1 at most", f"{most:.4f}")

    @classmethod
    def of(cls, logits: Float[Tensor, "k x y z"], count: int | None = None) -> Ranked:
        """The `count` most likely classes by a network's scores; None: all. Of equal scores the lower id comes first.

        Raises:
            InputError: a count that is no number of classes.
        """
        _require_count(count, len(logits))
        # Ranked by scores, not by probabilities, which may round alike where the scores differ.
        ids = logits.sort(dim=0, descending=True, stable=True).indices[:count]
        values = logits.float().softmax(0).gather(0, ids).half().cummin(0).values
        return cls(values, ids.to(torch.uint8))

    def first(self, count: int | None) -> Ranked:
        """The `count` most likely ones of these; None: all that there are.

        Raises:
            InputError: there are fewer.
        """
        _require_count(count, len(self.values))
        return Ranked(self.values[:count], self.ids[:count])

    def require(self, classes: int) -> None:
        """Make sure that these are probabilities of so many classes.

        Raises:
            InputError: an id that is no class, or all classes' probabilities do not add up to 1.
        """
        if (highest := int(self.ids.max())) >= classes:
            raise _wrong("ids", f"0..{classes - 1}", highest)
        if len(self.values) > classes:
            raise _wrong("ranks", f"{classes} at most, one for each class", len(self.values))
        least = float(self.values.float().sum(0).min())
        if len(self.values) == classes and least < 1 - _SLACK:
            raise _wrong("sums", "1 in every voxel, as all classes are there", f"{least:.4f}")

    def dense(self, classes: int) -> Float[Tensor, "k x y z"]:
        """Probabilities by class id, float32; 0 for classes that were not kept."""
        zeros = torch.zeros((classes, *self.values.shape[1:]), device=self.values.device)
        return zeros.scatter_(0, self.ids.long(), self.values.float())

    def part(self, slices: tuple[slice, slice, slice]) -> Ranked:
        """That of the voxels within three slices."""
        return Ranked(self.values[(slice(None), *slices)], self.ids[(slice(None), *slices)])

    def to(self, device: torch.device | str) -> Ranked:
        """The same on another device."""
        return Ranked(self.values.to(device), self.ids.to(device))


def _require_count(count: int | None, most: int) -> None:
    if count is not None and not 1 <= count <= most:
        raise _wrong("count", f"1..{most}, the classes that there are", count)


def _wrong(field: str, expected: object, found: object) -> InputError:
    return InputError(file="probabilities", field=field, expected=expected, found=found, remedy=_REMEDY)
