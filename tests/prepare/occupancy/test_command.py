"""The command: labels of a street are right, resumed, shared, made again when something changed, never mixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.driving import CAR, STEP_S, STREET, write_kitti, write_rig
from tests.small_world import execute, leftovers
from voxway.core.voxel_labels import FREE, OCCUPIED, VoxelLabels
from voxway.core.voxel_labels_file import read_voxel_labels
from voxway.data.semantickitti.layout import read_point_labels

GRID = ("--lower", 0, -12.8, -2, "--upper", 25.6, 12.8, 1.2, "--cell", 0.4, "--every", 8)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kitti(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="module")
def made(street: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made")
    assert prepare(street, out) == 0
    return out


def prepare(street: Path, out: Path, *more: object) -> int:
    return execute("prepare", "occupancy", "--kitti", street, "--out", out, *GRID, *more)


def contents(out: Path) -> dict[str, bytes]:
    found = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*.np?")}
    return dict(sorted(found.items()))


def labels(out: Path, frame: int = 8) -> VoxelLabels:
    return read_voxel_labels(out / "00" / "labels" / f"{frame:06d}.npz")


def test_what_moves_is_told_from_what_stands(street: Path, made: Path) -> None:
    counts = np.zeros((2, 2), int)
    for number in range(28):
        path = street / "sequences/00/labels" / f"{number:06d}.label"
        kind = np.load(made / "00" / "moving" / f"{number:06d}.npy")
        truth = read_point_labels(path, len(kind)) & 0xFFFF
        counts += [[((kind == k) & (truth == t if t else truth != 252)).sum() for k in (0, 1)] for t in (0, 252)]
    (kept, lost), (missed, found) = counts
    assert kept / (kept + lost) > 0.995 and found / (found + missed) > 0.7


def test_labels_are_where_things_are(made: Path) -> None:
    found = labels(made)
    grid, T = found.task.grid, found.T_world_frame
    centres = np.argwhere(np.ones(grid.shape)) * grid.cell + np.array(grid.lower) + np.array(grid.cell) / 2
    # The world of KITTI's poses is the first scan's frame, 1.8 m above the road.
    world = (centres @ T[:3, :3].T + T[:3, 3] + (0, 0, 1.8)).reshape(*grid.shape, 3)
    state, moving = found.state, found.moving
    low, high = CAR.at(8 * STEP_S)
    in_car = ((world > low - 0.4) & (world < high + 0.4)).all(-1)
    assert moving.sum() > 10 and in_car[moving].mean() > 0.9
    solid = np.zeros(grid.shape, bool)
    for box in STREET:
        low, high = box.at(0)
        solid |= ((world > low + 0.3) & (world < high - 0.3)).all(-1)
    assert (state[solid] == FREE).sum() == 0
    air = (world[..., 2] > 0.6) & (world[..., 2] < 1.4) & (np.abs(world[..., 1]) < 1.5) & (world[..., 0] < 12)
    assert (state[air] == OCCUPIED).mean() < 0.01 and (state[air] == FREE).mean() > 0.5
    road = found.task.class_id("road")
    assert (found.label[found.occupied & (world[..., 2] < 0.2)] == road).mean() > 0.9
    assert (found.label[moving] == found.task.class_id("car")).all()
    assert found.lacking_s == (8.4, 6.2) and "velodyne/000008" in found.scans


def test_a_second_run_makes_nothing(street: Path, made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*") if path.is_file()}
    assert prepare(street, made) == 0
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*") if path.is_file()} == before
    assert leftovers(made) == []


@pytest.mark.parametrize("shards", [2, 8])
def test_shards_write_the_same_bytes(street: Path, made: Path, tmp_path: Path, shards: int) -> None:
    for shard in reversed(range(shards)):
        assert prepare(street, tmp_path, "--shard", f"{shard}/{shards}") == 0
    assert contents(tmp_path) == contents(made)


def test_what_changed_is_made_again(tmp_path: Path) -> None:
    root, out = write_kitti(tmp_path / "a", 12), tmp_path / "out"
    assert prepare(root, out) == 0
    before = contents(out)
    other = write_kitti(tmp_path / "b", 12, STREET)
    scan = "sequences/00/velodyne/000003.bin"
    label = "sequences/00/labels/000003.label"
    for one in (scan, label):
        (root / one).write_bytes((other / one).read_bytes())
    assert prepare(root, out) == 0
    after = contents(out)
    changed = {name for name in before if before[name] != after[name]}
    assert {"00/moving/000003.npy", "00/evidence/000000.npz", "00/labels/000000.npz"} <= changed


def test_other_settings_are_refused(street: Path, made: Path, capsys: pytest.CaptureFixture) -> None:
    assert prepare(street, made, "--sparse") == 2
    assert "made as now" in capsys.readouterr().err


def test_a_rig_of_ones_own_gives_the_same(made: Path, tmp_path: Path) -> None:
    rig = write_rig(tmp_path / "rig")
    (tmp_path / "classes.json").write_text('{"0": null, "10": "car", "252": "car", "40": "road", "50": "building"}')
    more = ("--point-labels", tmp_path / "rig" / "labels", "--classes", tmp_path / "classes.json")
    assert execute("prepare", "occupancy", "--rig", rig, "--out", tmp_path / "out", *GRID, *more) == 0
    found, known = read_voxel_labels(tmp_path / "out/car/labels/000008.npz"), labels(made)
    # Worlds begin at other heights, so that the world's voxels cut elsewhere.
    assert (found.state == known.state).mean() > 0.97
    names = [[one.task.classes[i] for i in one.label[found.occupied & known.occupied]] for one in (found, known)]
    assert np.mean([a == b for a, b in zip(*names)]) > 0.98
    assert found.frame == "ego" and found.task.classes == ("free", "car", "road", "building")


def test_without_labels_classes_come_from_geometry(tmp_path: Path) -> None:
    root = write_kitti(tmp_path / "a", 12, labelled=False)
    assert prepare(root, tmp_path / "out", "--picture") == 0
    found = labels(tmp_path / "out")
    assert found.task.classes[1:] == ("ground", "object", "structure", "moving", "other")
    counts = np.bincount(found.label[found.occupied], minlength=6)
    assert (counts[1:5] > 10).all() and counts[5] < counts[1]
    assert sorted(path.name for path in (tmp_path / "out/00/pictures").iterdir())[-1] == "drive.png"
