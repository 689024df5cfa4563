"""Worlds of random rigs: drawn alike from a seed, resumed to the same bytes, read as drives of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.world.conftest import contents
from voxway.core.errors import InputError
from voxway.data.drives.check import check_drives
from voxway.data.drives.config import DrivesConfig
from voxway.data.street import STREET
from voxway.world import generate
from voxway.world.layouts.rigs import RigsWorldConfig, rigs_world
from voxway.world.layouts.rigs.rig import RandomRig, draw_rig

TINY = RigsWorldConfig(
    seed=1, drives={"train-0001": 2, "val-0000": 1}, width_px=96, columns=120, truth_scans=1, truth_stride=5
)
"""The first has one camera and a LiDAR, the second a ring of six."""


def drawn(seed: int) -> RandomRig:
    return draw_rig(np.random.default_rng(seed), 480, 540)


def test_rigs_are_unlike_and_possible() -> None:
    rigs = [drawn(seed) for seed in range(60)]
    assert {len(rig.cameras) for rig in rigs} == {1, 2, 3, 4, 5, 6}
    assert {len(rig.lidar.elevation) for rig in rigs if rig.lidar is not None} == {16, 32, 64, 128}
    assert 10 < sum(rig.lidar is None for rig in rigs) < 40
    for rig in rigs:
        for camera in rig.cameras.values():
            assert 1.1 < camera.T_vehicle_cam[2, 3] < 2.3 and abs(camera.T_vehicle_cam[2, 2]) < np.sin(np.radians(6))
            across = 2 * np.degrees(np.arctan(camera.size_px[1] / 2 / camera.K[0, 0]))
            assert 35 < across < 120
            np.testing.assert_allclose(
                camera.T_vehicle_cam[:3, :3] @ camera.T_vehicle_cam[:3, :3].T, np.eye(3), atol=1e-9
            )
    one, again, other = drawn(3), drawn(3), drawn(4)
    assert one.response == again.response != other.response


def test_a_world_is_resumed_to_the_same_bytes_and_read(tmp_path: Path) -> None:
    generate(tmp_path, TINY, processes=1, progress=False)
    whole = contents(tmp_path)
    lost = [name for name in sorted(whole) if name != "world.json"][::3]
    for name in lost:
        (tmp_path / name).unlink()
    generate(tmp_path, TINY, processes=1, progress=False)
    assert contents(tmp_path) == whole and len(lost) > 3
    data = DrivesConfig(root=tmp_path, needs=frozenset({"images", "points", "target"}))
    samples = data.build()
    assert samples.keys == ("train-0001/000000", "train-0001/000001")
    assert check_drives(data, 2).usable
    sample = samples[1]
    assert sample.points is not None and sample.target is not None and sample.cameras is not None
    index = STREET.grid.index(sample.points[:, :3])
    classes = sample.target[tuple(index[STREET.grid.holds(index)].T)]
    assert (classes == STREET.free).float().mean() < 0.15, "the rig's own LiDAR meets what the labels hold"
    road = (sample.target == STREET.class_id("road")).nonzero()[:, 2]
    assert road.float().mean() * 0.4 - 0.8 == pytest.approx(0, abs=0.4), "the road is at height 0"
    ring = DrivesConfig(root=tmp_path, split="val", needs=frozenset({"images", "target"})).build()[0]
    assert ring.images is not None and len(ring.images) == 6 and ring.masks["camera"].any()


def test_odd_configurations_are_refused() -> None:
    with pytest.raises(ValueError, match="named like 'train-0001' or 'val-0001', got 'street'"):
        RigsWorldConfig(drives={"street": 1})
    with pytest.raises(ValueError, match="truth_scans must be at least 0"):
        RigsWorldConfig(truth_scans=-1)
    with pytest.raises(InputError, match="1 to 9999 drives"):
        rigs_world(1, 1, 0)
    assert dict(rigs_world(5, 2, 4).drives) == {
        "train-0000": 2, "train-0001": 1, "train-0002": 1, "train-0003": 1, "val-0000": 2
    }  # fmt: skip
