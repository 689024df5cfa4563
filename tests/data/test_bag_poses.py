"""Poses, frames and cameras of recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voxway.core.errors import InputError
from voxway.core.lens import KannalaBrandt, Pinhole
from voxway.core.quaternion import quaternion
from voxway.data.track import Track, pose_fault

pytest.importorskip("rosbags")

from tests.data import recordings
from tests.data.recordings import Fields, Said, pose, stamped, tie
from voxway.data.own.bag import Recording

SECOND = 10**9


def turned(degrees: float, *place: float) -> np.ndarray:
    """A pose turned about the vertical axis."""
    angle = np.radians(degrees)
    T = np.eye(4)
    T[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    T[:3, 3] = place
    return T


def track(*moments: tuple[float, np.ndarray]) -> Track:
    times, poses = zip(*moments)
    turns = np.stack([quaternion(T[:3, :3]) for T in poses])
    return Track(
        outer="odom", inner="car", times_s=np.array(times), places=np.stack([T[:3, 3] for T in poses]), turns=turns
    )


CURVE = track((1.0, turned(0, 0, 0, 0)), (1.4, turned(90, 4, 0, 0)), (5.0, turned(90, 4, 8, 0)))


def test_a_track_moves_straight_and_turns_evenly() -> None:
    found = CURVE.at(np.array([1.0, 1.1, 1.4, 3.2, 5.0]))
    expected = [
        turned(0, 0, 0, 0),
        turned(22.5, 1, 0, 0),
        turned(90, 4, 0, 0),
        turned(90, 4, 4, 0),
        turned(90, 4, 8, 0),
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_track_stands_still_beyond_its_ends() -> None:
    found = CURVE.at(np.array([-3.0, 9.0]))
    np.testing.assert_allclose(found, [turned(0, 0, 0, 0), turned(90, 4, 8, 0)], atol=1e-12)


def test_a_pose_is_known_at_those_of_the_track_and_between_near_ones() -> None:
    times = np.array([0.99, 1.0, 1.2, 1.4, 1.41, 3.2, 5.0, 5.01])
    assert CURVE.known(times).tolist() == [False, True, True, True, False, False, True, False]
    assert CURVE.known(times, gap_s=3.7).tolist() == [False, True, True, True, True, True, True, False]


def test_one_pose_is_known_at_its_time() -> None:
    one = track((2.0, turned(30, 1, 2, 3)))
    assert one.known(np.array([1.0, 2.0, 3.0])).tolist() == [False, True, False]
    np.testing.assert_allclose(one.at(np.array([1.0, 2.0, 3.0])), [turned(30, 1, 2, 3)] * 3, atol=1e-12)


@pytest.mark.parametrize("turn", [(0, 0, 0, 0), (2, 0, 0, 0), (np.nan, 0, 0, 1)])
def test_what_is_no_turn(turn: tuple[float, ...]) -> None:
    fault = pose_fault(np.zeros(3), np.array(turn, np.float64))
    assert fault is not None and "unit quaternion" in fault.expected


def test_what_is_no_place() -> None:
    fault = pose_fault(np.array([0, np.inf, 0]), np.array([1.0, 0, 0, 0]))
    assert fault is not None and "inf" in fault.found
    assert pose_fault(np.zeros(3), np.array([1.0, 0, 0, 0])) is None


Write = Callable[..., Recording]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A recording of messages of some topics, each a tenth of a second after the one before."""

    def written(**topics: tuple[str, list[Fields]]) -> Recording:
        said = [
            Said(f"/{name}", kind, fields, SECOND + number * SECOND // 10)
            for name, (kind, several) in topics.items()
            for number, fields in enumerate(several)
        ]
        return Recording(recordings.write_mcap(said, tmp_path / "drive.mcap"))

    return written


TF = "tf2_msgs/msg/TFMessage"
POSES = [turned(10 * number, number, 2, 0.5) for number in range(4)]


def moment(number: int, frame: str) -> Fields:
    return {"header": stamped(SECOND + number * SECOND // 10, frame)}


STAMPED = {
    "geometry_msgs/msg/PoseStamped": pose,
    "geometry_msgs/msg/PoseWithCovarianceStamped": lambda T: {"pose": pose(T)},
    "nav_msgs/msg/Odometry": lambda T: {"pose": pose(T)},
}


@pytest.mark.parametrize("kind", STAMPED)
def test_topics_of_poses(write: Write, kind: str) -> None:
    said = [moment(number, "/map") | {"pose": STAMPED[kind](T)} for number, T in enumerate(POSES)]
    if kind.endswith("Odometry"):
        said = [one | {"child_frame_id": "base"} for one in said]
    found = write(pose=(kind, said)).poses("/pose")
    assert (found.outer, found.inner) == ("map", "base" if kind.endswith("Odometry") else "")
    np.testing.assert_allclose(found.times_s, [1.0, 1.1, 1.2, 1.3], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.at(found.times_s), POSES, atol=1e-12)


def test_poses_of_another_frame_of_the_car(write: Write) -> None:
    said = [
        moment(number, "odom") | {"child_frame_id": "imu", "pose": {"pose": pose(T)}} for number, T in enumerate(POSES)
    ]
    T_base_imu = turned(90, 1, 0, 0.3)
    ties = [{"transforms": [tie(T_base_imu, "base", "imu")]}]
    recording = write(odom=("nav_msgs/msg/Odometry", said), tf_static=(TF, ties))
    found = recording.poses("/odom", "base")
    assert (found.outer, found.inner) == ("odom", "base")
    np.testing.assert_allclose(found.at(found.times_s), POSES @ np.linalg.inv(T_base_imu), atol=1e-12)
    assert recording.poses("/odom", "imu").inner == recording.poses("/odom").inner == "imu"


def test_a_pose_that_was_never_set_is_named(write: Write) -> None:
    said = [moment(number, "map") | {"pose": pose(T)} for number, T in enumerate(POSES)]
    said[2]["pose"]["orientation"] = dict.fromkeys("xyzw", 0.0)
    with pytest.raises(InputError) as caught:
        write(pose=("geometry_msgs/msg/PoseStamped", said)).poses("/pose")
    assert caught.value.field == "topic /pose, message 2 at 1.200000000 s"
    assert "unit quaternion" in caught.value.expected


@pytest.fixture
def tied(write: Write) -> Recording:
    """Frames: map > odom > base > (lidar, mast > camera); map and odom move. And one that hangs nowhere."""
    fixed = [
        tie(turned(90, 0, 0, 2), "base", "lidar"),
        tie(turned(0, 1, 0, 1), "/base", "/mast"),
        tie(turned(-90, 0, 0, 0.5), "mast", "camera"),
        tie(np.eye(4), "elsewhere", "lost"),
    ]
    moving = [
        {
            "transforms": [
                tie(T, "odom", "base", SECOND + number * SECOND // 10),
                tie(turned(0, 0, number, 0), "map", "odom", SECOND + number * SECOND // 10),
            ]
        }
        for number, T in enumerate(POSES)
    ]
    # As from several publishers, which the recorder hears in no order.
    return write(tf_static=(TF, [{"transforms": [one]} for one in fixed]), tf=(TF, moving[::-1]))


def test_frames_that_are_fixed_to_each_other(tied: Recording) -> None:
    np.testing.assert_allclose(tied.frames.rigid("base", "lidar"), turned(90, 0, 0, 2), atol=1e-12)
    T_base_camera = turned(0, 1, 0, 1) @ turned(-90, 0, 0, 0.5)
    np.testing.assert_allclose(tied.frames.rigid("/base", "camera"), T_base_camera, atol=1e-12)
    T_lidar_camera = np.linalg.inv(turned(90, 0, 0, 2)) @ T_base_camera
    np.testing.assert_allclose(tied.frames.rigid("lidar", "camera"), T_lidar_camera, atol=1e-12)
    np.testing.assert_allclose(tied.frames.rigid("camera", "camera"), np.eye(4), atol=1e-12)
    assert tied.frames.names == ["base", "camera", "elsewhere", "lidar", "lost", "map", "mast", "odom"]


def test_frames_that_move(tied: Recording) -> None:
    found = tied.frames.between("map", "lidar", np.array([1.0, 1.15, 1.3]))
    middle = turned(15, 1.5, 2, 0.5)
    expected = [turned(0, 0, y, 0) @ T @ turned(90, 0, 0, 2) for y, T in ((0, POSES[0]), (1.5, middle), (3, POSES[3]))]
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_a_track_of_frames_that_move(tied: Recording) -> None:
    track = tied.frames.track("map", "/lidar")
    assert (track.outer, track.inner) == ("map", "lidar")
    np.testing.assert_allclose(track.times_s, [1, 1.1, 1.2, 1.3], rtol=0, atol=1e-9)
    expected = [turned(0, 0, number, 0) @ T @ turned(90, 0, 0, 2) for number, T in enumerate(POSES)]
    np.testing.assert_allclose(track.at(track.times_s), expected, atol=1e-12)
    with pytest.raises(InputError, match="fixed in 'base'"):
        tied.frames.track("base", "lidar")


def test_a_track_of_frames_that_never_move_at_one_time(write: Write) -> None:
    ties = [tie(np.eye(4), "map", "odom", SECOND), tie(np.eye(4), "odom", "base", 9 * SECOND)]
    recording = write(tf=(TF, [{"transforms": [one]} for one in ties]))
    with pytest.raises(InputError, match="poses of one time"):
        recording.frames.track("map", "base")


@pytest.mark.parametrize(
    ("outer", "inner", "expected", "found"),
    [
        ("base", "radar", "one of base, camera", "'radar'"),
        ("base", "lost", "tied to each other", "'lost' hangs from 'elsewhere', 'base' from 'map'"),
        ("odom", "lidar", "fixed to 'odom'", "moves"),
    ],
)
def test_frames_that_are_not_fixed_to_each_other(
    tied: Recording, outer: str, inner: str, expected: str, found: str
) -> None:
    with pytest.raises(InputError) as caught:
        tied.frames.rigid(outer, inner)
    assert expected in caught.value.expected and found in caught.value.found
    assert caught.value.file == str(tied.path)


@pytest.mark.parametrize("time", [0.9, 1.31])
def test_times_at_which_a_frame_is_not_known(tied: Recording, time: float) -> None:
    with pytest.raises(InputError) as caught:
        tied.frames.between("odom", "base", np.array([1.1, time]))
    assert caught.value.field == "tf, frame base"
    assert f"none at {time:.3f} s; they go from 1.000 to 1.300 s" in caught.value.found


@pytest.mark.parametrize(
    ("ties", "field", "found"),
    [
        ([tie(np.eye(4), "a", "b"), tie(np.eye(4), "c", "b")], "tf, frame b", "it hangs from a and c"),
        ([tie(np.eye(4), "a", "b"), tie(np.eye(4), "b", "a")], "tf", "'a' from 'b' from 'a'"),
    ],
)
def test_frames_that_are_no_tree(write: Write, ties: list[Fields], field: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        write(tf_static=(TF, [{"transforms": ties}])).frames.rigid("a", "b")
    assert caught.value.field == field and found in caught.value.found


def test_a_transform_that_was_never_set_is_named(write: Write) -> None:
    said = tie(np.eye(4), "base", "lidar")
    said["transform"]["rotation"] = {}
    with pytest.raises(InputError) as caught:
        write(tf_static=(TF, [{"transforms": [said]}])).frames.rigid("base", "lidar")
    assert caught.value.field == "topic /tf_static, frame lidar"


def test_what_is_wrong_with_other_frames_is_no_concern(write: Write) -> None:
    lost = tie(np.eye(4), "base", "radar")
    lost["transform"]["rotation"] = {}
    ties = [tie(np.eye(4), "a", "b"), tie(np.eye(4), "c", "b"), lost, tie(turned(9, 1, 0, 0), "base", "lidar")]
    recording = write(tf_static=(TF, [{"transforms": ties}]))
    np.testing.assert_allclose(recording.frames.rigid("base", "lidar"), turned(9, 1, 0, 0), atol=1e-12)


def test_the_last_of_several_static_transforms_counts(write: Write) -> None:
    ties = [tie(turned(0, 1, 0, 0), "a", "b", 5), tie(turned(0, 2, 0, 0), "a", "b", 5)]
    recording = write(tf_static=(TF, [{"transforms": [one]} for one in ties]))
    np.testing.assert_allclose(recording.frames.rigid("a", "b"), turned(0, 2, 0, 0))


K = np.array([[400.0, 0, 310], [0, 402, 235], [0, 0, 1]])
SIZE_PX = (480, 640)


def info(model: str, d: tuple[float, ...], **changes: object) -> Fields:
    return recordings.camera_info(Pinhole(K=K), SIZE_PX, SECOND, "camera", model) | {"d": np.array(d)} | changes


@pytest.mark.parametrize(
    ("model", "d", "expected"),
    [
        ("plumb_bob", (), Pinhole),
        ("", (), Pinhole),
        ("plumb_bob", (0.0,) * 5, Pinhole),
        ("plumb_bob", (0.1, 0.2, 0.3, 0.4), Pinhole),
        ("plumb_bob", (0.1, 0.2, 0.3, 0.4, 0.5), Pinhole),
        ("rational_polynomial", tuple(np.arange(1, 9) / 10), Pinhole),
        ("rational_polynomial", (*np.arange(1, 9) / 10, 0, 0, 0, 0), Pinhole),
        ("equidistant", (0.1, 0.2, 0.3, 0.4), KannalaBrandt),
        ("fisheye", (0.0,) * 4, KannalaBrandt),
    ],
)
def test_lenses(write: Write, model: str, d: tuple[float, ...], expected: type) -> None:
    recording = write(camera_info=("sensor_msgs/msg/CameraInfo", [info(model, d)] * 2))
    camera = recording.camera("/camera_info")
    assert type(camera.lens) is expected and camera.size_px == SIZE_PX and camera.frame == "camera"
    np.testing.assert_array_equal(camera.lens.K, K)
    numbers = d if any(d) or expected is KannalaBrandt else ()
    assert camera.lens.distortion == tuple(numbers[: 8 if "rational" in model else 5])


@pytest.mark.parametrize(
    ("fields", "expected", "found"),
    [
        (info("plumb_bob", (), k=np.zeros(9)), "focal lengths", "0"),
        (info("plumb_bob", (), height=0), "size", "640 x 0 px"),
        (info("thin_prism", (0.1, 0.2)), "plumb_bob", "'thin_prism' with 2 numbers"),
        (info("equidistant", (0.1, 0.2)), "equidistant (4)", "'equidistant' with 2 numbers"),
        (info("rational_polynomial", tuple(np.arange(1, 13) / 10)), "(8)", "with 12 numbers"),
    ],
)
def test_what_is_no_calibrated_camera(write: Write, fields: Fields, expected: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        write(camera_info=("sensor_msgs/msg/CameraInfo", [fields])).camera("/camera_info")
    assert expected in caught.value.expected and found in caught.value.found
    assert caught.value.field == "topic /camera_info, message 0 at 1.000000000 s"


def test_pictures_cut_out_and_binned(write: Write) -> None:
    roi = {"x_offset": 100, "y_offset": 60, "width": 400, "height": 300}
    fields = info("plumb_bob", (), roi=roi, binning_x=2, binning_y=3)
    camera = write(camera_info=("sensor_msgs/msg/CameraInfo", [fields])).camera("/camera_info")
    assert camera.size_px == (100, 200)
    # The picture's corner, half a pixel before the first centre, and its middle see what they saw before.
    before, after = np.linalg.inv(K), np.linalg.inv(camera.lens.K)
    np.testing.assert_allclose(after @ (-0.5, -0.5, 1), before @ (99.5, 59.5, 1))
    np.testing.assert_allclose(after @ (99.5, 49.5, 1), before @ (299.5, 209.5, 1))


@pytest.mark.parametrize("name", ["image_rect", "image_rect_color/compressed"])
def test_rectified_pictures_have_a_camera_of_their_own(write: Write, name: str) -> None:
    turn = np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]])
    P = np.column_stack([np.array([[300.0, 0, 315], [0, 300, 240], [0, 0, 1]]), [-30.0, 0, 0]])
    fields = info("plumb_bob", (0.1, 0.2, 0.3, 0.4, 0.5), r=turn.reshape(-1), p=P.reshape(-1))
    picture = recordings.image(np.zeros((480, 640, 3), np.uint8), SECOND, "camera")
    topics = {f"front/{one}": ("sensor_msgs/msg/Image", [picture]) for one in ("image_raw", name)}
    recording = write(**topics, **{"front/camera_info": ("sensor_msgs/msg/CameraInfo", [fields])})
    rectified, raw = recording.camera(f"/front/{name}"), recording.camera("/front/image_raw")
    assert rectified.lens.distortion == () and raw.lens.distortion == (0.1, 0.2, 0.3, 0.4, 0.5)
    np.testing.assert_array_equal(rectified.lens.K, P[:, :3])
    np.testing.assert_allclose(rectified.T_frame_lens[:3, :3] @ turn, np.eye(3), atol=1e-15)
    np.testing.assert_array_equal(raw.T_frame_lens, np.eye(4))


def test_rectified_pictures_whose_camera_was_not_calibrated_for_that(write: Write) -> None:
    fields = info("plumb_bob", (), r=np.zeros(9), p=np.zeros(12))
    picture = recordings.image(np.zeros((480, 640, 3), np.uint8), SECOND, "camera")
    recording = write(
        image_rect=("sensor_msgs/msg/Image", [picture]), camera_info=("sensor_msgs/msg/CameraInfo", [fields])
    )
    with pytest.raises(InputError, match="a rotation"):
        recording.camera("/image_rect")


@pytest.mark.parametrize("topic", ["front/image_raw", "front/image_raw/compressed"])
def test_the_camera_beside_pictures(write: Write, topic: str) -> None:
    fields = recordings.image(np.zeros((480, 640, 3), np.uint8), SECOND, "camera")
    cameras = {name: ("sensor_msgs/msg/CameraInfo", [info("", (), header=stamped(0, name))]) for name in ("", "front")}
    recording = write(
        **{topic: ("sensor_msgs/msg/Image", [fields])},
        **{f"{name}/camera_info".strip("/"): said for name, said in cameras.items()},
    )
    assert recording.camera(f"/{topic}").frame == "front"


def test_pictures_without_a_camera_beside_them(write: Write) -> None:
    fields = recordings.image(np.zeros((4, 4, 3), np.uint8), SECOND, "camera")
    with pytest.raises(InputError) as caught:
        write(**{"front/image": ("sensor_msgs/msg/Image", [fields])}).camera("/front/image")
    assert caught.value.expected == "sensor_msgs/msg/CameraInfo"
