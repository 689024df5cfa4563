"""RayRules: what a benchmark fixes for scores along rays of a LiDAR; each benchmark that has such a score holds one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RayRules:
    """From where rays are cast, and when two hits of one ray agree. The directions are those of `voxway.metrics.rays`.

    Raises:
        ValueError: a number is not positive, or thresholds do not grow.
    """

    things: tuple[int, ...]
    """Ids of classes whose instances are told apart (RayPQ), and that have a speed where flow is scored."""
    within_m: float = 39.0
    """Origins lie strictly within so many metres of the ego frame's origin along x and along y."""
    most_origins: int = 8
    """Of more origins, so many are taken, evenly spread over the drive."""
    thresholds_m: tuple[float, ...] = (1.0, 2.0, 4.0)
    """A hit is right if its distance differs by strictly less."""

    def __post_init__(self) -> None:
        if self.within_m <= 0 or self.most_origins < 1:
            raise ValueError(f"origins need a range and a number, got {self.within_m} m and {self.most_origins}")
        growing = all(low < high for low, high in zip((0.0, *self.thresholds_m), self.thresholds_m))
        if not self.thresholds_m or not growing:
            raise ValueError(f"thresholds are positive and grow, got {self.thresholds_m}")
