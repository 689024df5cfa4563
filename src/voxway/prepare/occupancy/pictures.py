"""Pictures of what was made of a drive, for people to look at.

::

    OUT/DRIVE/pictures/drive.png            from above, with what moves in red, and without it
    OUT/DRIVE/pictures/000010.png           voxels of a key frame
    OUT/DRIVE/pictures/000010_CAMERA.png    its picture, returns that move in red over the others
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.core.voxel_labels_file import read_voxel_labels
from voxway.data.recordings import Drive, Frame
from voxway.prepare.occupancy.chosen import chosen_scans
from voxway.prepare.occupancy.motion import MOVES, STANDS, read_motion
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.prepare.occupancy.work import DriveWork
from voxway.view.drive_picture import drive_picture
from voxway.view.label_picture import label_picture
from voxway.view.overlay import overlay_points
from voxway.view.png import write_png

_FRAMES = 5
_SCANS = 60
_STANDS, _MOVES = 1, 2
_POINTS = 20_000
"""Of each scan, in the picture of the drive."""
_TASK = Task(
    name="motion",
    grid=VoxelGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1, 1, 1)),
    classes=("free", "stands", "moves"),
    free=0,
    palette=((255, 255, 255), (60, 130, 200), (255, 0, 0)),
)


def draw(drive: Drive, out: Path, settings: OccupancySettings) -> None:
    """Draw what was made of a drive; key frames without labels are left out.

    Args:
        drive: the recording.
        out: folder of the labels.
        settings: with which they were made.
    """
    work = DriveWork(drive, out, settings)
    there = [frame for frame in work.frames if work.labels_path(frame).exists()]
    for number in np.unique(np.linspace(0, len(there) - 1, _FRAMES).astype(int)) if there else []:
        _draw_frame(work, there[number])
    scans = [scan for scan in drive.scans if work.moving_path(scan).exists()]
    points, moves = [np.zeros((0, 3))], [np.zeros(0, bool)]
    for number in np.unique(np.linspace(0, len(scans) - 1, _SCANS).astype(int)) if scans else []:
        returns = work.placing.read(scans[number])
        kind = read_motion(work.moving_path(scans[number]), len(returns.points))
        looked = np.flatnonzero((kind == STANDS) | (kind == MOVES))
        looked = looked[:: max(len(looked) // _POINTS, 1)]
        points.append(returns.points[looked])
        moves.append(kind[looked] == MOVES)
    write_png(work.folder / "pictures" / "drive.png", drive_picture(np.concatenate(points), np.concatenate(moves)))


def _draw_frame(work: DriveWork, frame: Frame) -> None:
    folder, name = work.folder / "pictures", f"{frame.number:06d}"
    write_png(folder / f"{name}.png", label_picture(read_voxel_labels(work.labels_path(frame))))
    found = work.drive.cameras(frame)
    if found is None:
        return
    names, cameras = found
    T = np.linalg.inv(work.drive.track.at(np.array([frame.time_s]))[0])
    points, kinds = [np.zeros((0, 3))], [np.zeros(0, np.uint8)]
    for scan in sorted(chosen_scans(work, frame).own):
        returns = work.placing.read(scan)
        kind = read_motion(work.moving_path(scan), len(returns.points))
        points.append(returns.points @ T[:3, :3].T + T[:3, 3])
        kinds.append(np.where(kind == MOVES, _MOVES, np.where(kind == STANDS, _STANDS, 255)))
    seen, labels = np.concatenate(points), np.concatenate(kinds)
    for number, (camera, picture) in enumerate(work.drive.pictures(frame).items()):
        assert camera == names[number]
        drawn = picture
        for kind, radius_px in ((_STANDS, 0), (_MOVES, 1)):  # what moves last, and larger
            own = labels == kind
            drawn = overlay_points(
                drawn, cameras, seen[own], labels=labels[own], task=_TASK, camera=number, radius_px=radius_px
            )
        write_png(folder / f"{name}_{camera}.png", drawn)
