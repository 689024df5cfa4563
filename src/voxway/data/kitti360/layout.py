"""SSCBench-KITTI-360's files: where they lie and what their bytes mean.

::

    <root>/
        data_2d_raw/2013_05_28_drive_0000_sync/
            image_00/data_rect/000000.png    left camera, rectified, 8 bit RGB
            image_01/data_rect/000000.png    right camera
            voxels/000000.bin                packed flags: occupied in this scan alone; which frames are annotated
        data_3d_raw/2013_05_28_drive_0000_sync/
            velodyne_points/data/000000.bin  float32 (p, 4): x, y, z in metres, remission 0..1
        data_poses/2013_05_28_drive_0000_sync/
            cam0_to_world.txt                frame, then 16 numbers: rectified left camera to world
        calibration/                         perspective.txt, calib_cam_to_velo.txt; constants serve without
        preprocess/labels/2013_05_28_drive_0000_sync/
            000000_1_1.npy                   training ids 0..18 and 255, (256, 256, 32)

Frames have six digits, or ten as in KITTI-360's own downloads. Every fifth is annotated. Source: SSCBench's data
description, KITTI-360's documentation of its files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8

from voxway.core.errors import InputError
from voxway.core.files import listed, present
from voxway.data.files.names import picture
from voxway.data.files.scan_faults import ScanLayout
from voxway.data.files.scans import read_points
from voxway.data.files.volumes import read_training_ids
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360

_SCAN = ScanLayout(columns=("x", "y", "z", "remission"), highest_intensity=255.0, sensor_frame=True, read=4)
_STRIDE = 5
"""Every fifth frame is annotated."""
Camera = Literal[0, 1]


def drive_name(text: str) -> str:
    """A drive's whole name from it or from its number: ``"3"`` is ``"2013_05_28_drive_0003_sync"``."""
    return f"2013_05_28_drive_{int(text):04d}_sync" if text.isdecimal() else text


def parse_key(key: str) -> tuple[str, str]:
    """Drive and frame of a key such as ``"2013_05_28_drive_0000_sync/000700"``.

    Raises:
        InputError: not of that form.
    """
    match = re.fullmatch(r"(\w+)/(\d{6}|\d{10})", key)
    if match is None:
        raise InputError(
            file="sample key",
            field="key",
            expected='drive and frame, such as "2013_05_28_drive_0000_sync/000700" or "0/000700"',
            found=repr(key),
            remedy="Write the drive's name or number, a stroke, and the frame as its files have it.",
        )
    return drive_name(match[1]), match[2]


@dataclass(frozen=True)
class DriveFiles:
    """Paths of one drive; see the tree above.

    Attributes:
        root: the folder that holds `data_2d_raw/`.
        drive: its whole name.
        labels: folder of its targets' folders; None looks where downloads have it.
    """

    root: Path
    drive: str
    labels: Path | None = None

    @property
    def folder(self) -> Path:
        """Pictures and voxels."""
        return Path(self.root) / "data_2d_raw" / self.drive

    @property
    def calibration(self) -> Path:
        """Folder of the calibration's text files."""
        return Path(self.root) / "calibration"

    @property
    def poses(self) -> Path:
        """cam0_to_world.txt."""
        return Path(self.root) / "data_poses" / self.drive / "cam0_to_world.txt"

    @property
    def targets(self) -> Path:
        """Folder of this drive's targets."""
        places = [Path(self.root) / "preprocess" / "labels", Path(self.root) / "labels"]
        found = self.labels or next((place for place in places if present(place)), places[0])
        return Path(found) / self.drive

    def image(self, camera: Camera, frame: str) -> Path:
        """Picture of the left (0) or right (1) camera."""
        return picture(self.folder / f"image_{camera:02d}" / "data_rect" / f"{frame}.png")

    def scan(self, frame: str) -> Path:
        """LiDAR scan."""
        return Path(self.root) / "data_3d_raw" / self.drive / "velodyne_points" / "data" / f"{frame}.bin"

    def voxels(self, frame: str) -> Path:
        """Packed flags of the scan's voxels."""
        return self.folder / "voxels" / f"{frame}.bin"

    def target(self, frame: str) -> Path:
        """Training ids."""
        return self.targets / f"{frame}_1_1.npy"

    def annotated(self, with_target: bool) -> list[str]:
        """Annotated frames, ascending; none where there are none.

        Args:
            with_target: only those whose target is there; else a copy without labels has frames, too.
        """
        labelled = _frames(self.targets, r"(\d{6}|\d{10})_1_1\.npy")
        if labelled or with_target:
            return labelled
        pictures = _frames(self.folder / "image_00" / "data_rect", r"(\d{6}|\d{10})\.png")
        return _frames(self.folder / "voxels", r"(\d{6}|\d{10})\.bin") or [f for f in pictures if int(f) % _STRIDE == 0]


def _frames(folder: Path, pattern: str) -> list[str]:
    matches = (re.fullmatch(pattern, path.name) for path in listed(folder))
    return [match[1] for match in matches if match]


def read_scan(path: Path | str) -> Float32[np.ndarray, "p 4"]:
    """Read a LiDAR scan: x, y, z in metres (velodyne frame) and remission 0..1.

    Raises:
        InputError: see `read_points`.
    """
    return read_points(path, _SCAN)


def read_target(path: Path | str) -> UInt8[np.ndarray, "256 256 32"]:
    """Read a target.

    Raises:
        InputError: missing or damaged file, another grid, or ids of another class map.
    """
    return read_training_ids(path, SSCBENCH_KITTI360)
