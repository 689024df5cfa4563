"""What a rig's file names, opened: streams of its sensors, and where the vehicle was."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError
from voxway.core.geometry_faults import rotation_fault, upright_fault
from voxway.core.quaternion import quaternion_rotation
from voxway.core.stamps import Stamp, stamp
from voxway.data.own.bag_messages import Clock
from voxway.data.own.bag_rig import opened, recorded_poses
from voxway.data.own.folders import line_of, open_pictures, open_scans
from voxway.data.own.lines import read_lines
from voxway.data.own.rig import CameraEntry, LidarEntry, PosesEntry, RigFile
from voxway.data.own.streams import Shifted, Stream
from voxway.data.track import Track, pose_fault

_WORLD = 'Write poses in metres, in a world whose z points up; "of" says whose they are.'


def open_stream(rig: RigFile, sensor: CameraEntry | LidarEntry) -> Stream:
    """What a sensor has recorded.

    Raises:
        InputError: no such folder or topic, nothing in it, or times that are not its files'.
        MissingExtra: a topic, without what reads recordings.
    """
    source = sensor.source
    if source.folder is not None:
        if isinstance(sensor, CameraEntry):
            return open_pictures(source.folder, source.times)
        return open_scans(source.folder, source.times, sensor.columns)
    assert rig.recording is not None and source.topic is not None
    pictures = isinstance(sensor, CameraEntry)
    stream = _recorded(rig.recording, source.topic, pictures, source.times.clock, stamp(rig.recording))
    return Shifted(stream, source.times.offset_s) if source.times.offset_s else stream


def open_poses(rig: RigFile, clock: Stream) -> Track | None:
    """Poses of the ego frame in its world; None where the rig's file names none.

    Args:
        rig: the rig.
        clock: what the sensor recorded by which the rig's frames go.

    Raises:
        InputError: a file or topic that is absent or damaged, or poses that no vehicle has.
    """
    entry = rig.poses
    if entry is None:
        return None
    T_of_ego = np.linalg.inv(rig.T_ego(entry.of))
    if entry.file is None:
        assert rig.recording is not None
        track = recorded_poses(rig.recording, rig.ego, entry.topic, entry.frame)
        poses, times, file = track.at(track.times_s) @ T_of_ego, track.times_s, rig.recording
    else:
        file = entry.file
        times, poses = _kitti(entry, file, clock) if entry.kind == "kitti" else read_tum(file)
        # Of KITTI's kind, the world is the first pose's own frame, whatever its axes are: here it is the first ego's.
        poses = np.linalg.inv(T_of_ego) @ poses @ T_of_ego if entry.kind == "kitti" else poses @ T_of_ego
    if (wrong := upright_fault(poses[len(poses) // 2], "a vehicle")) is not None:
        raise wrong.error(file, "poses", _WORLD)
    return Track.of("world", rig.ego, times, poses)


@lru_cache(maxsize=32)
def _recorded(path: Path, topic: str, pictures: bool, clock: Clock, stamped: Stamp | None) -> Stream:
    """Kept, as a topic is read through for its times when it is opened."""
    recording = opened(path)
    return recording.pictures(topic, clock) if pictures else recording.points(topic, clock)


def _kitti(
    entry: PosesEntry, file: Path, clock: Stream
) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n 4 4"]]:
    """Twelve numbers a line, a line for each recording of the clock."""
    lines = read_lines(file)
    chosen = line_of([clock.path(index) for index in range(len(clock.times_s))], len(lines))
    if chosen is None:
        raise InputError(
            file=file,
            field="lines",
            expected=f"{len(clock.times_s)}, a pose for each recording",
            found=len(lines),
            remedy="Write one for each, or poses with times (kind tum).",
        )
    poses = np.tile(np.eye(4), (len(chosen), 1, 1))
    for pose, number in zip(poses, chosen):
        pose[:3] = lines[number].numbers(12).reshape(3, 4)
        if (wrong := rotation_fault(pose[:3, :3])) is not None:
            raise wrong.error(file, f"line {lines[number].number}", "Write the rotation and metres, row by row.")
    return clock.times_s, poses


def read_tum(file: Path) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n 4 4"]]:
    """Times, and poses at them: lines of time, place and a quaternion x y z w.

    Raises:
        InputError: absent, or a line that is no pose or out of order.
    """
    lines = read_lines(file)
    rows = np.stack([line.numbers(8) for line in lines])
    if (np.diff(rows[:, 0]) <= 0).any():
        first = int((np.diff(rows[:, 0]) <= 0).argmax()) + 1
        raise lines[first].wrong("a time after that of the line before", f"{rows[first, 0]:g}")
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3, 3] = rows[:, 1:4]
    for pose, row, line in zip(poses, rows, lines):
        if (wrong := pose_fault(row[1:4], np.roll(row[4:], 1))) is not None:
            raise line.wrong(wrong.expected, wrong.found)
        pose[:3, :3] = quaternion_rotation(np.roll(row[4:], 1))
    return rows[:, 0], poses
