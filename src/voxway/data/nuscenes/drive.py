"""Scenes as drives: all scans of the roof's LiDAR with their poses, key frames' pictures, and boxes of the annotations.

Labels are in the grid and ego frame of one of the benchmarks: the vehicle's, or LIDAR_TOP's (x right, y ahead). Tables
are read whole: the training ones take minutes and gigabytes. Scans are already corrected for the car's motion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float64, UInt8

from voxway.core.benchmark import Benchmark
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.geometry_faults import microseconds_fault
from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.data.boxes import TrackedBox, tracked
from voxway.data.files.images import read_image
from voxway.data.files.names import some
from voxway.data.label_format import EGO
from voxway.data.nuscenes.benchmark import (
    OCC3D_NUSCENES,
    OPENOCC_NUSCENES,
    OPENOCCUPANCY_NUSCENES,
    SURROUNDOCC_NUSCENES,
)
from voxway.data.nuscenes.key_frame import CAMERAS
from voxway.data.nuscenes.points import read_lidar
from voxway.data.nuscenes.scene_tables import SceneTables
from voxway.data.nuscenes.splits import TABLES
from voxway.data.nuscenes.tables import REMEDY, Row
from voxway.data.own.boxes import read_boxes
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.recordings import Frame, Poses, PosesFrom, Scan, ScanName
from voxway.data.rig import load_cameras
from voxway.data.track import Track

_LIDAR = "LIDAR_TOP"
_CLASSES = PseudoLabels()


def open_drives(
    root: Path,
    scenes: Sequence[str] = (),
    poses: PosesFrom | None = None,
    class_maps: Path | None = None,
    boxes: Path | None = None,
    *,
    benchmark: Benchmark = OCC3D_NUSCENES,
    in_lidar: bool = False,
) -> list[SceneDrive]:
    """Scenes of a copy of nuScenes.

    Args:
        root: the folder that holds `samples/`, `sweeps/` and the tables.
        scenes: their names; none: all that the tables know.
        poses: makes poses, instead of the tables'.
        class_maps: folder of classes of pixels, `TOKEN.png` and so on; see `voxway.data.prepared.class_maps`.
        boxes: folder of files of boxes, `SCENE.json` for each, instead of the annotations.
        benchmark: whose grid labels have, and whose classes pixels and boxes have.
        in_lidar: whether its ego frame is the LiDAR's.

    Raises:
        InputError: no tables, one that is damaged, or a scene that they do not know.
    """
    folders = [Path(root) / name for name in dict.fromkeys(one for names in TABLES.values() for one in names)]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        expected = f"a folder {' or '.join(folder.name for folder in folders)}"
        raise InputError(file=root, field="tables", expected=expected, found="none", remedy=REMEDY)
    tables = SceneTables(folder)
    unknown = [name for name in scenes if name not in tables.scenes]
    if unknown:
        expected = f"scenes that are there: {some(list(tables.scenes))}"
        remedy = "Check their names."
        raise InputError(file=folder, field="scenes", expected=expected, found=", ".join(unknown), remedy=remedy)
    chosen = scenes or tables.scenes
    return [SceneDrive(tables, name, benchmark, in_lidar, poses, class_maps, boxes) for name in chosen]


class SceneDrive:
    """One scene; see `voxway.data.recordings.Drive`. Frames are its key frames, counted from 0.

    Args:
        tables: that know it.
        name: such as "scene-0061".
        benchmark: whose grid labels have, and whose classes pixels and boxes have.
        in_lidar: whether its ego frame is the LiDAR's.
        poses: makes poses, instead of the tables'.
        class_maps: folder of classes of pixels.
        boxes: folder of files of boxes.

    Raises:
        InputError: no scans of it, times that are none, or no classes of any picture.
    """

    def __init__(
        self,
        tables: SceneTables,
        name: str,
        benchmark: Benchmark,
        in_lidar: bool,
        poses: PosesFrom | None = None,
        class_maps: Path | None = None,
        boxes: Path | None = None,
    ) -> None:
        self.name, self.root, self.frame = name, tables.folder.parent, _LIDAR if in_lidar else EGO
        self._benchmark = benchmark
        self._tables, self._class_maps, self._boxes = tables, class_maps, boxes
        recordings = tables.recordings(tables.scenes[name])
        self._lidar = [row for channel, row in recordings if channel == _LIDAR]
        if not self._lidar:
            path = tables.folder / "sample_data.json"
            raise InputError(file=path, field=name, expected=f"scans of {_LIDAR}", found="none", remedy=REMEDY)
        for row in self._lidar:
            if (wrong := microseconds_fault(row["timestamp"])) is not None:
                raise wrong.error(f"{tables.folder}/sample_data.json: {row['token']}", "timestamp", REMEDY)
        self._T_ego_lidar = tables.calibration(self._lidar[0])[0]
        self._T_ego_frame = self._T_ego_lidar if in_lidar else np.eye(4)
        self._pictured = {(row["sample_token"], channel): row for channel, row in recordings if row["is_key_frame"]}
        self.scans = tuple(ScanName(row["timestamp"] / 1e6, _LIDAR, number) for number, row in enumerate(self._lidar))
        keys = [row for row in self._lidar if row["is_key_frame"]]
        self._keys = keys
        self._tokens = [row["sample_token"] for row in keys]
        self.frames = tuple(Frame(number, row["timestamp"] / 1e6) for number, row in enumerate(keys))
        self._pose_files: tuple[Path, ...] = (tables.folder / "ego_pose.json",)
        if poses is None:
            T_world_frame = np.stack(list(map(tables.T_world_ego, self._lidar))) @ self._T_ego_frame
            times = np.array([scan.time_s for scan in self.scans])
            self.track: Poses = Track.of("world", self.frame, times, T_world_frame)
        else:
            found = poses(self)
            self.track, self._pose_files = found.track, (found.file,)
        if class_maps is not None and not any(map(self.class_map_files, self.frames)):
            remedy = "Make them with `voxway prepare pseudo-labels`, or leave them out."
            expected = "SAMPLE.png of key frames"
            raise InputError(file=class_maps, field="classes of pixels", expected=expected, found="none", remedy=remedy)

    @property
    def grid(self) -> VoxelGrid:
        """The benchmark's."""
        return self._benchmark.grid

    @property
    def classes(self) -> Task | None:
        """The benchmark's, if pictures have labels; points have none."""
        return None if self._class_maps is None else self._benchmark.task

    def T_ego_sensor(self, sensor: str) -> Float64[np.ndarray, "4 4"]:
        """See `Drive.T_ego_sensor`."""
        return np.linalg.inv(self._T_ego_frame) @ self._T_ego_lidar

    def read(self, scan: ScanName) -> Scan:
        """See `Drive.read`."""
        return Scan(points=np.ascontiguousarray(read_lidar(self._path(self._lidar[scan.number]))[:, :3]))

    def files(self, scan: ScanName) -> tuple[Path, ...]:
        """See `Drive.files`."""
        folder = self._tables.folder
        path = self._path(self._lidar[scan.number])
        return path, *self._pose_files, folder / "calibrated_sensor.json", folder / "sample_data.json"

    def label_files(self, scan: ScanName) -> tuple[Path, ...]:
        """See `Drive.label_files`; points have none."""
        return ()

    def cameras(self, frame: Frame) -> tuple[tuple[str, ...], Cameras] | None:
        """See `Drive.cameras`; where each was when it took its picture."""
        rows = self._rows(frame)
        if not rows:
            return None
        # The car's motion between scan and picture, as the tables have it, however poses were made.
        T_world_frame = self._tables.T_world_ego(self._keys[frame.number]) @ self._T_ego_frame
        K, T_cam_frame = [], []
        for row in rows.values():
            T_ego_cam, intrinsics = self._tables.calibration(row)
            if intrinsics is None:
                path, field = self._tables.folder / "calibrated_sensor.json", f"{row['token']}: camera_intrinsic"
                raise InputError(file=path, field=field, expected="a 3 x 3 matrix", found="none", remedy=REMEDY)
            K.append(intrinsics)
            T_cam_frame.append(np.linalg.inv(self._tables.T_world_ego(row) @ T_ego_cam) @ T_world_frame)
        return tuple(rows), load_cameras(list(map(self._path, rows.values())), np.stack(K), np.stack(T_cam_frame))

    def pictures(self, frame: Frame) -> Mapping[str, UInt8[np.ndarray, "h w 3"]]:
        """See `Drive.pictures`."""
        return {name: read_image(path) for name, path in self.pinhole_files(frame).items()}

    def camera_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.camera_files`."""
        paths = tuple(self.pinhole_files(frame).values())
        return (*paths, self._tables.folder / "calibrated_sensor.json") if paths else ()

    def names(self, frame: Frame) -> Mapping[str, str]:
        """See `Drive.names`."""
        row = self._keys[frame.number]
        return {
            "sample": row["sample_token"],
            "scene": self._tables.scenes[self.name],
            "scene_name": self.name,
            "lidar": row["token"],
            "scan": PurePosixPath(row["filename"]).name,
        }

    def pinhole_files(self, frame: Frame) -> Mapping[str, Path]:
        """See `Drive.pinhole_files`."""
        return {name: self._path(row) for name, row in self._rows(frame).items()}

    def class_maps(self, frame: Frame) -> UInt8[np.ndarray, "n h w"]:
        """See `Drive.class_maps`."""
        found = self.cameras(frame)
        assert found is not None
        return _CLASSES.read(self.class_map_files(frame)[0], self._benchmark.task, found[1]).numpy()

    def class_map_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.class_map_files`; a frame without one of its six pictures has none."""
        rows = self._rows(frame)
        if self._class_maps is None or len(rows) < len(CAMERAS):
            return ()
        first = _CLASSES.path(self._class_maps, self._tokens[frame.number])
        paths = [_CLASSES.camera_path(first, number) for number in range(len(rows))]
        return tuple(path for path in paths if path.exists()) if first.exists() else ()

    def boxes(self) -> tuple[TrackedBox, ...]:
        """See `Drive.boxes`: those of the annotations that the benchmark has classes for, unless a file has others."""
        return self._things

    def box_files(self) -> tuple[Path, ...]:
        """See `Drive.box_files`."""
        if self._boxes is not None:
            return (self._boxes / f"{self.name}.json",)
        return (self._tables.annotations,) if self._tables.annotations.exists() else ()

    @cached_property
    def _things(self) -> tuple[TrackedBox, ...]:
        if self._boxes is not None:
            return read_boxes(self.box_files()[0], self)
        if not self.box_files():
            return ()
        times = {token: frame.time_s for token, frame in zip(self._tokens, self.frames)}
        found = self._tables.boxes(self._tables.scenes[self.name], times)
        known = [box for box in found if box.class_name in self._benchmark.classes]
        return tracked(known, self.box_files()[0], REMEDY)

    def _rows(self, frame: Frame) -> dict[str, Row]:
        """Recordings of the cameras at a moment whose pictures are there, by name."""
        token = self._tokens[frame.number]
        rows = {name: self._pictured.get((token, name)) for name in CAMERAS}
        return {name: row for name, row in rows.items() if row is not None and self._path(row).exists()}

    def _path(self, row: Row) -> Path:
        return self.root / row["filename"]


OPENOCC_DRIVES = partial(open_drives, benchmark=OPENOCC_NUSCENES)
OPENOCCUPANCY_DRIVES = partial(open_drives, benchmark=OPENOCCUPANCY_NUSCENES, in_lidar=True)
SURROUNDOCC_DRIVES = partial(open_drives, benchmark=SURROUNDOCC_NUSCENES, in_lidar=True)
