"""How sure a network is of a frame, beside how sure it is of streets like those that it learnt from.

Pictures upside down, at night, indoors or with a wrong field of view give a volume like any other. What a network says
of them is likely wrong; that it is less sure of it is the one thing that can be told without the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample

Kind = Literal["pictures", "scan", "both"]


@dataclass(frozen=True, kw_only=True)
class UsualSureness:
    """Of frames of streets like those that a network learnt from; see `sureness`.

    Raises:
        InputError: no shares, or not in this order.
    """

    middle: float
    """Half of them are above."""
    low: float
    """One in twenty is below."""

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.middle <= 1:
            raise InputError(
                file="sureness",
                field="low, middle",
                expected="shares from 0 to 1, ascending",
                found=(self.low, self.middle),
                remedy="Measure them again on held-out streets.",
            )


def sureness(occupancy: Occupancy) -> float:
    """Mean probability of what is said, over all voxels that are said to hold something; 0 where none is.

    Raises:
        InputError: no network's scores came with it.
    """
    sure, there = occupancy.confidence, occupancy.occupied
    return float(sure[there].mean()) if bool(there.any()) else 0.0


def kind_of(sample: Sample) -> Kind:
    """What a network is shown of a frame."""
    scanned = sample.points is not None and len(sample.points) > 0
    return ("both" if scanned else "pictures") if sample.images is not None else "scan"


def told(usual: Mapping[str, UsualSureness], sample: Sample, occupancy: Occupancy) -> str:
    """How sure it is, in a line, with a warning where that is unusual.

    Args:
        usual: by kind of input, of those that were measured.
        sample: what was shown.
        occupancy: what is said of it, with scores or probabilities.
    """
    found, known = sureness(occupancy), usual.get(kind_of(sample))
    line = f"{sample.key}: {found:.0%} sure of what it says is there"
    if known is None:
        return f"{line}; what is usual was not measured for such sensors"
    line = f"{line}; {known.middle:.0%} is usual"
    if found >= known.low:
        return line
    return (
        f"{line}, and less than {known.low:.0%} rare: do not trust this. Is the picture upright, by day, of a street, "
        "and are field of view and height right? voxway check-rig draws them."
    )
