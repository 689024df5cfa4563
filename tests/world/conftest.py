"""A tiny world and one street, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxway.world import WorldConfig, generate
from voxway.world.scene import Caster
from voxway.world.street import Street, build_street

pytest.importorskip("embreex")

TINY = WorldConfig(
    seed=3,
    sequences={"00": 2, "08": 1},
    size_px=(92, 306),
    columns=256,
    truth_scans=5,
    tail=2,
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a world of three key frames."""
    return generate(tmp_path_factory.mktemp("world"), TINY, processes=1, progress=False)


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
