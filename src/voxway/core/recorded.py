"""Recorded: what a recording calls one of its moments, and the pictures that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

Row = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class RecordedPicture:
    """A camera's picture, as it was recorded."""

    name: str
    """Of the camera."""
    file: str
    """Relative to the recording's folder, with forward strokes."""
    K: tuple[Row, ...]
    """Rows of its intrinsics, 3 x 3, pixels."""
    T_frame_cam: tuple[Row, ...]
    """Rows of the transform from the camera (x right, y down, z ahead) to the labels' frame at their time, 4 x 4,
    metres."""

    @classmethod
    def of(
        cls, name: str, file: str, K: Float64[np.ndarray, "3 3"], T_frame_cam: Float64[np.ndarray, "4 4"]
    ) -> RecordedPicture:
        """A picture of matrices."""
        return cls(name=name, file=file, K=_rows(K), T_frame_cam=_rows(T_frame_cam))


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What files of other forms are named by, and say of a moment besides its voxels."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Names that the dataset has for it, by what they name: of nuScenes ``sample``, ``scene`` and ``lidar``, which are
    tokens, ``scene_name``, and ``scan``, the LiDAR scan's file."""
    pictures: tuple[RecordedPicture, ...] = ()
    """Those that are pinhole pictures as they lie there."""


def _rows(matrix: np.ndarray) -> tuple[Row, ...]:
    return tuple(tuple(map(float, row)) for row in matrix)
