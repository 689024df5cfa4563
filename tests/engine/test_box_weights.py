"""The weights that the package brings along: whole, small enough, and of use on a street that they have never seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from voxway.api.load import load
from voxway.api.model import Model
from voxway.core.files import read_json
from voxway.data.street import STREET
from voxway.engine.shipped import ABOUT, FOLDER
from voxway.world import generate
from voxway.world.layouts.rigs import RigsWorldConfig

pytest.importorskip("embreex")
pytestmark = pytest.mark.skipif(
    not (FOLDER / "box" / ABOUT).exists(), reason="this installation brings no weights along"
)


@pytest.fixture(scope="module")
def box() -> Model:
    return load("box")


def test_they_are_small_and_say_where_they_come_from(box: Model) -> None:
    assert sum(one.numel() for one in box.network.parameters()) <= 12_000_000
    assert read_json(FOLDER / "box" / ABOUT, "")["bytes"] <= 15_000_000
    assert box.task == STREET and box.ema and set(box.usual) == {"pictures", "scan", "both"}
    assert "/" not in str(box.data.root), "nobody's folders are packed"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One recording of a street of a seed that nothing was trained on, by a rig with a LiDAR."""
    drawn = RigsWorldConfig(seed=7003, drives={"val-0000": 1})
    return generate(tmp_path_factory.mktemp("street"), drawn, processes=1, progress=False)


@pytest.mark.parametrize(("shown", "least"), [("pictures", 0.25), ("scan", 0.4), ("both", 0.4)])
def test_they_see_a_street(box: Model, street: Path, shown: str, least: float) -> None:
    """Road where the car drives, and more of what is there than the class that voxels have most often: 0.18."""
    data = replace(box.data, root=street, split="val", needs=box.needs | {"target"}, augment=None)
    samples = data.build()
    sample, truth = samples[0], samples.truth(samples.keys[0]).where("lidar")
    assert sample.points is not None and len(sample.points)
    if shown == "pictures":
        sample = replace(sample, points=None)
    if shown == "scan":
        sample = replace(sample, images=None, cameras=None)
    said = box.predict(sample)
    there, known = truth.occupied & truth.known, truth.known
    both, either = (said.occupied & there).sum(), ((said.occupied & known) | there).sum()
    assert both / either > least
    centres = STREET.grid.centres()
    driven = (centres[..., 0].abs() < 15) & (centres[..., 1].abs() < 3)
    road = truth.classes == STREET.class_id("road")
    assert (said.classes[road & driven] == STREET.class_id("road")).float().mean() > 0.9
