"""Worlds of random rigs: drawn alike from a seed, resumed to the same bytes, read as drives of one's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.world.conftest import contents
from voxway.core.errors import InputError
from voxway.core.task import IGNORE
from voxway.data.drives.check import check_drives
from voxway.data.drives.config import DrivesConfig
from voxway.data.street import STREET
from voxway.world import generate
from voxway.world.layouts.rigs import RigsWorldConfig, rigs_world
from voxway.world.layouts.rigs.rig import RandomRig, draw_rig
from voxway.world.sensors.odd_camera import OddCamera
from voxway.world.street.light import Light
from voxway.world.street.shift import shifted_light

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


def test_all_drives_may_have_the_rig_of_one(tmp_path: Path) -> None:
    """The same cameras and LiDAR, on streets of their own; a plan without it is said as it always was."""
    alike = replace(TINY, rig_of="train-0001", drives={"train-0001": 1, "train-0002": 1})
    generate(tmp_path, alike, processes=1, progress=False)
    one, other = DrivesConfig(root=tmp_path, needs=frozenset({"images", "points"})).build()
    assert one.cameras is not None and other.cameras is not None and torch.equal(one.cameras.K, other.cameras.K)
    assert one.images is not None and other.images is not None and not torch.equal(one.images, other.images)
    assert TINY.to_json()["config"].keys() == alike.to_json()["config"].keys() - {"rig_of"}  # ty: ignore


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


def test_a_shifted_world_looks_like_none_that_is_usual(tmp_path: Path) -> None:
    """Other light, surfaces, cameras and shapes; labels that LiDAR still agrees with."""
    plans = {"usual": TINY, "shifted": replace(TINY, shifted=True)}
    usual, shifted = (generate(tmp_path / name, plan, processes=1, progress=False) for name, plan in plans.items())
    needs = frozenset({"images", "points", "target"})
    one, other = (DrivesConfig(root=root, needs=needs).build()[1] for root in (usual, shifted))
    assert one.cameras is not None and other.cameras is not None
    assert torch.equal(one.cameras.K, other.cameras.K), "the rig is the same"
    assert (one.images.float() - other.images.float()).abs().mean() > 20  # ty: ignore
    assert one.target is not None and other.target is not None and other.points is not None
    known = (one.target != IGNORE) & (other.target != IGNORE)
    assert (one.target[known] != other.target[known]).float().mean() > 0.02
    index = STREET.grid.index(other.points[:, :3])
    classes = other.target[tuple(index[STREET.grid.holds(index)].T)]
    assert (classes == STREET.free).float().mean() < 0.15


def test_shifted_light_surfaces_and_cameras() -> None:
    usual = [Light.draw(np.random.default_rng(seed)) for seed in range(40)]
    for seed in range(40):
        light = shifted_light(np.random.default_rng(seed))
        low = light.sun[2] < min(one.sun[2] for one in usual)
        assert low or light.visibility_m < 100 or light.sunshine.max() < 0.1
        assert np.linalg.norm(light.sun) == pytest.approx(1, abs=1e-5)
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    camera = OddCamera.draw(np.random.default_rng(1))
    odd, again = (camera(picture, np.random.default_rng(2)) for _ in range(2))
    np.testing.assert_array_equal(odd, again)
    assert odd.shape == picture.shape and odd.dtype == np.uint8 and (odd != picture).mean() > 0.5
    none = replace(camera, fringe_px=(0, 0), smear_px=1, stripes=0.0, grain=0.0, curve=0.0, flare=0.0)
    np.testing.assert_array_equal(none(picture, np.random.default_rng(2)), picture)
