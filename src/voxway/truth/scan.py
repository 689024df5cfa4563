"""A labelled scan where the key frame sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8


@dataclass(frozen=True, kw_only=True)
class PlacedScan:
    """A labelled scan laid into the key frame.

    Attributes:
        points: metres, in the frame of the grid; points on moving things lie where the thing is at the key frame.
        labels: class ids, as the volume will hold them.
        origin: where the LiDAR was, metres, same frame.
        straight: whether the ray from `origin` really went to the point; false for points that moved with a thing.

    Raises:
        ValueError: points, labels and rays differ in number.
    """

    points: Float[np.ndarray, "p 3"]
    labels: UInt8[np.ndarray, "p"]
    origin: Float[np.ndarray, "3"]
    straight: Bool[np.ndarray, "p"]

    def __post_init__(self) -> None:
        if not len(self.points) == len(self.labels) == len(self.straight):
            counts = f"{len(self.points)} points, {len(self.labels)} labels, {len(self.straight)} rays"
            raise ValueError(f"a placed scan needs a label and a ray per point, got {counts}")
