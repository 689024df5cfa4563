"""Evidence from a dataset's scans: agrees with its truth, puts earlier scans where they belong, reads no label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tests.data import toy_nuscenes
from tests.data.toys import nuscenes
from tests.small_world import execute, linked
from voxway.core.task import IGNORE
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.prepare.makers import job
from voxway.prepare.ready import ready


def test_it_agrees_with_the_truth_and_reads_no_label(small_world: Path, tmp_path: Path) -> None:
    world = linked(small_world, tmp_path / "world")
    data = SemanticKITTIConfig(root=world, needs=frozenset({"evidence", "target"}), partial=True)
    sample = ready(data, {}, tmp_path / "cache", show=False).build()[0]
    assert sample.evidence is not None and sample.target is not None
    said, known = sample.evidence, sample.target != IGNORE
    occupied, free = (said == 2) & known, (said == 1) & known
    assert occupied.sum() > 500 and free.sum() > 5000
    assert (sample.target[occupied] != 0).float().mean() > 0.9
    assert (sample.target[free] == 0).float().mean() > 0.9
    for folder in ("labels", "voxels"):
        for path in world.glob(f"sequences/*/{folder}/*"):
            path.unlink()
    again = SemanticKITTIConfig(root=world, needs=frozenset({"evidence"}), keys=(sample.key,))
    there = ready(again, {}, tmp_path / "other", show=False).build()[0]
    assert there.evidence is not None and torch.equal(there.evidence, said)


def test_more_scans_say_more(small_world: Path, tmp_path: Path) -> None:
    counts = []
    for sweeps in (1, 3):
        out = tmp_path / str(sweeps)
        arguments = ("prepare", "evidence", "--root", small_world, "--split", "train", "--sweeps", sweeps, "--out", out)
        assert execute(*arguments) == 0
        data = SemanticKITTIConfig(
            root=small_world, needs=frozenset({"evidence"}), prepared={"evidence": out}, partial=True
        )
        found = data.build()[1].evidence
        assert found is not None
        counts.append(int((found > 0).sum()))
    assert counts[1] > 1.1 * counts[0]


def test_rays_begin_at_the_lidar_of_a_car_with_several_sweeps(tmp_path: Path) -> None:
    config = nuscenes(toy_nuscenes.write_nuscenes(tmp_path / "ring")).config
    data = replace(config, needs=frozenset({"evidence"}))
    making = job("evidence", data, tmp_path / "out")
    key = making.keys[0]
    making.make(key, making.target(key))
    origin = config.raw("lidar_origin").build()[key].extras["lidar_origin"]
    assert origin.shape == (3,) and float(origin[2]) > 0.5
    read = replace(data, prepared={"evidence": tmp_path / "out"}).build()[key]
    assert read.evidence is not None and (read.evidence == 2).any()
    assert np.isin(read.evidence.numpy(), (0, 1, 2)).all()
