"""Scenes as drives: all scans of LIDAR_TOP, key frames and those between, with poses; from nuScenes' own tables.

Labels are in the ego frame and grid of one of the benchmarks: the vehicle's, or LIDAR_TOP's (x right, y ahead).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float64, UInt8

from voxway.core.benchmark import Benchmark
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.geometry_faults import microseconds_fault
from voxway.core.grid import VoxelGrid
from voxway.core.recorded import Recorded
from voxway.core.task import Task
from voxway.data.files.images import read_image
from voxway.data.label_format import EGO
from voxway.data.nuscenes.benchmark import (
    OCC3D_NUSCENES,
    OPENOCC_NUSCENES,
    OPENOCCUPANCY_NUSCENES,
    SURROUNDOCC_NUSCENES,
)
from voxway.data.nuscenes.key_frame import CameraFrame, lidar_pose, parse_info, relative_path
from voxway.data.nuscenes.points import read_lidar
from voxway.data.nuscenes.splits import TABLES
from voxway.data.nuscenes.tables import Row, read_drives
from voxway.data.own.track import Track
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.recordings import Frame, Poses, PosesFrom, Scan, ScanName, recorded_pictures
from voxway.data.rig import load_cameras

_SENSOR = "LIDAR_TOP"
_CLASSES = PseudoLabels()
_FOLDERS = tuple(dict.fromkeys(name for names in TABLES.values() for name in names))
_TABLES = ("sample_data", "ego_pose", "calibrated_sensor")
_REMEDY = "Complete nuScenes' metadata: unpack it again."


def open_drives(
    root: Path,
    scenes: Sequence[str] = (),
    poses: PosesFrom | None = None,
    class_maps: Path | None = None,
    *,
    benchmark: Benchmark,
    in_lidar: bool,
) -> list[SceneDrive]:
    """Drives of a folder that holds `samples/`, `sweeps/` and tables.

    Args:
        root: the folder.
        scenes: their names; none: all that are there.
        poses: makes poses, instead of those of the tables.
        class_maps: folder of classes of pixels, as `voxway.data.prepared.class_maps` has them.
        benchmark: whose grid labels have, and whose classes pixels have.
        in_lidar: whether its ego frame is the LiDAR's.

    Raises:
        InputError: no tables, an unknown scene, or a table that is damaged.
    """
    folder = next((path for name in _FOLDERS if (path := Path(root) / name).is_dir()), None)
    if folder is None:
        remedy = "Unpack nuScenes' metadata there: info files do not tell of all scans."
        raise _bad(root, "tables", f"a folder {' or '.join(_FOLDERS)}", "none", remedy)
    infos, scans = read_drives(folder, scenes)
    by_scene: dict[str, list[Row]] = {}
    for info in infos:
        by_scene.setdefault(info["scene_token"], []).append(info)
    return [
        SceneDrive(root, folder, keys, scans[token], benchmark, in_lidar, poses, class_maps)
        for token, keys in by_scene.items()
    ]


class SceneDrive:
    """One scene; see `voxway.data.recordings.Drive`. Its moments are the key frames.

    Args:
        root: holds `samples/` and `sweeps/`.
        tables: the folder of the tables.
        infos: records of its key frames, in order of time.
        scans: records of its scans, in order of time.
        benchmark: whose grid labels have, and whose classes pixels have.
        in_lidar: whether its ego frame is the LiDAR's.
        poses: makes poses, instead of those of the tables.
        class_maps: folder of classes of pixels.

    Raises:
        InputError: a record is damaged, or times that are none.
    """

    def __init__(
        self,
        root: Path,
        tables: Path,
        infos: Sequence[Row],
        scans: Sequence[Row],
        benchmark: Benchmark,
        in_lidar: bool,
        poses: PosesFrom | None = None,
        class_maps: Path | None = None,
    ) -> None:
        self.root, self._benchmark, self._class_maps = Path(root), benchmark, class_maps
        self.name, self.frame = str(infos[0]["scene_name"]), _SENSOR if in_lidar else EGO
        self._moments = [parse_info(info, tables) for info in infos]
        self._paths = [self.root / relative_path(row["lidar_path"]) for row in scans]
        times = np.array([_seconds(row, tables) for row in scans])
        self.scans = tuple(ScanName(float(time_s), _SENSOR, number) for number, time_s in enumerate(times))
        self.frames = tuple(Frame(number, moment.timestamp_us / 1e6) for number, moment in enumerate(self._moments))
        self._T_ego_lidar = self._moments[0].T_ego_lidar
        self._T_ego_frame = self._T_ego_lidar if in_lidar else np.eye(4)
        self._pose_files = tuple(tables / f"{name}.json" for name in _TABLES)
        if poses is None:
            T_world_ego = np.stack([lidar_pose(row, tables)[0] for row in scans])
            self.track: Poses = Track.of("world", self.frame, times, T_world_ego @ self._T_ego_frame)
        else:
            found = poses(self)
            self.track, self._pose_files = found.track, (found.file, *self._pose_files)
        if class_maps is not None and not any(map(self.class_map_files, self.frames)):
            remedy = "Make them with `voxway prepare pseudo-labels`, or leave them out."
            raise _bad(class_maps, "classes of pixels", "SAMPLE.png of key frames", "none of them", remedy)

    @property
    def grid(self) -> VoxelGrid:
        """The benchmark's."""
        return self._benchmark.grid

    @property
    def classes(self) -> Task | None:
        """The benchmark's, if there are classes of pixels."""
        return None if self._class_maps is None else self._benchmark.task

    def T_ego_sensor(self, sensor: str) -> Float64[np.ndarray, "4 4"]:
        """See `Drive.T_ego_sensor`."""
        return np.linalg.inv(self._T_ego_frame) @ self._T_ego_lidar

    def read(self, scan: ScanName) -> Scan:
        """See `Drive.read`."""
        return Scan(points=np.ascontiguousarray(read_lidar(self._paths[scan.number])[:, :3]))

    def files(self, scan: ScanName) -> tuple[Path, ...]:
        """See `Drive.files`."""
        return self._paths[scan.number], *self._pose_files

    def label_files(self, scan: ScanName) -> tuple[Path, ...]:
        """See `Drive.label_files`; there are none."""
        return ()

    def cameras(self, frame: Frame) -> tuple[tuple[str, ...], Cameras] | None:
        """See `Drive.cameras`; where each was when it took its picture."""
        there = self._pictures(frame)
        if not there:
            return None
        return tuple(there), self._cameras(frame, there)

    def pictures(self, frame: Frame) -> Mapping[str, UInt8[np.ndarray, "h w 3"]]:
        """See `Drive.pictures`."""
        return {name: read_image(path) for name, path in self._pictures(frame).items()}

    def camera_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.camera_files`."""
        return (*self._pictures(frame).values(), *self._pose_files)

    def recorded(self, frame: Frame) -> Recorded:
        """See `Drive.recorded`."""
        moment = self._moments[frame.number]
        names = {
            "sample": moment.token,
            "scene": moment.scene,
            "scene_name": self.name,
            "lidar": str(moment.lidar_token),
            "scan": PurePosixPath(moment.lidar_path).name,
        }
        return Recorded(names=names, pictures=recorded_pictures(self, frame, self._pictures(frame)))

    def class_maps(self, frame: Frame) -> UInt8[np.ndarray, "n h w"]:
        """See `Drive.class_maps`."""
        found = self.cameras(frame)
        assert found is not None
        return _CLASSES.read(self.class_map_files(frame)[0], self._benchmark.task, found[1]).numpy()

    def class_map_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.class_map_files`; only of moments that have all their pictures, by whose order files are named."""
        moment, there = self._moments[frame.number], self._pictures(frame)
        if self._class_maps is None or len(there) < len(moment.cameras):
            return ()
        first = _CLASSES.path(self._class_maps, moment.token)
        paths = [_CLASSES.camera_path(first, number) for number in range(len(there))]
        return tuple(path for path in paths if path.exists()) if first.exists() else ()

    def _cameras(self, frame: Frame, there: Mapping[str, Path]) -> Cameras:
        moment = self._moments[frame.number]
        cameras: list[CameraFrame] = [moment.cameras[name] for name in there]
        T_world_cam = np.stack([camera.T_world_ego @ camera.T_ego_cam for camera in cameras])
        T_cam_frame = np.linalg.inv(T_world_cam) @ moment.T_world_ego @ self._T_ego_frame
        return load_cameras(list(there.values()), np.stack([camera.K for camera in cameras]), T_cam_frame)

    def _pictures(self, frame: Frame) -> dict[str, Path]:
        paths = {name: self.root / camera.path for name, camera in self._moments[frame.number].cameras.items()}
        return {name: path for name, path in paths.items() if path.exists()}


def _seconds(row: Row, tables: Path) -> float:
    if (wrong := microseconds_fault(row["timestamp"])) is not None:
        raise wrong.error(f"{tables}/sample_data.json: {row['token']}", "timestamp", _REMEDY)
    return row["timestamp"] / 1e6


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)


OCC3D_DRIVES = partial(open_drives, benchmark=OCC3D_NUSCENES, in_lidar=False)
OPENOCC_DRIVES = partial(open_drives, benchmark=OPENOCC_NUSCENES, in_lidar=False)
OPENOCCUPANCY_DRIVES = partial(open_drives, benchmark=OPENOCCUPANCY_NUSCENES, in_lidar=True)
SURROUNDOCC_DRIVES = partial(open_drives, benchmark=SURROUNDOCC_NUSCENES, in_lidar=True)
