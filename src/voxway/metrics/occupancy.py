"""Scores of occupancy by a benchmark's protocol: within its masks, over the whole grid first, then within near ranges.

IoU, precision and recall of occupied against free, IoU per class and their mean, over the whole split and over voxels
whose target is not 255; a free voxel taken for an object, or the reverse, counts against that object's class. What
benchmarks differ in are facts of `Benchmark`: masks, near ranges, and how a class counts that never occurs. The
published scripts of SemanticKITTI and OpenOccupancy add a small number to denominators or end in NaN for such a class;
here it scores 0 for them, and for Occ3D it is left out, as published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from voxway.core.benchmark import Benchmark
from voxway.core.grid import VoxelGrid
from voxway.core.result import Protocol, Result
from voxway.metrics.confusion import Confusion


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


class OccupancyMetric:
    """Counts a split's frames and turns them into results, the whole grid first, then each near range."""

    def __init__(self, benchmark: Benchmark) -> None:
        self.benchmark = benchmark
        whole = (slice(None), slice(None), slice(None))
        near = {m: near_range(benchmark.grid, m) for m in benchmark.near_ranges_m}
        self._parts: dict[float | None, tuple[slice, slice, slice]] = {None: whole, **near}
        self._counts = {part: Confusion(len(benchmark.classes), benchmark.free) for part in self._parts}

    def update(
        self,
        target: UInt8[Tensor, "*b x y z"] | UInt8[np.ndarray, "*b x y z"],
        prediction: UInt8[Tensor, "*b x y z"] | UInt8[np.ndarray, "*b x y z"],
        masks: Mapping[str, Tensor] | None = None,
        keys: Sequence[str] = (),
    ) -> None:
        """Count one frame, or a batch of them.

        Args:
            target: training ids; 255 is not counted.
            prediction: training ids.
            masks: the frames' masks by name, bool (*b, x, y, z); a voxel counts where all that the protocol names hold.
            keys: of the frames, which play no part.

        Raises:
            ValueError: the volumes do not have the benchmark's shape, hold ids that are no class, or a mask is missing.
        """
        volumes = torch.as_tensor(target), torch.as_tensor(prediction)
        for volume in volumes:
            if tuple(volume.shape[-3:]) != self.benchmark.grid.shape:
                raise ValueError(f"volumes must end in {self.benchmark.grid.shape}, got {tuple(volume.shape)}")
        mask = self._mask(masks or {})
        for name, part in self._parts.items():
            truth, guess = (volume[(..., *part)] for volume in volumes)
            self._counts[name].update(truth, guess, None if mask is None else mask[(..., *part)])

    def _mask(self, masks: Mapping[str, Tensor]) -> Tensor | None:
        missing = [name for name in self.benchmark.masks if name not in masks]
        if missing:
            raise ValueError(f"{self.benchmark.name} scores within masks {self.benchmark.masks}, got {tuple(masks)}")
        together = None
        for name in self.benchmark.masks:
            mask = torch.as_tensor(masks[name]).bool()
            together = mask if together is None else together & mask
        return together

    def reduce(self) -> None:
        """Sum over all processes of a distributed run; see `Confusion.reduce`."""
        for counts in self._counts.values():
            counts.reduce()

    def packed(self) -> Int64[np.ndarray, "n"]:
        """All that was counted, in a row of whole numbers."""
        return np.concatenate([np.append(counts.counts, counts.samples) for counts in self._counts.values()])

    def fresh(self) -> OccupancyMetric:
        """An empty one of the same benchmark."""
        return OccupancyMetric(self.benchmark)

    def add(self, packed: Int64[np.ndarray, "n"]) -> None:
        """Add what another one of the same benchmark counted."""
        for counts, numbers in zip(self._counts.values(), np.split(packed, len(self._counts)), strict=True):
            counts.counts = counts.counts + numbers[:-1].reshape(counts.counts.shape)
            counts.samples += int(numbers[-1])

    def results(self, protocol: Protocol, name: str = "") -> list[Result]:
        """Results of everything counted.

        Args:
            protocol: split, inputs and so on; benchmark, samples, masks and range are filled in here.
            name: whose results they are.
        """
        results = [
            Result(
                task=self.benchmark.task,
                protocol=replace(
                    protocol,
                    benchmark=self.benchmark.name,
                    samples=counts.samples,
                    masks=self.benchmark.masks,
                    absent=self.benchmark.absent,
                    range_m=part,
                ),
                confusion=counts.counts,
                name=name,
            )
            for part, counts in self._counts.items()
        ]
        count = self.benchmark.also_divided_by
        return results if count is None else [_noted(result, count) for result in results]


def _noted(result: Result, count: int) -> Result:
    return replace(result, notes={**result.notes, f"miou_over_{count}": result.miou_over(count)})
