"""A stand-in for networks that segment pictures: the classes that a world knows, with the errors that networks make.

It makes pseudo-labels where no foundation model is at hand, so that what learns from them can be tried and measured.
What it makes is no proof of how well such networks do on real streets.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import UInt8

from voxway.core.errors import InputError
from voxway.core.task import Task
from voxway.data.config import DataConfig
from voxway.data.job import JobOptions
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.ops.mistakes import Mistakes, with_mistakes
from voxway.world.layouts.semantics import FOLDER, class_map_path

_ALIKE = (
    {"car", "truck", "bus", "other-vehicle", "construction-vehicle", "trailer", "vehicle"},
    {"bicycle", "motorcycle", "bicyclist", "motorcyclist"},
    {"person", "pedestrian", "bicyclist", "motorcyclist"},
    {"road", "parking", "sidewalk", "other-ground", "driveable-surface", "other-flat", "walkable"},
    {"sidewalk", "terrain", "other-ground", "other-flat"},
    {"vegetation", "terrain"},
    {"vegetation", "trunk", "tree-trunk", "pole"},
    {"building", "fence", "manmade", "barrier"},
)
"""Classes that are taken for each other."""
_SMALL = {
    "bicycle", "motorcycle", "person", "pedestrian", "bicyclist", "motorcyclist", "pole", "trunk", "tree-trunk",
    "traffic-sign", "sign", "traffic-light", "traffic-cone", "construction-cone",
}  # fmt: skip
"""Classes of thin or small things."""


def from_world(data: DataConfig, options: JobOptions) -> Callable[[str], UInt8[np.ndarray, "n h w"]]:
    """Pseudo-labels of a world's pictures, the same for the same frame.

    Raises:
        InputError: the world was written without the classes of its pixels.
    """
    if not (data.folder / FOLDER).is_dir():
        raise InputError(
            file=data.folder / FOLDER,
            field="folder",
            expected="a synthetic world with the class of every pixel",
            found="absent",
            remedy="Write one with `voxway world --semantics`, or name a folder of pseudo-labels.",
        )
    samples = data.raw("images").build()
    mistakes = usual_mistakes(samples.task)

    def make(key: str) -> UInt8[np.ndarray, "n h w"]:
        cameras = samples[key].cameras
        maps = PseudoLabels().read(class_map_path(data.folder, key), samples.task, cameras)
        generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
        return torch.stack([with_mistakes(one, mistakes, generator) for one in maps]).numpy()

    return make


def usual_mistakes(task: Task) -> Mistakes:
    """Which classes of a task are confused and missed, by their names."""
    names = [name.replace("_", "-") for name in task.classes]
    alike = {
        i: tuple(j for j, other in enumerate(names) if j != i and any({name, other} <= group for group in _ALIKE))
        for i, name in enumerate(names)
    }
    return Mistakes(
        alike={i: others for i, others in alike.items() if others},
        small=frozenset(i for i, name in enumerate(names) if name in _SMALL),
    )
