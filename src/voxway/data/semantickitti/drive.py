"""Sequences as drives: scans, already corrected for the car's motion, poses, and labels where there are some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.files import listed
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE, Task
from voxway.data.boxes import TrackedBox
from voxway.data.files.images import image_size, read_image
from voxway.data.own.boxes import read_boxes
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.recordings import Frame, Poses, PosesFrom, Scan, ScanName
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import SequenceFiles, read_point_labels, read_scan
from voxway.data.semantickitti.sequence import calibration_of, poses_of, times_of
from voxway.data.track import Track

_SENSOR = "velodyne"
_CLASSES = PseudoLabels()
_CAMERAS: dict[str, Literal[2, 3]] = {"image_2": 2, "image_3": 3}


def open_drives(
    root: Path,
    sequences: Sequence[str] = (),
    poses: PosesFrom | None = None,
    class_maps: Path | None = None,
    boxes: Path | None = None,
) -> list[SequenceDrive]:
    """Drives of a folder that holds `sequences/`.

    Args:
        root: the folder.
        sequences: their names; none: all that are there.
        poses: makes poses, instead of those that lie there.
        class_maps: folder of classes of pixels, as `voxway.data.prepared.class_maps` has them.
        boxes: folder of files of boxes, `SS.json` for each sequence.

    Raises:
        InputError: no such folder, a sequence without scans, or poses or times that are missing or damaged.
    """
    there = [path.name for path in listed(Path(root) / "sequences") if path.is_dir()]
    if not there:
        raise InputError(
            file=root,
            field="sequences",
            expected="a folder sequences/ with a folder for each drive",
            found="none",
            remedy="Name the folder that holds it; or describe the recording in a rig's file (docs/rig.md).",
        )
    return [SequenceDrive(SequenceFiles(Path(root), name), poses, class_maps, boxes) for name in sequences or there]


class SequenceDrive:
    """One sequence; see `voxway.data.recordings.Drive`. The vehicle's frame is the LiDAR's.

    Args:
        files: of the sequence.
        poses: makes poses, instead of those that lie there.
        class_maps: folder of classes of pixels.
        boxes: folder of the sequences' files of boxes.

    Raises:
        InputError: no scans, a scan without a pose or a time, poses or times that are damaged, or a folder without
            classes of its pictures.
    """

    frame = _SENSOR

    def __init__(
        self,
        files: SequenceFiles,
        poses: PosesFrom | None = None,
        class_maps: Path | None = None,
        boxes: Path | None = None,
    ) -> None:
        self.files_of, self._class_maps, self._boxes = files, class_maps, boxes
        self.name, self.root = files.sequence, Path(files.root)
        numbers, times = files.scans(), times_of(files)
        _require_lines("a time", files.times, len(times), numbers[-1])
        self.scans = tuple(ScanName(float(times[number]), _SENSOR, number) for number in numbers)
        self.frames = tuple(Frame(scan.number, scan.time_s) for scan in self.scans)
        self._pose_files: tuple[Path, ...] = ()
        if poses is None:
            self.track, self._pose_files = self._recorded(times), (files.poses, *files.calibration_files)
        else:
            found = poses(self)
            self.track, self._pose_files = found.track, (found.file,)
        if class_maps is not None and not any(map(self.class_map_files, self.frames)):
            raise InputError(
                file=class_maps,
                field="classes of pixels",
                expected=f"{self.name}/000000.png and so on, beside pictures of camera 2",
                found="none of a frame",
                remedy="Make them with `voxway prepare pseudo-labels`, or leave them out.",
            )

    @property
    def grid(self) -> VoxelGrid:
        """The benchmark's."""
        return SEMANTIC_KITTI.grid

    @cached_property
    def classes(self) -> Task | None:
        """The benchmark's, if any scan or picture has labels."""
        return SEMANTIC_KITTI.task if self._labelled or self._class_maps is not None else None

    @cached_property
    def _labelled(self) -> bool:
        return (self.files_of.folder / "labels").is_dir()

    def T_ego_sensor(self, sensor: str) -> Float64[np.ndarray, "4 4"]:
        """The vehicle's frame is the LiDAR's."""
        return np.eye(4)

    def read(self, scan: ScanName) -> Scan:
        """See `Drive.read`."""
        points = read_scan(self.files_of.scan(scan.number))
        path = self.files_of.point_labels(scan.number)
        return Scan(
            points=np.ascontiguousarray(points[:, :3]),
            labels=_labels(path, len(points)) if self._labelled and path.exists() else None,
        )

    def files(self, scan: ScanName) -> tuple[Path, ...]:
        """See `Drive.files`."""
        files = self.files_of
        return files.scan(scan.number), *self._pose_files, files.times

    def label_files(self, scan: ScanName) -> tuple[Path, ...]:
        """See `Drive.label_files`."""
        path = self.files_of.point_labels(scan.number)
        return (path,) if self._labelled and path.exists() else ()

    def cameras(self, frame: Frame) -> tuple[tuple[str, ...], Cameras] | None:
        """See `Drive.cameras`."""
        there = self._pictures(frame)
        if not there:
            return None
        calibration = calibration_of(self.files_of, tuple(_CAMERAS[name] for name in there))
        P = np.stack([calibration.projection(_CAMERAS[name]) for name in there])
        T_cam_velo = torch.from_numpy(calibration.T_cam_velo).expand(len(P), 4, 4)
        sizes = torch.tensor([image_size(path) for path in there.values()])
        return tuple(there), Cameras.from_projection(torch.from_numpy(P), T_cam_velo, sizes)

    def pictures(self, frame: Frame) -> Mapping[str, UInt8[np.ndarray, "h w 3"]]:
        """See `Drive.pictures`."""
        return {name: read_image(path) for name, path in self._pictures(frame).items()}

    def camera_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.camera_files`."""
        there = tuple(self._pictures(frame).values())
        return (*there, *self.files_of.calibration_files) if there else ()

    def names(self, frame: Frame) -> Mapping[str, str]:
        """See `Drive.names`; frames have none but their numbers."""
        return {}

    def pinhole_files(self, frame: Frame) -> Mapping[str, Path]:
        """See `Drive.pinhole_files`."""
        return self._pictures(frame)

    def class_maps(self, frame: Frame) -> UInt8[np.ndarray, "n h w"]:
        """See `Drive.class_maps`."""
        found = self.cameras(frame)
        assert found is not None
        return _CLASSES.read(self.class_map_files(frame)[0], SEMANTIC_KITTI.task, found[1]).numpy()

    def class_map_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.class_map_files`; the first is of the left camera, without whose picture there is none."""
        if self._class_maps is None or "image_2" not in self._pictures(frame):
            return ()
        first = _CLASSES.path(self._class_maps, f"{self.name}/{frame.number:06d}")
        paths = (first, _CLASSES.camera_path(first, 1))
        return tuple(path for path in paths if path.exists()) if first.exists() else ()

    def boxes(self) -> tuple[TrackedBox, ...]:
        """See `Drive.boxes`."""
        return self._things

    def box_files(self) -> tuple[Path, ...]:
        """See `Drive.box_files`."""
        return () if self._boxes is None else (self._boxes / f"{self.name}.json",)

    @cached_property
    def _things(self) -> tuple[TrackedBox, ...]:
        return tuple(box for path in self.box_files() for box in read_boxes(path, self))

    def _recorded(self, times: Float64[np.ndarray, "n"]) -> Poses:
        """Poses that lie beside the scans."""
        poses = poses_of(self.files_of)
        _require_lines("a pose", self.files_of.poses, len(poses), self.scans[-1].number)
        count = min(len(poses), len(times))
        return Track.of("world", _SENSOR, times[:count], poses[:count])

    def _pictures(self, frame: Frame) -> dict[str, Path]:
        files = self.files_of
        paths = {name: files.image(camera, frame.number) for name, camera in _CAMERAS.items()}
        return {name: path for name, path in paths.items() if path.exists()}


def _require_lines(what: str, path: Path, lines: int, last: int) -> None:
    if last >= lines:
        raise InputError(
            file=path,
            field="lines",
            expected=f"{what} for each scan, up to scan {last}",
            found=f"{lines} lines",
            remedy="It needs a line per scan, from scan 0 on.",
        )


def _labels(path: Path, points: int) -> UInt8[np.ndarray, "p"]:
    raw = read_point_labels(path, points) & 0xFFFF
    labels = SEMANTIC_KITTI.to_train(raw, path)
    labels[raw == 0] = IGNORE
    return labels
