"""A recording of a few messages of every type that is read, for tests of damaged files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rosbags.rosbag2 import StoragePlugin

from tests.data import recordings
from tests.data.recordings import Said
from voxway.core.lens import KannalaBrandt
from voxway.data.own.bag import Recording

_SECOND = 10**9
_K = np.array([[30.0, 0, 9], [0, 30, 5], [0, 0, 1]])


def write(path: Path) -> None:
    """A file .mcap, .db3 or .bag."""
    said = list(_said())
    if path.suffix == ".mcap":
        recordings.write_mcap(said, path, plain={"use_chunking": "chunks" in path.name})
    elif path.suffix == ".bag":
        recordings.write_ros1(said, path)
    else:
        with TemporaryDirectory() as folder:
            recordings.write_rosbag2(said, Path(folder, "drive"), StoragePlugin.SQLITE3)
            Path(folder, "drive", "drive.db3").rename(path)


def _said() -> list[Said]:
    random = np.random.default_rng(0)
    points = np.zeros(40, recordings.POINT)
    for name in "xyz":
        points[name] = random.uniform(-20, 20, len(points))
    ties = [recordings.tie(np.eye(4), "base", "camera")]
    said = [Said("/tf_static", "tf2_msgs/msg/TFMessage", {"transforms": ties}, _SECOND)]
    for time in (_SECOND, 2 * _SECOND):
        picture = random.integers(0, 255, (12, 20, 3)).astype(np.uint8)
        info = recordings.camera_info(KannalaBrandt(K=_K), (12, 20), time, "camera", "equidistant")
        odometry = {"header": recordings.stamped(time, "odom"), "pose": {"pose": recordings.pose(np.eye(4))}}
        for topic, kind, fields in (
            ("/camera", "sensor_msgs/msg/Image", recordings.image(picture, time, "camera")),
            ("/small", "sensor_msgs/msg/CompressedImage", recordings.compressed(picture, time, "camera", "png")),
            ("/camera_info", "sensor_msgs/msg/CameraInfo", info),
            ("/points", "sensor_msgs/msg/PointCloud2", recordings.cloud(points, time, "lidar")),
            ("/odom", "nav_msgs/msg/Odometry", odometry),
        ):
            said.append(Said(topic, kind, fields, time + 5))
    return said


def read(path: Path) -> dict[str, Any]:
    """All of it."""
    recording = Recording(path)
    small, pictures = recording.pictures("/small"), recording.pictures("/camera")
    small.read(len(small.times_s) - 1)
    return {
        "picture": pictures.read(len(pictures.times_s) - 1),
        "points": recording.points("/points").read(0),
        "poses": recording.poses("/odom").at(np.array([1.0, 1.5])),
        "T": recording.frames.rigid("base", "camera"),
        "K": recording.camera("/camera").lens.K,
    }
