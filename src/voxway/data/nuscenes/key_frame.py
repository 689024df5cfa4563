"""One nuScenes key frame: what was recorded when, by which sensor, and where that sensor was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.core.geometry_faults import intrinsics_fault, microseconds_fault, rotation_fault
from voxway.core.quaternion import quaternion_rotation
from voxway.data.nuscenes.key_frame_faults import key_frame_faults

_MOST = 2**63 - 1
"""Greatest whole number of a file."""
_REMEDY = "Make the info file again from nuScenes' own tables with `write_infos`."
CAMERAS = ("CAM_FRONT_LEFT", "CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_LEFT", "CAM_BACK", "CAM_BACK_RIGHT")
"""The six cameras in the order in which networks see them."""

Transform = Float64[np.ndarray, "4 4"]


@dataclass(frozen=True, kw_only=True)
class CameraFrame:
    """One picture of a key frame.

    Attributes:
        path: relative to the dataset's root.
        timestamp_us: microseconds.
        K: intrinsics of the picture as recorded.
        T_ego_cam: camera (x right, y down, z ahead) to the ego frame of the picture's own time, metres.
        T_world_ego: ego pose at the picture's own time.
        T_lidar_cam: camera to the key frame's LiDAR, the car's motion between the two times included.
    """

    path: str
    timestamp_us: int
    K: Float64[np.ndarray, "3 3"]
    T_ego_cam: Transform
    T_world_ego: Transform
    T_lidar_cam: Transform


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A LiDAR scan before the key frame.

    Attributes:
        path: relative to the dataset's root.
        timestamp_us: microseconds, before the key frame's.
        T_lidar_sweep: the sweep's points to the key frame's LiDAR, metres.
    """

    path: str
    timestamp_us: int
    T_lidar_sweep: Transform


@dataclass(frozen=True, kw_only=True)
class KeyFrame:
    """A key frame with its six cameras, its LiDAR scan, and up to ten sweeps before it, the latest first.

    Attributes:
        token: of the sample.
        scene: token of the scene.
        scene_name: such as "scene-0061"; None where the file does not say.
        timestamp_us: microseconds.
        lidar_path: relative to the dataset's root.
        lidar_token: of the LiDAR scan; None where the file does not say.
        T_ego_lidar: LiDAR (x right, y ahead, z up) to ego (x ahead, y left, z up), metres.
        T_world_ego: ego pose at the LiDAR scan's time.
        cameras: by name, in the order of `CAMERAS`.
        sweeps: the latest first.
    """

    token: str
    scene: str
    scene_name: str | None
    timestamp_us: int
    lidar_path: str
    lidar_token: str | None
    T_ego_lidar: Transform
    T_world_ego: Transform
    cameras: Mapping[str, CameraFrame]
    sweeps: tuple[Sweep, ...]


def parse_info(info: Mapping[str, Json], source: object) -> KeyFrame:
    """The key frame that one record of an info file describes.

    Args:
        info: the record; `infos.py` says what it holds.
        source: the file, for errors.

    Raises:
        InputError: a field or a camera is missing, or a calibration is not finite or not rigid.
    """
    record = _Record(info, f"{source}: sample {info.get('token', 'without a token')}", "")
    cameras = record.inner("cams")
    missing = [name for name in CAMERAS if name not in cameras.values]
    if missing:
        raise cameras.wrong("channels", ", ".join(CAMERAS), f"no {', '.join(missing)}")
    timestamp = record.whole("timestamp")
    frames = {name: _camera(cameras.inner(name)) for name in CAMERAS}
    sweeps = tuple(_sweep(sweep, timestamp) for sweep in record.several("sweeps"))
    frame = KeyFrame(
        token=record.text("token"),
        scene=record.text("scene_token"),
        scene_name=scene_name(info),
        timestamp_us=timestamp,
        lidar_path=relative_path(record.text("lidar_path")),
        lidar_token=None if info.get("lidar_token") is None else record.text("lidar_token"),
        T_ego_lidar=record.pose("lidar2ego"),
        T_world_ego=record.pose("ego2global"),
        cameras=frames,
        sweeps=sweeps,
    )
    for name, wrong in key_frame_faults(frame):
        raise wrong.error(record.file, name, _REMEDY)
    return frame


def lidar_pose(info: Mapping[str, Json], source: object) -> tuple[Transform, Transform]:
    """`T_world_ego` at the LiDAR scan's time and `T_ego_lidar` of one record, whatever else it holds.

    Raises:
        InputError: a pose is missing, not finite or not rigid.
    """
    record = _Record(info, f"{source}: sample {info.get('token', 'without a token')}", "")
    return record.pose("ego2global"), record.pose("lidar2ego")


def scene_name(info: Mapping[str, Json]) -> str | None:
    """The scene's name, which some info files state and others only have in the path of the labels."""
    if info.get("scene_name"):
        return str(info["scene_name"])
    parts = str(info.get("occ_path") or "").replace("\\", "/").rstrip("/").split("/")
    return next((part for part in parts if part.startswith("scene-")), None)


def relative_path(path: object) -> str:
    """A path below the dataset's root, from one that info files hold with the prefix of another machine."""
    text = str(path).replace("\\", "/")
    start = max(text.rfind("samples/"), text.rfind("sweeps/"))
    if start >= 0:
        return text[start:]
    return text.removeprefix("./data/nuscenes/")


def _camera(record: _Record) -> CameraFrame:
    K = record.matrix("cam_intrinsic", (3, 3))
    if (wrong := intrinsics_fault(K)) is not None:
        raise wrong.error(record.file, f"{record.prefix}cam_intrinsic", _REMEDY)
    return CameraFrame(
        path=relative_path(record.text("data_path")),
        timestamp_us=record.whole("timestamp"),
        K=K,
        T_ego_cam=record.pose("sensor2ego"),
        T_world_ego=record.pose("ego2global"),
        T_lidar_cam=record.pose("sensor2lidar"),
    )


def _sweep(record: _Record, key_timestamp: int) -> Sweep:
    timestamp = record.whole("timestamp")
    if timestamp > key_timestamp:
        raise record.wrong("timestamp", f"before the key frame's, {key_timestamp}", timestamp)
    return Sweep(
        path=relative_path(record.text("data_path")), timestamp_us=timestamp, T_lidar_sweep=record.pose("sensor2lidar")
    )


@dataclass(frozen=True)
class _Record:
    """Named values, and the error for each that is not as it should be."""

    values: Mapping[str, Json]
    file: str
    prefix: str

    def wrong(self, name: str, expected: object, found: object) -> InputError:
        return InputError(file=self.file, field=self.prefix + name, expected=expected, found=found, remedy=_REMEDY)

    def __getitem__(self, name: str) -> Json:
        if name not in self.values:
            raise self.wrong(name, "present", f"only {', '.join(sorted(map(str, self.values)))}")
        return self.values[name]

    def inner(self, name: str) -> _Record:
        value = self[name]
        if not isinstance(value, Mapping):
            raise self.wrong(name, "named values", type(value).__name__)
        return _Record(value, self.file, f"{self.prefix}{name}.")

    def several(self, name: str) -> list[_Record]:
        """A list of named values; where a file has null instead of a list, it has none."""
        value = [] if self[name] is None else self[name]
        if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
            raise self.wrong(name, "a list of named values", repr(value)[:80])
        return [_Record(one, self.file, f"{self.prefix}{name}[{i}].") for i, one in enumerate(value)]

    def text(self, name: str) -> str:
        value = self[name]
        if not isinstance(value, str | PurePath) or not str(value):
            raise self.wrong(name, "text", repr(value)[:80])
        return str(value)

    def whole(self, name: str) -> int:
        value = self[name]
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        # Beyond 64 bits Python's whole numbers are none of NumPy's.
        if not number or not -_MOST <= value <= _MOST:
            raise self.wrong(name, "a number", repr(value)[:80])
        if (wrong := microseconds_fault(value)) is not None:
            raise wrong.error(self.file, self.prefix + name, _REMEDY)
        return int(value)

    def matrix(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        try:
            matrix = np.array(self[name], np.float64)
        except (TypeError, ValueError, OverflowError):
            raise self.wrong(name, f"numbers of shape {shape}", repr(self[name])[:80]) from None
        if matrix.shape != shape or not np.isfinite(matrix).all():
            raise self.wrong(name, f"finite numbers of shape {shape}", matrix.tolist())
        return matrix

    def pose(self, name: str) -> Transform:
        """`<name>_rotation`, a quaternion or a matrix, and `<name>_translation`, as one transform."""
        given = self[f"{name}_rotation"]
        if isinstance(given, list | tuple | np.ndarray) and getattr(given, "shape", (len(given),))[:1] == (4,):
            wxyz = self.matrix(f"{name}_rotation", (4,))
            if abs(np.linalg.norm(wxyz) - 1) > 1e-2:
                raise self.wrong(f"{name}_rotation", "a unit quaternion (w, x, y, z)", wxyz.tolist())
            rotation = quaternion_rotation(wxyz)
        else:
            rotation = self.matrix(f"{name}_rotation", (3, 3))
            if (wrong := rotation_fault(rotation)) is not None:
                raise wrong.error(self.file, f"{self.prefix}{name}_rotation", _REMEDY)
        transform = np.eye(4)
        transform[:3, :3] = rotation
        transform[:3, 3] = self.matrix(f"{name}_translation", (3,))
        return transform
