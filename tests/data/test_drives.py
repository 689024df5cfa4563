"""Drives of one's own: rigs that differ, labels that belong to their recordings, splits, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data import toy_drives
from tests.data.toy_drives import FRAMES, TASK, write_drive, write_drives, write_rig
from voxway.core.errors import InputError
from voxway.core.task import IGNORE
from voxway.core.voxel_labels_file import write_voxel_labels
from voxway.data import registry
from voxway.data.drives.check import check_drives
from voxway.data.drives.config import DrivesConfig
from voxway.data.own.config import RigConfig
from voxway.data.street import STREET

NEEDS = frozenset({"images", "points", "target"})


def config(root: Path, **more: object) -> DrivesConfig:
    return DrivesConfig(root=root, task=TASK, needs=NEEDS, **more)  # ty: ignore


def test_frames_are_recordings_with_their_labels(tmp_path: Path) -> None:
    samples = config(write_drives(tmp_path)).build()
    assert samples.keys[:2] == ("monday/000000", "monday/000001") and len(samples) == 2 * FRAMES
    sample, labels = samples["tuesday/000002"], toy_drives.labels("tuesday", 2, seed=1)
    assert sample.key == "tuesday/000002" and sample.images is not None and sample.target is not None
    np.testing.assert_array_equal(sample.target, labels.label)
    np.testing.assert_array_equal(sample.masks["camera"], labels.camera)
    np.testing.assert_array_equal(sample.masks["lidar"], labels.lidar)
    np.testing.assert_allclose(sample.points, toy_drives.scan(1002) + np.array([0, 0, 1.9, 0]), atol=1e-5)
    assert samples.benchmark.task == TASK and registry.config_name(samples.config) == "own"
    assert check_drives(samples.config).usable


def test_rigs_differ_from_drive_to_drive(tmp_path: Path) -> None:
    write_drives(tmp_path, ("monday",))
    write_drive(tmp_path / "tuesday", 1, cameras=("left",), lidar=False)
    samples = config(tmp_path).build()
    both, alone = samples["monday/000001"], samples["tuesday/000001"]
    assert both.cameras is not None and alone.cameras is not None and alone.points is not None
    assert (both.cameras.count, alone.cameras.count, tuple(alone.points.shape)) == (2, 1, (0, 4))
    assert samples.cameras is None, "as many as there are"
    assert "lidar_origin" not in samples.reader.provides
    front = replace(samples.config, cameras=("front",)).build()
    assert front["monday/000001"].images.shape[0] == 1  # ty: ignore
    with pytest.raises(InputError, match="cameras: expected at least one, as pictures are read, found none"):
        front["tuesday/000001"]


def test_splits(tmp_path: Path) -> None:
    write_drives(tmp_path)
    with pytest.raises(InputError, match=r"splits\.json.*"):
        config(tmp_path, split="val").build()
    path = tmp_path / "splits.json"
    path.write_text(json.dumps({"train": ["monday"], "val": ["tuesday"]}))
    assert {key[:6] for key in config(tmp_path).build().keys} == {"monday"}
    assert {key[:7] for key in config(tmp_path, split="val").build().keys} == {"tuesday"}
    wrong = {
        r"val: expected the drives of that split": {"train": ["monday"]},
        r"sunday: expected a drive that is there: monday, tuesday": {"val": ["sunday"]},
        r"monday: expected each drive in one split": {"train": ["monday"], "val": ["monday"]},
        r"val: expected a list of names": {"val": "monday"},
        r"split: expected train, val or test, found weekend": {"weekend": ["monday"]},
        r"contents: expected splits by name": [],
    }
    for said, content in wrong.items():
        path.write_text(json.dumps(content))
        with pytest.raises(InputError, match=said):
            config(tmp_path, split="val").build()


def test_labels_of_another_moment_or_task_are_refused(tmp_path: Path) -> None:
    write_drives(tmp_path)
    samples = config(tmp_path).build()
    labels, path = toy_drives.labels("monday", 2), tmp_path / "monday" / "labels" / "000002.npz"
    for said, changed in {
        "key: expected frame 000002": replace(labels, key="monday/000003"),
        "time_s: expected 0.2, when its recording was made, found 0.3": replace(labels, time_s=0.3),
        "frame: expected 'ego'": replace(labels, frame="top"),
        "task: expected yard: 4 classes.*found barn": replace(
            labels, task=replace(TASK, name="barn", classes=("free", "fence", "lawn", "cow"))
        ),
    }.items():
        write_voxel_labels(path, changed)
        with pytest.raises(InputError, match=f"000002.npz: {said}"):
            samples["monday/000002"]
    assert not check_drives(samples.config, 20).usable
    with pytest.raises(InputError, match="task: expected own: 26 classes"):
        DrivesConfig(root=tmp_path, needs=NEEDS).build()["monday/000001"]


def test_a_recording_that_is_taken_away_is_noticed(tmp_path: Path) -> None:
    """Numbers count recordings: without one of them, all later ones are called otherwise."""
    write_drives(tmp_path, ("monday",))
    (tmp_path / "monday" / "top" / "000001.bin").unlink()
    write_voxel_labels(tmp_path / "monday" / "labels" / "000001.npz", toy_drives.labels("monday", 1))
    rig = toy_drives.rig()
    for sensor in (*rig["cameras"], *rig["lidars"]):
        sensor["times"] = {"names": "s"}
    del rig["poses"]
    write_rig(tmp_path / "monday", rig)
    with pytest.raises(InputError, match=r"time_s: expected 2, when its recording was made, found 0.1"):
        config(tmp_path).build()["monday/000001"]


def test_frames_without_labels_are_read_where_none_are_asked_for(tmp_path: Path) -> None:
    write_drives(tmp_path)
    (tmp_path / "monday" / "labels" / "000003.npz").unlink()
    assert len(config(tmp_path).build()) == 2 * FRAMES - 1
    assert len(replace(config(tmp_path), needs=frozenset({"images"})).build()) == 2 * FRAMES
    for number in range(3):
        (tmp_path / "monday" / "labels" / f"{number:06d}.npz").unlink()
    with pytest.raises(InputError, match=r"labels: expected labels/FFFFFF.npz of some frames"):
        config(tmp_path).build()
    assert len(config(tmp_path, partial=True).build()) == FRAMES


def test_one_height_for_all(tmp_path: Path) -> None:
    write_drives(tmp_path)
    write_rig(tmp_path / "monday", {**toy_drives.rig(), "ego_height_m": 1.7})
    with pytest.raises(InputError, match=r"ego_height_m: expected 0, as of all drives, found 1.7"):
        config(tmp_path).build()["monday/000001"]


def test_a_rig_is_read_as_the_drives_were(tmp_path: Path) -> None:
    """What a network of these drives needs of another rig: its own task, at its own height."""
    data = DrivesConfig.as_labelled(write_drives(tmp_path), needs=NEEDS)
    assert (data.task, data.ego_height_m) == (TASK, 0.0)
    rig = RigConfig.of(replace(data, ego_height_m=0.4), tmp_path / "monday" / "rig.json", ("front",))
    assert rig.benchmark.task == TASK and rig.benchmark.ego_height_m == 0.4
    moment = rig.reader().moment("hen cart/000001", frozenset({"points"}), np.random.default_rng(0))
    assert moment.grid == TASK.grid and moment.points is not None
    np.testing.assert_allclose(moment.points[:, 2], toy_drives.scan(1)[:, 2] + 1.5, atol=1e-5)
    usual = RigConfig.of(DrivesConfig(root=tmp_path, needs=NEEDS), tmp_path / "monday" / "rig.json", ("front",))
    assert usual.benchmark.task == STREET


def test_nothing_known_is_255(tmp_path: Path) -> None:
    truth = config(write_drives(tmp_path)).build().truth("monday/000000")
    unknown = torch.from_numpy(toy_drives.labels("monday", 0).state == 0)
    assert torch.equal(truth.classes == IGNORE, unknown)
