"""Proposals: worked by hand on a few points, from files, and never from voxel labels."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.small_world import execute, linked
from voxway.core.errors import InputError, MissingExtra
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Sample
from voxway.data.files.flags import read_flags
from voxway.data.job import JobOptions
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.layout import read_scan
from voxway.prepare.makers import job
from voxway.prepare.proposals import lidar_points, propose
from voxway.prepare.runner import run

GRID = VoxelGrid(lower=(0.0, -0.4, -0.4), cell=(0.2, 0.2, 0.2), shape=(4, 4, 4))
"""Its half resolution has 2 x 2 x 2 voxels of 0.4 m."""


def test_known_values() -> None:
    points = torch.tensor([
        [0.1, -0.3, -0.1],  # voxel 0 0 0
        [0.39, -0.01, -0.01],  # the same
        [0.4, 0.0, 0.0],  # voxel 1 1 1: lower bounds belong to a voxel
        [0.8, 0.0, 0.0],  # outside: upper bounds do not
        [-0.01, 0.0, 0.0],  # behind
        [0.1, 0.1, 5.0],  # above
    ])  # fmt: skip
    expected = torch.zeros(2, 2, 2, dtype=torch.bool)
    expected[0, 0, 0] = True
    assert torch.equal(propose(points, GRID, 2), expected)
    expected[1, 1, 1] = True
    assert torch.equal(propose(points, GRID), expected)
    assert not propose(points[:0], GRID).any()


def test_earlier_scans_are_moved_into_the_key_frame() -> None:
    """The car drove 2 m forward and turned left by 90 degrees since the earlier scan."""
    pose = torch.tensor([[0.0, -1, 0, 2], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float64)
    cloud = torch.tensor([[3.0, 0, 0, 0.5]])
    before = Sample(key="00/000000", grid=GRID, points=cloud, pose=torch.eye(4, dtype=torch.float64))
    sample = replace(before, key="00/000001", pose=pose, earlier=(before,))
    # (3, 0) of then lies 1 m ahead of where the car is now, which is to its right.
    torch.testing.assert_close(lidar_points(sample), torch.tensor([[3.0, 0, 0], [0, -1, 0]]))


def config(root: Path, needs: tuple[str, ...] = ("images", "proposals", "target")) -> SemanticKITTIConfig:
    return SemanticKITTIConfig(root=root, needs=frozenset(needs), partial=True)


def prepare_proposals(
    data: SemanticKITTIConfig, folder: Path, source: str, sweeps: int | None = None, shard: tuple[int, int] = (0, 1)
) -> int:
    return run(job("proposals", data, folder, JobOptions(source=source, sweeps=sweeps)), shard=shard, show=False)


def test_lidar_proposals_are_the_voxels_that_the_scan_hits(small_world: Path, tmp_path: Path) -> None:
    assert prepare_proposals(config(small_world), tmp_path, "lidar") == 2
    grid = SEMANTIC_KITTI.grid.coarsen(2)
    for frame in ("000000", "000005"):
        flags = read_flags(tmp_path / "00" / "queries" / f"{frame}.query", grid)
        points = read_scan(small_world / "sequences" / "00" / "velodyne" / f"{frame}.bin")[:, :3]
        index = np.floor((points - np.array([0, -25.6, -2.0])) / 0.4).astype(int)
        inside = ((index >= 0) & (index < grid.shape)).all(1)
        own = np.zeros(grid.shape, bool)
        own[tuple(index[inside].T)] = True
        assert (own ^ flags).sum() <= 0.002 * own.sum()  # a point on a border may round either way


def test_more_sweeps_propose_more(small_world: Path, tmp_path: Path) -> None:
    prepare_proposals(config(small_world), tmp_path / "one", "lidar")
    prepare_proposals(config(small_world), tmp_path / "three", "lidar", sweeps=3)
    one, three = (
        read_flags(tmp_path / name / "00/queries/000005.query", SEMANTIC_KITTI.grid.coarsen(2))
        for name in ("one", "three")
    )
    assert (one <= three).all() and three.sum() > 1.2 * one.sum()


def test_stereo_proposals_agree_with_the_scan(small_world: Path, tmp_path: Path) -> None:
    """Near the car, most voxels that stereo proposes have a LiDAR point in or next to them."""
    pytest.importorskip("cv2")
    prepare_proposals(config(small_world), tmp_path / "stereo", "stereo")
    prepare_proposals(config(small_world), tmp_path / "lidar", "lidar", sweeps=6)
    grid = SEMANTIC_KITTI.grid.coarsen(2)
    stereo, lidar = (
        torch.from_numpy(read_flags(tmp_path / name / "00/queries/000005.query", grid)) for name in ("stereo", "lidar")
    )
    near = torch.nn.functional.max_pool3d(lidar[None].float(), 5, 1, 2)[0] > 0
    assert (stereo & near)[:40].sum() > 0.8 * stereo[:40].sum() > 0


@pytest.mark.parametrize("source", ["lidar", "stereo"])
def test_voxel_labels_are_never_read(small_world: Path, tmp_path: Path, source: str) -> None:
    """Without any label the proposals are the same, bit for bit."""
    if source == "stereo":
        pytest.importorskip("cv2")
    bare = linked(small_world, tmp_path / "bare")
    for sequence in ("00", "08"):
        for folder in ("voxels", "labels"):
            shutil.rmtree(bare / "sequences" / sequence / folder)
    keys = ("00/000000", "00/000005", "08/000000")
    for root, out in ((small_world, "with"), (bare, "without")):
        command = ("prepare", "proposals", "--root", root, "--source", source, "--out", tmp_path / out)
        assert execute(*command, "--keys", *keys) == 0
    for key in keys:
        name = key.replace("/", "/queries/") + ".query"
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_shards_share_a_folder(small_world: Path, tmp_path: Path) -> None:
    made = [prepare_proposals(config(small_world), tmp_path, "lidar", shard=(i, 3)) for i in range(3)]
    assert made == [1, 1, 0]


def test_sweeps_need_poses(small_world: Path, tmp_path: Path) -> None:
    root = linked(small_world, tmp_path / "root")
    (root / "sequences" / "00" / "poses.txt").unlink()
    assert prepare_proposals(config(root), tmp_path / "one", "lidar") == 2
    with pytest.raises(InputError, match=r"poses\.txt"):
        prepare_proposals(config(root), tmp_path / "two", "lidar", sweeps=2)


def test_stereo_without_opencv(small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r"voxway\[stereo\]"):
        prepare_proposals(config(small_world), tmp_path, "stereo")
    assert execute("prepare", "proposals", "--root", small_world, "--source", "stereo", "--out", tmp_path) == 2
    assert not list(tmp_path.rglob("*.query"))
