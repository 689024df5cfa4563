"""SurroundOcc's labels: rows to volumes and back, the LiDAR's frame, and what is no such file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data import toy_nuscenes as toy
from voxway.api.stored import score_stored
from voxway.core.errors import InputError
from voxway.core.ray_result import RayResult
from voxway.core.result import Protocol, Result
from voxway.core.task import IGNORE
from voxway.data.files.stored import StoredPredictions
from voxway.data.nuscenes.benchmark import SURROUNDOCC_NUSCENES
from voxway.data.nuscenes.check import check_nuscenes
from voxway.data.nuscenes.config import OpenOccupancyConfig, SurroundOccConfig
from voxway.data.nuscenes.surroundocc import read_surroundocc, surroundocc_rows
from voxway.metrics.occupancy import OccupancyMetric

TOKEN = toy.sample_token("scene-0001", 1)
SHAPE = SURROUNDOCC_NUSCENES.grid.shape


def test_rows_become_a_volume(tmp_path: Path) -> None:
    rows = toy.surroundocc_rows(0)
    expected = np.zeros(SHAPE, np.uint8)
    for x, y, z, label in rows.tolist():
        expected[x, y, z] = label or IGNORE
    assert {0, 4, 11, 15, IGNORE} == set(np.unique(expected).tolist())
    for kind in (np.int64, np.uint8, np.float32):
        np.save(tmp_path / "a.npy", rows.astype(kind))
        np.testing.assert_array_equal(read_surroundocc(tmp_path / "a.npy"), expected)
    np.save(tmp_path / "a.npy", np.array([[1, 2, 3, 4], [1, 2, 3, 5], [0, 0, 0, 255]]))
    twice = read_surroundocc(tmp_path / "a.npy")
    assert twice[1, 2, 3] == 5 and twice[0, 0, 0] == IGNORE, "the last row counts; 255 is unknown"
    np.save(tmp_path / "a.npy", np.zeros((0, 4), np.int64))
    assert not read_surroundocc(tmp_path / "a.npy").any()


@pytest.mark.parametrize("unknown", [False, True])
def test_volumes_become_rows(tmp_path: Path, unknown: bool) -> None:
    classes = np.random.default_rng(0).choice(np.array([0, 0, 0, 1, 16, 255], np.uint8), SHAPE)
    rows = surroundocc_rows(classes, unknown=unknown)
    assert rows.dtype == np.int64 and np.array_equal(rows, rows[np.lexsort(rows[:, 2::-1].T)])
    np.save(tmp_path / "a.npy", rows)
    expected = classes if unknown else np.where(classes == IGNORE, 0, classes)
    np.testing.assert_array_equal(read_surroundocc(tmp_path / "a.npy"), expected)


def test_noise_is_scored_nowhere() -> None:
    """Neither as occupied, nor as a mistake of the class that is predicted there; absent classes count as 0."""
    target = torch.zeros(SHAPE, dtype=torch.uint8)
    target[:10], target[10:20] = 4, IGNORE
    guess = torch.zeros_like(target)
    guess[:20] = 4
    metric = OccupancyMetric(SURROUNDOCC_NUSCENES)
    metric.update(target, guess)
    (result,) = metric.results(Protocol(benchmark="", split="val", samples=0, masks=()))
    assert result.iou == 1 and result.miou == 1 / 16


BAD = {
    "shape": (np.zeros((3, 2), np.int64), "shape: expected .* rows x, y, z, label, found .3, 2."),
    "metres": (np.array([[0.25, 1.5, 2, 4]]), "whole numbers: indices of voxels, found float64"),
    "nan": (np.array([[np.nan, 1, 2, 4]]), "whole numbers"),
    "beyond": (np.array([[0, 200, 2, 4]]), "indices x, y, z within .200, 200, 16. voxels"),
    "below": (np.array([[0, -1, 2, 4]]), "indices x, y, z within"),
    "turned": (np.array([[3, 100, 120, 4]]), "they look like rows z, y, x, class"),
    "ids": (np.array([[0, 0, 2, 17]]), r"label ids: .* found ids \[17\]"),
}


@pytest.mark.parametrize("fault", BAD)
def test_files_of_another_kind_are_refused(tmp_path: Path, fault: str) -> None:
    rows, message = BAD[fault]
    np.save(tmp_path / "bad.npy", rows)
    with pytest.raises(InputError, match=message) as caught:
        read_surroundocc(tmp_path / "bad.npy")
    assert str(caught.value.file).endswith("bad.npy") and caught.value.remedy


def test_frames_are_in_the_lidars_frame(nuscenes_root: Path) -> None:
    """Pictures, points and poses are OpenOccupancy's; only the voxels are others."""
    needs = frozenset({"images", "points", "pose", "target"})
    settings = {"root": nuscenes_root, "partial": True, "needs": needs, "sweep_choice": "nearest"}
    reader = SurroundOccConfig(**settings).build()
    sample, other = reader[TOKEN], OpenOccupancyConfig(**settings).build()[TOKEN]
    assert torch.equal(sample.points, other.points) and torch.equal(sample.pose, other.pose)  # ty: ignore
    assert torch.equal(sample.cameras.T_cam_ego, other.cameras.T_cam_ego)  # ty: ignore
    assert sample.grid == SURROUNDOCC_NUSCENES.grid and sample.masks == {}
    path = reader.reader.label_path(reader.reader.key_frame(TOKEN))  # ty: ignore
    assert path.relative_to(nuscenes_root).parts == ("surroundocc", "samples", "LIDAR_TOP_scene-0001_12.pcd.bin.npy")
    np.testing.assert_array_equal(sample.target, read_surroundocc(path))


@pytest.mark.parametrize("place", ["nuscenes_occ/samples", "dense_voxels_with_semantic", "elsewhere"])
def test_labels_lie_where_people_keep_them(nuscenes_copy: Path, place: str) -> None:
    (nuscenes_copy / place).parent.mkdir(exist_ok=True)
    (nuscenes_copy / "surroundocc" / "samples").rename(nuscenes_copy / place)
    (nuscenes_copy / "surroundocc").rmdir()
    named = nuscenes_copy / place if place == "elsewhere" else None
    config = SurroundOccConfig(root=nuscenes_copy, partial=True, labels=named, needs=frozenset({"target"}))
    assert config.build()[TOKEN].target is not None
    report = check_nuscenes(config, 9)
    assert report.usable and report.voxels[-1] > 0, report.lines()


def test_predictions_are_scored_by_voxels_and_along_rays(nuscenes_root: Path, tmp_path: Path) -> None:
    """Lists by token, in the labels' own form: what they call noise is free in a prediction."""
    data = SurroundOccConfig(root=nuscenes_root, partial=True, needs=frozenset({"target"}))
    reader = data.build().reader
    for key in reader.keys:
        label = reader.label_path(reader.key_frame(key))  # ty: ignore
        (tmp_path / f"{key}.npy").write_bytes(label.read_bytes())
    (voxels,) = score_stored(tmp_path, data, "miou", show=False)
    assert isinstance(voxels, Result) and voxels.iou == 1 and voxels.miou == 3 / 16
    (rays,) = score_stored(tmp_path, data, "ray", show=False)
    assert isinstance(rays, RayResult) and rays.rayiou == 1 and rays.protocol.score == "RayIoU*"
    assert rays.gt[0] == 0 and set(np.flatnonzero(rays.gt)) <= {4, 11, 15}


def test_predictions_may_call_free_space_17(tmp_path: Path) -> None:
    """As those of codes that count noise as a class; lists and whole volumes."""
    volume = np.full(SURROUNDOCC_NUSCENES.grid.shape, 17, np.uint8)
    volume[3, 4, 5], volume[100, 7, 2] = 4, 16
    index = np.argwhere(volume != 17)
    rows = np.column_stack([index, volume[tuple(index.T)]])
    np.save(tmp_path / "a.npy", volume)
    np.save(tmp_path / "b.npy", np.concatenate([rows, [[9, 9, 9, 17]]]).astype(np.float32))
    np.save(tmp_path / "c.npy", np.where(volume == 17, 0, volume))
    found = StoredPredictions.find(tmp_path, ["a", "b", "c"], SURROUNDOCC_NUSCENES)
    for key in "abc":
        np.testing.assert_array_equal(found.read(key), np.where(volume == 17, 0, volume))
    volume[0, 0, :2] = 0
    np.save(tmp_path / "a.npy", volume)
    with pytest.raises(InputError, match=r"one id, 0 or 17, found 2 of 0 and 639996 of 17.*without a class"):
        found.read("a")
    np.save(tmp_path / "b.npy", np.array([[9, 9, 9, 17], [3, 4, 5, 0]]))
    with pytest.raises(InputError, match="found 1 of 0 and 1 of 17"):
        found.read("b")
    volume[volume == 0] = 18
    np.save(tmp_path / "a.npy", volume)
    with pytest.raises(InputError, match=r"class ids: expected 0\.\.16"):
        found.read("a")
