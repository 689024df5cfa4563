"""Scenes as drives: all scans of the roof's LiDAR with their poses, key frames' pictures, and boxes of the annotations.

Tables are read whole: the training ones take minutes and gigabytes. Scans are already corrected for the car's motion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.data.boxes import TrackedBox, tracked
from voxway.data.files.images import image_size, read_image
from voxway.data.files.names import some
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.nuscenes.key_frame import CAMERAS
from voxway.data.nuscenes.points import read_lidar
from voxway.data.nuscenes.scene_tables import SceneTables
from voxway.data.nuscenes.splits import TABLES
from voxway.data.nuscenes.tables import REMEDY, Row
from voxway.data.own.boxes import read_boxes
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.recordings import Frame, Poses, PosesFrom, Scan, ScanName
from voxway.data.track import Track

_LIDAR = "LIDAR_TOP"
_CLASSES = PseudoLabels()


def open_drives(
    root: Path,
    scenes: Sequence[str] = (),
    poses: PosesFrom | None = None,
    class_maps: Path | None = None,
    boxes: Path | None = None,
) -> list[SceneDrive]:
    """Scenes of a copy of nuScenes.

    Args:
        root: the folder that holds `samples/`, `sweeps/` and the tables.
        scenes: their names; none: all that the tables know.
        poses: makes poses, instead of the tables'.
        class_maps: folder of classes of pixels, `TOKEN.png` and so on; see `voxway.data.prepared.class_maps`.
        boxes: folder of files of boxes, `SCENE.json` for each, instead of the annotations.

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
    return [SceneDrive(tables, name, poses, class_maps, boxes) for name in scenes or tables.scenes]


class SceneDrive:
    """One scene; see `voxway.data.recordings.Drive`. Frames are its key frames, counted from 0.

    Args:
        tables: that know it.
        name: such as "scene-0061".
        poses: makes poses, instead of the tables'.
        class_maps: folder of classes of pixels.
        boxes: folder of files of boxes.

    Raises:
        InputError: no scans of it.
    """

    frame = "ego"

    def __init__(
        self,
        tables: SceneTables,
        name: str,
        poses: PosesFrom | None = None,
        class_maps: Path | None = None,
        boxes: Path | None = None,
    ) -> None:
        self.name, self.root = name, tables.folder.parent
        self._tables, self._class_maps, self._boxes = tables, class_maps, boxes
        recordings = tables.recordings(tables.scenes[name])
        self._lidar = [row for channel, row in recordings if channel == _LIDAR]
        if not self._lidar:
            path = tables.folder / "sample_data.json"
            raise InputError(file=path, field=name, expected=f"scans of {_LIDAR}", found="none", remedy=REMEDY)
        self._pictured = {(row["sample_token"], channel): row for channel, row in recordings if row["is_key_frame"]}
        self.scans = tuple(ScanName(row["timestamp"] / 1e6, _LIDAR, number) for number, row in enumerate(self._lidar))
        keys = [row for row in self._lidar if row["is_key_frame"]]
        self._tokens = [row["sample_token"] for row in keys]
        self.frames = tuple(Frame(number, row["timestamp"] / 1e6) for number, row in enumerate(keys))
        self._pose_files: tuple[Path, ...] = (tables.folder / "ego_pose.json",)
        if poses is None:
            times = np.array([scan.time_s for scan in self.scans])
            self.track: Poses = Track.of(
                "world", self.frame, times, np.stack(list(map(tables.T_world_ego, self._lidar)))
            )
        else:
            found = poses(self)
            self.track, self._pose_files = found.track, (found.file,)

    @property
    def grid(self) -> VoxelGrid:
        """Occ3D's."""
        return OCC3D_NUSCENES.grid

    @property
    def classes(self) -> Task | None:
        """Occ3D's, if pictures have labels; points have none."""
        return None if self._class_maps is None else OCC3D_NUSCENES.task

    def T_ego_sensor(self, sensor: str) -> Float64[np.ndarray, "4 4"]:
        """See `Drive.T_ego_sensor`."""
        return self._tables.calibration(self._lidar[0])[0]

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
        """See `Drive.cameras`."""
        rows = self._rows(frame)
        if not rows:
            return None
        K, T = [], []
        for row in rows.values():
            T_ego_cam, intrinsics = self._tables.calibration(row)
            then, now = self.track.at(np.array([row["timestamp"] / 1e6, frame.time_s]))
            K.append(np.eye(3) if intrinsics is None else intrinsics)
            T.append(np.linalg.inv(np.linalg.inv(now) @ then @ T_ego_cam))
        sizes = torch.tensor([image_size(self._path(row)) for row in rows.values()])
        return tuple(rows), Cameras.pinhole(torch.from_numpy(np.stack(K)), torch.from_numpy(np.stack(T)), sizes)

    def pictures(self, frame: Frame) -> Mapping[str, UInt8[np.ndarray, "h w 3"]]:
        """See `Drive.pictures`."""
        return {name: read_image(self._path(row)) for name, row in self._rows(frame).items()}

    def camera_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.camera_files`."""
        paths = tuple(map(self._path, self._rows(frame).values()))
        return (*paths, self._tables.folder / "calibrated_sensor.json") if paths else ()

    def class_maps(self, frame: Frame) -> UInt8[np.ndarray, "n h w"]:
        """See `Drive.class_maps`."""
        found = self.cameras(frame)
        assert found is not None
        return _CLASSES.read(self.class_map_files(frame)[0], OCC3D_NUSCENES.task, found[1]).numpy()

    def class_map_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.class_map_files`; a frame without one of its six pictures has none."""
        rows = self._rows(frame)
        if self._class_maps is None or len(rows) < len(CAMERAS):
            return ()
        first = _CLASSES.path(self._class_maps, self._tokens[frame.number])
        paths = [_CLASSES.camera_path(first, number) for number in range(len(rows))]
        return tuple(path for path in paths if path.exists()) if first.exists() else ()

    def boxes(self) -> tuple[TrackedBox, ...]:
        """See `Drive.boxes`: those of the annotations, unless a file has others."""
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
        return tracked(found, self.box_files()[0], REMEDY)

    def _rows(self, frame: Frame) -> dict[str, Row]:
        """Recordings of the cameras at a moment whose pictures are there, by name."""
        token = self._tokens[frame.number]
        rows = {name: self._pictured.get((token, name)) for name in CAMERAS}
        return {name: row for name, row in rows.items() if row is not None and self._path(row).exists()}

    def _path(self, row: Row) -> Path:
        return self.root / row["filename"]
