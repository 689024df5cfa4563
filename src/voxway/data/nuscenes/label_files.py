"""Voxel labels as the files of benchmarks on nuScenes: Occ3D's, OpenOcc's, SurroundOcc's and OpenOccupancy's.

Files are named as the benchmark's own where the recording is nuScenes', by its tokens and names; of other recordings by
drive and frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from voxway.core.arrays import write_archive, write_array
from voxway.core.task import IGNORE
from voxway.data.files.volumes import read_labels
from voxway.data.label_format import FormLabels, LabelOptions
from voxway.data.nuscenes.benchmark import (
    OCC3D_NUSCENES,
    OPENOCC_NUSCENES,
    OPENOCCUPANCY_NUSCENES,
    SURROUNDOCC_NUSCENES,
)
from voxway.data.nuscenes.labels import read_occ3d, read_openoccupancy
from voxway.data.nuscenes.surroundocc import read_surroundocc, surroundocc_rows

_OTHERS = OCC3D_NUSCENES.task.class_id("others")
_LOST = "Voxels of which nothing is known are left out, and read as free; --unknown lists them {how}."


@dataclass(frozen=True)
class Occ3DFiles:
    """`gts/SCENE/SAMPLE/labels.npz`: semantics, mask_lidar, mask_camera. What is unknown is labelled free, as in the
    release; only the masks tell. What has no class is "others".
    """

    benchmark = OCC3D_NUSCENES
    x_right = False

    def path(self, folder: Path, key: str, names: Mapping[str, str]) -> Path:
        """See `LabelFormat.path`."""
        return _by_sample(Path(folder) / "gts", key, names)

    def write(self, folder: Path, labels: FormLabels, options: LabelOptions) -> None:
        """See `LabelFormat.write`."""
        arrays = {
            "semantics": np.where(labels.classes == IGNORE, np.uint8(_OTHERS), labels.classes),
            "mask_lidar": labels.lidar.astype(np.uint8),
            "mask_camera": labels.camera.astype(np.uint8),
        }
        write_archive(self.path(folder, labels.key, labels.recorded.names), arrays)

    def read(self, path: Path) -> UInt8[np.ndarray, "x y z"]:
        """See `LabelFormat.read`."""
        classes, masks = read_occ3d(path)
        return np.where(masks["lidar"], classes, np.uint8(IGNORE))

    def lost(self, options: LabelOptions) -> str:
        """See `LabelFormat.lost`."""
        return "Voxels that a ray passed and that are not known to be free are free within mask_lidar."


@dataclass(frozen=True)
class OpenOccFiles:
    """`openocc_v2/SCENE/SAMPLE/labels.npz`: semantics, and flow where boxes told it. What has no class is 255, as the
    benchmark has no class for it.
    """

    benchmark = OPENOCC_NUSCENES
    x_right = False

    def path(self, folder: Path, key: str, names: Mapping[str, str]) -> Path:
        """See `LabelFormat.path`."""
        return _by_sample(Path(folder) / "openocc_v2", key, names)

    def write(self, folder: Path, labels: FormLabels, options: LabelOptions) -> None:
        """See `LabelFormat.write`."""
        listed = labels.unknown & options.unknown
        classes = np.where(listed, np.uint8(IGNORE), labels.classes)
        arrays = {"semantics": classes}
        if labels.flow is not None and labels.until_next_s > 0:
            speed = labels.flow[..., :2].astype(np.float32) * OPENOCC_NUSCENES.grid.cell[0] / labels.until_next_s
            arrays["flow"] = speed.astype(np.float16)
        write_archive(self.path(folder, labels.key, labels.recorded.names), arrays)

    def read(self, path: Path) -> UInt8[np.ndarray, "x y z"]:
        """See `LabelFormat.read`."""
        return read_labels(path, "semantics", OPENOCC_NUSCENES)

    def lost(self, options: LabelOptions) -> str:
        """See `LabelFormat.lost`."""
        return "" if options.unknown else _LOST.format(how="with label 255, which published loaders may not expect")


@dataclass(frozen=True)
class SurroundOccFiles:
    """`surroundocc/samples/SCAN.npy`: rows x, y, z, label, in the order of places. What has no class is noise,
    label 0.
    """

    benchmark = SURROUNDOCC_NUSCENES
    x_right = True

    def path(self, folder: Path, key: str, names: Mapping[str, str]) -> Path:
        """See `LabelFormat.path`."""
        return Path(folder) / "surroundocc" / "samples" / f"{names.get('scan', key.replace('/', '__'))}.npy"

    def write(self, folder: Path, labels: FormLabels, options: LabelOptions) -> None:
        """See `LabelFormat.write`."""
        rows = surroundocc_rows(np.where(labels.unknown, np.uint8(IGNORE), labels.classes), unknown=True)
        x, y, z, label = rows.T
        unknown = labels.unknown[x, y, z]
        noise = (label == IGNORE) & ~unknown
        rows[noise, 3] = 0
        write_array(self.path(folder, labels.key, labels.recorded.names), rows if options.unknown else rows[~unknown])

    def read(self, path: Path) -> UInt8[np.ndarray, "x y z"]:
        """See `LabelFormat.read`."""
        return read_surroundocc(path)

    def lost(self, options: LabelOptions) -> str:
        """See `LabelFormat.lost`."""
        return "" if options.unknown else _LOST.format(how="with label 255, which published loaders may not expect")


@dataclass(frozen=True)
class OpenOccupancyFiles:
    """`nuScenes-Occupancy-v0.1/scene_SCENE/occupancy/LIDAR.npy`: rows z, y, x, label. What has no class is noise, 0."""

    benchmark = OPENOCCUPANCY_NUSCENES
    x_right = True

    def path(self, folder: Path, key: str, names: Mapping[str, str]) -> Path:
        """See `LabelFormat.path`."""
        drive, _, frame = key.rpartition("/")
        scene = f"scene_{names.get('scene', drive or 'unknown')}"
        return Path(folder) / "nuScenes-Occupancy-v0.1" / scene / "occupancy" / f"{names.get('lidar', frame)}.npy"

    def write(self, folder: Path, labels: FormLabels, options: LabelOptions) -> None:
        """See `LabelFormat.write`."""
        classes = labels.classes
        listed = (classes != OPENOCCUPANCY_NUSCENES.free) | (labels.unknown & options.unknown)
        index = np.argwhere(listed)
        found = classes[tuple(index.T)]
        rows = np.column_stack([index[:, ::-1], np.where(found == IGNORE, np.uint8(0), found)])
        write_array(self.path(folder, labels.key, labels.recorded.names), rows.astype(np.uint16))

    def read(self, path: Path) -> UInt8[np.ndarray, "x y z"]:
        """See `LabelFormat.read`."""
        return read_openoccupancy(path)

    def lost(self, options: LabelOptions) -> str:
        """See `LabelFormat.lost`."""
        return "" if options.unknown else _LOST.format(how="as noise, label 0, which is ignored")


def _by_sample(folder: Path, key: str, names: Mapping[str, str]) -> Path:
    """`<folder>/<scene name>/<sample token>/labels.npz`."""
    drive, _, frame = key.rpartition("/")
    scene = names.get("scene_name", "scene-unknown" if "sample" in names else drive or "scene-unknown")
    return folder / scene / names.get("sample", frame) / "labels.npz"


OCC3D = Occ3DFiles()
OPENOCC = OpenOccFiles()
SURROUNDOCC = SurroundOccFiles()
OPENOCCUPANCY = OpenOccupancyFiles()
