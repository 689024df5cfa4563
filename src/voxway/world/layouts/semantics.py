"""Classes of pixels as worlds know them: what perfect segmentation of the pictures would say.

::

    class_maps/<key>.png     as `voxway.data.prepared.class_maps` has pseudo-labels
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from voxway.core.files import Json
from voxway.core.task import IGNORE, SKY, Task
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.world.sensors.camera import Picture

FOLDER = "class_maps"
"""Below a world's root."""
_NOTHING = 0
"""Raw id of pixels that see the sky."""


def class_map_path(root: Path, key: str) -> Path:
    """Where the classes of a frame's pixels lie: the first camera's file, which is written last."""
    return PseudoLabels().path(root / FOLDER, key)


def write_class_maps(
    path: Path, pictures: Sequence[Picture], classes: Callable[[np.ndarray], np.ndarray], task: Task
) -> None:
    """Write the classes of a frame's pixels, each file atomically: 254 for the sky, 255 for what has no class.

    Args:
        path: see `class_map_path`.
        pictures: of the cameras, in the order in which the reader has them; small ones stand in the top left corner.
        classes: from raw ids to the task's.
        task: whose classes they are.
    """
    height, width = (max(picture.label.shape[axis] for picture in pictures) for axis in (0, 1))
    maps: UInt8[np.ndarray, "n h w"] = np.full((len(pictures), height, width), IGNORE, np.uint8)
    for one, picture in zip(maps, pictures):
        found = classes(picture.label)
        found[found == task.free] = IGNORE
        found[picture.label == _NOTHING] = SKY
        one[: found.shape[0], : found.shape[1]] = found
    PseudoLabels().write(path, maps)


def as_recorded(config: dict[str, Json]) -> dict[str, Json]:
    """What `world.json` holds of a configuration: `semantics` only where they are written, as in worlds before it."""
    return {name: value for name, value in config.items() if name != "semantics" or value}
