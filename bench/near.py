"""Streets nearby: SemanticKITTI's frames within 25.6 m in voxels of 0.4 m, a dataset of the benches' own.

A thirty-second of the voxels makes a small network's step several times shorter, so that a claim can be tried with many
seeds on a processor. Targets are coarsened by the rule of the published preprocessing (`voxway.truth.downscale`); what
is scored is the coarse truth, so no figure compares with one of the benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample
from voxway.data import registry
from voxway.data.entry import Dataset
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.reader import SemanticKITTIReader
from voxway.recipes.recipe import Recipe
from voxway.truth.downscale import downscale

_FACTOR = 2
_NEAR = (slice(0, 128), slice(64, 192), slice(0, 32))
"""Fine voxels from the car to 25.6 m ahead, and 12.8 m to either side."""
NEAR = replace(
    SEMANTIC_KITTI,
    task=replace(
        SEMANTIC_KITTI.task,
        name="semantickitti-near",
        grid=VoxelGrid(lower=(0.0, -12.8, -2.0), cell=(0.4, 0.4, 0.4), shape=(64, 64, 16)),
    ),
    near_ranges_m=(12.8,),
)


@dataclass(frozen=True, kw_only=True)
class NearConfig(SemanticKITTIConfig):
    """SemanticKITTI's files, read for what is near."""

    def reader(self) -> NearReader:
        """See `DataConfig.reader`."""
        return NearReader(self)


class NearReader(SemanticKITTIReader):
    """Moments as recorded, truth cut out and coarsened."""

    benchmark = NEAR

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """See `Reader.moment`."""
        return replace(super().moment(key, fields, random), grid=NEAR.grid)

    def truth(self, key: str) -> Occupancy:
        """See `Reader.truth`."""
        near = super().truth(key).classes.numpy()[_NEAR]
        classes = downscale(near, _FACTOR, NEAR.task.free)
        return Occupancy(task=NEAR.task, classes=torch.from_numpy(classes), key=key)


registry.register(NEAR.task.name, Dataset(benchmark=NEAR, config=NearConfig))


IMAGE_PX = (96, 320)
"""What networks of this task look at."""


def nearby(chosen: Recipe, **narrower: object) -> Recipe:
    """A recipe of the synthetic world for what is near, with a network of the same working voxels.

    Args:
        chosen: of a network with `coarsening`, on SemanticKITTI's files.
        narrower: other fields of its method.
    """
    assert isinstance(chosen.data, SemanticKITTIConfig)
    data = NearConfig(**{one.name: getattr(chosen.data, one.name) for one in fields(chosen.data)})
    coarsening = tuple(count // _FACTOR for count in chosen.method.coarsening)
    method = replace(chosen.method, task=NEAR.task, coarsening=coarsening, **narrower)
    return replace(chosen, data=replace(data, image_px=IMAGE_PX), method=method)
