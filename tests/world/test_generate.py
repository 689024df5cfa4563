"""Worlds on disk: genuine layout, the same bytes however made, resumable, clear errors."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.world.conftest import TINY, contents
from voxway.core.errors import InputError, MissingExtra
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import (
    SequenceFiles,
    read_calibration,
    read_point_labels,
    read_poses,
    read_scan,
    read_times,
    read_voxel_flags,
    read_voxel_labels,
)
from voxway.truth.semantickitti import voxels_of_scan
from voxway.world import generate
from voxway.world.layouts.semantickitti import WorldConfig


@pytest.mark.parametrize("name", list(TINY.sequences))
def test_layout_is_genuine(tiny: Path, name: str) -> None:
    files, count = SequenceFiles(tiny, name), TINY.frames(name)
    calibration = read_calibration(files.calibration)
    assert files.scans() == list(range(count))
    assert files.frames() == list(TINY.keys(name))
    assert len(read_times(files.times)) == count
    poses = read_poses(files.poses, calibration.T_cam_velo)
    assert len(poses) == count
    np.testing.assert_allclose(poses[0], np.eye(4), atol=1e-9)
    step = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    assert (step > 0.3).all()
    assert (step < 1.3).all()
    assert 0.5 < calibration.baseline < 0.6
    for frame in range(count):
        points = read_scan(files.scan(frame))
        read_point_labels(files.point_labels(frame), len(points))
        assert np.linalg.norm(points[:, :3], axis=1).max() < 81
        assert points[:, 3].min() >= 0
        assert points[:, 3].max() <= 1
    for key in TINY.keys(name):
        for camera in (2, 3):
            assert Image.open(files.image(camera, key)).size == TINY.size_px[::-1]
        labels = read_voxel_labels(files.voxels(key, "label"))
        invalid, occluded = (read_voxel_flags(files.voxels(key, kind)) for kind in ("invalid", "occluded"))
        assert 0.002 < (labels > 0).mean() < 0.2
        assert not (invalid & (labels > 0)).any()
        assert occluded[labels > 0].all()


def test_bin_is_the_voxelized_scan(tiny: Path) -> None:
    files = SequenceFiles(tiny, "00")
    points = read_scan(files.scan(5))
    labels = read_point_labels(files.point_labels(5), len(points))
    np.testing.assert_array_equal(
        read_voxel_flags(files.voxels(5, "bin")), voxels_of_scan(points, labels, SEMANTIC_KITTI.grid)
    )


def test_stereo_images_differ_and_carry_contrast(tiny: Path) -> None:
    files = SequenceFiles(tiny, "08")
    left, right = (np.asarray(Image.open(files.image(camera, 0))).astype(float) for camera in (2, 3))
    assert np.abs(left - right).mean() > 2
    assert left.std() > 20
    assert 40 < left.mean() < 215


def test_two_processes_write_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    again = generate(tmp_path, TINY, processes=2, progress=False)
    assert contents(again) == contents(tiny)


def test_another_seed_is_another_world(tiny: Path, tmp_path: Path) -> None:
    small = replace(TINY, seed=4, sequences={"08": 1}, tail=0, stereo=False)
    other = SequenceFiles(generate(tmp_path, small, processes=1, progress=False), "08")
    here = SequenceFiles(tiny, "08")
    assert other.scan(0).read_bytes() != here.scan(0).read_bytes()
    assert other.image(2, 0).read_bytes() != here.image(2, 0).read_bytes()
    assert not other.image(3, 0).exists()


def test_a_stopped_run_goes_on_to_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    whole = contents(tiny)
    lost = ("00/poses", "00/image_2/000005", "00/labels/000003", "00/voxels/000005.invalid", "08/velodyne/000001")
    for path, data in whole.items():
        if not any(name in path for name in lost):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
    kept = root / "sequences/00/velodyne/000000.bin"
    (root / "sequences/00/velodyne/.000001.bin.x.part").write_bytes(b"half")
    before = kept.stat().st_mtime_ns
    generate(root, TINY, processes=1, progress=False)
    assert contents(root) == whole
    assert kept.stat().st_mtime_ns == before


def test_another_configuration_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text(json.dumps(replace(TINY, columns=512).to_json()))
    with pytest.raises(InputError, match="columns"):
        generate(tmp_path, TINY, processes=1, progress=False)


def test_a_foreign_file_in_place_of_the_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text("[]")
    with pytest.raises(InputError, match="contents"):
        generate(tmp_path, TINY, processes=1, progress=False)


def test_missing_embreex_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embreex", None)
    with pytest.raises(MissingExtra, match=r"voxway\[world\]"):
        generate(tmp_path, TINY, processes=1, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": 0}, "columns"),
        ({"size_px": (0, 10)}, "size_px"),
        ({"sequences": {}}, "sequences"),
        ({"sequences": {"00": 0}}, "sequences"),
        ({"sequences": {"street": 3}}, "two digits"),
        ({"tail": -1}, "tail"),
    ],
)
def test_configurations_are_checked(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WorldConfig(**change)


def test_voxel_classes_are_of_the_benchmark(tiny: Path) -> None:
    files = SequenceFiles(tiny, "00")
    trained = SEMANTIC_KITTI.to_train(read_voxel_labels(files.voxels(0, "label")), files.voxels(0, "label"))
    assert {SEMANTIC_KITTI.task.class_id(name) for name in ("road", "sidewalk", "vegetation")} <= set(
        np.unique(trained)
    )
