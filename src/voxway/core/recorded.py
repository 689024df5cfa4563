"""Recorded: what a recording calls one of its moments, its pictures, and the things that are there."""

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
    """Rows of the transform from the camera (x right, y down, z ahead) to the recording's vehicle at the moment's time,
    4 x 4, metres."""

    @classmethod
    def of(
        cls, name: str, file: str, K: Float64[np.ndarray, "3 3"], T_frame_cam: Float64[np.ndarray, "4 4"]
    ) -> RecordedPicture:
        """A picture of matrices."""
        return cls(name=name, file=file, K=_rows(K), T_frame_cam=_rows(T_frame_cam))


@dataclass(frozen=True, kw_only=True)
class RecordedThing:
    """A thing by the box that somebody drew around it."""

    name: str
    """By which things are told apart."""
    class_name: str
    """What it is."""
    size_m: tuple[float, float, float]
    """Length, width, height."""
    T_frame_box: tuple[Row, ...]
    """Rows of the transform from its box (x along its length, y to its left, z up, from its middle) to the recording's
    vehicle, 4 x 4, metres."""

    @classmethod
    def of(
        cls, name: str, class_name: str, size_m: Float64[np.ndarray, "3"], T_frame_box: Float64[np.ndarray, "4 4"]
    ) -> RecordedThing:
        """A thing of arrays."""
        length, width, height = map(float, size_m)
        return cls(name=name, class_name=class_name, size_m=(length, width, height), T_frame_box=_rows(T_frame_box))


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What files of other forms are named by, and say of a moment besides its voxels."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Names that the dataset has for it, by what they name: of nuScenes ``sample``, ``scene`` and ``lidar``, which are
    tokens, ``scene_name``, and ``scan``, the LiDAR scan's file."""
    pictures: tuple[RecordedPicture, ...] = ()
    """Those that are pinhole pictures as they lie there."""
    things: tuple[RecordedThing, ...] = ()
    """Those that have boxes."""


def _rows(matrix: np.ndarray) -> tuple[Row, ...]:
    return tuple(tuple(map(float, row)) for row in matrix)
