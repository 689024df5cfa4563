"""Evaluation: predictions against truth, counted once each, whatever the number of processes."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from voxway.core.occupancy import Occupancy
from voxway.core.progress import progress_bar
from voxway.core.result import Protocol
from voxway.core.sample import Batch, Sample, collate
from voxway.core.task import Task
from voxway.engine.distributed import Group
from voxway.engine.loading import explained_workers, read_ahead
from voxway.engine.visits import Samples

Predictor = Callable[[Batch], UInt8[Tensor, "b x y z"]]
"""Anything that says a class for every voxel, on the CPU."""
P = typing.TypeVar("P")
P_contra = typing.TypeVar("P_contra", contravariant=True)
R = typing.TypeVar("R")


@typing.runtime_checkable
class Metric(typing.Protocol[P_contra, R]):
    """What a benchmark's protocol offers (`voxway.metrics`), of predictions of one kind: mostly classes."""

    def update(self, target: Tensor, prediction: P_contra, masks: Mapping[str, Tensor], keys: Sequence[str], /) -> None:
        """Count one batch; `masks` are the batch's, of which each protocol applies its own, `keys` name its frames."""
        ...

    def reduce(self) -> None:
        """Add up what all processes counted, so that each knows the whole."""
        ...

    def results(self, protocol: Protocol, name: str = "") -> list[R]:
        """Results of everything counted; the first is the benchmark's main one."""
        ...


def network_predictor(network: nn.Module) -> Predictor:
    """Predict with a network in evaluation mode, without gradients; scores that are no numbers are refused."""

    def predict(batch: Batch) -> Tensor:
        network.eval()
        with torch.no_grad():
            return network(batch).finite(batch.keys).classes.cpu()

    return predict


def evaluate(
    predict: Callable[[Batch], P],
    data: Samples,
    metric: Metric[P, R],
    protocol: Protocol,
    *,
    name: str = "",
    group: Group | None = None,
    workers: int = 0,
    show: bool = True,
) -> list[R]:
    """Score a predictor on samples that have a target.

    Every process scores every `group.size`-th sample; the counts are whole numbers and are summed, so any number of
    processes gives the same result.

    Args:
        predict: says what the metric counts: of most a class for every voxel, on the CPU.
        data: samples with targets.
        metric: the benchmark's protocol, empty; it is filled.
        protocol: what is fixed about this evaluation; counts of samples are filled in.
        name: whose result it is.
        group: the processes that share the work.
        workers: processes that read samples.
        show: draw a progress bar.
    """
    group = group or Group()
    mine = range(group.rank, len(data), group.size)
    batches = read_ahead(_Reading(data, mine), len(mine), workers)
    with explained_workers(), progress_bar("evaluating", len(mine), show=show and group.leads) as bar:
        for batch in batches:
            metric.update(batch.need("target"), predict(batch.to(group.device)), batch.masks, batch.keys)
            bar.advance()
    metric.reduce()
    return metric.results(protocol, name)


def predictions(
    predict: Predictor, data: Samples, task: Task, *, group: Group | None = None, show: bool = True
) -> Iterator[tuple[Sample, Occupancy]]:
    """Each sample with what is predicted for it; of several processes, each predicts its share."""
    group = group or Group()
    mine = range(group.rank, len(data), group.size)
    with progress_bar("predicting", len(mine), show=show and group.leads) as bar:
        for index in mine:
            sample = data[index]
            classes = predict(collate([sample]).to(group.device))[0]
            yield sample, Occupancy(task=task, classes=classes, pose=sample.pose, key=sample.key)
            bar.advance()


@dataclass(frozen=True)
class _Reading:
    """Batches of one sample; an object, so that it can be sent to other processes."""

    data: Samples
    indices: range

    def __call__(self, number: int) -> Batch:
        """The batch of one sample."""
        return collate([self.data[self.indices[number]]])
