"""Which samples make up which step. A pure function of seed and step, so resuming and more processes change nothing."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch

from voxway.core.sample import Sample


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


class Visits:
    """Samples by (index, seed): altered where the data can alter them, as they are where it cannot."""

    def __init__(self, data: Samples) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, visit: tuple[int, int]) -> Sample:
        index, seed = visit
        return self.data.augmented(index, seed) if isinstance(self.data, Augmented) else self.data[index]


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
