"""The baseline that every trained network has to beat: each voxel's most frequent class, whatever the image shows."""

from __future__ import annotations

import torch
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.progress import tracked
from voxway.core.sample import Batch
from voxway.core.task import IGNORE, Task
from voxway.engine.evaluate import Predictor
from voxway.engine.visits import Samples


def most_frequent_class(data: Samples, task: Task, show: bool = True) -> UInt8[Tensor, "x y z"]:
    """The class that each voxel has most often in the data, the smaller id on a tie; free where nothing is known."""
    classes = len(task.classes)
    counts = torch.zeros(task.grid.count, classes, dtype=torch.int16)
    for index in tracked(range(len(data)), "counting classes", len(data), show):
        target = data[index].target
        if target is None:
            raise ValueError(f"sample {data[index].key} has no target")
        known = (target.flatten() != IGNORE).nonzero()[:, 0]
        counts.view(-1)[known * classes + target.flatten()[known].long()] += 1
    winners = counts.argmax(1).to(torch.uint8)
    winners[counts.sum(1) == 0] = task.free
    return winners.view(task.grid.shape)


def constant_predictor(volume: UInt8[Tensor, "x y z"]) -> Predictor:
    """Predict the same volume for every sample."""

    def predict(batch: Batch) -> Tensor:
        return volume.expand(len(batch), *volume.shape)

    return predict
