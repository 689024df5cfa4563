"""A vehicle's cameras as a file: what a network with fixed calibration is made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from voxway.core.calibration import RECTIFIED, Calibration
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.transforms import is_rigid

_SHAPES = {"K": (3, 3), "T_cam_ego": (4, 4), "T_image": (3, 3), "size_px": (2,)}
_GREATEST = 1e9
"""Beyond any number of a camera."""
_REMEDY = "One matrix per camera, row by row, in the order of the images."


def rig_to_json(rig: Calibration) -> dict[str, object]:
    """The JSON form of one frame's calibration."""
    rectified = {} if rig.T_rect_ego is None else {RECTIFIED: rig.T_rect_ego[0].tolist()}
    return {name: getattr(rig.cameras, name)[0].tolist() for name in _SHAPES} | rectified


def read_rig(path: Path) -> Calibration:
    """The calibration of one frame from a JSON file.

    ``K`` and ``T_image`` are lists of 3 x 3 matrices, ``T_cam_ego`` (metres) of 4 x 4 ones, and ``size_px`` of (height,
    width) of the pictures that the network sees; fields are those of `voxway.core.camera.Cameras`. A stereo pair may
    have one 4 x 4 matrix ``T_rect_ego`` (metres) besides. The report of an export holds a rig under ``"rig"``, and is
    read, too.

    Raises:
        InputError: the file is absent or damaged, a field is missing or has another shape, or its numbers are not those
            of a camera: focal lengths and sizes are positive, poses rigid, pixel transforms can be undone.
    """
    content = read_json(path, remedy="Name a JSON file with K, T_cam_ego, T_image and size_px.")
    content = content.get("rig", content) if isinstance(content, dict) else {}
    fields, count = {}, None
    for name, shape in _SHAPES.items():
        fields[name] = _numbers(path, content, name, count, shape)
        count = len(fields[name])
    _check(path, fields)
    rig = Cameras.pinhole(fields["K"], fields["T_cam_ego"], fields["size_px"].long())
    rig = replace(rig, T_image=fields["T_image"])
    return Calibration(cameras=Cameras.stack([rig]), T_rect_ego=_rectified(path, content))


def _rectified(path: Path, content: Mapping[str, object]) -> Tensor | None:
    """The rectified frame (1, 4, 4), if the file has one."""
    if RECTIFIED not in content:
        return None
    T_rect_ego = _numbers(path, {RECTIFIED: [content[RECTIFIED]]}, RECTIFIED, 1, (4, 4))
    if not is_rigid(T_rect_ego[0]):
        raise InputError(
            file=path,
            field=RECTIFIED,
            expected="a rigid transform",
            found=T_rect_ego[0].tolist(),
            remedy="Give the transform from the ego frame to that in which both cameras only stand at another place.",
        )
    return T_rect_ego


def _numbers(path: Path, content: Mapping[str, object], name: str, count: int | None, shape: tuple[int, ...]) -> Tensor:
    """A field as float64 (count, *shape); any count of at least 1 where None is given."""
    try:
        value = torch.atleast_1d(torch.tensor(content[name], dtype=torch.float64))
        found: object = f"{tuple(value.shape)}, numbers up to {float(value.abs().max()) if value.numel() else 0:g}"
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        value, found = torch.empty(0), f"{type(error).__name__} {error}"
    wanted = (len(value) if count is None else count, *shape)
    if not len(value) or tuple(value.shape) != wanted or not (value.abs() < _GREATEST).all():
        raise InputError(
            file=path,
            field=name,
            expected=f"finite numbers of shape ({wanted[0] or 'n'}, {', '.join(map(str, shape))})",
            found=found,
            remedy=_REMEDY,
        )
    return value


def _check(path: Path, fields: Mapping[str, Tensor]) -> None:
    """Refuse numbers that are no cameras'."""
    K, sizes, last = fields["K"], fields["size_px"], torch.tensor([0.0, 0, 1], dtype=torch.float64)
    undone = torch.linalg.det(fields["T_image"][:, :2, :2]).abs() > 1e-9
    rules = (
        ("K", (K[:, [0, 1], [0, 1]] > 0).all(1), "positive focal lengths at [0][0] and [1][1]"),
        ("K", (K[:, 2] == last).all(1), "a last row of 0, 0, 1"),
        ("T_cam_ego", torch.tensor([is_rigid(pose) for pose in fields["T_cam_ego"]]), "rigid transforms"),
        ("T_image", undone & (fields["T_image"][:, 2] == last).all(1), "pixel transforms that can be undone"),
        ("size_px", ((sizes >= 1) & (sizes == sizes.round())).all(1), "whole numbers of pixels, at least 1"),
    )
    for name, fine, expected in rules:
        for i in (~fine).nonzero()[:1, 0].tolist():
            found = f"{fields[name][i].tolist()} for camera {i}"
            raise InputError(file=path, field=name, expected=expected, found=found, remedy=_REMEDY)
