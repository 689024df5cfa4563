"""SemanticKITTI's files: where they lie and what their bytes mean. NumPy at the border, no devkit.

::

    <root>/sequences/08/
        calib.txt                  P0 P1 P2 P3 Tr, 3x4 each
        poses.txt                  camera-0 pose per scan, 3x4
        times.txt                  seconds per scan
        image_2/000000.png         left colour camera, 8 bit RGB
        image_3/000000.png         right colour camera
        velodyne/000000.bin        float32 (p, 4): x, y, z in metres, remission 0..1
        labels/000000.label        uint32 (p,): raw class in the low 16 bits, instance in the high 16
        voxels/000000.label        uint16 (256, 256, 32): raw class per voxel, every fifth scan
        voxels/000000.bin          packed flags: occupied in this scan alone
        voxels/000000.invalid      packed flags: seen from no scan that the label was built from
        voxels/000000.occluded     packed flags: not seen from this scan's position

Volumes are (x, y, z) in C order; flags are packed eight to a byte, the most significant bit first.
Source: SemanticKITTI data format (semantic-kitti.org) and its API's voxel tools.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, UInt16, UInt32

from voxway.core.contents import contents
from voxway.core.errors import InputError
from voxway.core.files import write_bytes
from voxway.data.files.flags import read_flags
from voxway.data.files.raw import read_bytes
from voxway.data.files.scan_faults import ScanLayout
from voxway.data.files.scans import read_points
from voxway.data.files.voxel_order import order_fault
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.odometry import (
    Calibration,
    read_calibration,
    read_poses,
    read_times,
    write_calibration,
    write_poses,
    write_times,
)

__all__ = [
    "Calibration",
    "SequenceFiles",
    "read_calibration",
    "read_point_labels",
    "read_poses",
    "read_scan",
    "read_times",
    "read_voxel_flags",
    "read_voxel_labels",
    "write_calibration",
    "write_point_labels",
    "write_poses",
    "write_scan",
    "write_times",
    "write_voxel_labels",
]

_SCAN = ScanLayout(columns=("x", "y", "z", "remission"), highest_intensity=255.0, sensor_frame=True, read=4)
"""Remission is published as 0..1; recordings in KITTI's layout have 0..255, too."""
_DOWNLOAD_AGAIN = "The copy is damaged or cut short; download or copy it again."


def read_scan(path: Path | str) -> Float32[np.ndarray, "p 4"]:
    """Read a LiDAR scan: x, y, z in metres (velodyne frame) and remission 0..1.

    Raises:
        InputError: see `read_points`.
    """
    return read_points(path, _SCAN)


def write_scan(path: Path | str, points: Float32[np.ndarray, "p 4"]) -> None:
    """Write a LiDAR scan."""
    write_bytes(path, np.ascontiguousarray(points, "<f4").tobytes())


def read_point_labels(path: Path | str, points: int) -> UInt32[np.ndarray, "p"]:
    """Read a scan's labels as stored: raw class in the low 16 bits, instance in the high 16.

    Args:
        path: the `.label` file under `labels/`.
        points: how many points the scan has.

    Raises:
        InputError: missing file, not one label per point, a class outside the label map, or no class at all.
    """
    data = read_bytes(path)
    if len(data) != 4 * points:
        remedy = "Scan and labels are not of the same frame or release; fetch both again."
        expected = f"{4 * points} bytes, uint32 for each of {points} points"
        raise _bad(path, "size", expected, _size(data, points), remedy)
    labels = np.frombuffer(data, "<u4").astype(np.uint32)
    classes = labels & 0xFFFF
    SEMANTIC_KITTI.to_train(classes, path)
    if not classes.any():
        expected, remedy = "points with a class in the low 16 bits", "The copy is damaged; fetch the labels again."
        raise _bad(path, "label ids", expected, "0 for every point" + _looks_like_floats(labels), remedy)
    return labels


def write_point_labels(path: Path | str, labels: UInt32[np.ndarray, "p"]) -> None:
    """Write a scan's labels; see `read_point_labels`."""
    write_bytes(path, np.ascontiguousarray(labels, "<u4").tobytes())


def read_voxel_flags(path: Path | str) -> Bool[np.ndarray, "256 256 32"]:
    """Read packed flags of the benchmark's grid: `.bin`, `.invalid`, `.occluded`.

    Raises:
        InputError: missing file, or not one bit per voxel.
    """
    return read_flags(path, SEMANTIC_KITTI.grid)


def read_voxel_labels(path: Path | str) -> UInt16[np.ndarray, "256 256 32"]:
    """Read a voxel `.label` file: raw class per voxel.

    Raises:
        InputError: missing file, wrong size, a class outside the label map, no class at all, or voxels that lie in
            another order.
    """
    grid = SEMANTIC_KITTI.grid
    data = read_bytes(path)
    if len(data) != 2 * grid.count:
        expected = f"{2 * grid.count} bytes, uint16 for {grid.shape} voxels"
        raise _bad(path, "size", expected, _size(data, grid.count))
    labels = np.frombuffer(data, "<u2").astype(np.uint16).reshape(grid.shape)
    SEMANTIC_KITTI.to_train(labels, path)
    if not labels.any():
        raise _bad(path, "label ids", "voxels with a class", "0 (empty) for every voxel")
    if (wrong := order_fault(labels != 0)) is not None:
        raise wrong.error(path, "order", _DOWNLOAD_AGAIN)
    return labels


def write_voxel_labels(path: Path | str, labels: UInt16[np.ndarray, "x y z"]) -> None:
    """Write a voxel `.label` file.

    Raises:
        ValueError: the volume is not the benchmark's.
    """
    if labels.shape != SEMANTIC_KITTI.grid.shape:
        raise ValueError(f"voxel labels must be {SEMANTIC_KITTI.grid.shape}, got {labels.shape}")
    write_bytes(path, np.ascontiguousarray(labels, "<u2").tobytes())


@dataclass(frozen=True)
class SequenceFiles:
    """Paths of one sequence; see the tree above.

    Attributes:
        root: the folder that holds `sequences/`.
        sequence: two digits, e.g. ``"08"``.
        voxel_folder: name of the voxel folder; ``"voxels"`` in the official download.
    """

    root: Path
    sequence: str
    voxel_folder: str = "voxels"

    @property
    def folder(self) -> Path:
        """The sequence's own folder."""
        return Path(self.root) / "sequences" / self.sequence

    @property
    def calibration(self) -> Path:
        """calib.txt."""
        return self.folder / "calib.txt"

    @property
    def poses(self) -> Path:
        """poses.txt."""
        return self.folder / "poses.txt"

    @property
    def times(self) -> Path:
        """times.txt."""
        return self.folder / "times.txt"

    def image(self, camera: Literal[2, 3], frame: int) -> Path:
        """Picture of the left (2) or right (3) colour camera."""
        return self.folder / f"image_{camera}" / f"{frame:06d}.png"

    def scan(self, frame: int) -> Path:
        """LiDAR scan."""
        return self.folder / "velodyne" / f"{frame:06d}.bin"

    def point_labels(self, frame: int) -> Path:
        """Labels of a LiDAR scan."""
        return self.folder / "labels" / f"{frame:06d}.label"

    def voxels(self, frame: int, kind: Literal["label", "bin", "invalid", "occluded"]) -> Path:
        """Voxel labels or flags."""
        return self.folder / self.voxel_folder / f"{frame:06d}.{kind}"

    def frames(self) -> list[int]:
        """Annotated frames, ascending: those with voxel files. Test sequences have only `.bin`.

        Raises:
            InputError: the voxel folder is missing or holds no voxel file.
        """
        folder = self.folder / self.voxel_folder
        frames = _numbered(folder, "label") or _numbered(folder, "bin")
        if not frames:
            raise self._empty(folder, "voxel files (000000.label or 000000.bin)")
        return frames

    def scans(self) -> list[int]:
        """Frames with a LiDAR scan, ascending.

        Raises:
            InputError: the velodyne folder is missing or empty.
        """
        folder = self.folder / "velodyne"
        frames = _numbered(folder, "bin")
        if not frames:
            raise self._empty(folder, "scans (000000.bin)")
        return frames

    def _empty(self, folder: Path, expected: str) -> InputError:
        found = "an empty folder" if folder.is_dir() else "no such folder"
        remedy = f"Check the root folder: it must hold sequences/{self.sequence}/."
        return _bad(folder, "sequence", expected, found, remedy)


def _size(data: bytes, count: int) -> str:
    """How long a file of `count` numbers is, and what that looks like."""
    kind = contents(data)
    if kind is not None:
        return f"{len(data)} bytes, {kind.name}"
    widths = {count: "uint8", 2 * count: "16 bits", 4 * count: "32 bits", 8 * count: "64 bits"}
    return f"{len(data)} bytes" + (f", as many as {widths[len(data)]} for each" if len(data) in widths else "")


def _looks_like_floats(labels: UInt32[np.ndarray, "p"]) -> str:
    numbers = labels.view(np.float32)
    whole = labels.any() and np.isfinite(numbers).all() and (numbers == np.round(numbers)).all()
    return "; the file looks like float32" if whole else ""


def _numbered(folder: Path, suffix: str) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob(f"[0-9]*.{suffix}") if path.stem.isdecimal())


def _bad(path: Path | str, field: str, expected: object, found: object, remedy: str = _DOWNLOAD_AGAIN) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=remedy)
