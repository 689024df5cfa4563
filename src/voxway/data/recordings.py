"""Drive: what a LiDAR recording holds, scan by scan, whatever files it lies in; for labels made from scans and poses.

Points stay in the frame of the sensor that saw them. A merged cloud cannot be used: a ray needs the place that it began
at, and each sensor has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.recorded import Recorded, RecordedPicture, RecordedThing
from voxway.core.task import Task
from voxway.data.boxes import TrackedBox


@dataclass(frozen=True, order=True)
class ScanName:
    """Which scan.

    Attributes:
        time_s: by the recording's clock; its pose is the vehicle's at that time.
        sensor: name of the LiDAR.
        number: of its recordings.
    """

    time_s: float
    sensor: str
    number: int


@dataclass(frozen=True)
class Frame:
    """A moment that labels may be made of.

    Attributes:
        number: by which it is called, ``"drive/000012"``.
        time_s: by the recording's clock.
    """

    number: int
    time_s: float


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Returns of one turn of one LiDAR.

    Attributes:
        points: x, y, z in metres in the sensor's own frame.
        after_s: seconds from the scan's time to each return; None where the recording does not say.
        labels: class of each return, an id of the drive's `classes`, 255 for none; None where nobody labelled them.
    """

    points: Float32[np.ndarray, "p 3"]
    after_s: Float32[np.ndarray, "p"] | None = None
    labels: UInt8[np.ndarray, "p"] | None = None


@runtime_checkable
class Poses(Protocol):
    """Where a vehicle was, at any time; `voxway.data.track.Track` is one."""

    @property
    def times_s(self) -> Float64[np.ndarray, "n"]:
        """Times of the poses that are known, seconds, ascending."""
        ...

    def at(self, times_s: Float64[np.ndarray, "m"]) -> Float64[np.ndarray, "m 4 4"]:
        """Poses at times: the vehicle's frame to the world, metres."""
        ...

    def known(self, times_s: Float64[np.ndarray, "m"]) -> Bool[np.ndarray, "m"]:
        """Whether a pose is known at times, seconds: within the track, and in none of its gaps."""
        ...


@runtime_checkable
class Scans(Protocol):
    """What is known of a recording before anybody knows where its vehicle was; see `Drive`."""

    @property
    def name(self) -> str:
        """By which its files are called."""
        ...

    @property
    def root(self) -> Path:
        """The folder that it lies in, or a file of it."""
        ...

    @property
    def frame(self) -> str:
        """The frame of the vehicle."""
        ...

    @property
    def scans(self) -> tuple[ScanName, ...]:
        """All scans, by time."""
        ...

    def T_ego_sensor(self, sensor: str) -> Float64[np.ndarray, "4 4"]:
        """A LiDAR's frame to the vehicle's, metres."""
        ...

    def read(self, scan: ScanName) -> Scan:
        """Read a scan.

        Raises:
            InputError: it is missing, damaged, or not what a LiDAR measures in its own frame.
        """
        ...

    def files(self, scan: ScanName) -> tuple[Path, ...]:
        """The files that a scan is read from, and its pose where that is known."""
        ...


@dataclass(frozen=True)
class FoundPoses:
    """Poses that were made, not recorded.

    Attributes:
        track: the vehicle's frame in a world whose z is up.
        file: where they were written.
    """

    track: Poses
    file: Path


PosesFrom = Callable[[Scans], FoundPoses]
"""Makes poses of a recording's vehicle from its scans."""


@runtime_checkable
class Drive(Scans, Protocol):
    """A stretch of road, recorded by LiDARs whose poses are known. Labels are in its vehicle's frame: z up; x ahead
    and y to the left, unless the dataset has it otherwise.
    """

    @property
    def grid(self) -> VoxelGrid:
        """Where voxels are, unless somebody says otherwise: metres, in the vehicle's frame."""
        ...

    @property
    def classes(self) -> Task | None:
        """Names, ids and colours of the labels of returns and pixels; None where nobody labelled them."""
        ...

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All moments, by time."""
        ...

    @property
    def track(self) -> Poses:
        """The vehicle's frame in the world, whose z is up."""
        ...

    def label_files(self, scan: ScanName) -> tuple[Path, ...]:
        """The files that the labels of a scan's returns are read from; none where they have none."""
        ...

    def cameras(self, frame: Frame) -> tuple[tuple[str, ...], Cameras] | None:
        """Names of the cameras that recorded a moment, and where they were in the vehicle's frame at its time; None
        where none did."""
        ...

    def pictures(self, frame: Frame) -> Mapping[str, UInt8[np.ndarray, "h w 3"]]:
        """Pictures of the moment by the names of `cameras`."""
        ...

    def camera_files(self, frame: Frame) -> tuple[Path, ...]:
        """The files that `cameras` and `pictures` of a moment are read from."""
        ...

    def names(self, frame: Frame) -> Mapping[str, str]:
        """What the dataset calls a moment beside its number (`Recorded.names`)."""
        ...

    def pinhole_files(self, frame: Frame) -> Mapping[str, Path]:
        """Files of those `pictures` that are pinhole ones as they lie there, by the names of their cameras."""
        ...

    def class_maps(self, frame: Frame) -> UInt8[np.ndarray, "n h w"]:
        """Classes of the pixels of `pictures`, ids of `classes`, 254 sky, 255 unknown; only where there are
        `class_map_files`.

        Raises:
            InputError: damaged, or not of the pictures' size.
        """
        ...

    def class_map_files(self, frame: Frame) -> tuple[Path, ...]:
        """The files that `class_maps` of a moment are read from; none where it has none."""
        ...

    def boxes(self) -> tuple[TrackedBox, ...]:
        """Things by the boxes that were drawn around them; none where nobody drew any.

        Raises:
            InputError: damaged, or boxes that contradict each other.
        """
        ...

    def box_files(self) -> tuple[Path, ...]:
        """The files that `boxes` are read from; none where there are none."""
        ...


def recorded(drive: Drive, frame: Frame) -> Recorded:
    """What a recording says of a moment besides its scans."""
    names, cameras = drive.cameras(frame) or ((), None)
    files = drive.pinhole_files(frame)
    T_frame_world = np.linalg.inv(drive.track.at(np.array([frame.time_s]))[0])
    pictures = [
        RecordedPicture.of(
            name,
            Path(relpath(files[name], drive.root)).as_posix(),
            cameras.K[number].numpy(),
            np.linalg.inv(cameras.T_cam_ego[number].numpy()),
        )
        for number, name in enumerate(names)
        if name in files and cameras is not None
    ]
    things = [
        RecordedThing.of(box.thing, box.class_name, box.size_m, T_frame_world @ box.at(frame.time_s))
        for box in drive.boxes()
        if box.known(frame.time_s)
    ]
    return Recorded(names=drive.names(frame), pictures=tuple(pictures), things=tuple(things))


def frame_key(drive: Drive, frame: Frame) -> str:
    """The name of a moment: ``"drive/000012"``."""
    return f"{drive.name}/{frame.number:06d}"
