"""What a rig's file says of cameras and LiDARs, where their recordings lie, and where the vehicle was.

Frames: ego x ahead, y left, z up; a camera's own x right, y down, z ahead; a LiDAR's own as its files have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64

from voxway.core.lens import KannalaBrandt, Lens, Mei, Pinhole
from voxway.data.own.sensor_pose import SensorPose, resolved

COLUMNS = ("x", "y", "z", "intensity")
"""Columns of scans without a header, where the file does not say."""
RECTIFIED = "rectified"
"""What the frame is called in which the pair was rectified."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """When a sensor's recordings were made."""

    kind: Literal["file", "names", "rate", "recording"]
    """From a file of a number a line, from the numbers that end files' names, from a rate, or as a recording says."""
    file: Path | None = None
    unit: str = "s"
    """Of numbers in files and names: s, ms, us, ns."""
    rate_hz: float = 1.0
    clock: Literal["header", "recorded"] = "header"
    """Whose times of a recording's messages count: those of their headers, or when they were written down."""
    offset_s: float = 0.0
    """What is added: minus the latency of a sensor whose stamps are late."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a sensor's recordings lie: a folder, or a topic of the rig's recording."""

    folder: Path | None
    topic: str | None
    times: Times


@dataclass(frozen=True, kw_only=True)
class View:
    """The pinhole view into which a picture is remapped; what is None is chosen (`voxway.data.own.views`)."""

    size_px: tuple[int, int] | None = None
    focal_px: float | None = None


@dataclass(frozen=True, kw_only=True)
class CameraEntry:
    """One camera."""

    name: str
    place: str
    """Where it stands in the file, for errors."""
    source: Source
    size_px: tuple[int, int]
    """(height, width) of the pictures that its intrinsics are for."""
    lens: Lens
    pose: SensorPose
    view: View | None
    """None: pictures are taken as they are, which needs a lens without distortion."""

    @property
    def K(self) -> Float64[np.ndarray, "3 3"]:
        """Intrinsics of the pictures as recorded, pixels."""
        assert isinstance(self.lens, Pinhole | KannalaBrandt | Mei)
        return self.lens.K


@dataclass(frozen=True, kw_only=True)
class LidarEntry:
    """One LiDAR."""

    name: str
    place: str
    source: Source
    pose: SensorPose
    columns: tuple[str, ...] = COLUMNS
    """Of files without a header; x, y, z are needed."""
    highest_intensity: float | None = None
    """What full intensity is in its files; None: what networks of the model's dataset know."""
    nearest_m: float = 0.0
    """Points nearer to the sensor along x and y are the vehicle itself, and left out."""


@dataclass(frozen=True, kw_only=True)
class PosesEntry:
    """Where the vehicle was."""

    file: Path | None
    topic: str | None
    frame: str | None
    """The frame of the world in which the recording's tf has the ego frame."""
    kind: Literal["kitti", "tum"]
    """12 numbers a line for each recording of the clock, or time, x y z and a quaternion x y z w."""
    of: str
    """Whose poses: the ego frame's, or a sensor's."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two cameras of one rectified pair."""

    left: str
    right: str
    pose: SensorPose | None
    """Of the frame that both were rectified in; None: the left camera's."""


@dataclass(frozen=True, kw_only=True)
class RigFile:
    """A rig, as its file says; poses are not yet known to be those of a vehicle's sensors (`rig_faults`)."""

    path: Path
    name: str
    """By which its frames are called: ``<name>/000012``."""
    ego: str
    """What the file calls the ego frame."""
    ego_height_m: float
    """Height of the ego frame's origin above the road."""
    recording: Path | None
    cameras: tuple[CameraEntry, ...]
    lidars: tuple[LidarEntry, ...]
    poses: PosesEntry | None
    pair: Pair | None
    clock: str
    """The sensor whose recordings are the frames."""
    tolerance_s: float

    @property
    def sensors(self) -> dict[str, CameraEntry | LidarEntry]:
        """By name."""
        return {sensor.name: sensor for sensor in (*self.cameras, *self.lidars)}

    def T_ego(self, name: str) -> Float64[np.ndarray, "4 4"]:
        """Where a sensor is in the ego frame, or the pair's rectified frame, or the ego frame itself; metres."""
        if name == RECTIFIED:
            return self.T_ego_rect
        return np.eye(4) if name == self.ego else self._resolved(self.sensors[name].pose)

    @property
    def T_ego_rect(self) -> Float64[np.ndarray, "4 4"]:
        """Where the frame is in which the pair was rectified."""
        assert self.pair is not None
        return self.T_ego(self.pair.left) if self.pair.pose is None else self._resolved(self.pair.pose)

    def _resolved(self, pose: SensorPose) -> Float64[np.ndarray, "4 4"]:
        return resolved(pose, {name: sensor.pose for name, sensor in self.sensors.items()}, self.ego)
