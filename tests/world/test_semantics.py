"""Classes of pixels that worlds write: they fit the pictures' scenes, and are read by every dataset's reader."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.world.conftest import TINY, TINY_NUSCENES, contents
from voxway.core.task import IGNORE, SKY
from voxway.data.config import DataConfig
from voxway.data.kitti360.config import KITTI360Config
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.world import generate
from voxway.world.layouts.kitti360 import KITTI360WorldConfig
from voxway.world.layouts.layout import Layout

NEEDS = frozenset({"pseudo_labels", "target"})
KITTI360 = KITTI360WorldConfig(
    seed=3, drives={"2013_05_28_drive_0000_sync": 1}, size_px=(94, 352), columns=256, truth_scans=5, tail=5
)


@pytest.mark.parametrize(
    ("world", "data"),
    [
        (replace(TINY, semantics=True, sequences={"00": 1}), SemanticKITTIConfig(root=Path(), cameras=(2, 3))),
        (replace(KITTI360, semantics=True), KITTI360Config(root=Path(), cameras=(0, 1))),
        (replace(TINY_NUSCENES, semantics=True, scenes={"scene-0001": 1}), Occ3DNuScenesConfig(root=Path())),
    ],
    ids=["semantickitti", "kitti360", "nuscenes"],
)
def test_class_maps_agree_with_voxels(world: Layout, data: DataConfig, tmp_path: Path) -> None:
    generate(tmp_path, world, processes=1, progress=False)
    assert json.loads((tmp_path / "world.json").read_text())["config"]["semantics"] is True
    folder = tmp_path / "class_maps"
    chosen = replace(data, root=tmp_path, partial=True, needs=NEEDS, prepared={"pseudo_labels": folder})
    sample = chosen.build()[0]
    assert sample.cameras is not None and sample.target is not None and sample.pseudo_labels is not None
    maps = sample.pseudo_labels
    seen = (maps != IGNORE).flatten(1).float().mean(1)
    assert (maps == SKY).any()
    told = torch.arange(sample.cameras.count) < (1 if hasattr(chosen, "cameras") else sample.cameras.count)
    assert (seen[told] > 0.5).all() and (seen[~told] == 0).all()
    # The nearest occupied voxel of a pixel is what the pixel shows, most of the time.
    target = sample.target
    index = ((target != IGNORE) & (target != chosen.build().task.free)).nonzero()
    ids, centres = target[tuple(index.T)].long(), sample.grid.centres()
    pixels, depth = sample.cameras.project(centres[tuple(index.T)].double())
    inside = sample.cameras.visible(pixels, depth)
    agreeing = total = 0
    for camera in told.nonzero()[:, 0].tolist():
        shown = inside[camera].nonzero()[:, 0]
        shown = shown[depth[camera, shown].argsort(descending=True)]
        column, row = pixels[camera, shown].long().T
        drawn = torch.full(maps.shape[-2:], -1)
        drawn[row, column] = ids[shown]
        known = (drawn >= 0) & (maps[camera] < SKY)
        agreeing += int((drawn == maps[camera])[known].sum())
        total += int(known.sum())
    assert total > 500 and agreeing > 0.6 * total


def test_a_world_without_them_is_given_them_by_the_same_pictures(tiny: Path, tmp_path: Path) -> None:
    world = replace(TINY, semantics=True)
    generate(tmp_path, world, processes=1, progress=False)
    before = {name: data for name, data in contents(tiny).items() if name != "world.json"}
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert sum(name.startswith("class_maps") for name in after) == 3
    lost = tmp_path / "class_maps" / "08" / "000000.png"
    lost.unlink()
    generate(tmp_path, world, processes=1, progress=False)
    assert contents(tmp_path) == after
