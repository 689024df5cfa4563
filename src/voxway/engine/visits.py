"""Which samples are visited at which step, and as what. Pure functions of seed and step, so that resuming and more
processes change nothing."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from voxway.core.sample import Batch, Sample, collate
from voxway.engine.distributed import Group
from voxway.engine.loading import read_ahead
from voxway.engine.train_config import TrainConfig


@runtime_checkable
class Samples(Protocol):
    """What the engine asks of data: a sequence of samples with their keys."""

    @property
    def keys(self) -> Sequence[str]:
        """Names of the samples, in order."""
        ...

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def __getitem__(self, index: int, /) -> Sample:
        """Read one sample."""
        ...


@runtime_checkable
class Augmented(Samples, Protocol):
    """Data that can alter its samples at random for training."""

    def augmented(self, index: int, seed: int) -> Sample:
        """Read one sample, altered; the same seed alters it in the same way."""
        ...


@runtime_checkable
class Viewed(Samples, Protocol):
    """Data that can show a sample twice, altered strongly for a student and weakly for its teacher."""

    def views(self, index: int, seed: int) -> tuple[Sample, Sample]:
        """The student's view of one sample and the teacher's; the same seed gives the same two.

        What moves voxels (flips, turns) must be the same in both, since predictions are compared voxel by voxel.
        """
        ...


class Visits:
    """Samples by (index, seed): altered where the data can alter them, as they are where it cannot.

    Args:
        data: the samples.
        own_view: whether a teacher is shown a view of its own, if the data offers two.
    """

    def __init__(self, data: Samples, own_view: bool = False) -> None:
        self.data, self.own_view = data, own_view

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, visit: tuple[int, int]) -> tuple[Sample, ...]:
        """What is seen at one visit: one sample, or the student's view and the teacher's."""
        index, seed = visit
        if self.own_view and isinstance(self.data, Viewed):
            return self.data.views(index, seed)
        return (self.data.augmented(index, seed) if isinstance(self.data, Augmented) else self.data[index],)


@dataclass(frozen=True, kw_only=True)
class MicroBatch:
    """Samples that pass through the network together."""

    number: int
    """Which of its step's micro-batches, from 0."""
    batch: Batch
    """What the student sees."""
    shown: Batch
    """What the teacher sees; the same object where there is one view."""


def steps_left(
    config: TrainConfig, data: Samples, first: int, group: Group, *, own_view: bool = False
) -> Iterator[tuple[int, list[MicroBatch]]]:
    """For every step from number `first` on, this process's micro-batches, on its device."""
    plan = [
        (step, [(n, m) for n, m in enumerate(micro) if n % group.size == group.rank])
        for step in range(first, config.steps)
        for micro in [_planned(config, step, len(data))]
    ]
    visits = [visits for _, mine in plan for _, visits in mine]
    reading = read_ahead(_Reading(Visits(data, own_view), visits), len(visits), config.workers)
    for step, mine in plan:
        parts = []
        for number, _ in mine:
            batch, *others = (view.to(group.device) for view in next(reading))
            parts.append(MicroBatch(number=number, batch=batch, shown=others[0] if others else batch))
        yield step, parts


@dataclass(frozen=True)
class _Reading:
    """What is seen at planned visits, batch by batch; an object, so that it can be sent to other processes."""

    seen: Visits
    plan: Sequence[Sequence[tuple[int, int]]]

    def __call__(self, number: int) -> tuple[Batch, ...]:
        """The views of one micro-batch."""
        samples = [self.seen[visit] for visit in self.plan[number]]
        return tuple(collate(views) for views in zip(*samples))


def _planned(config: TrainConfig, step: int, count: int) -> list[list[tuple[int, int]]]:
    """The step's micro-batches: which samples, and the seed with which each is altered."""
    indices = micro_batches(step, count, config.batch, config.micro_batch, config.seed)
    seeds = visit_seeds(step, config.batch, config.micro_batch, config.seed)
    return [list(zip(*micro)) for micro in zip(indices, seeds)]


@functools.lru_cache(maxsize=2)
def _permutation(count: int, seed: int, epoch: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(count, generator=generator).tolist()


def micro_batches(step: int, count: int, batch: int, micro: int, seed: int) -> list[list[int]]:
    """Sample indices of one step (from 0), split into micro-batches.

    Every epoch is a fresh permutation; a batch may span two epochs, so that no sample is ever left out.

    Args:
        step: which step, from 0.
        count: samples in the data.
        batch: samples per step, all processes together.
        micro: samples that pass through the network together.
        seed: of the run.
    """
    positions = range(step * batch, (step + 1) * batch)
    indices = [_permutation(count, seed, p // count)[p % count] for p in positions]
    return [indices[i : i + micro] for i in range(0, batch, micro)]


def visit_seeds(step: int, batch: int, micro: int, seed: int) -> list[list[int]]:
    """For every sample that `micro_batches` gives, the seed of its random alteration; no two visits share one."""
    first = (seed * 1_000_003 + step) * batch
    return [list(range(first + i, first + i + micro)) for i in range(0, batch, micro)]


def micro_seed(seed: int, step: int, micro: int) -> int:
    """Seed of the random numbers (dropout) that one micro-batch draws."""
    return (seed * 1_000_003 + step) * 4099 + micro
