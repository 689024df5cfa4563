"""nuScenes' own tables (`v1.0-trainval/`, `v1.0-mini/`, `v1.0-test/`) to the records of info files, without devkit.

::

    v1.0-trainval/
        scene.json              token, name, log_token
        log.json                token, location
        sample.json             a key frame: token, scene_token, timestamp
        sample_data.json        a recording: sample_token, ego_pose_token, calibrated_sensor_token, timestamp, filename,
                                is_key_frame, prev, next
        calibrated_sensor.json  sensor_token, translation, rotation (w x y z), camera_intrinsic
        sensor.json             token, channel
        ego_pose.json           translation, rotation (w x y z), timestamp
        sample_annotation.json  a box: sample_token, instance_token, translation, size (w l h), rotation (w x y z)
        instance.json           a thing: token, category_token
        category.json           token, name
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from voxway.core.errors import InputError
from voxway.core.files import Json, read_json
from voxway.core.quaternion import quaternion_rotation
from voxway.data.nuscenes.key_frame import CAMERAS

Row = Mapping[str, Json]

SWEEPS = 10
"""Sweeps that a record lists, at most."""
_LIDAR = "LIDAR_TOP"
REMEDY = "Complete nuScenes' metadata: unpack v1.0-trainval_meta.tgz (or -mini, -test) again."


def read_tables(folder: Path | str, scenes: Sequence[str] = ()) -> list[Row]:
    """Records of all key frames, in order of time, as `infos.py` describes them.

    The whole training tables hold millions of rows and take minutes and gigabytes: make an info file of them once
    (`write_infos`).

    Args:
        folder: such as `v1.0-trainval`.
        scenes: names of scenes to keep; all without any.

    Raises:
        InputError: a table is missing or damaged, a row refers to one that is not there, or a scene is unknown.
    """
    return _Tables(Path(folder)).infos(scenes)


def read_table(folder: Path, name: str) -> list[Row]:
    """Rows of one table, each with its columns.

    Raises:
        InputError: the table is missing or damaged, or a row lacks a column or holds something else there.
    """
    path = folder / f"{name}.json"
    rows = read_json(path, remedy=REMEDY)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _wrong(path, "contents", "a list of rows", type(rows).__name__)
    for column, (what, holds) in {"token": _TEXT, **_COLUMNS[name]}.items():
        for number, row in enumerate(rows):
            if column not in row or not holds(row[column]):
                found = repr(row[column])[:80] if column in row else f"only {', '.join(sorted(map(str, row)))}"
                raise _wrong(path, f"row {number}: {column}", what, found)
    return rows


def _is_vector(value: Json, length: int) -> bool:
    return isinstance(value, list) and len(value) == length and all(map(_is_number, value))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _GREATEST


def _is_unit(value: Json) -> bool:
    return _is_vector(value, 4) and abs(sum(number**2 for number in value) - 1) < _UNIT_TOLERANCE


_Column = tuple[str, Callable[[Json], bool]]
_GREATEST = 1e18
_UNIT_TOLERANCE = 0.02
_TEXT: _Column = ("text", lambda value: isinstance(value, str) and bool(value))
_LINK: _Column = ("a token, or an empty text", lambda value: isinstance(value, str))
_NUMBER: _Column = ("a number", _is_number)
_FLAG: _Column = ("true or false", lambda value: isinstance(value, bool))
_PLACE: _Column = ("three numbers, metres", lambda value: _is_vector(value, 3))
_TURN: _Column = ("a unit quaternion (w, x, y, z)", _is_unit)
_MATRIX: _Column = (
    "a 3 x 3 matrix, or an empty list",
    lambda value: value == [] or (isinstance(value, list) and len(value) == 3 and all(_is_vector(r, 3) for r in value)),
)
_COLUMNS: dict[str, dict[str, _Column]] = {
    "scene": {"name": _TEXT},
    "sample": {"scene_token": _TEXT, "timestamp": _NUMBER},
    "sensor": {"channel": _TEXT},
    "calibrated_sensor": {
        "sensor_token": _TEXT, "translation": _PLACE, "rotation": _TURN, "camera_intrinsic": _MATRIX,
    },
    "ego_pose": {"translation": _PLACE, "rotation": _TURN},
    "sample_data": {
        "sample_token": _TEXT, "ego_pose_token": _TEXT, "calibrated_sensor_token": _TEXT, "timestamp": _NUMBER,
        "filename": _TEXT, "is_key_frame": _FLAG, "prev": _LINK,
    },
    "sample_annotation": {
        "sample_token": _TEXT, "instance_token": _TEXT, "translation": _PLACE, "rotation": _TURN,
        "size": ("three numbers above 0, metres", lambda value: _is_vector(value, 3) and min(value) > 0),
    },
    "instance": {"category_token": _TEXT},
    "category": {"name": _TEXT},
}  # fmt: skip
"""What the columns that are read must hold, besides the token."""


class _Tables:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scenes = self._read("scene")
        self.samples = self._read("sample")
        self.calibrations = self._read("calibrated_sensor")
        channels = {token: sensor["channel"] for token, sensor in self._read("sensor").items()}
        self.channels = {
            token: self._get(channels, calibration["sensor_token"], "sensor")
            for token, calibration in self.calibrations.items()
        }
        wanted = {_LIDAR, *CAMERAS}
        self.recordings: dict[str, Row] = {}
        self.keys: dict[str, dict[str, Row]] = {}
        for token, row in self._read("sample_data").items():
            channel = self._get(self.channels, row["calibrated_sensor_token"], "calibrated_sensor")
            if channel in wanted and (row["is_key_frame"] or channel == _LIDAR):
                self.recordings[token] = row
                if row["is_key_frame"]:
                    self.keys.setdefault(row["sample_token"], {})[channel] = row
        self.poses = self._read("ego_pose")

    def _read(self, name: str) -> dict[str, Row]:
        return {row["token"]: row for row in read_table(self.folder, name)}

    def _get(self, rows: Mapping[str, Json], token: str, table: str) -> Json:
        if token not in rows:
            raise _wrong(self.folder / f"{table}.json", "token", token, "no such row")
        return rows[token]

    def infos(self, scenes: Sequence[str]) -> list[Row]:
        names = {scene["name"] for scene in self.scenes.values()}
        unknown = sorted(set(scenes) - names)
        if unknown:
            raise _wrong(self.folder / "scene.json", "name", ", ".join(unknown), "no such scene")
        chosen = {token: scene["name"] for token, scene in self.scenes.items() if not scenes or scene["name"] in scenes}
        samples = [sample for sample in self.samples.values() if sample["scene_token"] in chosen]
        return [self._info(s, chosen[s["scene_token"]]) for s in sorted(samples, key=lambda s: s["timestamp"])]

    def _info(self, sample: Row, scene: str) -> Row:
        recorded = self.keys.get(sample["token"], {})
        missing = [name for name in (_LIDAR, *CAMERAS) if name not in recorded]
        if missing:
            path = self.folder / "sample_data.json"
            raise _wrong(path, f"sample {sample['token']}", "a LiDAR and six cameras", f"no {', '.join(missing)}")
        lidar = recorded[_LIDAR]
        T_lidar_world = np.linalg.inv(self._world(lidar))
        return {
            "token": sample["token"],
            "scene_token": sample["scene_token"],
            "scene_name": scene,
            "timestamp": sample["timestamp"],
            "lidar_path": lidar["filename"],
            "lidar_token": lidar["token"],
            **self._calibration(lidar, "lidar2ego"),
            **self._pose(lidar),
            "sweeps": self._sweeps(lidar, T_lidar_world),
            "cams": {name: self._camera(recorded[name], T_lidar_world) for name in CAMERAS},
            "occ_path": f"gts/{scene}/{sample['token']}",
        }

    def _camera(self, row: Row, T_lidar_world: np.ndarray) -> Row:
        calibration = self._get(self.calibrations, row["calibrated_sensor_token"], "calibrated_sensor")
        return {
            "data_path": row["filename"],
            "timestamp": row["timestamp"],
            "sample_data_token": row["token"],
            "cam_intrinsic": np.array(calibration["camera_intrinsic"], np.float64),
            **self._calibration(row, "sensor2ego"),
            **self._pose(row),
            **_split(T_lidar_world @ self._world(row)),
        }

    def _sweeps(self, lidar: Row, T_lidar_world: np.ndarray) -> list[Row]:
        sweeps = []
        while lidar["prev"] and len(sweeps) < SWEEPS:
            lidar = self._get(self.recordings, lidar["prev"], "sample_data")
            sweeps.append(
                {
                    "data_path": lidar["filename"],
                    "timestamp": lidar["timestamp"],
                    "sample_data_token": lidar["token"],
                    **_split(T_lidar_world @ self._world(lidar)),
                }
            )
        return sweeps

    def _calibration(self, row: Row, name: str) -> Row:
        calibration = self._get(self.calibrations, row["calibrated_sensor_token"], "calibrated_sensor")
        return {f"{name}_rotation": calibration["rotation"], f"{name}_translation": calibration["translation"]}

    def _pose(self, row: Row) -> Row:
        pose = self._get(self.poses, row["ego_pose_token"], "ego_pose")
        return {"ego2global_rotation": pose["rotation"], "ego2global_translation": pose["translation"]}

    def _world(self, row: Row) -> np.ndarray:
        """Sensor to world at the recording's time."""
        transforms = []
        for token, rows, table in (
            (row["ego_pose_token"], self.poses, "ego_pose"),
            (row["calibrated_sensor_token"], self.calibrations, "calibrated_sensor"),
        ):
            stored = self._get(rows, token, table)
            transform = np.eye(4)
            transform[:3, :3] = quaternion_rotation(stored["rotation"])
            transform[:3, 3] = stored["translation"]
            transforms.append(transform)
        return transforms[0] @ transforms[1]


def _wrong(path: Path, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=REMEDY)


def _split(T_lidar_sensor: np.ndarray) -> Row:
    return {"sensor2lidar_rotation": T_lidar_sensor[:3, :3], "sensor2lidar_translation": T_lidar_sensor[:3, 3]}
