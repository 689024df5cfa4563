"""Voxel labels: what they refuse, and that files give back what was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.toy_labels import PICTURE
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.recorded import Recorded
from voxway.core.task import Task
from voxway.core.voxel_labels import VoxelLabels
from voxway.core.voxel_labels_file import read_recorded, read_voxel_labels, write_voxel_labels

TASK = Task(name="toy", grid=VoxelGrid((0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (2, 2, 1)), classes=("free", "thing"), free=0)


def toy(**changes: Any) -> VoxelLabels:
    """A thing that moves, something without a class, a free and an unknown voxel."""
    state = np.array([[[2], [2]], [[1], [0]]], np.uint8)
    masks = {"lidar": state > 0, "camera": state == 2}
    counts = {name: np.zeros(state.shape, np.uint8) for name in ("hits", "passes", "confirmed")}
    values: dict[str, Any] = {
        "key": "drive/000001",
        "task": TASK,
        "frame": "ego",
        "T_world_frame": np.eye(4),
        "time_s": 0.1,
        "label": np.array([[[1], [255]], [[0], [255]]], np.uint8),
        "state": state,
        "moving": np.array([[[True], [False]], [[False], [False]]]),
        **masks,
        **counts,
    }
    return VoxelLabels(**{**values, **changes})


def test_files_give_back_what_was_written(tmp_path: Path) -> None:
    labels = toy(
        cameras={"left": np.zeros((2, 2, 1), bool)},
        flow=np.ones((2, 2, 1, 3), np.float16),
        scans=("drive/000000", "drive/000001"),
        parameters={"tau": 0.3},
        version="1",
        own=np.ones((2, 2, 1), bool),
        recorded=Recorded(names={"sample": "5a"}, pictures=(PICTURE,)),
    )
    first, second = tmp_path / "a" / "one.npz", tmp_path / "two.npz"
    write_voxel_labels(first, labels)
    write_voxel_labels(second, labels)
    found = read_voxel_labels(first)
    assert first.read_bytes() == second.read_bytes()
    assert found.volumes().keys() == labels.volumes().keys()
    for name, volume in labels.volumes().items():
        np.testing.assert_array_equal(found.volumes()[name], volume)
    about = ("key", "task", "frame", "time_s", "scans", "parameters", "version", "recorded")
    assert [getattr(found, name) for name in about] == [getattr(labels, name) for name in about]
    np.testing.assert_array_equal(found.T_world_frame, labels.T_world_frame)
    assert read_recorded(first) == labels.recorded


def test_files_from_before_names_and_own_returns_were_kept_are_read(tmp_path: Path) -> None:
    write_voxel_labels(tmp_path / "one.npz", toy())
    with np.load(tmp_path / "one.npz") as stored:
        arrays = {**stored}
    meta = json.loads(arrays["meta"].tobytes())
    del meta["recorded"]
    np.savez(tmp_path / "old.npz", **{**arrays, "meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)})
    found = read_voxel_labels(tmp_path / "old.npz")
    assert found.own is None and found.recorded == Recorded() == read_recorded(tmp_path / "old.npz")


def test_a_file_says_what_its_numbers_mean(tmp_path: Path) -> None:
    write_voxel_labels(tmp_path / "one.npz", toy())
    with np.load(tmp_path / "one.npz") as stored:
        meta = json.loads(stored["meta"].tobytes())
    assert meta["axes"] == ["x", "y", "z"] and meta["lower_m"] == [0, 0, 0] and meta["cell_m"] == [0.5] * 3
    assert meta["classes"] == {"0": "free", "1": "thing"} and meta["states"]["2"] == "occupied"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"state": np.full((2, 2, 1), 3, np.uint8)}, "state"),
        ({"label": np.full((2, 2, 1), 7, np.uint8)}, "label"),
        ({"label": np.full((2, 2, 1), 255, np.uint8)}, "label and state"),
        ({"moving": np.ones((2, 2, 1), bool)}, "moving and state"),
        ({"lidar": np.zeros((2, 2, 1), bool)}, "lidar and state"),
        ({"camera": np.ones((2, 2, 1), bool)}, "camera and lidar"),
        ({"task": replace(TASK, grid=VoxelGrid((0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (2, 2, 2)))}, "label"),
        ({"T_world_frame": np.zeros((4, 4))}, "T_world_frame"),
    ],
)
def test_what_contradicts_itself_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        toy(**change)
    assert caught.value.field == field


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda arrays: {key: array for key, array in arrays.items() if key != name}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (without("meta"), "meta"),
        (without("hits"), "hits"),
        (lambda arrays: {**arrays, "hits": arrays["hits"].astype(np.int64)}, "hits"),
        (lambda arrays: {**arrays, "other": arrays["hits"]}, "other"),
        (lambda arrays: {**arrays, "meta": np.frombuffer(b"{}", np.uint8)}, "meta: format"),
        (lambda arrays: {**arrays, "state": arrays["state"] * 0}, "label and state"),
        (lambda arrays: {**arrays, "own": arrays["state"]}, "own"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, change: Callable[..., Any], field: str) -> None:
    path = tmp_path / "one.npz"
    write_voxel_labels(path, toy())
    with np.load(path) as stored:
        arrays = change({**stored})
    np.savez(path, **arrays)
    with pytest.raises(InputError) as caught:
        read_voxel_labels(path)
    assert caught.value.field == field and caught.value.file == str(path)


def test_cameras_see_no_more_than_all_of_them() -> None:
    with pytest.raises(InputError, match="camera_left and camera"):
        replace(toy(), cameras={"left": np.ones((2, 2, 1), bool)})
