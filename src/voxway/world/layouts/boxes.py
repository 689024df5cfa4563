"""Boxes of what moves in a street, as a file that `voxway.data.own.boxes` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from voxway.core.files import write_json
from voxway.world.street.street import Street

BOXES = "boxes"
"""Folder of a world that holds them."""
_NEAR_M = 60.0
"""Farther things have none; a LiDAR hardly sees them."""


def write_boxes(
    path: Path, street: Street, T_vehicle_lidar: Float[np.ndarray, "4 4"], names: Mapping[int, str]
) -> None:
    """Write the boxes of what moves near the vehicle in each frame, in the LiDAR's first frame as the world.

    Args:
        path: of the file.
        street: the drive.
        T_vehicle_lidar: metres.
        names: class of each raw id of moving things.
    """
    T_world = street.drive.T_world_vehicle @ T_vehicle_lidar
    T_first_world, boxes = np.linalg.inv(T_world[0]), []
    for thing, actor in enumerate(street.actors):
        low, high = actor.mesh.vertices.min(0), actor.mesh.vertices.max(0)
        for number, (x, y, z, yaw) in enumerate(actor.track):
            if not np.hypot(x - T_world[number, 0, 3], y - T_world[number, 1, 3]) < _NEAR_M:
                continue
            turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
            middle = T_first_world[:3, :3] @ ((x, y, z) + turn @ ((low + high) / 2)) + T_first_world[:3, 3]
            ahead = T_first_world[:3, :3] @ turn[:, 0]
            boxes.append(
                {
                    "number": number,
                    "thing": str(thing),
                    "class": names[int(actor.mesh.label[0])],
                    "middle_m": middle.round(4).tolist(),
                    "size_m": (high - low).astype(np.float64).round(4).tolist(),
                    "yaw_rad": round(float(np.arctan2(ahead[1], ahead[0])), 6),
                }
            )
    write_json(path, {"in": "world", "boxes": boxes})
