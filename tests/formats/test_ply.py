"""PLY as plyfile and trimesh read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.formats.toy import CAR, ROAD, TASK, moment
from voxway.core.errors import InputError
from voxway.formats import Coordinates, WriteOptions, write_moment

plyfile = pytest.importorskip("plyfile")
trimesh = pytest.importorskip("trimesh")


@pytest.mark.parametrize("frame", ["ego", "world"])
def test_points_stand_at_centres_with_class_and_colour(tmp_path: Path, frame: Coordinates) -> None:
    one = moment()
    write_moment("ply", tmp_path / "new" / "a.ply", one, WriteOptions(frame=frame))
    read = plyfile.PlyData.read(tmp_path / "new" / "a.ply")
    vertices = read["vertex"]
    points, ids = one.occupancy.to_points(world=frame == "world")
    np.testing.assert_array_equal(np.stack([vertices[axis] for axis in "xyz"], -1), points.numpy())
    np.testing.assert_array_equal(vertices["class"], ids.numpy())
    colours = np.stack([vertices[name] for name in ("red", "green", "blue")], -1)
    np.testing.assert_array_equal(colours, np.array(TASK.palette)[ids.numpy()])
    assert "confidence" not in vertices.data.dtype.names
    assert "class 3 vegetation" in read.comments and any(f"frame {frame}" in line for line in read.comments)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.ply"]


def test_points_carry_confidence_where_it_is_known(tmp_path: Path) -> None:
    one = moment(scored=True)
    write_moment("ply", tmp_path / "a.ply", one, WriteOptions())
    found = plyfile.PlyData.read(tmp_path / "a.ply")["vertex"]["confidence"]
    expected = one.occupancy.confidence[one.occupancy.occupied].numpy()
    assert len(np.unique(expected)) > 3
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("frame", ["ego", "world"])
def test_cubes_enclose_the_voxels(tmp_path: Path, frame: Coordinates) -> None:
    """Triangles look outwards: the volume that they enclose is that of the voxels, and positive."""
    one = moment()
    write_moment("ply-cubes", tmp_path / "a.cubes.ply", one, WriteOptions(frame=frame))
    mesh = trimesh.load(tmp_path / "a.cubes.ply", process=False)
    occupied = int(one.occupancy.occupied.sum())
    assert mesh.volume == pytest.approx(occupied * 0.5 * 0.5 * 0.25, rel=1e-4)
    points, _ = one.occupancy.to_points(world=frame == "world")
    low, high = points.numpy().min(0), points.numpy().max(0)
    half = np.array([0.25, 0.25, 0.125])
    np.testing.assert_allclose(mesh.bounds, [low - half, high + half], atol=1e-5)


def test_cubes_have_the_colours_of_their_classes(tmp_path: Path) -> None:
    one = moment(scored=True)
    write_moment("ply-cubes", tmp_path / "a.ply", one, WriteOptions())
    read = plyfile.PlyData.read(tmp_path / "a.ply")
    vertices, faces = read["vertex"], np.stack(read["face"]["vertex_indices"])
    assert faces.shape[1] == 3 and faces.max() == len(vertices.data) - 1
    middle = np.stack([vertices[axis] for axis in "xyz"], -1)[faces].mean(1)
    corners = np.stack([vertices[axis] for axis in "xyz"], -1)[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inside = middle - 0.01 * normals / np.linalg.norm(normals, axis=1, keepdims=True)
    lower, cell = np.array(TASK.grid.lower), np.array(TASK.grid.cell)
    index = tuple(np.floor((inside - lower) / cell).astype(int).T)
    np.testing.assert_array_equal(vertices["class"][faces[:, 0]], one.occupancy.classes.numpy()[index])
    np.testing.assert_array_equal(vertices["confidence"][faces[:, 2]], one.occupancy.confidence.numpy()[index])
    assert {CAR, ROAD} < set(vertices["class"].tolist())
    colours = np.stack([vertices[name] for name in ("red", "green", "blue")], -1)
    np.testing.assert_array_equal(colours, np.array(TASK.palette)[vertices["class"]])


@pytest.mark.parametrize("name", ["ply", "ply-cubes", "costmap", "mcap", "rrd"])
def test_world_coordinates_need_a_pose(tmp_path: Path, name: str) -> None:
    for module in {"mcap": ["mcap_protobuf", "foxglove_schemas_protobuf"], "rrd": ["rerun"]}.get(name, []):
        pytest.importorskip(module)
    (tmp_path / "a").write_text("as it was")
    with pytest.raises(InputError, match=r"occupancy 08/000005: pose: expected T_world_ego.*found none.*frame ego"):
        write_moment(name, tmp_path / "a", moment(pose=None), WriteOptions(frame="world"))
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "as it was"
