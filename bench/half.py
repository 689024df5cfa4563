"""Streets at half the resolution: SemanticKITTI's frames with voxels of 0.4 m, a dataset of the benches' own.

An eighth of the voxels makes a small network's step several times shorter, so that a claim can be tried with many seeds
on a processor. Targets are coarsened by the rule of the published preprocessing (`voxway.truth.downscale`); what is
scored is the coarse truth, so no figure compares with one at 0.2 m.
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
_FINE = SEMANTIC_KITTI.grid
HALF = replace(
    SEMANTIC_KITTI,
    task=replace(
        SEMANTIC_KITTI.task,
        name="semantickitti-half",
        grid=VoxelGrid(
            lower=_FINE.lower,
            cell=tuple(_FACTOR * size for size in _FINE.cell),
            shape=tuple(count // _FACTOR for count in _FINE.shape),
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class HalfConfig(SemanticKITTIConfig):
    """SemanticKITTI's files, read for the coarse task."""

    def reader(self) -> HalfReader:
        """See `DataConfig.reader`."""
        return HalfReader(self)


class HalfReader(SemanticKITTIReader):
    """Moments as recorded, truth coarsened."""

    benchmark = HALF

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """See `Reader.moment`."""
        return replace(super().moment(key, fields, random), grid=HALF.grid)

    def truth(self, key: str) -> Occupancy:
        """See `Reader.truth`."""
        fine = super().truth(key).classes.numpy()
        classes = downscale(fine, _FACTOR, HALF.task.free)
        return Occupancy(task=HALF.task, classes=torch.from_numpy(classes), key=key)


registry.register(HALF.task.name, Dataset(benchmark=HALF, config=HalfConfig))


IMAGE_PX = (96, 320)
"""What networks of the coarse task look at."""


def coarse(chosen: Recipe, **narrower: object) -> Recipe:
    """A recipe of the synthetic world for the coarse task, with a network of the same working voxels.

    Args:
        chosen: of a network with `coarsening`, on SemanticKITTI's files.
        narrower: other fields of its method.
    """
    assert isinstance(chosen.data, SemanticKITTIConfig)
    data = HalfConfig(**{one.name: getattr(chosen.data, one.name) for one in fields(chosen.data)})
    coarsening = tuple(count // _FACTOR for count in chosen.method.coarsening)
    method = replace(chosen.method, task=HALF.task, coarsening=coarsening, **narrower)
    return replace(chosen, data=replace(data, image_px=IMAGE_PX), method=method)
