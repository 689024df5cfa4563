"""A network whose loss changes in the course of training is told how far it is, also after a stop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests.engine.toy import Plain, Toy, ToyConfig
from voxway.engine.train import TrainConfig, train
from voxway.methods import registry
from voxway.methods.contract import Paced

HEARD: list[float] = []


@dataclass(frozen=True, kw_only=True)
class PacedConfig(ToyConfig):
    def build(self):
        return PacedToy(self)


class PacedToy(Toy):
    progress = 1.0

    def loss(self, prediction, batch):
        HEARD.append(self.progress)
        return super().loss(prediction, batch)


registry.register("paced toy", registry.Entry(config=PacedConfig))


class Stopping(Plain):
    """Data that is interrupted at the fifth sample."""

    def __init__(self):
        self.read = 0

    def __getitem__(self, index):
        self.read += 1
        if self.read == 5:
            raise KeyboardInterrupt
        return super().__getitem__(index)


def test_progress_is_a_share_of_all_steps(tmp_path):
    HEARD.clear()
    config = TrainConfig(steps=4, batch=2, micro_batch=1, checkpoint_every=1)
    assert isinstance(PacedConfig().build(), Paced) and PacedConfig().build().progress == 1
    with pytest.raises(KeyboardInterrupt):
        train(config, PacedConfig(), Stopping(), tmp_path / "run", show=False)
    train(replace(config), PacedConfig(), Plain(), tmp_path / "run", show=False)
    assert HEARD == [0.0, 0.0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75]
