"""Voxel labels written in the files of each benchmark, read back by the benchmark's own reader."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.toy_labels import PICTURE, ahead, toy_labels
from tests.small_world import execute, leftovers
from voxway.core.errors import InputError
from voxway.core.recorded import RecordedThing
from voxway.core.task import IGNORE, Task
from voxway.core.voxel_labels import VoxelLabels
from voxway.core.voxel_labels_file import write_voxel_labels
from voxway.data.label_format import FormLabels, LabelFormat, LabelOptions, in_form
from voxway.data.registry import LABEL_FORMATS, label_format
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import SequenceFiles, read_voxel_flags, read_voxel_labels
from voxway.data.uniocc.config import UniOccConfig
from voxway.data.uniocc.layout import read_flow

PLACES = {
    "semantickitti": "sequences/drive_a/voxels/000012.label",
    "occ3d": "gts/drive_a/000012/labels.npz",
    "openocc": "openocc_v2/drive_a/000012/labels.npz",
    "surroundocc": "surroundocc/samples/drive_a__000012.npy",
    "openoccupancy": "nuScenes-Occupancy-v0.1/scene_drive_a/occupancy/000012.npy",
    "uniocc": "drive_a/12.npz",
}
NAMES = {"sample": "5a", "scene": "5c", "scene_name": "scene-0061", "lidar": "11", "scan": "n__LIDAR_TOP__1.pcd.bin"}
"""What nuScenes calls a key frame."""
NAMED = {
    "semantickitti": PLACES["semantickitti"],
    "occ3d": "gts/scene-0061/5a/labels.npz",
    "openocc": "openocc_v2/scene-0061/5a/labels.npz",
    "surroundocc": "surroundocc/samples/n__LIDAR_TOP__1.pcd.bin.npy",
    "openoccupancy": "nuScenes-Occupancy-v0.1/scene_5c/occupancy/11.npy",
    "uniocc": PLACES["uniocc"],
}
WITHOUT_CLASS = {"occ3d": 0, "uniocc": 0}
"""What things become of which nobody knows the class; 255 elsewhere."""
SAYS_UNKNOWN = ("semantickitti", "occ3d")


def write(labels: VoxelLabels, name: str, folder: Path, **options: object) -> tuple[LabelFormat, Path, FormLabels]:
    form, chosen = label_format(name), LabelOptions(**options)
    ready = in_form(labels, form, chosen, "labels.npz")
    form.write(folder, ready, chosen)
    return form, form.path(folder, labels.key, labels.recorded.names), ready


@pytest.mark.parametrize("name", LABEL_FORMATS)
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    task = label_format(name).benchmark.task
    labels = toy_labels(task)
    form, path, _ = write(labels, name, tmp_path)
    assert path.relative_to(tmp_path).as_posix() == PLACES[name]
    expected = np.where(labels.state == 2, labels.label, np.uint8(task.free))
    expected[(labels.state == 2) & (labels.label == IGNORE)] = WITHOUT_CLASS.get(name, IGNORE)
    if name in SAYS_UNKNOWN:
        expected[labels.state == 0] = IGNORE
    np.testing.assert_array_equal(form.read(path), expected)
    assert (form.lost(LabelOptions()) == "") == (name == "semantickitti")
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("name", LABEL_FORMATS)
def test_frames_of_nuscenes_have_its_names(name: str, tmp_path: Path) -> None:
    labels = toy_labels(label_format(name).benchmark.task, names=NAMES)
    form, path, _ = write(labels, name, tmp_path)
    assert path.relative_to(tmp_path).as_posix() == NAMED[name] and form.read(path).any()
    assert form.path(tmp_path, "a/1", {**NAMES, "scene_name": "scene-2"}) != path or name in (
        "surroundocc",
        "openoccupancy",
    )


@pytest.mark.parametrize("name", ["surroundocc", "openoccupancy"])
def test_what_is_unknown_is_listed_on_request(name: str, tmp_path: Path) -> None:
    labels = toy_labels(label_format(name).benchmark.task)
    form, path, _ = write(labels, name, tmp_path, unknown=True)
    unknown = labels.state == 0
    np.testing.assert_array_equal(form.read(path) == IGNORE, labels.label == IGNORE)
    listed = np.load(path)[:, 3]
    noise = 2 if name == "surroundocc" else 2 + unknown.sum()
    assert (listed == 0).sum() == noise and (listed == 255).sum() == 2 + unknown.sum() - noise
    assert form.lost(LabelOptions(unknown=True)) == ""


def test_semantickittis_files_are_the_voxelizers(tmp_path: Path) -> None:
    """Raw ids of 16 bits, flags packed from the highest bit; moving things have ids of their own."""
    task = SEMANTIC_KITTI.task
    labels = toy_labels(task)
    car = labels.label == task.class_id("bicycle")  # which never has an id of its own for moving
    _, path, _ = write(labels, "semantickitti", tmp_path)
    files = SequenceFiles(tmp_path, "drive_a")
    raw = read_voxel_labels(files.voxels(12, "label"))
    assert path.stat().st_size == 2 * raw.size and path == files.voxels(12, "label")
    assert set(np.unique(raw)) == {0, 1, 10, 11, 81} and (raw[car] == 11).all()
    drives = replace(labels, label=np.where(car, np.uint8(1), labels.label))
    _, path, _ = write(drives, "semantickitti", tmp_path / "moving")
    assert (read_voxel_labels(path)[car] == 252).all()
    np.testing.assert_array_equal(read_voxel_flags(files.voxels(12, "invalid")), ~labels.lidar)
    assert files.voxels(12, "invalid").read_bytes() == np.packbits(~labels.lidar).tobytes()
    assert files.voxels(12, "bin").read_bytes() == np.packbits(labels.own).tobytes()
    assert 0 < read_voxel_flags(files.voxels(12, "bin")).sum() < (raw != 0).sum(), "the key scan alone"
    old = replace(labels, own=None, key="drive_a/000013")
    write(old, "semantickitti", tmp_path)
    assert files.voxels(13, "label").exists() and not files.voxels(13, "bin").exists()
    occluded = read_voxel_flags(files.voxels(12, "occluded"))
    x, y, z = (count // 2 for count in raw.shape)
    assert occluded[x + 20, y + 21, z - 4], "behind the wall, as the sensor sees it"
    assert not occluded[x - 10, y, z + 3] and occluded[raw != 0].all()


def test_what_a_ray_has_passed_is_valid_in_semantickittis_files(tmp_path: Path) -> None:
    """Nobody confirmed that it is free, with all its neighbours; the benchmark's voxelizer asks for a ray alone."""
    labels = toy_labels(SEMANTIC_KITTI.task)
    passed = np.zeros_like(labels.lidar)
    passed[tuple(np.argwhere(labels.state == 0)[0])] = True
    form, path, _ = write(replace(labels, lidar=labels.lidar | passed), "semantickitti", tmp_path)
    read = form.read(path)
    assert (read[passed] == SEMANTIC_KITTI.free).all() and (read[~(labels.lidar | passed)] == IGNORE).all()


def test_occ3ds_masks_are_those_of_the_labels(tmp_path: Path) -> None:
    labels = toy_labels(label_format("occ3d").benchmark.task)
    _, path, _ = write(labels, "occ3d", tmp_path)
    stored = np.load(path)
    assert sorted(stored.files) == ["mask_camera", "mask_lidar", "semantics"]
    assert all(array.dtype == np.uint8 for array in stored.values())
    np.testing.assert_array_equal(stored["mask_lidar"], labels.lidar)
    np.testing.assert_array_equal(stored["mask_camera"], labels.camera)
    assert (stored["semantics"][labels.state == 0] == 17).all()


def test_rows_are_sorted_whole_numbers(tmp_path: Path) -> None:
    _, path, _ = write(toy_labels(label_format("surroundocc").benchmark.task), "surroundocc", tmp_path)
    rows = np.load(path)
    assert rows.dtype == np.int64 and np.array_equal(rows, rows[np.lexsort(rows[:, 2::-1].T)])
    _, path, _ = write(toy_labels(label_format("openoccupancy").benchmark.task), "openoccupancy", tmp_path)
    assert np.load(path).dtype == np.uint16


def test_uniocc_has_pose_flow_and_mask(tmp_path: Path) -> None:
    labels = toy_labels(label_format("uniocc").benchmark.task, flow=True)
    _, path, _ = write(labels, "uniocc", tmp_path)
    np.testing.assert_array_equal(read_flow(path), labels.flow)
    assert not read_flow(path, "occ_flow_backward").any()
    sample = UniOccConfig(root=tmp_path, needs=frozenset({"target", "pose"})).build()["drive_a/12"]
    np.testing.assert_array_equal(sample.pose, labels.T_world_frame)
    np.testing.assert_array_equal(sample.masks["camera"], labels.camera)


def test_openocc_has_speeds_where_boxes_told_them(tmp_path: Path) -> None:
    labels = toy_labels(label_format("openocc").benchmark.task, flow=True)
    _, path, _ = write(labels, "openocc", tmp_path)
    stored = np.load(path)
    assert stored["flow"].shape == (200, 200, 16, 2) and labels.until_next_s == 0.5
    np.testing.assert_allclose(stored["flow"][labels.moving][0], [2 * 0.4 / 0.5, -1 * 0.4 / 0.5], rtol=1e-3)
    assert not stored["flow"][~labels.moving].any()
    for silent in (replace(labels, flow=None), replace(labels, until_next_s=0.0)):
        write(silent, "openocc", tmp_path)
        assert np.load(path).files == ["semantics"]


def test_uniocc_has_annotated_things(tmp_path: Path) -> None:
    task = label_format("uniocc").benchmark.task
    place = np.eye(4)
    place[:3, 3] = (7, 3, 1)
    things = [RecordedThing.of(name, name, np.array([4.0, 2.0, 1.5]), place) for name in ("vehicle", "unheard-of")]
    labels = toy_labels(task)
    labels = replace(labels, recorded=replace(labels.recorded, things=tuple(things)))
    _, path, _ = write(labels, "uniocc", tmp_path)
    with np.load(path, allow_pickle=True) as stored:
        (one,) = stored["annotations"]
    assert (one["token"], one["category_id"], one["size"]) == ("vehicle", 1, [4.0, 2.0, 1.5])
    np.testing.assert_array_equal(one["agent_to_ego"], place)
    np.testing.assert_array_equal(one["agent_to_world"], labels.T_world_frame @ place)


def test_uniocc_has_cameras(tmp_path: Path) -> None:
    labels = toy_labels(label_format("uniocc").benchmark.task)
    write(labels, "uniocc", tmp_path)
    picture = tmp_path / PICTURE.file
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (64, 48), (9, 8, 7)).save(picture)
    sample = UniOccConfig(root=tmp_path, needs=frozenset({"images"})).build()["drive_a/12"]
    assert sample.images is not None and sample.images.shape == (1, 3, 48, 64) and sample.images[0, 0, 0, 0] == 9
    pixels, depth = sample.cameras.project(torch.tensor([[11.5, 1.0, 0.25]]))
    np.testing.assert_allclose(pixels[0, 0], [32 - 10, 24], atol=1e-4)
    assert depth.item() == pytest.approx(10)


@pytest.mark.parametrize("name", ["surroundocc", "openoccupancy"])
def test_labels_of_the_vehicle_are_turned(name: str, tmp_path: Path) -> None:
    """A thing 8 m ahead and 3 m to the left lies at x -3, y 8 in axes x right, y ahead."""
    task = label_format(name).benchmark.task
    grid = ahead(task.grid)
    labels = toy_labels(replace(task, grid=grid), frame="ego", flow=True)
    form, path, ready = write(labels, name, tmp_path)
    read = torch.from_numpy(form.read(path))
    for label in task.occupied[1], task.occupied[-1]:
        here = grid.centre(torch.from_numpy(np.argwhere(labels.label == label))).numpy()
        there = task.grid.centre(torch.argwhere(read == label)).numpy()
        turned = np.stack([-here[:, 1], here[:, 0], here[:, 2]], 1).round(3)
        there = there.round(3)
        np.testing.assert_allclose(there[np.lexsort(there.T)], turned[np.lexsort(turned.T)], atol=2e-3)
    assert ready.flow is not None
    np.testing.assert_array_equal(ready.flow[ready.moving][0], [1, 2, 0.5])
    np.testing.assert_allclose(ready.T_world_frame @ [-3, 8, 1, 1], labels.T_world_frame @ [8, 3, 1, 1])
    cut = replace(task, grid=grid.crop((0, 0, 0), (100, 100, 16)))
    with pytest.raises(InputError, match=r"grid: expected .*in axes x right, y ahead"):
        write(toy_labels(cut, frame="ego"), name, tmp_path)


def test_classes_go_by_name_or_by_what_a_person_says(tmp_path: Path) -> None:
    task = label_format("occ3d").benchmark.task
    own = Task(name="mine", grid=task.grid, classes=("Traffic-Cone", "free", "van", "thing"), free=1)
    labels = toy_labels(own)
    with pytest.raises(InputError, match=r"classes of occ3d-nuscenes: others, .* found others: van, thing"):
        write(labels, "occ3d", tmp_path)
    with pytest.raises(InputError, match="found others: van as lorry"):
        write(labels, "occ3d", tmp_path, classes={"van": "lorry", "thing": None})
    form, path, _ = write(labels, "occ3d", tmp_path, classes={"van": "truck", "thing": None})
    read = form.read(path)
    for name, meant in (("Traffic-Cone", "traffic_cone"), ("van", "truck"), ("thing", "others")):
        here = labels.label == own.class_id(name)
        assert here.any() and (read[here] == task.class_id(meant)).all()


def test_labels_of_another_grid_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"grid: expected 256x256x32 .* the grid of semantickitti, found 200x200x16"):
        write(toy_labels(label_format("occ3d").benchmark.task), "semantickitti", tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three label files of two drives on SurroundOcc's grid."""
    task = label_format("surroundocc").benchmark.task
    for key in ("a/000000", "a/000005", "b/000000"):
        drive, frame = key.split("/")
        write_voxel_labels(tmp_path / "made" / drive / "labels" / f"{frame}.npz", toy_labels(task, key))
    np.savez(tmp_path / "made" / "a" / "body.npz", np.zeros(3))
    return tmp_path / "made"


def test_the_command_goes_on_and_can_be_shared(folder: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    command = ("labels", folder, "--as", "surroundocc", "--out")
    assert execute(*command, out, "--shard", "0/2") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 frames written" in said and "% of all voxels are unknown" in said and "--unknown lists them" in said
    assert execute(*command, out) == 0 and "1 frames written" in capsys.readouterr().out
    written = sorted((out / "surroundocc" / "samples").iterdir())
    assert [path.name for path in written] == ["a__000000.npy", "a__000005.npy", "b__000000.npy"]
    assert execute(*command, out) == 0 and "0 frames written" in capsys.readouterr().out
    changed = toy_labels(label_format("surroundocc").benchmark.task, "a/000005")
    write_voxel_labels(folder / "a" / "labels" / "000005.npz", replace(changed, time_s=13.0))
    assert execute(*command, out) == 0 and "1 frames written" in capsys.readouterr().out
    assert execute(*command, out, "--unknown") == 2
    assert "settings" in capsys.readouterr().err, "files of both kinds in one folder"
    one_drive = ("labels", folder / "a" / "labels", *command[2:])
    assert execute(*one_drive, tmp_path / "one") == 0 and "2 frames written" in capsys.readouterr().out
    assert execute(*command, tmp_path / "other", "--unknown") == 0
    assert "unknown" not in capsys.readouterr().out
    assert not leftovers(tmp_path)


def test_the_command_says_what_is_wrong(folder: Path, tmp_path: Path, capsys) -> None:
    def refusal(*arguments: object) -> str:
        assert execute("labels", *arguments, "--out", tmp_path / "out") == 2
        return " ".join(capsys.readouterr().err.split())

    assert "Perhaps you meant 'surroundocc'" in refusal(folder, "--as", "surround-occ")
    assert "label files DRIVE/labels/FRAME.npz" in refusal(tmp_path / "out", "--as", "occ3d")
    assert "expected 200x200x16 voxels over -40..40" in refusal(folder, "--as", "occ3d")
    (tmp_path / "names.json").write_text(json.dumps({"car": 3}))
    assert "names and null" in refusal(folder, "--as", "surroundocc", "--classes", tmp_path / "names.json")
    (folder / "b" / "labels" / "000000.npz").rename(folder / "b" / "labels" / "000001.npz")
    assert "expected the key b/000001" in refusal(folder, "--as", "surroundocc")
