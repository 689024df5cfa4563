"""Occ3D-Waymo's reader: five cameras of two sizes, one scan, 0.4 m voxels, in Waymo's vehicle frame.

`layout.py` shows the tree of files.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample
from voxway.data.files.names import names_in, some
from voxway.data.rig import load_cameras, load_pictures
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.data.waymo.config import Occ3DWaymoConfig
from voxway.data.waymo.layout import (
    IMAGE_FOLDERS,
    MASKS,
    frame_cameras,
    frame_pose,
    parse_key,
    read_camera_infos,
    read_occ3d_waymo,
    read_waymo_scan,
)

_LIDAR_M = (1.43, 0.0, 2.18)
"""Place of the LiDAR on the roof in the vehicle frame, to a centimetre."""


class Occ3DWaymoReader:
    """Raw moments of Occ3D-Waymo; see `voxway.data.reader.Reader`."""

    benchmark = OCC3D_WAYMO
    provides = frozenset({"images", "points", "pose", "target"})
    mask_names = tuple(MASKS)

    def __init__(self, config: Occ3DWaymoConfig) -> None:
        self.config = config
        self.places = config.files
        self.keys, self.split_keys = _find_keys(config)

    def drive(self, key: str) -> str:
        """The sequence, e.g. ``"012"``."""
        return key.split("/")[0]

    def before(self, key: str, recordings: int) -> str:
        """The frame so many frames before, or the first of the sequence."""
        sequence, frame = parse_key(key)
        return f"{sequence:03d}/{max(frame - recordings, 0):03d}"

    def files(self, key: str, field: str) -> tuple[Path, ...]:
        """See `Reader.files`."""
        places = self.places
        if field in ("points", "target"):
            return (places.scan(key) if field == "points" else places.labels(key),)
        pictures = [places.image(key, slot) for slot in range(len(IMAGE_FOLDERS))]
        return *(pictures if field in ("images", "cameras") else ()), places.camera_infos

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """What the files hold of a frame.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        parse_key(key)
        source = self.places.camera_infos
        points = torch.from_numpy(read_waymo_scan(self.places.scan(key))) if "points" in fields else None
        cameras, images = None, None
        if fields & {"images", "cameras"}:
            K, T_ego_cam = frame_cameras(self.camera_infos, key, source)
            paths = [self.places.image(key, slot) for slot in range(len(K))]
            cameras = load_cameras(paths, K, np.linalg.inv(T_ego_cam))
            images = load_pictures(paths, cameras) if "images" in fields else None
        return Sample(
            key=key,
            grid=OCC3D_WAYMO.grid,
            cameras=cameras,
            images=images,
            points=points,
            pose=None if "pose" not in fields else torch.from_numpy(frame_pose(self.camera_infos, key, source)),
        )

    def lidar_pose(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """See `voxway.data.reader.LidarPoses`. Files say neither where the vehicle was nor where its LiDAR is mounted:
        the pose is that of the frame itself, and the mount the usual one of Waymo's car."""
        T_ego_lidar = np.eye(4)
        T_ego_lidar[:3, 3] = _LIDAR_M
        return np.eye(4), T_ego_lidar

    def truth(self, key: str) -> Occupancy:
        """Labels and masks of a frame.

        Raises:
            InputError: the label file is missing or damaged.
        """
        classes, masks = read_occ3d_waymo(self.places.labels(key))
        return Occupancy(
            task=OCC3D_WAYMO.task,
            classes=torch.from_numpy(classes),
            masks={name: torch.from_numpy(mask) for name, mask in masks.items()},
            key=key,
        )

    @cached_property
    def camera_infos(self) -> object:
        """Calibrations of every frame of the split."""
        return read_camera_infos(self.places.camera_infos)


def _find_keys(config: Occ3DWaymoConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keys to read, and all of the split."""
    files = config.files
    keys = files.labelled_keys() if "target" in config.needs else files.labelled_keys() or files.pictured_keys()
    sequences = sorted({key.split("/")[0] for key in keys})
    expected = OCC3D_WAYMO.splits[config.split].scenes
    if not keys:
        where = files.labels_folder if "target" in config.needs else files.kitti
        found = f"none; {where} holds {some(names_in(where))}" if where.is_dir() else "none; no such folder"
        remedy = "Check the root folder. Segments go by the numbers that Occ3D gave them, 000, 001 and so on."
        raise _bad(where, "frames", "SSS/FFF_04.npz, such as 000/004_04.npz", found, remedy)
    if not (config.drives or config.keys or config.partial) and len(sequences) != expected:
        remedy = "Complete the copy (`voxway check-data` lists what is missing), or set `partial`."
        raise _bad(files.labels_folder, f"sequences of split {config.split}", expected, len(sequences), remedy)
    unknown = [name for name in config.drives if name not in sequences]
    unknown += [key for key in config.keys if key not in set(keys)]
    if unknown:
        remedy = "Segments go by the numbers that Occ3D gave them, not by Waymo's names."
        expected = f"sequences that are there ({some(sequences)}), and their frames"
        raise _bad(files.labels_folder, "frames", expected, unknown[0], remedy)
    chosen = config.keys or tuple(key for key in keys if not config.drives or key.split("/")[0] in config.drives)
    return chosen, tuple(keys)


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
