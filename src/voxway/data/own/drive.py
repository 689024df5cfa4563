"""A rig's recording as a drive: each LiDAR by itself, poses at any time, cameras where they were at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE, Task
from voxway.data.boxes import TrackedBox
from voxway.data.files.names import some
from voxway.data.own.boxes import read_boxes
from voxway.data.own.matching import nearest
from voxway.data.own.pixel_labels import PixelLabels
from voxway.data.own.point_labels import PointLabels
from voxway.data.own.rig import CameraEntry
from voxway.data.own.rig_faults import rig_faults, size_fault
from voxway.data.own.rig_file import read_rig
from voxway.data.own.sources import open_poses, open_stream
from voxway.data.own.streams import Stream
from voxway.data.own.views import PinholeView, pinhole_view
from voxway.data.recordings import Frame, Poses, PosesFrom, Scan, ScanName

_POSE_S = 0.1
"""How far before the first or after the last pose a scan may have been taken."""
_WHOSE = ("lidar_id", "lidar", "sensor_id", "sensor", "origin_id", "origin")
"""Columns of clouds that several LiDARs were merged in."""
_ASIDE_M, _BELOW_M, _ABOVE_M, _CELL_M = 40.0, 1.0, 5.4, 0.4
_CELL = (_CELL_M, _CELL_M, _CELL_M)


class RigDrive:
    """One rig's recording; see `voxway.data.recordings.Drive`.

    Args:
        file: the rig's.
        labels: classes of the returns, where somebody labelled them.
        pixels: classes of the pixels of pictures likewise.
        poses: makes poses of the ego frame, instead of those that the file names.
        boxes: file of boxes around things.

    Raises:
        InputError: the file is at fault, no LiDAR or no poses are in it, or a scan has no pose.
    """

    def __init__(
        self,
        file: Path,
        labels: PointLabels | None = None,
        poses: PosesFrom | None = None,
        boxes: Path | None = None,
        pixels: PixelLabels | None = None,
    ) -> None:
        self.rig = read_rig(file)
        for wrong in rig_faults(self.rig):
            raise wrong
        if not self.rig.lidars:
            raise self._wrong("lidars", "at least one LiDAR", "none", "Labels are made from scans; name their folder.")
        self._require_origins()
        self.name, self.frame, self._boxes = self.rig.name, self.rig.ego, boxes
        self.labels, self.pixels = labels, pixels
        self.root = self.rig.path.parent
        self._lidars = {lidar.name: lidar for lidar in self.rig.lidars}
        self._streams = {name: open_stream(self.rig, lidar) for name, lidar in self._lidars.items()}
        clock = self._streams.get(self.rig.clock) or open_stream(self.rig, self.rig.sensors[self.rig.clock])
        self.frames = tuple(Frame(number, float(time_s)) for number, time_s in enumerate(clock.times_s))
        self.scans = tuple(
            sorted(
                ScanName(float(time_s), name, number)
                for name, stream in self._streams.items()
                for number, time_s in enumerate(stream.times_s)
            )
        )
        self._pose_files: tuple[Path, ...] = ()
        self.track = self._recorded(clock) if poses is None else self._made(poses)
        self._require_poses()
        if pixels is not None and not any(map(self.class_map_files, self.frames)):
            expected = "CAMERA/PICTURE.png beside the pictures, such as " + "/".join(self._example())
            remedy = "Name the folder of the pictures of ids, with a folder for each camera."
            raise InputError(
                file=pixels.folder, field="labels of pixels", expected=expected, found="none", remedy=remedy
            )

    @property
    def grid(self) -> VoxelGrid:
        """40 m to all sides, from 1 m below the road to 5.4 m above it, in voxels of 0.4 m."""
        low = -self.rig.ego_height_m - _BELOW_M
        shape = (round(2 * _ASIDE_M / _CELL_M), round(2 * _ASIDE_M / _CELL_M), round((_BELOW_M + _ABOVE_M) / _CELL_M))
        return VoxelGrid((-_ASIDE_M, -_ASIDE_M, low), _CELL, shape)

    @property
    def classes(self) -> Task | None:
        """Those that the file of classes names."""
        labels = self.labels or self.pixels
        return None if labels is None else labels.names.task(self.grid)

    def T_ego_sensor(self, sensor: str) -> Float64[np.ndarray, "4 4"]:
        """See `Drive.T_ego_sensor`."""
        return self.rig.T_ego(sensor)

    def read(self, scan: ScanName) -> Scan:
        """See `Drive.read`."""
        points = self._streams[scan.sensor].read(scan.number)
        labels = None if self.labels is None else self.labels.read(self._path(scan), len(points))
        near = self._lidars[scan.sensor].nearest_m
        if near:
            far = np.hypot(points[:, 0], points[:, 1]) >= near
            points, labels = points[far], None if labels is None else labels[far]
        return Scan(
            points=np.ascontiguousarray(points[:, :3]),
            after_s=points[:, 4].copy() if points.shape[1] > 4 else None,
            labels=labels,
        )

    def files(self, scan: ScanName) -> tuple[Path, ...]:
        """See `Drive.files`."""
        return self._path(scan), *self._pose_files, self.rig.path

    def label_files(self, scan: ScanName) -> tuple[Path, ...]:
        """See `Drive.label_files`."""
        return () if self.labels is None else self.labels.files(self._path(scan))

    def cameras(self, frame: Frame) -> tuple[tuple[str, ...], Cameras] | None:
        """See `Drive.cameras`; a camera without a picture near the moment is left out."""
        chosen = self._chosen(frame)
        if not chosen:
            return None
        K = np.stack([self._views[name].K for name in chosen])
        T_ego_cam = np.stack([self._T_ego_cam(name, number, frame) for name, number in chosen.items()])
        sizes = torch.tensor([self._views[name].size_px for name in chosen])
        return tuple(chosen), Cameras.pinhole(torch.from_numpy(K), torch.from_numpy(np.linalg.inv(T_ego_cam)), sizes)

    def pictures(self, frame: Frame) -> Mapping[str, UInt8[np.ndarray, "h w 3"]]:
        """See `Drive.pictures`; lenses that bend are remapped to their views."""
        found = {}
        for name, number in self._chosen(frame).items():
            stream = self._pictures[name]
            picture = stream.read(number)
            if (wrong := size_fault(self._cameras[name], (picture.shape[0], picture.shape[1]))) is not None:
                raise wrong.error(stream.path(number), "size", "Use the pictures that the calibration is for.")
            found[name] = self._views[name].of(picture)
        return found

    def camera_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.camera_files`."""
        paths = (self._pictures[name].path(number) for name, number in self._chosen(frame).items())
        return *dict.fromkeys(paths), self.rig.path

    def names(self, frame: Frame) -> Mapping[str, str]:
        """See `Drive.names`; frames have none but their numbers."""
        return {}

    def pinhole_files(self, frame: Frame) -> Mapping[str, Path]:
        """See `Drive.pinhole_files`; lenses that bend, and messages of a recording, are left out."""
        lie = {camera.name for camera in self.rig.cameras if camera.source.folder is not None}
        return {
            name: self._pictures[name].path(number)
            for name, number in self._chosen(frame).items()
            if name in lie and self._views[name].remap is None
        }

    def class_maps(self, frame: Frame) -> UInt8[np.ndarray, "n h w"]:
        """See `Drive.class_maps`."""
        assert self.pixels is not None
        chosen, maps = self._chosen(frame), []
        for name, number in chosen.items():
            path, view = self._ids_path(name, number), self._views[name]
            ids = self.pixels.read(path, self._cameras[name].size_px) if path.exists() else None
            maps.append(np.full(view.size_px, IGNORE, np.uint8) if ids is None else view.ids_of(ids))
        found = np.full((len(maps), *np.max([one.shape for one in maps], axis=0)), IGNORE, np.uint8)
        for place, one in zip(found, maps):
            place[: one.shape[0], : one.shape[1]] = one
        return found

    def class_map_files(self, frame: Frame) -> tuple[Path, ...]:
        """See `Drive.class_map_files`."""
        if self.pixels is None:
            return ()
        paths = [self._ids_path(name, number) for name, number in self._chosen(frame).items()]
        there = tuple(path for path in paths if path.exists())
        return (*there, self.pixels.names.file) if there else ()

    def boxes(self) -> tuple[TrackedBox, ...]:
        """See `Drive.boxes`."""
        return self._things

    def box_files(self) -> tuple[Path, ...]:
        """See `Drive.box_files`."""
        return () if self._boxes is None else (self._boxes,)

    @cached_property
    def _things(self) -> tuple[TrackedBox, ...]:
        return () if self._boxes is None else read_boxes(self._boxes, self)

    @cached_property
    def _pictures(self) -> dict:
        return {camera.name: open_stream(self.rig, camera) for camera in self.rig.cameras}

    @cached_property
    def _views(self) -> dict[str, PinholeView]:
        return {camera.name: pinhole_view(camera, self.rig.path) for camera in self.rig.cameras}

    @cached_property
    def _cameras(self) -> dict[str, CameraEntry]:
        return {camera.name: camera for camera in self.rig.cameras}

    def _ids_path(self, camera: str, number: int) -> Path:
        """Where classes of a picture's pixels lie, if there are some."""
        assert self.pixels is not None
        return self.pixels.path(self._cameras[camera], self._pictures[camera].path(number), number)

    def _example(self) -> tuple[str, ...]:
        """Camera and name of the file of some picture's labels."""
        paths = [self._ids_path(*one) for frame in self.frames[:1] for one in self._chosen(frame).items()]
        return paths[0].parts[-2:] if paths else ("front", "000000.png")

    def _chosen(self, frame: Frame) -> dict[str, int]:
        """Pictures near a moment."""
        found = {}
        for name, stream in self._pictures.items():
            (number,), (late_s,) = nearest(stream.times_s, np.array([frame.time_s]))
            if abs(late_s) <= self.rig.tolerance_s:
                found[name] = int(number)
        return found

    def _T_ego_cam(self, name: str, number: int, frame: Frame) -> Float64[np.ndarray, "4 4"]:
        taken_s = float(self._pictures[name].times_s[number])
        then, now = self.track.at(np.array([taken_s, frame.time_s]))
        return np.linalg.inv(now) @ then @ self.rig.T_ego(name)

    def _recorded(self, clock: Stream) -> Poses:
        """Poses that the rig's file names."""
        found, entry = open_poses(self.rig, clock), self.rig.poses
        if found is None or entry is None:
            remedy = 'Add "poses" to the file (docs/rig.md), or have them made from the scans: --poses kiss-icp.'
            raise self._wrong("poses", "where the vehicle was", "none", remedy)
        self._pose_files = tuple(path for path in (entry.file or self.rig.recording,) if path is not None)
        return found

    def _made(self, poses: PosesFrom) -> Poses:
        """Poses that are made from the scans."""
        found = poses(self)
        self._pose_files = (found.file,)
        return found.track

    def _path(self, scan: ScanName) -> Path:
        return self._streams[scan.sensor].path(scan.number)

    def _require_origins(self) -> None:
        """Refuse clouds of several LiDARs: rays are followed from where they began."""
        remedy = "Write the scans of each LiDAR to a folder or topic of their own, in its own frame, with its pose."
        sources = [lidar.source.folder or lidar.source.topic for lidar in self.rig.lidars]
        for lidar, source in zip(self.rig.lidars, sources):
            if sources.count(source) > 1:
                raise self._wrong(lidar.place, "scans of its own for each LiDAR", f"{source} for several", remedy)
            merged = [name for name in lidar.columns if name in _WHOSE]
            if merged:
                found = f"a column {merged[0]} that tells several apart"
                raise self._wrong(f"{lidar.place}.columns", "scans of one LiDAR", found, remedy)

    def _require_poses(self) -> None:
        track = self.track
        times = np.array([scan.time_s for scan in self.scans])
        inside = times.clip(track.times_s[0], track.times_s[-1])
        known = (np.abs(times - inside) <= _POSE_S) & track.known(inside)
        if not known.all():
            names = [f"{scan.sensor} {scan.number} at {scan.time_s:.3f} s" for scan in self.scans]
            lacking = [name for name, one in zip(names, known) if not one]
            span = f"poses reach from {track.times_s[0]:.3f} to {track.times_s[-1]:.3f} s"
            remedy = "Write poses for the whole drive on the scans' clock, or take the other scans out of their folder."
            found = f"none for {len(lacking)} of {len(times)} scans: {some(lacking, 3)}; {span}"
            raise self._wrong("poses", f"a pose within {_POSE_S:g} s of each scan", found, remedy)

    def _wrong(self, field: str, expected: object, found: object, remedy: str) -> InputError:
        return InputError(file=self.rig.path, field=field, expected=expected, found=found, remedy=remedy)
