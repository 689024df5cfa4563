"""Files of Occ3D-Waymo and of Waymo in KITTI's format.

::

    root/
        training/000/004_04.npz         voxel_label, origin_voxel_state, final_voxel_state, infov; 200 x 200 x 16
        validation/000/...              sequence and frame, three digits each; `_04` marks the 0.4 m voxels
        cam_infos.pkl                   training: [sequence][frame][slot] -> {"intrinsics": 4 x 4, "sensor2ego": 4 x 4}
        cam_infos_vali.pkl              validation
        kitti_format/training/          all frames of Waymo, those of validation too
            image_0/Xsssfff.jpg ... image_4     X is 0 for training, 1 for validation; then sequence and frame
            velodyne/Xsssfff.bin                float32 x y z intensity elongation ..., six columns, vehicle frame

Camera slots 2 and 3 belong to the pictures of image_3 and image_2: the two conversions number the cameras differently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from voxway.core.errors import InputError
from voxway.core.faults import Fault
from voxway.core.geometry_faults import intrinsics_fault, offset_fault, rigid_fault, upright_fault, view_fault
from voxway.data.files.pickles import read_pickle
from voxway.data.files.scan_faults import ScanLayout
from voxway.data.files.scans import read_points
from voxway.data.files.volumes import read_labels, read_mask
from voxway.data.waymo.benchmark import OCC3D_WAYMO

SplitName = Literal["train", "val"]

IMAGE_FOLDERS = (0, 1, 3, 2, 4)
"""Which image_N the camera slots 0 to 4 read."""
MASKS = {"field_of_view": "infov", "camera": "final_voxel_state", "lidar": "origin_voxel_state"}
"""Our names of masks, and those of Occ3D's arrays."""
_FOLDERS = {"train": "training", "val": "validation"}
_INFOS = "Fetch the camera infos again; they must belong to these frames."
_FRONT_FAULT = Fault("slot 0 to look ahead of the car (x ahead)", "a camera that looks back")
_SCAN = ScanLayout(
    columns=("x", "y", "z", "intensity", "elongation", "one more that nobody reads"),
    highest_intensity=None,
    sensor_frame=False,
    read=5,
)


@dataclass(frozen=True)
class WaymoFiles:
    """Paths of one split.

    Attributes:
        root: holds `training`, `validation` and the camera infos.
        split: "train" or "val".
        kitti: holds `image_0` to `image_4` and `velodyne`.
    """

    root: Path
    split: SplitName
    kitti: Path

    @property
    def labels_folder(self) -> Path:
        """Holds a folder per sequence."""
        return self.root / _FOLDERS[self.split]

    @property
    def camera_infos(self) -> Path:
        """Calibrations of every frame."""
        return self.root / ("cam_infos.pkl" if self.split == "train" else "cam_infos_vali.pkl")

    def labels(self, key: str) -> Path:
        """Voxels of a frame."""
        return self.labels_folder / f"{key}_04.npz"

    def image(self, key: str, slot: int) -> Path:
        """The picture of a camera slot: `.jpg` if there is one, else `.png`."""
        path = self.kitti / f"image_{IMAGE_FOLDERS[slot]}" / f"{self._stem(key)}.jpg"
        return path if path.exists() else path.with_suffix(".png")

    def scan(self, key: str) -> Path:
        """LiDAR points of a frame."""
        return self.kitti / "velodyne" / f"{self._stem(key)}.bin"

    def labelled_keys(self) -> list[str]:
        """Frames with 0.4 m voxels, ascending."""
        found = (re.fullmatch(r"(\d{3})_04\.npz", path.name) for path in sorted(self.labels_folder.glob("*/*.npz")))
        parents = (path.parent.name for path in sorted(self.labels_folder.glob("*/*.npz")))
        return [f"{folder}/{match[1]}" for folder, match in zip(parents, found) if match]

    def pictured_keys(self) -> list[str]:
        """Frames with a picture of the first camera, ascending."""
        names = {path.stem for path in (self.kitti / "image_0").glob(f"{self._prefix}??????.*")}
        return [f"{name[1:4]}/{name[4:]}" for name in sorted(names) if name.isdigit()]

    @property
    def _prefix(self) -> str:
        return "0" if self.split == "train" else "1"

    def _stem(self, key: str) -> str:
        return self._prefix + key.replace("/", "")


def parse_key(key: str) -> tuple[int, int]:
    """Sequence and frame of a key such as "012/040".

    Raises:
        InputError: not of that form.
    """
    match = re.fullmatch(r"(\d{3})/(\d{3})", key)
    if match is None:
        expected, remedy = 'sequence and frame, such as "012/040"', "Write three digits, a slash and three digits."
        raise InputError(file="sample key", field="key", expected=expected, found=repr(key), remedy=remedy)
    return int(match[1]), int(match[2])


def read_occ3d_waymo(path: Path) -> tuple[UInt8[np.ndarray, "x y z"], dict[str, Bool[np.ndarray, "x y z"]]]:
    """Training ids 0..15 (23 on disk is free, 15) and the masks "field_of_view", "camera" and "lidar".

    Raises:
        InputError: missing or damaged file, an array is absent or of another grid, or ids that are no class.
    """
    masks = {name: read_mask(path, stored, OCC3D_WAYMO) for name, stored in MASKS.items()}
    return read_labels(path, "voxel_label", OCC3D_WAYMO), masks


def read_waymo_scan(path: Path) -> Float32[np.ndarray, "p 5"]:
    """LiDAR points: x, y, z in metres (vehicle frame), and intensity and elongation, both after tanh as published.

    Raises:
        InputError: see `read_points`.
    """
    points = np.ascontiguousarray(read_points(path, _SCAN)[:, : _SCAN.read])
    points[:, 3:] = np.tanh(points[:, 3:])
    return points


def read_camera_infos(path: Path) -> object:
    """Calibrations [sequence][frame][slot] as they are stored: lists, or dicts by number.

    Raises:
        InputError: missing, damaged or unsafe file.
    """
    return read_pickle(path, "Fetch it again from where the voxels came from.")


def frame_cameras(
    infos: object, key: str, source: Path
) -> tuple[Float64[np.ndarray, "5 3 3"], Float64[np.ndarray, "5 4 4"]]:
    """Intrinsics, and camera (z ahead) to vehicle (metres), of the five slots of a frame.

    Raises:
        InputError: the frame or a camera is not there, or a matrix is not finite or not rigid.
    """
    sequence, frame = parse_key(key)
    cameras = _entry(_entry(infos, sequence, f"[{sequence}]", source), frame, f"[{sequence}][{frame}]", source)
    K, T_ego_cam = np.zeros((5, 3, 3)), np.zeros((5, 4, 4))
    for slot in range(5):
        where = f"[{sequence}][{frame}][{slot}]"
        camera = _entry(cameras, slot, where, source)
        K[slot] = _matrix(camera, "intrinsics", where, source, (3, 4))[:3, :3]
        T_ego_cam[slot] = T = _matrix(camera, "sensor2ego", where, source, (4,))
        if (wrong := intrinsics_fault(K[slot])) is not None:
            raise wrong.error(source, f"{where}.intrinsics", _INFOS)
        wrong = rigid_fault(T) or offset_fault(T[:3, 3])
        if wrong is None and abs(T[2, 2]) > 0.9:
            wrong = Fault("camera axes x right, y down, z ahead", "axes x ahead, z up, as Waymo's own records have")
        wrong = wrong or view_fault(T) or (_FRONT_FAULT if slot == 0 and T[0, 2] < 0 else None)
        if wrong is not None:
            raise wrong.error(source, f"{where}.sensor2ego", _INFOS)
    return K, T_ego_cam


def frame_pose(infos: object, key: str, source: Path) -> Float64[np.ndarray, "4 4"]:
    """Vehicle to world (metres) of a frame, which voxway's own worlds record with the first camera.

    Raises:
        InputError: the frame is not there, or has no pose, as in the published files.
    """
    sequence, frame = parse_key(key)
    cameras = _entry(_entry(infos, sequence, f"[{sequence}]", source), frame, f"[{sequence}][{frame}]", source)
    camera = _entry(cameras, 0, f"[{sequence}][{frame}][0]", source)
    pose = camera.get("ego2global") if isinstance(camera, Mapping) else None
    where, remedy = f"[{sequence}][{frame}][0]", "The published camera infos hold no poses; ask for other needs."
    if pose is None:
        expected = "a finite 4 x 4 matrix"
        raise InputError(file=source, field=f"{where}.ego2global", expected=expected, found="none", remedy=remedy)
    matrix = _matrix(camera, "ego2global", where, source, (4,))
    if (wrong := rigid_fault(matrix) or upright_fault(matrix, "a car")) is not None:
        raise wrong.error(source, f"{where}.ego2global", _INFOS)
    return matrix


def _entry(holder: object, number: int, where: str, source: Path) -> object:
    if isinstance(holder, Mapping):
        value = holder.get(number, holder.get(str(number)))
    else:
        value = holder[number] if isinstance(holder, Sequence) and number < len(holder) else None
    if value is None:
        raise _bad(source, where, "a calibration", "absent")
    return value


def _matrix(camera: object, name: str, where: str, source: Path, sides: tuple[int, ...]) -> np.ndarray:
    if not isinstance(camera, Mapping) or name not in camera:
        found = ", ".join(map(str, camera)) if isinstance(camera, Mapping) else type(camera).__name__
        raise _bad(source, f"{where}.{name}", "a matrix", f"only {found}")
    try:
        matrix = np.asarray(camera[name], np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _bad(source, f"{where}.{name}", "a matrix of numbers", error) from None
    if matrix.shape not in [(side, side) for side in sides] or not np.isfinite(matrix).all():
        raise _bad(source, f"{where}.{name}", "a finite 4 x 4 matrix", str(matrix.tolist())[:200])
    return matrix


def _bad(source: Path, field: str, expected: object, found: object) -> InputError:
    return InputError(file=source, field=field, expected=expected, found=found, remedy=_INFOS)
