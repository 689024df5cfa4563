"""MCAP as its own reader and Foxglove's published messages read it."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.formats.toy import FREE, TASK, TURN, moment
from voxway.core.errors import MissingExtra
from voxway.core.quaternion import quaternion_rotation
from voxway.core.task import IGNORE
from voxway.formats import Coordinates, Drives, WriteOptions, write_moment

pytest.importorskip("mcap_protobuf")
pytest.importorskip("foxglove_schemas_protobuf")

KINDS = {1: "u1", 7: "<f4"}
"""Foxglove's numeric types."""


def read(path: Path) -> list[tuple[str, int, object]]:
    """Topic, time and message, in order of time."""
    from mcap.reader import make_reader
    from mcap_protobuf.decoder import DecoderFactory

    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()], validate_crcs=True)
        return [(c.topic, m.log_time, said) for _, c, m, said in reader.iter_decoded_messages()]


def said(path: Path, topic: str) -> list:
    return [message for name, _, message in read(path) if name == topic]


def matrix(position: object, rotation: object) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3] = quaternion_rotation([rotation.w, rotation.x, rotation.y, rotation.z])
    T[:3, 3] = position.x, position.y, position.z
    return T


def records(message: object, stride: int) -> np.ndarray:
    """The records that a message's fields describe."""
    fields = {field.name: (KINDS[field.type], field.offset) for field in message.fields}
    kind = np.dtype({"names": list(fields), "formats": [f[0] for f in fields.values()],
                     "offsets": [f[1] for f in fields.values()], "itemsize": stride})  # fmt: skip
    return np.frombuffer(message.data, kind)


def placed(path: Path) -> dict[tuple[float, float, float], np.void]:
    """Cells of the voxel grid that can be seen, by where their middle stands, by the formulas of Foxglove's page."""
    (grid,) = said(path, "/occupancy/voxels")
    cells = records(grid, grid.cell_stride)
    T = matrix(grid.pose.position, grid.pose.orientation)
    found = {}
    for at, cell in enumerate(cells):
        i = at * grid.cell_stride
        z = (i // grid.slice_stride + 0.5) * grid.cell_size.z
        y = ((i % grid.slice_stride) // grid.row_stride + 0.5) * grid.cell_size.y
        x = ((i % grid.row_stride) // grid.cell_stride + 0.5) * grid.cell_size.x
        if cell["alpha"]:
            found[tuple(np.round(T @ (x, y, z, 1), 4)[:3].tolist())] = cell
    return found


@pytest.mark.parametrize("frame", ["ego", "world"])
def test_voxels_and_points_stand_where_they_are(tmp_path: Path, frame: Coordinates) -> None:
    one = moment(scored=True)
    write_moment("mcap", tmp_path / "a.mcap", one, WriteOptions(frame=frame))
    centres, ids = one.occupancy.to_points(world=frame == "world")
    expected = {tuple(np.round(c, 4).tolist()): i for c, i in zip(centres.double().numpy(), ids.tolist())}
    cells = placed(tmp_path / "a.mcap")
    assert {place: int(cell["class"]) for place, cell in cells.items()} == expected
    for cell in cells.values():
        assert (cell["red"], cell["green"], cell["blue"]) == TASK.palette[cell["class"]] and cell["alpha"] == 255
    (grid,), (cloud,) = said(tmp_path / "a.mcap", "/occupancy/voxels"), said(tmp_path / "a.mcap", "/occupancy/points")
    assert grid.frame_id == cloud.frame_id == frame
    assert (grid.column_count, grid.row_count, len(grid.data) // grid.slice_stride) == TASK.grid.shape
    classes = records(grid, grid.cell_stride)["class"].reshape(5, 3, 4).transpose(2, 1, 0)
    assert {FREE, IGNORE} < set(classes.ravel().tolist())
    np.testing.assert_array_equal(classes, one.occupancy.classes.numpy())
    points = records(cloud, cloud.point_stride)
    np.testing.assert_array_equal(np.stack([points[axis] for axis in "xyz"], -1), centres.numpy())
    np.testing.assert_array_equal(points["class"], ids.numpy())
    np.testing.assert_array_equal(points["green"], np.array(TASK.palette)[ids.numpy(), 1])
    np.testing.assert_array_equal(points["confidence"], one.occupancy.confidence[one.occupancy.occupied].numpy())


def test_frames_hang_together(tmp_path: Path) -> None:
    """A point of the ego frame projects alike by our cameras and by what the file says."""
    one = moment()
    write_moment("mcap", tmp_path / "a.mcap", one, WriteOptions())
    tree = {
        m.child_frame_id: (m.parent_frame_id, matrix(m.translation, m.rotation))
        for m in said(tmp_path / "a.mcap", "/tf")
    }
    assert {child: parent for child, (parent, _) in tree.items()} == {
        "ego": "world",
        "camera_0": "ego",
        "camera_1": "ego",
    }
    np.testing.assert_allclose(tree["ego"][1], TURN.numpy(), atol=1e-12)
    point = torch.tensor([[3.0, 4.0, 0.5]]).double()
    pixels, depth = one.cameras.project(point)
    assert (depth > 0).all()
    for number in range(2):
        (camera,) = said(tmp_path / "a.mcap", f"/camera/{number}/calibration")
        assert camera.frame_id == f"camera_{number}"
        seen = np.linalg.inv(tree[f"camera_{number}"][1]) @ (*point[0].tolist(), 1)
        homogeneous = np.array(camera.P).reshape(3, 4) @ seen
        np.testing.assert_allclose(homogeneous[:2] / homogeneous[2], pixels[number, 0], atol=1e-9)
        np.testing.assert_array_equal(np.array(camera.K).reshape(3, 3), np.array(camera.P).reshape(3, 4)[:, :3])
        (picture,) = said(tmp_path / "a.mcap", f"/camera/{number}/image")
        image = np.asarray(Image.open(io.BytesIO(picture.data)))
        assert picture.format == "jpeg" and picture.frame_id == f"camera_{number}"
        assert image.shape == (camera.height, camera.width, 3) == (*one.cameras.size_px[number].tolist(), 3)
        assert np.abs(image[10, 10].astype(int) - one.images[number, :, 10, 10].numpy()).max() < 6


def test_without_a_pose_there_is_no_world(tmp_path: Path) -> None:
    write_moment("mcap", tmp_path / "a.mcap", moment(pose=None), WriteOptions())
    assert "world" not in {message.parent_frame_id for message in said(tmp_path / "a.mcap", "/tf")}


def test_a_drive_is_one_file_in_order_of_time(tmp_path: Path) -> None:
    with Drives("mcap", tmp_path, WriteOptions()) as drives:
        for time_s in (1.0, 1.1, 1.2):
            drives.add(moment(time_s=time_s), "08")
        drives.add(moment(time_s=None), "one of mine")
        drives.add(moment(time_s=None), "one of mine")
        assert list(tmp_path.glob("*.mcap")) == []
        drives.finish("08")
        assert [path.name for path in tmp_path.glob("*.mcap")] == ["08.mcap"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["08.mcap", "one of mine.mcap"]
    times = [time for topic, time, _ in read(tmp_path / "08.mcap") if topic == "/occupancy/voxels"]
    assert times == [10**9, 11 * 10**8, 12 * 10**8]
    assert all(m.timestamp.ToNanoseconds() == time for _, time, m in read(tmp_path / "08.mcap"))
    guessed = [time for topic, time, _ in read(tmp_path / "one of mine.mcap") if topic == "/occupancy/voxels"]
    assert guessed == [0, 5 * 10**8]


def test_the_file_names_the_classes(tmp_path: Path) -> None:
    from mcap.reader import make_reader

    write_moment("mcap", tmp_path / "a.mcap", moment(), WriteOptions())
    with (tmp_path / "a.mcap").open("rb") as file:
        reader = make_reader(file)
        (about,) = [record.metadata for record in reader.iter_metadata() if record.name == "voxway"]
        schemas = {schema.name for schema in reader.get_summary().schemas.values()}
    assert [about[f"class {number}"] for number in range(4)] == list(TASK.classes)
    assert schemas == {"foxglove.VoxelGrid", "foxglove.PointCloud", "foxglove.CompressedImage",
                       "foxglove.CameraCalibration", "foxglove.FrameTransform"}  # fmt: skip


@pytest.mark.parametrize("name", ["mcap", "rrd"])
def test_a_drive_that_fails_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    pytest.importorskip("rerun")
    (tmp_path / f"08.{name}").write_text("as it was")
    with pytest.raises(KeyboardInterrupt), Drives(name, tmp_path, WriteOptions()) as drives:
        drives.add(moment(), "08")
        drives.add(replace(moment(), time_s=13.0), "09")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == [f"08.{name}"]
    assert (tmp_path / f"08.{name}").read_text() == "as it was"


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("mcap", "mcap_protobuf.writer", "mcap-protobuf-support"),
        ("mcap", "foxglove_schemas_protobuf.VoxelGrid_pb2", "foxglove-schemas-protobuf"),
        ("rrd", "rerun", "rerun-sdk"),
    ],
)
def test_a_package_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str, package: str
) -> None:
    from voxway.formats.foxglove_messages import message_type

    message_type.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"{package}: .*pip install 'voxway\[formats\]'"):
        write_moment(name, tmp_path / "a", moment(), WriteOptions())
    message_type.cache_clear()
    assert list(tmp_path.iterdir()) == []
