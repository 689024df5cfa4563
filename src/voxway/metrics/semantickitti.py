"""SemanticKITTI's scores: whole grid, and the near ranges that camera methods report.

IoU, precision and recall of occupied against free, IoU per class and their mean over classes 1..19, all over the whole
split and over voxels whose target is not 255 (MonoScene's evaluation, which VoxFormer, MonoOcc and VLScene share).
Their script adds 1e-5 to the denominator of a class's IoU; here there is no such term, and a class that occurs neither
in truth nor in prediction scores 0 as it does there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.benchmark import SEMANTIC_KITTI, Benchmark
from voxway.core.grid import VoxelGrid
from voxway.core.result import Protocol, Result
from voxway.metrics.confusion import Confusion

NEAR_RANGES_M = (25.6, 12.8)


def near_range(grid: VoxelGrid, range_m: float) -> tuple[slice, slice, slice]:
    """The part of a volume (..., x, y, z) within `range_m` metres ahead and half of that to either side.

    Raises:
        ValueError: the range is not positive or reaches outside the grid.
    """
    ahead = round((range_m - grid.lower[0]) / grid.cell[0])
    right, left = (round((side - grid.lower[1]) / grid.cell[1]) for side in (-range_m / 2, range_m / 2))
    if ahead < 1 or ahead > grid.shape[0] or right < 0 or left > grid.shape[1]:
        raise ValueError(f"a range of {range_m} m does not lie in a grid of {grid}")
    return slice(0, ahead), slice(right, left), slice(None)


class SemanticKITTIMetric:
    """Counts a split's frames and turns them into results, the whole grid first, then each near range.

    Also scores SSCBench-KITTI-360, which has the same grid and rules.
    """

    def __init__(self, benchmark: Benchmark = SEMANTIC_KITTI, near_ranges_m: Sequence[float] = NEAR_RANGES_M) -> None:
        self.benchmark = benchmark
        self._parts = {None: (slice(None),) * 3} | {m: near_range(benchmark.grid, m) for m in near_ranges_m}
        self._counts = {part: Confusion(len(benchmark.classes), benchmark.free) for part in self._parts}

    def update(
        self,
        target: UInt8[Tensor, "*b x y z"] | UInt8[np.ndarray, "*b x y z"],
        prediction: UInt8[Tensor, "*b x y z"] | UInt8[np.ndarray, "*b x y z"],
        masks: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Count one frame, or a batch of them.

        Args:
            target: training ids; 255 is not counted.
            prediction: training ids.
            masks: not looked at: here 255 alone says what counts.

        Raises:
            ValueError: the volumes do not have the benchmark's shape, or hold ids that are no class.
        """
        volumes = torch.as_tensor(target), torch.as_tensor(prediction)
        for volume in volumes:
            if tuple(volume.shape[-3:]) != self.benchmark.grid.shape:
                raise ValueError(f"volumes must end in {self.benchmark.grid.shape}, got {tuple(volume.shape)}")
        for name, part in self._parts.items():
            truth, guess = (volume[(..., *part)] for volume in volumes)
            self._counts[name].update(truth, guess)

    def reduce(self) -> None:
        """Sum over all processes of a distributed run; see `Confusion.reduce`."""
        for counts in self._counts.values():
            counts.reduce()

    def results(self, protocol: Protocol, name: str = "") -> list[Result]:
        """Results of everything counted.

        Args:
            protocol: split, inputs and so on; benchmark, samples and range are filled in here.
            name: whose results they are.
        """
        return [
            Result(
                protocol=replace(protocol, benchmark=self.benchmark.name, samples=counts.samples, range_m=part),
                confusion=counts.counts,
                name=name,
            )
            for part, counts in self._counts.items()
        ]
