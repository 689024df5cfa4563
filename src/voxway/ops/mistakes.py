"""Errors of the kinds that segmentation networks make, drawn onto true class maps at stated rates.

For synthetic data, whose true maps are no test of a method that is to learn from a network's. Three kinds: ragged
borders (pixels take the class of a place nearby), small things that are missed (they take the class of what stands
beside them), and regions that are taken for a class alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """How often a network errs, and how.

    Raises:
        ValueError: a rate is not between 0 and 1, or a length is not positive.
    """

    alike: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Class -> those that it is taken for."""
    confused: float = 0.15
    """Share of the pixels of such classes that are taken for one of them, region by region."""
    small: frozenset[int] = frozenset()
    """Classes of small things."""
    missed: float = 0.3
    """Share of their pixels that is missed, region by region."""
    ragged_px: float = 2.0
    """Standard deviation of how far borders stray, pixels."""
    region_px: int = 48
    """Size of a region, pixels."""

    def __post_init__(self) -> None:
        if not (0 <= self.confused <= 1 and 0 <= self.missed <= 1):
            raise ValueError(f"rates lie between 0 and 1, got {self.confused} and {self.missed}")
        if self.ragged_px < 0 or self.region_px < 1:
            raise ValueError(f"lengths are positive, got {self.ragged_px} and {self.region_px} px")


def with_mistakes(
    classes: UInt8[Tensor, "h w"], mistakes: Mistakes, generator: torch.Generator
) -> UInt8[Tensor, "h w"]:
    """A class map as a network might give it.

    Args:
        classes: the true one; 255 where there is none, which stays.
        mistakes: kinds and rates.
        generator: draws them; the same one gives the same mistakes.
    """
    height, width = classes.shape
    stray = [mistakes.ragged_px * _waves((height, width), 6, generator) for _ in range(2)]
    found = _moved(classes, *stray)
    region = mistakes.region_px
    # What stands beside: on either side, region by region, far enough to leave a small thing.
    aside = torch.where(_waves((height, width), region, generator) > 0, 1.0, -1.0) * max(region // 3, 1)
    beside = _moved(found, torch.zeros_like(aside), aside)
    small = torch.isin(found, torch.tensor(sorted(mistakes.small), dtype=torch.uint8))
    missed = small & (_uniform((height, width), region, generator) < mistakes.missed)
    found = torch.where(missed, beside, found)
    chance, which = (_uniform((height, width), region, generator) for _ in range(2))
    confused = found.clone()
    for own, others in sorted(mistakes.alike.items()):
        other = torch.tensor([*others], dtype=torch.uint8)[(which * len(others)).long().clamp(max=len(others) - 1)]
        confused = torch.where((found == own) & (chance < mistakes.confused), other, confused)
    return torch.where(classes == 255, classes, confused)


def _moved(classes: UInt8[Tensor, "h w"], down: Tensor, right: Tensor) -> UInt8[Tensor, "h w"]:
    """The map with every pixel looked up so many pixels away."""
    height, width = classes.shape
    row = (torch.arange(height)[:, None] + down.round().long()).clamp(0, height - 1)
    column = (torch.arange(width) + right.round().long()).clamp(0, width - 1)
    return classes[row, column]


def _waves(size: tuple[int, int], length: int, generator: torch.Generator) -> Float[Tensor, "h w"]:
    """Smooth noise of mean 0 and standard deviation 1 whose bumps are so many pixels wide."""
    few = [max(round(extent / length), 1) + 1 for extent in size]
    drawn = torch.randn(1, 1, *few, generator=generator)
    smooth = F.interpolate(drawn, size, mode="bilinear", align_corners=True)[0, 0]
    # Between its nodes interpolation averages the noise away.
    return smooth / _spread(few, size)


def _spread(few: Sequence[int], size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """Standard deviation of unit noise on a coarse grid, interpolated."""
    spread = []
    for nodes, extent in zip(few, size):
        share = torch.linspace(0, nodes - 1, extent) % 1
        spread.append((share**2 + (1 - share) ** 2).sqrt())
    return spread[0][:, None] * spread[1]


def _uniform(size: tuple[int, int], length: int, generator: torch.Generator) -> Float[Tensor, "h w"]:
    """Smooth noise whose values are spread evenly over 0..1."""
    return (1 + torch.erf(_waves(size, length, generator) / 2**0.5)) / 2
