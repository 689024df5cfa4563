"""Evidence of LiDAR's rays, from the scan of a frame and those before it; no label is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from voxway.core.sample import Sample
from voxway.core.transforms import invert, transform_points
from voxway.data.config import DataConfig
from voxway.data.job import JobOptions
from voxway.data.samples import Samples
from voxway.prepare.makers import Making
from voxway.truth.evidence import evidence
from voxway.truth.scan import PlacedScan


def from_lidar(data: DataConfig, options: JobOptions) -> Making:
    """From one scan, or from `options.sweeps` scans put together: this one and those before it, which needs poses.

    Raises:
        InputError: the dataset does not say where its LiDAR is.
    """
    sweeps = options.sweeps or 1
    needs = ("points", "lidar_origin", *(("pose",) if sweeps > 1 else ()))
    samples = Samples(
        replace(data.raw(*needs).one_scan(), earlier=tuple(range(1, sweeps)), prepared={}), every_frame=True
    )

    def make(key: str) -> UInt8[np.ndarray, "x y z"]:
        sample = samples[key]
        return evidence([_placed(scan, origin) for scan, origin in _scans(sample)], sample.grid)

    settings = {"sweeps": sweeps, **data.recorded(frozenset(needs))}
    return Making(make=make, sources=samples.read_from, settings=settings)


def _scans(sample: Sample) -> list[tuple[Float[Tensor, "p 3"], Float[Tensor, "3"]]]:
    """Points of every scan and where the LiDAR was, in the key frame."""
    assert sample.points is not None
    origin = sample.extras["lidar_origin"].float()
    found = [(sample.points[:, :3], origin)]
    for frame in sample.earlier:
        assert sample.pose is not None and frame.pose is not None and frame.points is not None
        T = (invert(sample.pose) @ frame.pose).float()
        moved = transform_points(T, torch.cat([frame.points[:, :3], origin[None]]))
        found.append((moved[:-1], moved[-1]))
    return found


def _placed(points: Float[Tensor, "p 3"], origin: Float[Tensor, "3"]) -> PlacedScan:
    count = len(points)
    return PlacedScan(
        points=points.numpy(),
        labels=np.zeros(count, np.uint8),
        origin=origin.numpy(),
        straight=np.ones(count, bool),
    )
