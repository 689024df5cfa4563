"""Boxes say what things are, what moves, and how it went; boxes that cannot be are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.toy_nuscenes import CAMERAS, SCENES, sample_token, write_nuscenes
from tests.driving import CAR, STEP_S, STREET, Box, first_hits, pose, write_kitti, write_rig
from tests.small_world import execute
from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.voxel_labels import VoxelLabels
from voxway.core.voxel_labels_file import read_voxel_labels
from voxway.data.nuscenes.drive import open_drives
from voxway.data.own.drive import RigDrive
from voxway.prepare.occupancy.boxes import with_boxes
from voxway.truth.coarse_classes import coarse_task

GRID = ("--lower", 0, -12.8, -2, "--upper", 25.6, 12.8, 1.2, "--cell", 0.4, "--every", 8)
SCANS = 18
PARKED = STREET[3]


def described(box: Box, time_s: float, T_frame_world: np.ndarray) -> dict[str, Any]:
    """Middle, size and direction of a box, in a frame."""
    low, high = box.at(time_s)
    middle = T_frame_world[:3, :3] @ ((low + high) / 2) + T_frame_world[:3, 3]
    yaw = float(np.arctan2(T_frame_world[1, 0], T_frame_world[0, 0]))
    return {"middle_m": middle.tolist(), "size_m": (high - low).tolist(), "yaw_rad": yaw}


def write_boxes(path: Path, frame: str = "world", every: int = 3) -> Path:
    """Boxes of the car that drives and of one that is parked, at every so-many-th moment."""
    boxes = []
    for number in range(0, SCANS, every):
        time_s = number * STEP_S
        T = np.eye(4) if frame == "world" else np.linalg.inv(pose(time_s))
        for thing, kind, box in (("7", "car", CAR), ("8", "van", PARKED)):
            boxes.append({"number": number, "thing": thing, "class": kind, **described(box, time_s, T)})
    path.write_text(json.dumps({"in": frame, "boxes": boxes}))
    return path


def prepare(rig: Path, out: Path, *more: object) -> VoxelLabels:
    assert execute("prepare", "occupancy", "--rig", rig, "--out", out, *GRID, *more) == 0
    return read_voxel_labels(out / "car/labels/000008.npz")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rig(tmp_path_factory.mktemp("rig"), SCANS)


@pytest.fixture(scope="module")
def made(rig: Path, tmp_path_factory: pytest.TempPathFactory) -> VoxelLabels:
    folder = tmp_path_factory.mktemp("boxed")
    return prepare(rig, folder / "out", "--boxes", write_boxes(folder / "boxes.json"))


def within(labels: VoxelLabels, box: Box, time_s: float, more_m: float = 0.4) -> np.ndarray:
    """Voxels whose middle lies in a box, and above the road."""
    grid, T = labels.task.grid, labels.T_world_frame
    centres = np.argwhere(np.ones(grid.shape)) * grid.cell + np.array(grid.lower) + np.array(grid.cell) / 2
    world = (centres @ T[:3, :3].T + T[:3, 3]).reshape(*grid.shape, 3)
    low, high = box.at(time_s)
    return ((world > low - more_m) & (world < high + more_m)).all(-1) & (world[..., 2] > 0.1)


def test_things_have_their_class(made: VoxelLabels) -> None:
    assert made.task.classes == ("free", "ground", "object", "structure", "moving", "other", "car", "van")
    for box, name in ((CAR, "car"), (PARKED, "van")):
        there = made.label[within(made, box, 8 * STEP_S) & made.occupied]
        assert (there == made.task.class_id(name)).mean() > 0.85 and len(there) > 20
    van = made.label == made.task.class_id("van")
    assert not (made.moving & van).any()
    assert (van & ~within(made, PARKED, 8 * STEP_S)).sum() < 0.05 * van.sum()


def test_what_moves_is_whole_where_it_is(rig: Path, made: VoxelLabels, tmp_path: Path) -> None:
    alone = prepare(rig, tmp_path)
    inside = within(made, CAR, 8 * STEP_S)
    assert inside[made.moving & (made.label == made.task.class_id("car"))].mean() > 0.9
    # Other scans saw more of the car than the key frame's own; it is put where it is then, and nowhere else.
    assert (made.moving & inside).sum() > 1.1 * (alone.moving & inside).sum()
    assert (made.occupied & ~inside).sum() <= 1.02 * (alone.occupied & ~inside).sum()


def test_flow_is_the_way_to_the_next_key_frame(made: VoxelLabels) -> None:
    assert made.flow is not None and not made.flow[~made.moving].any()
    car = made.moving & within(made, CAR, 8 * STEP_S)
    way_m = made.T_world_frame[:3, :3] @ np.median(made.flow[car].astype(float), axis=0) * 0.4
    assert np.allclose(way_m, (6.0 * 8 * STEP_S, 0, 0), atol=0.05)


@pytest.mark.parametrize("frame", ["ego", "roof"])
def test_boxes_in_other_frames(rig: Path, made: VoxelLabels, tmp_path: Path, frame: str) -> None:
    found = RigDrive(rig, boxes=write_boxes(tmp_path / "own.json", frame, 1)).boxes()
    known = RigDrive(rig, boxes=write_boxes(tmp_path / "world.json", every=1)).boxes()
    for one, other in zip(found, known, strict=True):
        assert np.allclose(one.track.places, other.track.places, atol=1e-6)
        assert np.allclose(one.at(1.0), other.at(1.0), atol=1e-6)
        assert one.travels == other.travels == (one.thing == "7")


def test_the_marks_of_scans_follow_boxes(rig: Path, tmp_path: Path) -> None:
    """A thing whose box moves, moves, however little evidence there is; one whose box stands, stands."""
    boxes = write_boxes(tmp_path / "boxes.json")
    out = tmp_path / "out"
    assert execute("prepare", "occupancy", "--rig", rig, "--out", out, "--boxes", boxes, "--last", "moving") == 0
    kind = np.load(out / "car/moving/000009.npy")
    raw = np.fromfile(rig.parent / "labels/000009.label", "<u4")
    assert (kind[raw == 252] == 1).mean() > 0.9 and (kind[raw == 10] == 0).all()


def test_a_folder_of_boxes_for_sequences(tmp_path: Path) -> None:
    root = write_kitti(tmp_path / "kitti", 12, labelled=True)
    first = np.linalg.inv(pose(0.0))
    rows = [
        {"number": n, "thing": "7", "class": "car", **described(CAR, n * STEP_S, first)} for n in range(12)
    ]  # fmt: skip
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes/00.json").write_text(json.dumps({"in": "world", "boxes": rows}))
    more = ("--kitti", root, "--out", tmp_path / "out", *GRID, "--boxes", tmp_path / "boxes")
    assert execute("prepare", "occupancy", *more) == 0
    found = read_voxel_labels(tmp_path / "out/00/labels/000008.npz")
    assert found.flow is not None and found.flow.any() and found.moving.any()
    assert (found.label[found.moving] == found.task.class_id("car")).mean() > 0.95


def _first(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], None]:
    return lambda content: change(content["boxes"][0]) and None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content.update({"in": "rof"}), ("in", "roof")),
        (lambda content: content.pop("in"), ("in", "absent")),
        (_first(lambda box: box.update(number=99)), ("boxes[0].number", "0 to 17", "99")),
        (_first(lambda box: box.update(middle_m=[1, 2, float("nan")])), ("boxes[0].middle_m", "finite")),
        (_first(lambda box: box.update(yaw_rad=float("inf"))), ("boxes[0].yaw_rad", "radians")),
        (_first(lambda box: box.update(size_m=[4, -2, 1])), ("boxes[0].size_m", "above 0")),
        (_first(lambda box: box.update(colour=1)), ("colour", "boxes[0]")),
        (lambda content: [box.update({"class": "free"}) for box in content["boxes"]], ("free", "things")),
        (_first(lambda box: box.update(thing="8")), ("boxes[1]", "one box of 8 at a time", "boxes[0]")),
        (_first(lambda box: box.update({"class": "bus"})), ("bus, as 7 is in boxes[0]", "car")),
    ],
)
def test_boxes_that_cannot_be(rig: Path, tmp_path: Path, change: Callable, words: tuple[str, ...]) -> None:
    path = write_boxes(tmp_path / "boxes.json")
    content = read_json(path)
    change(content)
    path.write_text(json.dumps(content))
    drive = RigDrive(rig, boxes=path)
    with pytest.raises(InputError) as refused:
        with_boxes(coarse_task(drive.grid), drive, known=False)
    assert all(word in str(refused.value) for word in words)


def test_boxes_of_other_classes_than_labels(rig: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "classes.json").write_text('{"0": null, "10": "car", "252": "car", "40": "road", "50": "wall"}')
    more = ("--point-labels", rig.parent / "labels", "--classes", tmp_path / "classes.json")
    boxes = write_boxes(tmp_path / "boxes.json")
    assert execute("prepare", "occupancy", "--rig", rig, "--out", tmp_path / "out", "--boxes", boxes, *more) == 2
    said = capsys.readouterr().err
    assert "van" in said and "names that the recording's labels have" in said
    assert not list((tmp_path / "out").rglob("*.npz"))  # before any work is done


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nuScenes' files of a street with a car that drives, and its annotations."""
    root = write_nuscenes(tmp_path_factory.mktemp("nuscenes"))
    (drive, *_) = open_drives(root)
    there = np.array([605.0, 1652.0, 0.0])
    car = Box((there[0] + 8, there[1] + 2, 0), (4, 1.8, 1.6), velocity=9.0)
    walls = (Box((there[0] - 30, there[1] + 14, 0), (90, 1, 5)), Box((there[0] - 30, there[1] - 14, 0), (90, 1, 5)))
    around, up = np.meshgrid(np.linspace(-np.pi, np.pi, 720, endpoint=False), np.radians(np.linspace(-25, 5, 32)))
    way = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], -1).reshape(-1, 3)
    begin = drive.scans[0].time_s
    for scan in drive.scans:
        T = drive.track.at(np.array([scan.time_s]))[0] @ drive.T_ego_sensor(scan.sensor)
        far, _ = first_hits(T[:3, 3], way @ T[:3, :3].T, scan.time_s - begin, (*walls, car))
        seen = far < 60
        points = np.column_stack([way[seen] * far[seen, None], np.zeros((seen.sum(), 2))])
        drive.files(scan)[0].write_bytes(points.astype("<f4").tobytes())
    rows = []
    for number, frame in enumerate(drive.frames):
        low, high = car.at(frame.time_s - begin)
        length, width, height = (high - low).tolist()
        rows.append(
            {
                "token": f"box{number}",
                "sample_token": sample_token("scene-0001", number),
                "instance_token": "thing",
                "translation": ((low + high) / 2).tolist(),
                "size": [width, length, height],
                "rotation": [1.0, 0.0, 0.0, 0.0],
            }
        )
    for name, content in (
        ("sample_annotation", rows),
        ("instance", [{"token": "thing", "category_token": "kind"}]),
        ("category", [{"token": "kind", "name": "vehicle.bus.rigid"}]),
    ):
        (root / "v1.0-trainval" / f"{name}.json").write_text(json.dumps(content))
    return root


def test_scenes_with_annotations(scenes: Path, tmp_path: Path) -> None:
    more = ("--root", scenes, "--benchmark", "occ3d-nuscenes", "--sequences", "scene-0001", "--every", 1)
    assert execute("prepare", "occupancy", *more, "--out", tmp_path, "--poses-are", "good") == 0
    labels = read_voxel_labels(tmp_path / "scene-0001/labels/000001.npz")
    assert labels.frame == "ego" and labels.task.grid.shape == (200, 200, 16) and labels.camera.any()
    bus = labels.label == labels.task.class_id("bus")
    assert bus.sum() > 10 and labels.moving[bus].mean() > 0.9
    assert labels.flow is not None
    way_m = labels.T_world_frame[:3, :3] @ np.median(labels.flow[bus & labels.moving].astype(float), axis=0) * 0.4
    assert np.allclose(way_m, (9.0 * 0.6, 0, 0), atol=0.1)
    names, cameras = open_drives(scenes, ["scene-0001"])[0].cameras(open_drives(scenes)[0].frames[1]) or ((), None)
    assert names == CAMERAS and cameras is not None and cameras.count == 6


def test_scenes_that_are_not_there(scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    more = ("--root", scenes, "--benchmark", "occ3d-nuscenes", "--out", tmp_path)
    assert execute("prepare", "occupancy", *more, "--sequences", "scene-9") == 2
    assert "scene-9" in capsys.readouterr().err
    assert execute("prepare", "occupancy", "--root", scenes, "--benchmark", "occ3d-waymo", "--out", tmp_path) == 2
    said = capsys.readouterr().err
    assert "whose recordings can be read: semantickitti, occ3d-nuscenes" in said
    assert set(SCENES) == {drive.name for drive in open_drives(scenes)}
