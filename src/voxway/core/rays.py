"""RayRules: what a benchmark fixes for scores along rays of a LiDAR; each benchmark that has such a score holds one.

RayIoU is defined for the key frames of nuScenes in voxels of 0.4 m around the vehicle. For other benchmarks nobody has
defined it; their rules (`ray_rules_of_ours`) are voxway's, and the score has a name of its own, RayIoU*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Places = Literal["published", "inside", "own"]
"""From where rays are cast: as published, from within `within_m`; from inside the grid, the own place always among
them; or from the own place alone."""


@dataclass(frozen=True, kw_only=True)
class RayRules:
    """From where rays are cast, and when two hits of one ray agree. The directions are those of `voxway.metrics.rays`.

    Raises:
        ValueError: a number is not positive, or thresholds do not grow.
    """

    things: tuple[int, ...]
    """Ids of classes whose instances are told apart (RayPQ), and that have a speed where flow is scored."""
    score: str = "RayIoU"
    """Name of the score."""
    places: Places = "published"
    """Where rays start."""
    within_m: float = 39.0
    """As published, origins lie strictly within so many metres of the ego frame's origin along x and along y."""
    most_origins: int = 8
    """Of more origins, so many are taken, evenly spread over the drive."""
    thresholds_m: tuple[float, ...] = (1.0, 2.0, 4.0)
    """A hit is right if its distance differs by strictly less."""
    known: bool = False
    """Only rays count that enter the grid and meet a class in the truth; those that meet voxels of which the truth
    knows nothing are dropped. As published, all count that meet anything."""

    def __post_init__(self) -> None:
        if self.within_m <= 0 or self.most_origins < 1:
            raise ValueError(f"origins need a range and a number, got {self.within_m} m and {self.most_origins}")
        growing = all(low < high for low, high in zip((0.0, *self.thresholds_m), self.thresholds_m))
        if not self.thresholds_m or not growing:
            raise ValueError(f"thresholds are positive and grow, got {self.thresholds_m}")


def ray_rules_of_ours(things: Sequence[int], places: Places = "inside") -> RayRules:
    """Rules for a benchmark that has none: RayIoU*.

    Directions, thresholds and distances are RayIoU's. Rays start where the LiDAR stands in the frame, and where it
    stood in up to seven others of the drive, past and future, at least 1 m inside the grid along x and y. They count if
    they enter the grid and meet a class in the truth: what it knows nothing of says nothing about a prediction.

    Args:
        things: ids of classes that can be counted.
        places: "own" where files do not say where the vehicle was.
    """
    return RayRules(things=tuple(things), score="RayIoU*", places=places, known=True)
