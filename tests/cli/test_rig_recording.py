"""A rig whose sensors lie in a recording predicts what the same rig predicts from folders of files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("rosbags")
pytest.importorskip("mcap_ros2")

from rosbags.rosbag2 import StoragePlugin

import voxway
from tests.data import recordings
from tests.data.recordings import FISHEYE, FRONT, LIDAR, ODOMETRY, Drive, Said
from tests.rigs import kitti_rig, write
from tests.small_world import execute
from voxway.core.errors import InputError
from voxway.core.lens import Lens, Pinhole
from voxway.core.occupancy import Occupancy
from voxway.data.files.images import read_image
from voxway.data.own.config import RigConfig
from voxway.data.own.rig_file import read_rig
from voxway.data.own.sources import open_poses, open_stream
from voxway.data.semantickitti.odometry import read_calibration
from voxway.ops.remap import Remap

LEFT, RIGHT = "/left/image_raw", "/right/image_raw"
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])


@pytest.fixture(scope="module")
def recorded(small_world: Path) -> list[Said]:
    """What a recorder on the car of the small world would have written down."""
    place = small_world / "sequences" / "08"
    rig = kitti_rig(small_world)
    calibration = read_calibration(place / "calib.txt")
    folders = {LEFT: place / "image_2", RIGHT: place / "image_3"}
    pictures = {topic: [read_image(path) for path in sorted(folder.iterdir())] for topic, folder in folders.items()}
    scans = [np.fromfile(path, POINT) for path in sorted((place / "velodyne").iterdir())]
    T_world_cam = [np.vstack([row.reshape(3, 4), [0, 0, 0, 1]]) for row in np.loadtxt(place / "poses.txt")]
    T_cam_ego = calibration.T_cam_velo
    lenses: dict[str, tuple[Lens, tuple[int, int], str]] = {}
    sensors = {"lidar": np.eye(4)}
    for topic, camera in zip(folders, rig["cameras"]):
        lenses[topic] = Pinhole(K=np.array(camera["K"])), (93, 307), "plumb_bob"
        sensors[recordings.camera_name(topic)] = np.array(camera["pose"]["matrix"])
    count = min(len(scans), *(len(several) for several in pictures.values()))
    poses = [np.linalg.inv(T_cam_ego) @ T @ T_cam_ego for T in T_world_cam[:count]]
    times = [recordings.START_NS + 100_000_000 * number for number in range(count)]
    return Drive(times, poses, sensors, lenses, pictures, scans).messages()


def rig_of(recording: str) -> dict[str, Any]:
    """The car of the small world: what its recording says is not said again."""
    return {
        "name": "car",
        "ego": "base_link",
        "ego_height_m": 1.73,
        "recording": recording,
        "cameras": [{"name": "left", "topic": LEFT}, {"name": "right", "topic": RIGHT}],
        "lidars": [{"name": "roof", "topic": LIDAR}],
        "pair": {"left": "left", "right": "right"},
        "poses": {"topic": ODOMETRY},
        "clock": "roof",
    }


WRITE: dict[str, Callable[[list[Said], Path], object]] = {
    "drive.mcap": recordings.write_mcap,
    "folder": lambda said, path: recordings.write_rosbag2(said, path, StoragePlugin.SQLITE3),
    "drive.bag": recordings.write_ros1,
}


def classes(rig: Path, model: Path, out: Path) -> np.ndarray:
    """What the first frame is predicted as."""
    how = ("--device", "cpu", "--keys", "car/000000", "--no-page")
    assert execute("predict", model, "--rig", rig, "--out", out, *how) == 0
    return Occupancy.load(out / "car/000000.npz").classes.numpy()


@pytest.mark.parametrize("name", WRITE)
def test_a_recording_predicts_what_folders_do(
    small_world: Path, small_run: Path, recorded: list[Said], tmp_path: Path, name: str
) -> None:
    WRITE[name](recorded, tmp_path / name)
    model = small_run / "model"
    found = classes(write(tmp_path / "recording.json", rig_of(name)), model, tmp_path / "recording-out")
    expected = classes(write(tmp_path / "folders.json", kitti_rig(small_world)), model, tmp_path / "folders-out")
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(expected)) > 1


def test_samples_are_those_of_folders(
    small_world: Path, small_run: Path, recorded: list[Said], tmp_path: Path
) -> None:  # fmt: skip
    recordings.write_mcap(recorded, tmp_path / "drive.mcap")
    model = voxway.load(small_run / "model")
    ours, theirs = (
        model.rig_samples(write(tmp_path / f"{number}.json", rig), cache=tmp_path)
        for number, rig in enumerate((rig_of("drive.mcap"), kitti_rig(small_world)))
    )
    assert ours.keys == theirs.keys
    for key in ours.keys:
        own, known = ours[key], theirs[key]
        torch.testing.assert_close(own.images, known.images, rtol=0, atol=0)
        assert own.cameras is not None and known.cameras is not None
        torch.testing.assert_close(own.cameras.projection, known.cameras.projection, rtol=1e-9, atol=1e-6)
        for name in ("points", "proposals"):
            mine, other = getattr(own, name), getattr(known, name)
            assert (mine is None) == (other is None)
            if mine is not None:
                torch.testing.assert_close(mine, other, rtol=0, atol=2e-5)


@pytest.fixture
def wide(tmp_path: Path) -> dict[str, Any]:
    """A rig with a fisheye that looks to the left, beside its recording."""
    recordings.write_mcap(recordings.drive().messages(), tmp_path / "drive.mcap")
    return {
        "name": "car",
        "ego": "base_link",
        "ego_height_m": 0.0,
        "recording": "drive.mcap",
        "cameras": [{"name": "front", "topic": FRONT}, {"name": "left", "topic": FISHEYE}],
        "lidars": [{"name": "roof", "topic": LIDAR, "pose": {"frame": "lidar_frame"}}],
        "poses": {"topic": ODOMETRY},
    }


def test_sensors_of_a_recording(wide: dict[str, Any], tmp_path: Path) -> None:
    drive = recordings.drive()
    rig = read_rig(write(tmp_path / "rig.json", wide))
    for name, sensor in (("front", "front"), ("left", "fisheye"), ("roof", "lidar")):
        np.testing.assert_allclose(rig.T_ego(name), drive.T_ego_sensor[sensor], atol=1e-12)
    for entry, topic in zip(rig.cameras, (FRONT, FISHEYE)):
        lens, size_px, _ = drive.lenses[topic]
        assert type(entry.lens) is type(lens) and entry.size_px == size_px
        np.testing.assert_array_equal(entry.K, lens.K)
    assert rig.cameras[0].view is None and rig.cameras[1].view is not None


def test_rectified_pictures_of_a_recording(wide: dict[str, Any], tmp_path: Path) -> None:
    """Whose frame is turned against that of the camera."""
    drive = recordings.drive()
    turn = np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]])
    P = np.array([[150.0, 0, 99, -60], [0, 150, 29, 0], [0, 0, 1, 0]])
    said = []
    for one in drive.messages():
        if one.topic == "/front/camera_info":
            one = replace(one, fields=one.fields | {"r": turn.reshape(-1), "p": P.reshape(-1)})
        said.append(replace(one, topic=one.topic.replace(FRONT, "/front/image_rect")))
    recordings.write_mcap(said, tmp_path / "drive.mcap")
    file = write(tmp_path / "rig.json", wide | {"cameras": [{"name": "front", "topic": "/front/image_rect"}]})
    (camera,), rig = read_rig(file).cameras, read_rig(file)
    ahead = np.array([3.0, 0.4, 12])
    pixel, seen = camera.lens.project(
        (rig.T_ego("front")[:3, :3].T @ drive.T_ego_sensor["front"][:3, :3] @ ahead)[None]
    )
    expected = P[:, :3] @ turn @ ahead
    assert seen.all() and camera.view is None
    np.testing.assert_allclose(pixel[0], expected[:2] / expected[2], atol=1e-9)


def test_a_fisheye_is_seen_as_a_pinhole_camera_would(wide: dict[str, Any], tmp_path: Path) -> None:
    file = write(tmp_path / "rig.json", wide)
    config = RigConfig(root=tmp_path, split="test", file=file, dataset="semantickitti", cameras=("left",))
    reader = config.reader()
    sample = reader.moment(reader.keys[1], frozenset({"images", "cameras"}), np.random.default_rng(0))
    assert sample.images is not None and sample.cameras is not None
    view, lens = config.views["left"], recordings.drive().lenses[FISHEYE][0]
    remap = Remap.of(lens, (80, 100), view.K, view.size_px)
    picture = torch.from_numpy(open_stream(reader.rig, reader.rig.cameras[1]).read(1)).permute(2, 0, 1)
    torch.testing.assert_close(sample.images[0], remap.view(picture), rtol=0, atol=0)
    assert remap.seen.float().mean() > 0.9 and tuple(sample.images.shape[2:]) == view.size_px
    T_ego_cam = np.linalg.inv(sample.cameras.T_cam_ego[0].numpy())
    np.testing.assert_allclose(T_ego_cam[:3, :3], recordings.drive().T_ego_sensor["fisheye"][:3, :3], atol=1e-12)


@pytest.mark.parametrize(
    ("times", "late_s"),
    [
        ({}, 0.0),
        ({"offset_s": -0.02}, -0.02),
        ({"clock": "recorded"}, 0.007),
        ({"clock": "recorded", "offset_s": 1}, 1.007),
    ],
)
def test_times_of_a_recording(wide: dict[str, Any], tmp_path: Path, times: dict[str, Any], late_s: float) -> None:
    rig = read_rig(write(tmp_path / "rig.json", wide | {"lidars": [{"name": "roof", "topic": LIDAR, "times": times}]}))
    found = open_stream(rig, rig.lidars[0]).times_s
    np.testing.assert_allclose(found - np.array(recordings.drive().times_ns) / 1e9, late_s, rtol=0, atol=1e-6)


@pytest.mark.parametrize("poses", [{"topic": ODOMETRY}, {"frame": "odom"}])
def test_poses_of_a_recording(wide: dict[str, Any], tmp_path: Path, poses: dict[str, str]) -> None:
    rig = read_rig(write(tmp_path / "rig.json", wide | {"poses": poses}))
    track = open_poses(rig, open_stream(rig, rig.lidars[0]))
    assert track is not None
    np.testing.assert_allclose(track.at(track.times_s), recordings.drive().T_world_ego, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"ego": "rear_axle"}, "frame", "one of base_link"),
        ({"poses": {"frame": "world"}}, "frame", "odom"),
        ({"poses": {"topic": LIDAR}}, f"topic {LIDAR}", "nav_msgs/msg/Odometry"),
        ({"lidars": [{"name": "roof", "topic": "/lidar"}]}, "topic", f"Perhaps you meant {LIDAR}"),
        ({"lidars": [{"name": "roof", "topic": FRONT}]}, f"topic {FRONT}", "sensor_msgs/msg/PointCloud2"),
        ({"cameras": [{"name": "a", "topic": LIDAR}]}, f"topic {LIDAR}", "sensor_msgs/msg/CameraInfo"),
        ({"cameras": [{"name": "a", "topic": FRONT, "K": [9, 9, 9, 9]}]}, "cameras[0].height_px", "whole"),
        ({"lidars": [{"name": "a", "topic": LIDAR, "times": {"clock": "gps"}}]}, "name", "lidars[0].times.clock"),
        ({"recording": "other.mcap"}, "file", "absent"),
        ({"recording": None}, "cameras[0].topic", "a recording"),
        ({"poses": {"frame": "odom", "topic": ODOMETRY}}, "poses", "topic and frame"),
    ],
)
def test_what_a_recording_has_not(
    wide: dict[str, Any], tmp_path: Path, changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        rig = read_rig(write(tmp_path / "rig.json", wide | changes))
        lidar = open_stream(rig, rig.lidars[0])
        open_poses(rig, lidar)
    assert caught.value.field == field, str(caught.value)
    assert words in str(caught.value)
