"""The reader of drives: a rig's reader for each, and the labels beside its recordings. `layout.py` shows the tree."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample
from voxway.core.voxel_labels import VoxelLabels
from voxway.core.voxel_labels_file import read_voxel_labels
from voxway.data.drives.config import CAMERA_FIELDS, LIDAR_FIELDS, DrivesConfig
from voxway.data.drives.layout import DriveFiles, drives_in, drives_of_split, frame_key, parse_key
from voxway.data.files.names import some
from voxway.data.own.reader import RigReader
from voxway.data.own.rig_file import read_rig

_HEIGHT_TOLERANCE_M = 0.05
"""How far apart ego frames of several rigs may be in height."""
_UNUSED = np.random.default_rng(0)
"""Rigs draw nothing at random."""
_SAME_S = 1e-3
"""Labels and recordings closer in time than this are of one moment."""
_FROM_CAMERAS = CAMERA_FIELDS | {"depth", "semantics_2d", "pseudo_labels"}
_FROM_LIDARS = LIDAR_FIELDS | {"depth", "proposals", "pseudo", "evidence"}


class DrivesReader:
    """Raw moments and labels of drives; see `voxway.data.reader.Reader`.

    The pictures of a drive's cameras, however many, and points of its LiDARs, none where it has none.

    Args:
        config: which frames.

    Raises:
        InputError: no drives, a drive without frames, one that is not there, or a splits file that is wrong.
    """

    mask_names: tuple[str, ...] = ("lidar", "camera")

    def __init__(self, config: DrivesConfig) -> None:
        self.config, self.root = config, config.folder
        self._rigs: dict[tuple[str, frozenset[str]], RigReader] = {}
        self.drives = self._chosen_drives()
        self.keys: tuple[str, ...] = self._chosen_keys()

    @property
    def benchmark(self) -> Benchmark:
        """The task of the labels, scored where a LiDAR has seen."""
        return self.config.benchmark

    @cached_property
    def provides(self) -> frozenset[str]:
        """Pictures, points, labels and times; poses, and where the LiDAR is, if all drives know them."""
        rigs = [self.config.rig(drive, frozenset()).rig for drive in self.drives]
        fields = {"images", "points", "target", "time"}
        fields |= {"pose"} if all(rig.poses is not None for rig in rigs) else set()
        fields |= {"lidar_origin"} if all(rig.lidars for rig in rigs) else set()
        return frozenset(fields)

    @cached_property
    def split_keys(self) -> tuple[str, ...]:
        """All frames of the split's drives, and of drives named beyond it, ascending by drive."""
        config, split = self.config, frozenset[str]()
        # Drives that are named need no split; where there is one, labels are dealt out over all of it.
        with suppress(InputError) if config.drives or config.keys else nullcontext():
            split = frozenset(drives_of_split(self.root, config.split))
        return tuple(key for drive in sorted({*split, *self.drives}) for key in self._frames(drive))

    def drive(self, key: str) -> str:
        """The drive's folder."""
        return parse_key(key)[0]

    def before(self, key: str, recordings: int) -> str:
        """The last whole frame so many recordings before, labelled or not, or the drive's first."""
        drive = self.drive(key)
        earlier = self._rig(drive, frozenset()).before(self._rig_key(key), recordings)
        return frame_key(drive, parse_key(earlier)[1])

    def files(self, key: str, field: str) -> tuple[Path, ...]:
        """See `Reader.files`."""
        drive, number = parse_key(key)
        if field == "target":
            return (DriveFiles(self.root, drive).labels(number),)
        return self._rig(drive, frozenset({field})).files(self._rig_key(key), field)

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """What the recordings hold of a frame; of a drive without LiDAR the points are (0, columns).

        Raises:
            InputError: a recording is missing or damaged, pictures of a rig without cameras, or its ego frame is not
                at the height that all have.
        """
        rig = self._rig(self.drive(key), fields)
        if fields & CAMERA_FIELDS and not rig.config.cameras:
            remedy = "Leave the drive out, or read LiDAR alone."
            raise _wrong(rig.rig.path, "cameras", "at least one, as pictures are read", "none", remedy)
        own = fields if rig.config.lidars and rig.rig.lidars else fields - LIDAR_FIELDS
        sample = replace(rig.moment(self._rig_key(key), own, random), key=key)
        if "points" in fields and sample.points is None:
            sample = replace(sample, points=torch.zeros(0, self.config.columns))
        return sample

    def truth(self, key: str) -> Occupancy:
        """Classes of a frame, 255 where nothing is known, with masks ``"lidar"`` and ``"camera"``.

        Raises:
            InputError: the labels are missing or damaged, of another frame, or of another task.
        """
        labels = self.labels(key)
        masks = {"lidar": torch.from_numpy(labels.lidar), "camera": torch.from_numpy(labels.camera)}
        classes = torch.from_numpy(labels.label)
        return Occupancy(task=self.config.task, classes=classes, masks=masks, key=key)

    def labels(self, key: str) -> VoxelLabels:
        """All that is known of a frame's voxels: states, counts, what moves.

        Raises:
            InputError: see `truth`.
        """
        drive, number = parse_key(key)
        path, task = DriveFiles(self.root, drive).labels(number), self.config.task
        labels = read_voxel_labels(path)
        if not labels.key.endswith(f"{number:06d}"):
            remedy = "Give the file back its name, or make the labels again."
            raise _wrong(path, "key", f"frame {number:06d}, as the file is called", labels.key, remedy)
        rig = self._rig(drive, frozenset())
        time_s = rig.moment(self._rig_key(key), frozenset({"time"}), _UNUSED).time_s
        if time_s is None or abs(time_s - labels.time_s) > _SAME_S:
            remedy = "Recordings were added or removed, which are counted: make the labels again."
            raise _wrong(path, "time_s", f"{time_s:g}, when its recording was made", f"{labels.time_s:g}", remedy)
        if labels.frame not in ("ego", rig.rig.ego):
            remedy = "Make labels in the rig's ego frame."
            raise _wrong(path, "frame", f"{rig.rig.ego!r}, the ego frame of the rig's file", repr(labels.frame), remedy)
        known = labels.task
        if (known.grid, known.classes, known.free) != (task.grid, task.classes, task.free):
            remedy = "Read one folder's labels at a time, and build the network for their task (`data.task`)."
            found = f"{known.name}: {len(known.classes)} classes, {known.grid}"
            raise _wrong(path, "task", f"{task.name}: {len(task.classes)} classes, {task.grid}", found, remedy)
        return labels

    def _chosen_drives(self) -> tuple[str, ...]:
        config, there = self.config, drives_in(self.root)
        named = config.drives or tuple(dict.fromkeys(parse_key(key)[0] for key in config.keys))
        unknown = [drive for drive in named if drive not in there]
        if unknown:
            remedy = "Name drives by their folders."
            raise _wrong(self.root, "drives", f"drives that are there: {some(there)}", some(unknown), remedy)
        return named or drives_of_split(self.root, config.split)

    def _chosen_keys(self) -> tuple[str, ...]:
        if self.config.keys:
            return self.config.keys
        frames = {drive: self._frames(drive) for drive in self.drives}
        empty = [drive for drive, keys in frames.items() if not keys]
        if empty and (len(empty) == len(frames) or not self.config.partial):
            remedy = "Make its labels, take it out of splits.json, or set `partial` to leave it out."
            raise _wrong(self.root / empty[0], "labels", "labels/FFFFFF.npz of some frames", "none", remedy)
        return tuple(key for keys in frames.values() for key in keys)

    def _frames(self, drive: str) -> tuple[str, ...]:
        """Keys of a drive: of labelled frames where labels are asked for, or else of all."""
        if "target" in self.config.needs:
            return tuple(frame_key(drive, number) for number in DriveFiles(self.root, drive).labelled())
        return tuple(frame_key(drive, parse_key(key)[1]) for key in self._rig(drive, frozenset()).keys)

    def _rig_key(self, key: str) -> str:
        """What the drive's rig calls a frame."""
        drive, number = parse_key(key)
        return frame_key(read_rig(DriveFiles(self.root, drive).rig).name, number)

    def _rig(self, drive: str, raw: frozenset[str]) -> RigReader:
        """The reader of a drive's rig, with the sensors that any frame needs: moments have a recording of each."""
        asked = raw | self.config.needs
        fields = (CAMERA_FIELDS if asked & _FROM_CAMERAS else frozenset()) | (
            LIDAR_FIELDS if asked & _FROM_LIDARS else frozenset()
        )
        if (drive, fields) not in self._rigs:
            rig = RigReader(self.config.rig(drive, fields))
            height, wanted = rig.rig.ego_height_m, self.config.ego_height_m
            if abs(height - wanted) > _HEIGHT_TOLERANCE_M:
                remedy = "Write poses in an ego frame at one height in all drives, or say data.ego_height_m."
                raise _wrong(rig.rig.path, "ego_height_m", f"{wanted:g}, as of all drives", f"{height:g}", remedy)
            self._rigs[drive, fields] = rig
        return self._rigs[drive, fields]


def _wrong(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
