"""Tiny worlds and one street, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxway.world import generate
from voxway.world.layouts.nuscenes import NuScenesWorldConfig
from voxway.world.layouts.semantickitti import WorldConfig
from voxway.world.layouts.waymo import WaymoWorldConfig
from voxway.world.sensors.scene import Caster
from voxway.world.street.street import Street, build_street

pytest.importorskip("embreex")

TINY = WorldConfig(
    seed=3,
    sequences={"00": 2, "08": 1},
    size_px=(92, 306),
    columns=256,
    truth_scans=5,
    tail=2,
)
TINY_NUSCENES = NuScenesWorldConfig(
    seed=5,
    # Many tests look at the last one, whose street is still at hand.
    scenes={"scene-0003": 1, "scene-0001": 3},
    width_px=192,
    columns=240,
    sweeps_per_key=5,
    truth_sweeps=10,
    truth_stride=5,
    tail=10,
    openoccupancy=True,
    surroundocc=True,
)
TINY_WAYMO = WaymoWorldConfig(
    seed=5,
    training={"000": 1},
    validation={"000": 2},
    width_px=192,
    columns=160,
    truth_frames=6,
    truth_stride=3,
    tail=6,
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a world of three key frames."""
    return generate(tmp_path_factory.mktemp("world"), TINY, processes=1, progress=False)


@pytest.fixture(scope="session")
def tiny_nuscenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a world of four key frames in two scenes, in nuScenes' layout."""
    return generate(tmp_path_factory.mktemp("nuscenes"), TINY_NUSCENES, processes=1, progress=False)


@pytest.fixture(scope="session")
def tiny_waymo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a world of three frames in two sequences, in Waymo's layout."""
    return generate(tmp_path_factory.mktemp("waymo"), TINY_WAYMO, processes=1, progress=False)


@pytest.fixture(scope="session")
def street() -> Street:
    """A street of 12 seconds."""
    return build_street(1, "00", 120)


@pytest.fixture(scope="session")
def static(street: Street) -> Caster:
    """What stands in it, ready for rays."""
    return Caster(street.static)


def contents(root: Path) -> dict[str, bytes]:
    """Every file of a world by its path under the root."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
