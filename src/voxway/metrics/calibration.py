"""Whether a network is as often right as it says: the reliability curve, and the expected calibration error.

Voxels are sorted into bins by the probability of what is said of them. In each bin the share that is right stands
beside the mean probability; the expected calibration error is the mean distance of the two, weighed by voxels (Naeini
et al., AAAI 2015; Guo et al., ICML 2017).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from voxway.core.files import Json


@dataclass
class Calibration:
    """Counts by bins of probability, over as many frames as there are.

    Raises:
        ValueError: fewer than one bin.
    """

    bins: int = 15
    """Of equal width, from 0 to 1."""
    voxels: Float64[np.ndarray, "n"] = field(init=False)
    """In each bin."""
    right: Float64[np.ndarray, "n"] = field(init=False)
    """Of those, what is right."""
    said: Float64[np.ndarray, "n"] = field(init=False)
    """Sum of their probabilities."""

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise ValueError(f"a curve needs at least one bin, got {self.bins}")
        self.voxels, self.right, self.said = (np.zeros(self.bins) for _ in range(3))

    def update(self, confidence: Float[Tensor, "*s"], right: Bool[Tensor, "*s"]) -> None:
        """Add voxels.

        Args:
            confidence: probability of what is said of each, 0..1.
            right: whether that is so.

        Raises:
            ValueError: a probability that is none.
        """
        sure = confidence.detach().flatten().double().cpu()
        if not bool(((sure >= 0) & (sure <= 1 + 1e-6)).all()):
            raise ValueError(f"probabilities lie between 0 and 1, got {float(sure.min())} to {float(sure.max())}")
        index = (sure * self.bins).long().clamp(max=self.bins - 1)
        for total, weights in ((self.voxels, None), (self.right, right.flatten().double().cpu()), (self.said, sure)):
            total += torch.bincount(index, weights, minlength=self.bins).numpy()

    @property
    def error(self) -> float:
        """Expected calibration error, 0..1; NaN where nothing was counted."""
        total = self.voxels.sum()
        return float(np.abs(self.right - self.said).sum() / total) if total else float("nan")

    @property
    def curve(self) -> list[dict[str, Json]]:
        """Bins that hold anything: their bounds, voxels, mean probability and share that is right."""
        rows: list[dict[str, Json]] = []
        for number in np.flatnonzero(self.voxels):
            count = self.voxels[number]
            rows.append(
                {
                    "from": number / self.bins,
                    "to": (number + 1) / self.bins,
                    "voxels": int(count),
                    "said": float(self.said[number] / count),
                    "right": float(self.right[number] / count),
                }
            )
        return rows
