"""What a rig's file leaves to its recording: lenses and sizes of cameras, sensors' poses, where the vehicle was."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from voxway.core.stamps import Stamp, stamp
from voxway.data.own.bag import Recording
from voxway.data.own.bag_cameras import RecordedCamera
from voxway.data.track import Track


def opened(path: Path) -> Recording:
    """The recording, opened once as long as it stays the same.

    Raises:
        InputError: absent, damaged, or no recording.
        MissingExtra: rosbags is not installed.
    """
    return _opened(path, stamp(path))


@lru_cache(maxsize=4)
def _opened(path: Path, stamped: Stamp | None) -> Recording:
    return Recording(path)


def recorded_camera(path: Path, topic: str) -> RecordedCamera:
    """Lens and size of the pictures of a topic, from the camera_info beside it.

    Raises:
        InputError: none is there, it is not calibrated, or its lens is of an unknown kind.
    """
    return opened(path).camera(topic)


def recorded_pose(path: Path, topic: str, ego: str, frame: str | None = None) -> Float64[np.ndarray, "4 4"]:
    """`T_ego_sensor` of what a topic's sensor has recorded, from tf_static.

    Args:
        path: of the recording.
        topic: the sensor's.
        ego: what the recording calls the ego frame.
        frame: what it calls the sensor's; None: as the topic's first message does.

    Raises:
        InputError: unknown frames, or ones that are not fixed to each other.
    """
    recording = opened(path)
    return recording.frames.rigid(ego, frame or recording.frame(topic))


def recorded_poses(path: Path, ego: str, topic: str | None, frame: str | None) -> Track:
    """Poses of the ego frame.

    Where the recording knows a frame that is called as the ego frame is, and a topic's poses are those of another one
    that is fixed to it, the ego frame's follow.

    Args:
        path: of the recording.
        ego: what the rig calls the ego frame, and for poses in a frame the recording, too.
        topic: of odometry or localisation.
        frame: where there is no topic, the frame of the world in which tf has the ego frame.

    Raises:
        InputError: no such topic or frame, damaged messages, or numbers that are no poses.
    """
    recording = opened(path)
    if topic is None:
        assert frame is not None
        return recording.frames.track(frame, ego)
    return recording.poses(topic, ego if ego in recording.frames.names else None)
