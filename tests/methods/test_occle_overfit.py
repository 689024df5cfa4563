"""OccLE learns two streets by heart: with labels nearly all of them, with pseudo-labels alone what is to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.methods.streets import street
from tests.methods.tiny import TINY
from voxway.core.sample import Sample, collate
from voxway.core.task import IGNORE
from voxway.engine.model_files import load_model
from voxway.engine.schedule import Schedule
from voxway.engine.train import train
from voxway.engine.train_config import TrainConfig
from voxway.methods.occle import OccLEConfig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
TWO = [street(number) for number in range(2)]
RUN = TrainConfig(
    steps=300, batch=2, learning_rate=5e-3, clip_norm=10.0, schedule=Schedule(warmup_steps=10, final_factor=0.01)
)


class Streets:
    """Both of them, with labels or without."""

    keys = tuple(one.sample.key for one in TWO)

    def __init__(self, labelled: bool) -> None:
        self.labelled = (labelled,) * len(TWO)

    def __len__(self) -> int:
        return len(TWO)

    def __getitem__(self, index: int) -> Sample:
        one = TWO[index].sample
        unknown = torch.full(one.grid.shape, IGNORE, dtype=torch.uint8)
        return one if self.labelled[index] else replace(one, target=unknown, labelled=False)


def learnt(folder: Path, labelled: bool, **supervision: object) -> Sequence[torch.Tensor]:
    """What the network says of the streets after training on them."""
    tiny = TINY["occle"]
    assert isinstance(tiny, OccLEConfig)
    config = replace(tiny, frames=1, branch_rate=1.0, encoder_rate=1.0)
    config = replace(config, supervision=replace(config.supervision, **supervision))
    train(RUN, config, Streets(labelled), folder, show=False)
    network = load_model(folder / "model")
    with torch.no_grad():
        return [network(collate([one.sample])).classes[0] for one in TWO]


def test_labels_are_learnt_by_heart(tmp_path: Path) -> None:
    said = torch.stack(learnt(tmp_path, labelled=True))
    truth = torch.stack([one.sample.target for one in TWO])
    there = [label for label in truth.unique().tolist() if label]
    scores = [((said == i) & (truth == i)).sum() / ((said == i) | (truth == i)).sum() for i in there]
    assert len(there) == 5 and sum(scores) / len(scores) > 0.9


def test_surfaces_are_named_from_pseudo_labels_alone(tmp_path: Path) -> None:
    """No voxel label, but pixels and rays. Voxels in which lines of sight end are named better than by the class that
    most of them have. Of free space the prediction hears from pixels of the sky alone, so that it is not counted."""
    said = learnt(tmp_path, labelled=False, projection_mode="visible")
    for classes, one in zip(said, TWO, strict=True):
        truth = one.sample.target[one.hit]
        right = (classes[one.hit] == truth).float().mean()
        assert right > 0.75 > truth.bincount().max() / len(truth)


def test_what_is_visible_is_told_from_pseudo_labels_and_rays(tmp_path: Path) -> None:
    """Where rays teach the prediction, free space counts, too."""
    said = learnt(tmp_path, labelled=False, projection_mode="visible", predicted_evidence=0.5)
    for classes, one in zip(said, TWO, strict=True):
        seen = one.hit | one.passed
        truth = one.sample.target[seen]
        right = (classes[seen] == truth).float().mean()
        assert right > truth.bincount().max() / len(truth)
