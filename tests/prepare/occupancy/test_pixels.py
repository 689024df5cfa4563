"""Without labels of points, those of pixels say what voxels are; with them, they only fill up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.driving import CAR, STEP_S, STREET, first_hits, pose, write_kitti, write_rig
from tests.small_world import execute
from voxway.core.task import IGNORE, SKY
from voxway.core.voxel_labels import VoxelLabels
from voxway.core.voxel_labels_file import read_voxel_labels
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI

GRID = ("--lower", 0, -12.8, -2, "--upper", 25.6, 12.8, 1.2, "--cell", 0.4, "--every", 8)
SCANS, HEIGHT_PX, WIDTH_PX = 12, 60, 160


def write_pictures(root: Path, maps: Path, scans: int = SCANS) -> None:
    """What the left camera of `write_kitti` sees, and the class of every pixel."""
    columns, rows = np.meshgrid(np.arange(WIDTH_PX), np.arange(HEIGHT_PX))
    way = np.stack([np.ones(columns.size), -(columns.ravel() - 80) / 100, -(rows.ravel() - 30) / 100], 1)
    for number in range(scans):
        T = pose(number * STEP_S)
        raw = first_hits(T[:3, 3], way @ T[:3, :3].T, number * STEP_S, (*STREET, CAR))[1]
        ids = SEMANTIC_KITTI.to_train(raw.astype(np.uint32), maps).reshape(HEIGHT_PX, WIDTH_PX)
        ids[raw.reshape(ids.shape) == 0] = SKY
        PseudoLabels().write(PseudoLabels().path(maps, f"00/{number:06d}"), ids[None])
        path = root / "sequences/00/image_2" / f"{number:06d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)).save(path)


def prepare(root: Path, out: Path, *more: object) -> VoxelLabels:
    assert execute("prepare", "occupancy", "--kitti", root, "--out", out, *GRID, *more) == 0
    return read_voxel_labels(out / "00/labels/000008.npz")


def test_pixels_say_what_voxels_are(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    labelled = write_kitti(tmp_path / "a", SCANS)
    write_pictures(labelled, maps)
    bare = write_kitti(tmp_path / "b", SCANS, labelled=False)
    write_pictures(bare, maps)
    truth = prepare(labelled, tmp_path / "truth")
    found = prepare(bare, tmp_path / "found", "--pseudo-labels", maps)
    assert np.array_equal(found.state, truth.state) and found.task.classes == truth.task.classes
    seen = found.camera & found.occupied
    known = seen & (found.label != IGNORE)
    assert known.sum() > 0.5 * seen.sum()
    assert (found.label[known] == truth.label[known]).mean() > 0.97
    assert (found.label[found.moving & known] == found.task.class_id("car")).all() and (found.moving & known).any()
    # Labels of points go first: pixels that say otherwise change nothing.
    wrong = np.full((1, HEIGHT_PX, WIDTH_PX), found.task.class_id("person"), np.uint8)
    for number in range(SCANS):
        PseudoLabels().write(PseudoLabels().path(maps, f"00/{number:06d}"), wrong)
    both = prepare(labelled, tmp_path / "both", "--pseudo-labels", maps)
    assert np.array_equal(both.label, truth.label)
    again = prepare(bare, tmp_path / "found", "--pseudo-labels", maps)
    assert (again.label[known] == again.task.class_id("person")).mean() > 0.9  # made again


def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command = ("prepare", "occupancy", "--out", tmp_path / "out", "--pseudo-labels")
    assert execute(*command, tmp_path / "none", "--kitti", write_kitti(tmp_path, 6, labelled=False)) == 2
    assert "000000.png" in capsys.readouterr().err
    assert execute(*command, tmp_path, "--rig", tmp_path / "rig.json") == 2
    assert "--classes" in capsys.readouterr().err, "ids of a rig's pixels have no names of their own"


def write_rig_pictures(rig: Path, pixels: Path, cut_px: int = 0) -> None:
    """A camera beside the LiDAR of a rig that `write_rig` wrote, and ids of its pixels."""
    columns, rows = np.meshgrid(np.arange(WIDTH_PX), np.arange(HEIGHT_PX))
    way = np.stack([np.ones(columns.size), -(columns.ravel() - 80) / 100, -(rows.ravel() - 30) / 100], 1)
    for folder in (rig.parent / "left", pixels / "left"):
        folder.mkdir(parents=True, exist_ok=True)
    for number in range(SCANS):
        T = pose(number * STEP_S)
        raw = first_hits(T[:3, 3], way @ T[:3, :3].T, number * STEP_S, (*STREET, CAR))[1].reshape(HEIGHT_PX, WIDTH_PX)
        ids = np.where(raw == 0, SKY, np.where(raw == 252, 10, raw)).astype(np.uint8)
        Image.fromarray(ids[cut_px:]).save(pixels / "left" / f"{number:06d}.png")
        Image.fromarray(np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)).save(rig.parent / "left" / f"{number:06d}.png")
    content = json.loads(rig.read_text())
    axes = [[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0]]
    camera = {"name": "left", "folder": "left", "times": {"rate_hz": 1 / STEP_S}, "pose": {"matrix": axes}}
    content["cameras"] = [{**camera, "width_px": WIDTH_PX, "height_px": HEIGHT_PX, "K": [100, 100, 80, 30]}]
    content["clock"] = "roof"
    rig.write_text(json.dumps(content))


def prepare_rig(rig: Path, out: Path, *more: object) -> int:
    classes = rig.parent / "classes.json"
    classes.write_text('{"0": null, "10": "car", "40": "road", "50": "wall", "252": "car"}')
    return execute("prepare", "occupancy", "--rig", rig, "--out", out, *GRID, "--classes", classes, *more)


def test_pixels_of_a_rig(tmp_path: Path) -> None:
    rig, pixels = write_rig(tmp_path / "rig", SCANS), tmp_path / "pixels"
    write_rig_pictures(rig, pixels)
    assert prepare_rig(rig, tmp_path / "truth", "--point-labels", rig.parent / "labels") == 0
    assert prepare_rig(rig, tmp_path / "found", "--pseudo-labels", pixels) == 0
    truth, found = (read_voxel_labels(tmp_path / name / "car/labels/000008.npz") for name in ("truth", "found"))
    assert np.array_equal(found.state, truth.state) and found.task.classes == ("free", "car", "road", "wall")
    seen = found.camera & found.occupied
    known = seen & (found.label != IGNORE)
    assert known.sum() > 0.5 * seen.sum()
    assert (found.label[known] == truth.label[known]).mean() > 0.97
    assert (found.label[found.moving & known] == 1).all() and (found.moving & known).any()


def test_pixels_of_a_rig_that_are_not_its(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rig, pixels = write_rig(tmp_path / "rig", SCANS), tmp_path / "pixels"
    write_rig_pictures(rig, pixels, cut_px=3)
    assert prepare_rig(rig, tmp_path / "out", "--pseudo-labels", pixels) == 2
    assert "as the picture has" in capsys.readouterr().err
    assert prepare_rig(rig, tmp_path / "out", "--pseudo-labels", tmp_path / "none") == 2
    said = capsys.readouterr().err
    assert "left/000000.png" in said and "a folder for each camera" in said
