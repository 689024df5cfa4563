"""Fewer points than the LiDAR measured, as one with fewer shots or beams would give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from voxway.core.sample import Sample


def thinned(sample: Sample, share: tuple[float, float], random: np.random.Generator) -> Sample:
    """With a share of its points, drawn from the range, each kept or not by chance; their labels with them."""
    if sample.points is None or share == (1.0, 1.0):
        return sample
    kept = torch.from_numpy(random.random(len(sample.points)) < random.uniform(*share))
    labels = None if sample.point_labels is None else sample.point_labels[kept]
    return replace(sample, points=sample.points[kept], point_labels=labels)
