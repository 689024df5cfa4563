"""What all frames of a sequence share, calibration, poses and times, read once for each version of the files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from voxway.core.stamps import Stamp, stamp
from voxway.data.semantickitti.odometry import (
    Calibration,
    read_calibration,
    read_poses,
    read_raw_calibration,
    read_times,
)
from voxway.data.semantickitti.places import SequenceFiles


def calibration_of(files: SequenceFiles, cameras: tuple[int, ...] = ()) -> Calibration:
    """A sequence's calibration: calib.txt, or KITTI raw's files.

    Args:
        files: of the sequence.
        cameras: those that must be in it; without any, Tr is enough.

    Raises:
        InputError: see `read_calibration`.
    """
    paths = files.calibration_files
    return _calibration(paths, cameras, tuple(map(stamp, paths)))


def poses_of(files: SequenceFiles) -> Float[np.ndarray, "n 4 4"]:
    """LiDAR poses `T_world_velo` of a sequence, metres; see `read_poses`.

    Raises:
        InputError: poses or calibration are missing or damaged.
    """
    calibrations = files.calibration_files
    return _poses(files.poses, calibrations, tuple(map(stamp, (files.poses, *calibrations))))


def times_of(files: SequenceFiles) -> Float[np.ndarray, "n"]:
    """Seconds since the first scan, of every scan of a sequence; see `read_times`.

    Raises:
        InputError: times are missing or damaged.
    """
    return _times(files.times, stamp(files.times))


@lru_cache(maxsize=32)
def _calibration(paths: tuple[Path, ...], cameras: tuple[int, ...], stamps: tuple[Stamp | None, ...]) -> Calibration:
    return read_calibration(paths[0], cameras) if len(paths) == 1 else read_raw_calibration(*paths, cameras=cameras)


@lru_cache(maxsize=32)
def _poses(path: Path, calibrations: tuple[Path, ...], stamps: tuple[Stamp | None, ...]) -> np.ndarray:
    return read_poses(path, _calibration(calibrations, (), stamps[1:]).T_cam_velo)


@lru_cache(maxsize=32)
def _times(path: Path, stamped: Stamp | None) -> np.ndarray:
    return read_times(path)
