"""A vehicle's cameras as a file: what a network with fixed calibration is made for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.files import read_json


def rig_to_json(cameras: Cameras) -> dict[str, Any]:
    """The JSON form of one frame's cameras (1, n)."""
    names = ("K", "T_cam_ego", "T_image", "size_px")
    return {name: getattr(cameras, name)[0].tolist() for name in names}


def read_rig(path: Path) -> Cameras:
    """Cameras of one frame (1, n) from a JSON file.

    ``K`` and ``T_image`` are lists of 3 x 3 matrices, ``T_cam_ego`` of 4 x 4 ones, and ``size_px`` of (height, width)
    of the pictures that the network sees; fields are those of `voxway.core.camera.Cameras`. The report of an export
    holds one under ``"rig"``, and is read, too.

    Raises:
        InputError: the file is absent or damaged, or a field is missing or has another shape.
    """
    content = read_json(path, remedy="Name a JSON file with K, T_cam_ego, T_image and size_px.")
    content = content.get("rig", content) if isinstance(content, dict) else {}
    fields, count = {}, None
    for name, shape in (("K", (3, 3)), ("T_cam_ego", (4, 4)), ("T_image", (3, 3)), ("size_px", (2,))):
        try:
            value = torch.tensor(content[name], dtype=torch.float64)
            found: object = tuple(value.shape)
        except (KeyError, TypeError, ValueError) as error:
            value, found = torch.empty(0), f"{type(error).__name__} {error}"
        count = len(value) if count is None else count
        if tuple(value.shape) != (count, *shape) or not torch.isfinite(value).all():
            raise InputError(
                file=path,
                field=name,
                expected=f"finite numbers of shape ({count or 'n'}, {', '.join(map(str, shape))})",
                found=found,
                remedy="One matrix per camera, row by row, in the order of the images.",
            )
        fields[name] = value[None]
    return Cameras(**{**fields, "size_px": fields["size_px"].long()})
