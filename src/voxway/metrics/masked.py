"""Scores of one confusion matrix within the masks that a benchmark's protocol names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.benchmark import Benchmark
from voxway.core.result import Protocol, Result
from voxway.metrics.confusion import Confusion


class MaskedMetric:
    """Counts frames within the masks that a benchmark's protocol names; all of the grid where it names none."""

    def __init__(self, benchmark: Benchmark) -> None:
        self.benchmark = benchmark
        self._counts = Confusion(len(benchmark.classes), benchmark.free)

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
            masks: the frames' masks by name, bool (*b, x, y, z); a voxel counts where all that the protocol names hold.

        Raises:
            ValueError: the volumes do not have the benchmark's shape, hold ids that are no class, or a mask is missing.
        """
        for volume in (target, prediction):
            if tuple(volume.shape[-3:]) != self.benchmark.grid.shape:
                raise ValueError(f"volumes must end in {self.benchmark.grid.shape}, got {tuple(volume.shape)}")
        self._counts.update(target, prediction, self._mask(masks or {}))

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
        self._counts.reduce()

    def results(self, protocol: Protocol, name: str = "") -> list[Result]:
        """The result of everything counted.

        Args:
            protocol: split, inputs and so on; benchmark, samples and masks are filled in here.
            name: whose result it is.
        """
        filled = replace(
            protocol, benchmark=self.benchmark.name, samples=self._counts.samples, masks=self.benchmark.masks
        )
        return [Result(protocol=filled, confusion=self._counts.counts, name=name)]
