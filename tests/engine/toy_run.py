"""Train the toy in a process of its own: ``python -m tests.engine.toy_run FOLDER mean|stages|both|half [slow]``."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from tests.engine.toy import ColoursConfig, ToyConfig, TwoViews
from voxway.engine.distributed import process_group
from voxway.engine.stages import Stage, train_stages
from voxway.engine.teaching.average import AverageTeacherConfig
from voxway.engine.teaching.together import TeachersConfig
from voxway.engine.train import TrainConfig, train

CONFIG = TrainConfig(
    steps=12, batch=2, checkpoint_every=3, log_every=1, learning_rate=1e-2, rate_factors={"backbone": 0.1}
)
HALF = replace(CONFIG, labelled_visits="1/2")
MEAN = AverageTeacherConfig(decay=0.9)
BOTH = TeachersConfig(members=(ColoursConfig(scale=2.0), MEAN))


def stages(data=TwoViews):
    """Three stages: alone, taught by its average with another optimiser, and with a wider head."""
    return [
        Stage(name="alone", method=ToyConfig(), data=data(), train=replace(CONFIG, average_decay=0.9)),
        Stage(name="mean", method=ToyConfig(), data=data(), train=replace(CONFIG, seed=1), teacher=BOTH),
        Stage(name="wide", method=ToyConfig(width=12), data=data(), train=replace(CONFIG, steps=4, rate_factors={})),
    ]


class Slow(TwoViews):
    """Takes its time, so that there is some to be killed in."""

    def views(self, index, seed):
        time.sleep(0.04)
        return super().views(index, seed)

    def __getitem__(self, index):
        time.sleep(0.04)
        return super().__getitem__(index)


def main() -> None:
    folder, what, *slow = sys.argv[1:]
    torch.set_num_threads(1)
    data = Slow if slow else TwoViews
    with process_group("cpu") as group:
        if what == "stages":
            train_stages(stages(data), Path(folder), group=group, show=False)
        elif what == "half":
            train(HALF, ToyConfig(), data(), Path(folder), group=group, show=False)
        else:
            teacher = (MEAN if what == "mean" else BOTH).build()
            train(CONFIG, ToyConfig(), data(), Path(folder), group=group, teacher=teacher, show=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
