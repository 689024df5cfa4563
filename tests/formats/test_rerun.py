"""Rerun's recordings as its own reader reads them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.formats.toy import TASK, TURN, moment
from voxway.formats import Coordinates, Drives, WriteOptions, write_moment

chunks = pytest.importorskip("rerun.chunk")


def read(path: Path) -> dict[str, dict[str, list]]:
    """Entity -> component or timeline -> values, one of each row, in the rows' order."""
    found: dict[str, dict[str, list]] = {}
    for chunk in chunks.RrdReader(path).stream():
        batch = chunk.to_record_batch()
        columns = found.setdefault(chunk.entity_path, {})
        for name in batch.schema.names:
            columns.setdefault(name, []).extend(batch.column(name))
    return found


def values(cell: object) -> np.ndarray:
    return np.array(cell.as_py())


@pytest.mark.parametrize("frame", ["ego", "world"])
def test_points_stand_where_they_are(tmp_path: Path, frame: Coordinates) -> None:
    one = moment(scored=True)
    write_moment("rrd", tmp_path / "a.rrd", one, WriteOptions(frame=frame))
    found = read(tmp_path / "a.rrd")
    voxels = found["/world/voxels" if frame == "world" else "/world/ego/voxels"]
    points, ids = one.occupancy.to_points(world=frame == "world")
    (positions,), (classes,), (colours,) = (voxels[f"Points3D:{name}"] for name in ("positions", "class_ids", "colors"))
    np.testing.assert_array_equal(values(positions), points.numpy())
    np.testing.assert_array_equal(values(classes), ids.numpy())
    packed = values(colours)
    rgb = np.stack([packed >> 24, packed >> 16 & 255, packed >> 8 & 255], -1)
    np.testing.assert_array_equal(rgb, np.array(TASK.palette)[ids.numpy()])
    assert values(voxels["Points3D:radii"][0]).tolist() == [0.125], "half the smallest side"
    confidence = one.occupancy.confidence[one.occupancy.occupied].numpy()
    np.testing.assert_array_equal(values(voxels["confidence"][0]).astype(np.float32), confidence)


def test_ego_and_cameras_stand_where_they_are(tmp_path: Path) -> None:
    one = moment()
    write_moment("rrd", tmp_path / "a.rrd", one, WriteOptions())
    found = read(tmp_path / "a.rrd")
    np.testing.assert_array_equal(transform(found["/world/ego"]), TURN.numpy())
    for number in range(2):
        camera = found[f"/world/ego/camera_{number}"]
        expected = np.linalg.inv(one.cameras.T_cam_ego[number].numpy())
        np.testing.assert_allclose(transform(camera), expected, atol=1e-6)
        K = values(camera["Pinhole:image_from_camera"][0])[0].reshape(3, 3).T
        np.testing.assert_allclose(K, one.cameras.K[number], atol=1e-5)
        blob = bytes(np.array(camera["EncodedImage:blob"][0].as_py()[0], np.uint8))
        image = np.asarray(Image.open(io.BytesIO(blob)))
        assert image.shape == (*one.cameras.size_px[number].tolist(), 3)
        assert values(camera["Pinhole:resolution"][0])[0].tolist() == [image.shape[1], image.shape[0]]
        assert np.abs(image[10, 10].astype(int) - one.images[number, :, 10, 10].numpy()).max() < 6


def transform(entity: dict[str, list]) -> np.ndarray:
    """Rerun's matrices are stored column by column."""
    T = np.eye(4)
    T[:3, :3] = values(entity["Transform3D:mat3x3"][0])[0].reshape(3, 3).T
    T[:3, 3] = values(entity["Transform3D:translation"][0])[0]
    return T


def test_a_drive_is_one_file_with_both_timelines(tmp_path: Path) -> None:
    with Drives("rrd", tmp_path, WriteOptions()) as drives:
        for time_s in (1.0, 1.5, 2.25):
            drives.add(moment(time_s=time_s), "08")
        assert list(tmp_path.glob("*.rrd")) == []
    assert [path.name for path in tmp_path.iterdir()] == ["08.rrd"]
    voxels = read(tmp_path / "08.rrd")["/world/ego/voxels"]
    assert sorted(frame.as_py() for frame in voxels["frame"]) == [0, 1, 2]
    assert sorted(time.as_py().total_seconds() for time in voxels["time"]) == [1.0, 1.5, 2.25]
    (entry,) = chunks.RrdReader(tmp_path / "08.rrd").recordings()
    assert (entry.application_id, entry.recording_id) == ("voxway", "08")
    (name,) = read(tmp_path / "08.rrd")["/__properties"]["RecordingInfo:name"]
    assert name.as_py() == ["08"], "what the viewer calls it"


def test_classes_have_names_and_colours(tmp_path: Path) -> None:
    write_moment("rrd", tmp_path / "a.rrd", moment(pose=None), WriteOptions())
    found = read(tmp_path / "a.rrd")
    assert "/world/ego" not in found
    ((context,),) = [cell.as_py() for cell in found["/world"]["AnnotationContext:context"]]
    named = {entry["class_id"]: entry["class_description"]["info"] for entry in context}
    assert [named[number]["label"] for number in range(4)] == list(TASK.classes)
    red, green, blue = TASK.palette[0]
    assert named[0]["color"] == red << 24 | green << 16 | blue << 8 | 255
