"""Which samples are visited at which step: pure functions of seed and step, so that resuming and more processes change
nothing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

import torch

Order: TypeAlias = Callable[[int], int]
"""Of a visit's number, counted from the beginning of the run, the index of the sample that is visited."""


@functools.lru_cache(maxsize=4)
def _permutation(count: int, seed: int) -> list[int]:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()


def shuffled(indices: Sequence[int], seed: int, *, apart: bool = False) -> Order:
    """Every index once per epoch, each epoch in a fresh order.

    Args:
        indices: of the samples.
        seed: of the run.
        apart: draw other orders than without, for a second sequence beside a first.
    """

    def visit(number: int) -> int:
        epoch, place = divmod(number, len(indices))
        drawn = seed * 1_000_003 + epoch
        return indices[_permutation(len(indices), ~drawn if apart else drawn)[place]]

    return visit


def shared(labelled: Sequence[int], others: Sequence[int], share: Fraction, seed: int) -> Order:
    """A share of all visits goes to labelled samples, evenly spread; both kinds are shuffled apart, epoch by epoch.

    Visit number i is a labelled sample's where ``floor((i + 1) share) > floor(i share)``, exactly: of any n visits in a
    row ``n share`` are, up to less than one, whatever the batch; with 1/2 every second one.

    Args:
        labelled: indices of the samples that have labels.
        others: those of the samples that have none.
        share: of visits that labelled samples get.
        seed: of the run.
    """
    with_labels, without = shuffled(labelled, seed), shuffled(others, seed, apart=True)

    def visit(number: int) -> int:
        before, after = math.floor(number * share), math.floor((number + 1) * share)
        return with_labels(before) if after > before else without(number - before)

    return visit


def micro_batches(order: Order, step: int, batch: int, micro: int) -> list[list[int]]:
    """Sample indices of one step (from 0), split into micro-batches. A batch may span two epochs, so that no sample is
    ever left out.

    Args:
        order: of the run.
        step: which step, from 0.
        batch: samples per step, all processes together.
        micro: samples that pass through the network together.
    """
    indices = [order(number) for number in range(step * batch, (step + 1) * batch)]
    return [indices[i : i + micro] for i in range(0, batch, micro)]


def visit_seeds(step: int, batch: int, micro: int, seed: int) -> list[list[int]]:
    """For every sample that `micro_batches` gives, the seed of its random alteration; no two visits share one."""
    first = (seed * 1_000_003 + step) * batch
    return [list(range(first + i, first + i + micro)) for i in range(0, batch, micro)]


def micro_seed(seed: int, step: int, micro: int) -> int:
    """Seed of the random numbers (dropout) that one micro-batch draws."""
    return (seed * 1_000_003 + step) * 4099 + micro
