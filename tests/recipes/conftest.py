"""A synthetic world with the class of every pixel, for recipes that learn from pseudo-labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.small_world import WORLD, linked
from voxway.world import generate
from voxway.world.layouts.semantickitti import WorldConfig


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of split train, one of split val."""
    pytest.importorskip("embreex")
    config: WorldConfig = replace(WORLD, semantics=True)
    return generate(tmp_path_factory.mktemp("labelled") / "world", config, processes=1, progress=False)


@pytest.fixture(scope="session")
def ten_frames(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames of split train: the same drive under five names. A tenth of them is 04/000005."""
    root = linked(world, tmp_path_factory.mktemp("ten") / "world")
    for name in ("01", "02", "03", "04"):
        for folder in ("sequences", "class_maps"):
            linked(world / folder / "00", root / folder / name)
    return root
