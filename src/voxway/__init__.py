"""voxway: 3D semantic occupancy prediction for driving.

The names below are all that most programs need; they are imported when they are first used::

    import voxway
    model = voxway.load("runs/w/model")
    occupancy = model.predict("image.png", intrinsics=K, poses=T_ego_cam, points=scan)
    occupancy.page("page.html")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from voxway.core.version import __version__ as __version__

if TYPE_CHECKING:
    from voxway.api.load import load
    from voxway.api.model import Model
    from voxway.api.occupancy import Occupancy
    from voxway.api.rig import Rig
    from voxway.api.score import score, score_rays
    from voxway.api.train import train
    from voxway.core.camera import Cameras
    from voxway.core.grid import VoxelGrid
    from voxway.core.task import Task
    from voxway.data.registry import benchmark, benchmarks
    from voxway.recipes import recipe

_HOMES = {
    "Cameras": "core.camera",
    "Model": "api.model",
    "Occupancy": "api.occupancy",
    "Rig": "api.rig",
    "Task": "core.task",
    "VoxelGrid": "core.grid",
    "benchmark": "data.registry",
    "benchmarks": "data.registry",
    "load": "api.load",
    "recipe": "recipes",
    "score": "api.score",
    "score_rays": "api.score",
    "train": "api.train",
}

__all__ = [
    "Cameras",
    "Model",
    "Occupancy",
    "Rig",
    "Task",
    "VoxelGrid",
    "benchmark",
    "benchmarks",
    "load",
    "recipe",
    "score",
    "score_rays",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'voxway' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(importlib.import_module(f"voxway.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
