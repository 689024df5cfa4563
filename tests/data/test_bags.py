"""Recordings of a drive through the world, of every kind that people have: what was seen is read, and nothing else."""

from __future__ import annotations

import multiprocessing
import pickle
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from voxway.core.errors import InputError, MissingExtra
from voxway.core.lens import KannalaBrandt, Pinhole
from voxway.data.own.streams import Stream

pytest.importorskip("rosbags")
pytest.importorskip("embreex")

from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer

from tests.data import recordings
from tests.data.recordings import FISHEYE, FRONT, LIDAR, ODOMETRY, STORE, Drive, Fields, Said
from voxway.data.own.bag import Recording
from voxway.data.own.bag_file import Topic


def sqlite(said: list[Said], folder: Path) -> Path:
    return recordings.write_rosbag2(said, folder / "drive", StoragePlugin.SQLITE3)


def official(said: list[Said], folder: Path, **options: object) -> Path:
    pytest.importorskip("mcap_ros2")
    return recordings.write_mcap(said, folder / "drive.mcap", **options)


def without_summary(said: list[Said], folder: Path, chunks: bool) -> Path:
    writer = pytest.importorskip("mcap.writer")
    names = ("use_statistics", "use_summary_offsets", "repeat_channels", "repeat_schemas")
    nothing = dict.fromkeys(names, False) | {"index_types": writer.IndexType.NONE}
    return official(said, folder, plain=nothing | {"use_chunking": chunks})


KINDS: dict[str, Callable[[list[Said], Path], Path]] = {
    "sqlite3": sqlite,
    "one .db3": lambda said, folder: next(sqlite(said, folder).glob("*.db3")),
    "messages compressed": lambda said, folder: recordings.write_rosbag2(
        said, folder / "drive", StoragePlugin.SQLITE3, CompressionMode.MESSAGE
    ),
    "files compressed": lambda said, folder: recordings.write_rosbag2(
        said, folder / "drive", StoragePlugin.SQLITE3, CompressionMode.FILE
    ),
    "mcap": lambda said, folder: recordings.write_rosbag2(said, folder / "drive", StoragePlugin.MCAP),
    "chunks compressed": lambda said, folder: recordings.write_rosbag2(
        said, folder / "drive", StoragePlugin.MCAP, CompressionMode.STORAGE
    ),
    "bare .mcap": official,
    "small chunks": lambda said, folder: official(said, folder, chunk_size=1),
    "no chunks": lambda said, folder: official(said, folder, plain={"use_chunking": False}),
    "neither chunks nor summary": lambda said, folder: without_summary(said, folder, chunks=False),
    "chunks without summary": lambda said, folder: without_summary(said, folder, chunks=True),
    "ROS 1": lambda said, folder: recordings.write_ros1(said, folder / "drive.bag"),
}


@pytest.fixture(scope="session")
def drive() -> Drive:
    return recordings.drive()


@pytest.fixture(scope="session", params=KINDS)
def recording(request: pytest.FixtureRequest, drive: Drive, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return Recording(KINDS[request.param](drive.messages(), tmp_path_factory.mktemp("recording")))


def test_topics(recording: Recording) -> None:
    counts = {name: (topic.kind.rpartition("/")[2], topic.count) for name, topic in recording.topics.items()}
    assert counts == {
        "/fisheye/camera_info": ("CameraInfo", 3),
        FISHEYE: ("CompressedImage", 3),
        "/front/camera_info": ("CameraInfo", 3),
        FRONT: ("Image", 3),
        LIDAR: ("PointCloud2", 3),
        ODOMETRY: ("Odometry", 3),
        "/tf": ("TFMessage", 3),
        "/tf_static": ("TFMessage", 1),
    }


def test_pictures_are_those_that_were_taken(recording: Recording, drive: Drive) -> None:
    front, fisheye = recording.pictures(FRONT), recording.pictures(FISHEYE)
    for stream in (front, fisheye):
        assert isinstance(stream, Stream)
        np.testing.assert_allclose(stream.times_s, np.array(drive.times_ns) / 1e9, rtol=0, atol=1e-6)
        assert stream.path(0).is_file() and recording.path in (stream.path(0), stream.path(0).parent)
    for number in (2, 0, 1):
        np.testing.assert_array_equal(front.read(number), drive.pictures[FRONT][number])
        difference = np.abs(fisheye.read(number).astype(int) - drive.pictures[FISHEYE][number])
        assert difference.mean() < 6  # JPEG halves the colours of a picture that is full of edges


def test_scans_are_those_that_were_taken(recording: Recording, drive: Drive) -> None:
    scans = recording.points(LIDAR)
    assert isinstance(scans, Stream)
    for number in (1, 2, 0):
        points, taken = scans.read(number), drive.points[number]
        columns = [taken[name] for name in ("x", "y", "z", "intensity")]
        np.testing.assert_array_equal(points[:, :4], np.stack(columns, 1))
        np.testing.assert_allclose(points[:, 4], taken["t"] * 1e-9, atol=1e-8)


def test_poses_are_those_of_the_car(recording: Recording, drive: Drive) -> None:
    track = recording.poses(ODOMETRY)
    assert (track.outer, track.inner) == ("odom", "base_link")
    np.testing.assert_allclose(track.at(track.times_s), drive.T_world_ego, atol=1e-9)
    between = recording.frames.between("odom", "lidar_frame", track.times_s)
    np.testing.assert_allclose(between, drive.T_world_ego @ drive.T_ego_sensor["lidar"], atol=1e-9)


def test_cameras_are_those_of_the_car(recording: Recording, drive: Drive) -> None:
    for topic, kind in ((FRONT, Pinhole), (FISHEYE, KannalaBrandt)):
        camera = recording.camera(topic)
        lens, size_px, _ = drive.lenses[topic]
        assert type(camera.lens) is kind and camera.size_px == size_px
        np.testing.assert_allclose(camera.lens.K, lens.K)
        T_ego_cam = recording.frames.rigid("base_link", camera.frame)
        np.testing.assert_allclose(T_ego_cam, drive.T_ego_sensor[recordings.camera_name(topic)], atol=1e-12)


def _mean(stream: Stream, number: int) -> float:
    return float(stream.read(number).mean())


def test_processes_that_are_forked_read_too(recording: Recording) -> None:
    pictures = recording.pictures(FRONT)
    expected = [_mean(pictures, number) for number in range(3)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.starmap(_mean, [(pictures, number) for number in (0, 1, 2) * 4]) == expected * 4
    assert [_mean(pictures, number) for number in range(3)] == expected


def test_streams_are_pickled_without_their_files(recording: Recording) -> None:
    pictures = pickle.loads(pickle.dumps(recording.pictures(FRONT)))
    np.testing.assert_array_equal(pictures.read(1), recording.pictures(FRONT).read(1))


def test_a_message_is_read_without_those_before(drive: Drive, tmp_path: Path) -> None:
    """What lies elsewhere may even be damaged."""
    path = official(drive.messages(), tmp_path, chunk_size=1)
    recording = Recording(path)
    pictures = recording.pictures(FRONT)
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    again = pickle.loads(pickle.dumps(pictures))  # opens the file anew
    np.testing.assert_array_equal(again.read(2), drive.pictures[FRONT][2])
    with pytest.raises(InputError, match=f"topic {FRONT}"):
        recording.pictures(FRONT)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="counts what is read as Linux does")
def test_stamps_in_a_database_are_read_without_the_pictures(tmp_path: Path) -> None:
    recording = Recording(sqlite(large_pictures(), tmp_path))
    before = bytes_read()
    pictures = recording.pictures("/camera")
    assert bytes_read() - before < LARGE.nbytes / 4
    assert pictures.read(3)[0, 0, 0] == 4
    assert bytes_read() - before < 2 * LARGE.nbytes


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="counts what is read as Linux does")
@pytest.mark.parametrize("chunks", [True, False])
def test_a_picture_in_a_file_is_read_alone(tmp_path: Path, chunks: bool) -> None:
    path = official(large_pictures(), tmp_path, plain={"use_chunking": chunks, "chunk_size": 1})
    pictures = Recording(path).pictures("/camera")
    pictures.read(0)
    before = bytes_read()
    assert pictures.read(3)[0, 0, 0] == 4
    assert bytes_read() - before < 1.5 * LARGE.nbytes


LARGE = np.random.default_rng(0).integers(0, 100, (1000, 1000, 3), np.uint8)


def large_pictures() -> list[Said]:
    """Six, each told by its first pixel."""
    return [
        Said("/camera", "sensor_msgs/msg/Image", recordings.image(picture, 10**9 * number, "camera"), number)
        for number in range(1, 7)
        for picture in [np.where(np.arange(1000)[:, None, None] == 0, number, LARGE).astype(np.uint8)]
    ]


def bytes_read() -> int:
    """By this process, from files and pipes, so far."""
    (count,) = re.findall(r"rchar: (\d+)", Path("/proc/self/io").read_text())
    return int(count)


def frame(number: int, recorded_ns: int | None = None, **changes: object) -> Said:
    """A picture of one grey, its number, a second after the one before."""
    fields: Fields = recordings.image(np.full((2, 3, 1), number, np.uint8), 10**9 * number, "camera", "mono8")
    late = 10**9 * number + 5 if recorded_ns is None else recorded_ns
    return Said("/camera", "sensor_msgs/msg/Image", fields | changes, late)


WAYS = [sqlite, official, KINDS["ROS 1"]]


@pytest.mark.parametrize("write", WAYS)
def test_messages_of_one_moment_of_recording(
    write: Callable[[list[Said], Path], Path], tmp_path: Path
) -> None:  # fmt: skip
    said = [frame(number, recorded_ns=7 * 10**9) for number in range(1, 6)]
    pictures = Recording(write(said, tmp_path)).pictures("/camera")
    assert [int(pictures.read(number)[0, 0, 0]) for number in (4, 0, 2, 1, 3)] == [5, 1, 3, 2, 4]


def test_a_driver_without_a_clock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = [frame(number, header=recordings.stamped(0, "camera")) for number in (1, 2, 3)]
    pictures = Recording(official(said, tmp_path)).pictures("/camera")
    np.testing.assert_allclose(pictures.times_s, [1.000000005, 2.000000005, 3.000000005], rtol=0, atol=1e-9)
    assert pictures.messages.clock == "recorded"
    assert "topic /camera: no stamps in the headers" in caplog.text


def test_stamps_that_run_backwards(tmp_path: Path) -> None:
    said = [frame(1), frame(5, recorded_ns=2 * 10**9), frame(3, recorded_ns=3 * 10**9)]
    recording = Recording(official(said, tmp_path))
    with pytest.raises(InputError) as caught:
        recording.pictures("/camera")
    assert caught.value.field == "topic /camera, message 2"
    assert caught.value.found == "3.000000000 s after 5.000000000 s"
    pictures = recording.pictures("/camera", clock="recorded")
    np.testing.assert_allclose(pictures.times_s, [1.000000005, 2, 3], rtol=0, atol=1e-9)
    assert int(pictures.read(1)[0, 0, 0]) == 5


def test_a_time_of_recording_beyond_all_clocks(tmp_path: Path) -> None:
    path = official([frame(1), frame(2, recorded_ns=2**63 + 5)], tmp_path, plain={"use_chunking": False})
    with pytest.raises(InputError) as caught:
        Recording(path).pictures("/camera")
    assert caught.value.field == "topic /camera, message 1" and str(2**63 + 5) in caught.value.found


def test_an_absent_topic_names_those_that_are_there(recording: Recording) -> None:
    with pytest.raises(InputError) as caught:
        recording.pictures("/front/image")
    assert caught.value.file == str(recording.path) and caught.value.field == "topic"
    assert all(name in caught.value.expected for name in recording.topics)
    assert caught.value.remedy == f"Perhaps you meant {FRONT}."


def test_a_topic_of_another_type(recording: Recording) -> None:
    with pytest.raises(InputError) as caught:
        recording.points(FRONT)
    assert caught.value.field == f"topic {FRONT}"
    assert (caught.value.expected, caught.value.found) == ("sensor_msgs/msg/PointCloud2", "sensor_msgs/msg/Image")
    assert caught.value.remedy == f"Topics of that type: {LIDAR}."


def test_an_empty_topic(tmp_path: Path) -> None:
    with Writer(tmp_path / "drive", version=9) as writer:
        writer.add_connection("/camera", "sensor_msgs/msg/Image", typestore=STORE)
    recording = Recording(tmp_path / "drive")
    assert recording.topics["/camera"].count == 0
    with pytest.raises(InputError) as caught:
        recording.pictures("/camera")
    assert (caught.value.field, caught.value.expected, caught.value.found) == ("topic /camera", "messages", "none")


def test_own_messages_are_listed_and_not_taken_for_pictures(tmp_path: Path) -> None:
    """Their definition may be missing; nothing else needs it."""
    path = tmp_path / "drive"
    with Writer(path, version=9) as writer:
        own = writer.add_connection("/own", "my_msgs/msg/Picture", msgdef="int32 what", rihs01="RIHS01_0")
        writer.write(own, 1, bytes(8))
        camera = writer.add_connection("/camera", "sensor_msgs/msg/Image", typestore=STORE)
        picture = recordings.typed(camera.msgtype, frame(1).fields)
        writer.write(camera, 2, STORE.serialize_cdr(picture, camera.msgtype))
    (database,) = path.glob("*.db3")
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM message_definitions")
    recording = Recording(path)
    assert recording.topics["/own"].kind == "my_msgs/msg/Picture"
    assert int(recording.pictures("/camera").read(0)[0, 0, 0]) == 1
    with pytest.raises(InputError) as caught:
        recording.pictures("/own")
    assert caught.value.found == "my_msgs/msg/Picture" and "/camera" in caught.value.remedy


@pytest.mark.parametrize("write", WAYS)
def test_messages_of_another_definition(write: Callable[[list[Said], Path], Path], tmp_path: Path) -> None:
    """Such as a topic that says it holds pictures, and holds poses."""
    pictures = Recording(write([frame(1), frame(2)], tmp_path)).pictures("/camera")
    taken_for = replace(pictures.messages, topic=Topic("/camera", "sensor_msgs/msg/PointCloud2", 2))
    with pytest.raises(InputError) as caught:
        taken_for.read(1)
    assert caught.value.field == "topic /camera, message 1"
    assert caught.value.expected == "a sensor_msgs/msg/PointCloud2"


@pytest.mark.parametrize("left", [0, 5, 60, 0.5, 0.999])
@pytest.mark.parametrize("kind", ["bare .mcap", "one .db3", "ROS 1"])
def test_files_cut_short(drive: Drive, tmp_path: Path, kind: str, left: float) -> None:
    path = KINDS[kind](drive.messages(), tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(left * len(data)) if isinstance(left, float) else left])
    with pytest.raises(InputError) as caught:
        recording = Recording(path)
        for number in range(3):
            recording.pictures(FRONT).read(number)
            recording.points(LIDAR).read(number)
        recording.frames  # noqa: B018
    assert caught.value.file == str(path)
    assert "copy it again" in caught.value.remedy


def test_a_recording_in_several_files(drive: Drive, tmp_path: Path) -> None:
    """As rosbag2 splits long ones."""
    said = drive.messages()
    parts = [sqlite(half, tmp_path / name) for name, half in (("a", said[:15]), ("b", said[15:]))]
    (tmp_path / "whole").mkdir()
    names = []
    for part in parts:
        names.append(f"{part.parent.name}.db3")
        (part / "drive.db3").rename(tmp_path / "whole" / names[-1])
    listing = (sqlite(said, tmp_path / "listed") / "metadata.yaml").read_text()
    listing = listing.replace("relative_file_paths:\n  - drive.db3", "relative_file_paths: [a.db3, b.db3]")
    (tmp_path / "whole" / "metadata.yaml").write_text(listing)
    pictures = Recording(tmp_path / "whole").pictures(FRONT)
    assert [(pictures.read(n) == drive.pictures[FRONT][n]).all() for n in (2, 0, 1)] == [True] * 3
    assert pictures.path(0) == tmp_path / "whole" / "metadata.yaml"


def test_a_folder_whose_file_is_cut_short(drive: Drive, tmp_path: Path) -> None:
    path = KINDS["mcap"](drive.messages(), tmp_path)
    (file,) = path.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(InputError) as caught:
        Recording(path)
    assert "mcap recover" in caught.value.remedy


def test_a_folder_whose_recording_never_ended(drive: Drive, tmp_path: Path) -> None:
    path = KINDS["mcap"](drive.messages(), tmp_path)
    (path / "metadata.yaml").unlink()
    with pytest.raises(InputError) as caught:
        Recording(path)
    assert (caught.value.field, caught.value.found) == ("metadata.yaml", "absent")
    assert "ros2 bag reindex" in caught.value.remedy and "drive.mcap" in caught.value.remedy
    assert Recording(path / "drive.mcap").topics


@pytest.mark.parametrize(
    ("name", "data", "field", "found"),
    [
        (None, None, "file", "absent"),
        ("drive.mp4", b"....ftyp", "kind", "a file .mp4"),
        ("drive.txt", b"<html><body>not found</body></html>", "kind", "a web page (HTML)"),
        ("drive.mcap", b"<html><body>not found</body></html>", "recording", "a web page (HTML)"),
        ("drive.db3", b"\x89PNG\r\n\x1a\n" + bytes(90), "recording", "a PNG picture"),
        ("drive/metadata.yaml", b"rosbag2_bagfile_information: {version: 9}", "recording", "metadata key is missing"),
        ("drive/metadata.yaml", b"a: [", "recording", "YAML"),
        ("drive/metadata.yaml", b"", "recording", "NoneType"),
    ],
)
def test_what_is_no_recording(tmp_path: Path, name: str | None, data: bytes, field: str, found: str) -> None:
    path = tmp_path / (name or "drive.mcap")
    if name:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        path = path.parent if path.name == "metadata.yaml" else path
    with pytest.raises(InputError) as caught:
        Recording(path)
    assert caught.value.file == str(path) and caught.value.field == field
    assert found in caught.value.found


def test_mcap_of_other_programs(tmp_path: Path) -> None:
    mcap = pytest.importorskip("mcap.writer")
    with (tmp_path / "drive.mcap").open("wb") as file:
        writer = mcap.Writer(file)
        writer.start()
        writer.finish()
    with pytest.raises(InputError) as caught:
        Recording(tmp_path / "drive.mcap")
    assert caught.value.found == "an MCAP file that was not recorded from ROS 2"


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rosbags.rosbag1", None)
    (tmp_path / "drive.mcap").touch()
    with pytest.raises(MissingExtra, match=r"pip install 'voxway\[bags\]'"):
        Recording(tmp_path / "drive.mcap")


def test_the_recording_may_lie_elsewhere(drive: Drive, tmp_path: Path) -> None:
    path = sqlite(drive.messages(), tmp_path)
    elsewhere = Path(shutil.move(path, tmp_path / "moved folder"))
    assert Recording(elsewhere).topics.keys() == Recording(elsewhere / "drive.db3").topics.keys()
