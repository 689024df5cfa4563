"""Classes of voxels and of what moves from classes of pixels, where returns have none of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from voxway.core.camera import Cameras
from voxway.core.task import IGNORE, Task
from voxway.data.recordings import Frame, ScanName
from voxway.prepare.occupancy.chosen import own_scans, pictured
from voxway.prepare.occupancy.motion import MOVES, STANDS, read_motion
from voxway.prepare.occupancy.work import DriveWork
from voxway.truth.pixel_votes import PixelVotes, pixel_classes


def picture_scans(work: DriveWork, frame: Frame) -> frozenset[ScanName]:
    """Scans that say what stands before what in the pictures around a key frame."""
    return frozenset(scan for one in pictured(work, frame) for scan in own_scans(work, one))


def picture_files(work: DriveWork, frame: Frame) -> list[Path]:
    """What classes of a key frame's voxels are made from, beside what the others are."""
    frames, scans = pictured(work, frame), sorted(picture_scans(work, frame))
    found = [path for one in frames for path in (*work.drive.class_map_files(one), *work.drive.camera_files(one))]
    return [*found, *work.scan_files(scans), *map(work.moving_path, scans)]


def seen_classes(
    work: DriveWork,
    frame: Frame,
    points: Float64[np.ndarray, "v 3"],
    task: Task,
    T_world_frame: Float64[np.ndarray, "4 4"],
) -> UInt8[np.ndarray, "v"]:
    """Classes of what stands, by the votes of the pictures around a key frame.

    Args:
        work: on the drive.
        frame: the key frame.
        points: where returns of each voxel lie, metres in the key frame.
        task: names the classes.
        T_world_frame: of the key frame.
    """
    votes = PixelVotes(points, len(task.classes))
    for one in pictured(work, frame):
        T_world_one = work.drive.track.at(np.array([one.time_s]))[0]
        T_frame_one = np.linalg.inv(T_world_frame) @ T_world_one
        others = _before(work, one) @ T_frame_one[:3, :3].T + T_frame_one[:3, 3]
        cameras = _cameras(work, one).move_ego(torch.from_numpy(T_frame_one))
        votes.add(others, cameras, _maps(work, one, task))
    return votes.classes()


def shown_classes(work: DriveWork, frame: Frame, points: Float64[np.ndarray, "p 3"]) -> UInt8[np.ndarray, "p"]:
    """Classes of the returns of a frame's own scan, by the first of its own pictures that shows each.

    Args:
        work: on the drive, whose classes are known.
        frame: the key frame, of whose pixels classes are known.
        points: metres in the key frame.
    """
    task = work.drive.classes
    assert task is not None
    classes, _ = pixel_classes(points, points, _cameras(work, frame), _maps(work, frame, task))
    first = (classes != IGNORE).argmax(0)
    return classes[first, np.arange(len(points))]


def _cameras(work: DriveWork, frame: Frame) -> Cameras:
    found = work.drive.cameras(frame)
    assert found is not None  # there are classes of their pixels
    return found[1]


def _maps(work: DriveWork, frame: Frame, task: Task) -> UInt8[np.ndarray, "n h w"]:
    """Classes of pixels; a return comes from something, whatever a pixel says of free space."""
    maps = work.drive.class_maps(frame)
    return np.where(maps == task.free, IGNORE, maps).astype(np.uint8)


def _before(work: DriveWork, frame: Frame) -> Float64[np.ndarray, "p 3"]:
    """What a frame's own scans saw, metres in the frame: what moves stood before other things only then."""
    T = np.linalg.inv(work.drive.track.at(np.array([frame.time_s]))[0])
    found = [np.zeros((0, 3))]
    for scan in sorted(own_scans(work, frame)):
        returns = work.placing.read(scan)
        kind = read_motion(work.moving_path(scan), len(returns.points))
        kept = (kind == STANDS) | (kind == MOVES)
        found.append(returns.points[kept] @ T[:3, :3].T + T[:3, 3])
    return np.concatenate(found)
