"""Frame: what there is to look at in one key frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from voxway.core.occupancy import Occupancy
from voxway.view.ray_view import RayView


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One key frame of a page. At least one of `prediction` and `truth` is there, and they share a task."""

    key: str
    """Names the frame within its benchmark, e.g. ``"08/000005"``."""
    image: Shaped[np.ndarray, "h w c"] | None = None
    """RGB, uint8; several cameras are best tiled into one picture (`tiled`)."""
    prediction: Occupancy | None = None
    truth: Occupancy | None = None
    rays: RayView | None = None
    """How well the prediction meets the truth along rays of a LiDAR."""
    note: str = ""
    """A sentence shown with the frame."""

    @property
    def volumes(self) -> dict[str, Occupancy]:
        """Those of ``prediction`` and ``truth`` that are there, by name."""
        named = {"prediction": self.prediction, "truth": self.truth}
        return {name: volume for name, volume in named.items() if volume is not None}
