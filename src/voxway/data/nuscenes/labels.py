"""Voxel labels of nuScenes key frames: Occ3D's, and OpenOccupancy's in the forms in which people hold them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, UInt8

from voxway.core.arrays import read_array, read_member
from voxway.core.errors import InputError
from voxway.core.files import listed
from voxway.core.task import IGNORE
from voxway.data.files.volumes import read_labels, read_mask
from voxway.data.files.voxel_order import order_fault
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.nuscenes.key_frame import KeyFrame
from voxway.truth.vote import majority

Order = Literal["xyz", "zyx"]
_BEYOND_SHARE = 0.01
"""Of rows beyond the grid, above which a file is of another grid or order."""


def occ3d_path(folder: Path, frame: KeyFrame) -> Path:
    """Where Occ3D keeps a key frame: `<folder>/<scene name>/<sample token>/labels.npz`."""
    if frame.scene_name is not None:
        return folder / frame.scene_name / frame.token / "labels.npz"
    return _folders_by_token(folder).get(frame.token, folder / "scene-unknown" / frame.token) / "labels.npz"


@lru_cache(maxsize=4)
def _folders_by_token(folder: Path) -> dict[str, Path]:
    """For info files that name no scenes."""
    scenes = [path for path in listed(folder) if path.name.startswith("scene-")]
    return {path.name: path for scene in scenes for path in listed(scene)}


def read_occ3d(path: Path) -> tuple[UInt8[np.ndarray, "x y z"], dict[str, Bool[np.ndarray, "x y z"]]]:
    """Training ids 0..17 and the masks "lidar" and "camera" of an Occ3D-nuScenes file.

    Voxels that nobody saw have a label too, mostly free: only the masks tell.

    Raises:
        InputError: missing or damaged file, an array is absent or of another grid, or ids that are no class.
    """
    masks = {name: read_mask(path, f"mask_{name}", OCC3D_NUSCENES) for name in ("lidar", "camera")}
    return read_labels(path, "semantics", OCC3D_NUSCENES), masks


def openoccupancy_path(folder: Path, frame: KeyFrame) -> Path:
    """Where OpenOccupancy keeps a key frame: `<folder>/scene_<scene token>/occupancy/<LiDAR token>.npy`, or `.npz`.

    Raises:
        InputError: the info file does not say which LiDAR scan the key frame has.
    """
    if frame.lidar_token is None:
        raise InputError(
            file=f"sample {frame.token}",
            field="lidar_token",
            expected="the token of the key frame's LiDAR scan, after which label files are named",
            found="absent",
            remedy="Use OpenOccupancy's own info files, or make one from nuScenes' tables with `write_infos`.",
        )
    path = folder / f"scene_{frame.scene}" / "occupancy" / f"{frame.lidar_token}.npy"
    return path if path.exists() or not path.with_suffix(".npz").exists() else path.with_suffix(".npz")


def read_openoccupancy(path: Path, flat_order: Order = "xyz") -> UInt8[np.ndarray, "x y z"]:
    """Training ids 0..16 (0 free), 255 for noise, from any of three forms, told apart by their shape.

    * (n, 4): rows z, y, x, label of voxels that are not free, as published. 0 is noise there.
    * (n, 2): rows flat index, label of voxels that are not free; 0 is noise there too.
    * (512, 512, 40): a dense volume (x, y, z) of training ids, 0 free.

    Args:
        path: `.npy`, or `.npz` with one array.
        flat_order: which axis varies slowest to fastest in flat indices.

    Raises:
        InputError: missing or damaged file, another shape, indices beyond the grid, or ids that are no class.
    """
    stored = _one_array(path)
    if stored.dtype.kind == "f" and np.isfinite(stored).all() and (stored == np.round(stored)).all():
        stored = stored.astype(np.int64)
    if stored.dtype.kind not in "ui":
        raise _bad(path, "dtype", "whole numbers", stored.dtype)
    shape = OPENOCCUPANCY_NUSCENES.grid.shape
    if stored.shape == shape:
        known = (stored < len(OPENOCCUPANCY_NUSCENES.classes)) | (stored == IGNORE)
        if not known.all():
            raise _bad(path, "label ids", "0..16 and 255", np.unique(stored[~known])[:5].tolist())
        return stored.astype(np.uint8)
    if stored.ndim != 2 or stored.shape[1] not in (2, 4):
        expected = f"(n, 4) rows z, y, x, label; (n, 2) rows flat index, label; or a volume {shape}"
        raise _bad(path, "shape", expected, stored.shape)
    if stored.shape[1] == 4:
        index = _rows_index(path, stored)
    else:
        flat = stored[:, 0].astype(np.int64)
        if len(flat) and not 0 <= flat.min() <= flat.max() < OPENOCCUPANCY_NUSCENES.grid.count:
            expected = f"flat indices below {OPENOCCUPANCY_NUSCENES.grid.count}, for {shape} voxels"
            raise _bad(path, "grid", expected, f"{flat.min()} to {flat.max()}")
        index = np.stack(np.unravel_index(flat, shape if flat_order == "xyz" else shape[::-1]), 1)
        index = index if flat_order == "xyz" else index[:, ::-1]
        _check_order(path, index, flat_order)
    return _vote(index, OPENOCCUPANCY_NUSCENES.to_train(stored[:, -1], path))


def _rows_index(path: Path, rows: np.ndarray) -> np.ndarray:
    """x, y, z of rows z, y, x, label. A few indices beyond the grid are moved to its border, as published."""
    shape, index = OPENOCCUPANCY_NUSCENES.grid.shape, rows[:, 2::-1].astype(np.int64)
    beyond = ((index < 0) | (index >= shape)).any(1)
    if beyond.mean() > _BEYOND_SHARE if len(rows) else False:
        lengths = rows[:, :3].max(0).tolist()
        turned = not ((rows[:, :3] < 0) | (rows[:, :3] >= shape)).any()
        hint = "; they look like rows x, y, z, label" if turned else ""
        found = f"{int(beyond.sum())} of {len(rows)} rows beyond it, columns up to {lengths}{hint}"
        raise _bad(path, "grid", f"rows z, y, x, label within {shape} voxels (x, y, z)", found)
    return np.clip(index, 0, np.array(shape) - 1)


def _check_order(path: Path, index: np.ndarray, flat_order: Order) -> None:
    """Refuse flat indices that were made in the other order.

    Raises:
        InputError: says how to set the order.
    """
    occupied = np.zeros(OPENOCCUPANCY_NUSCENES.grid.shape, bool)
    occupied[tuple(index.T)] = True
    if flat_order == "zyx":
        occupied = np.ascontiguousarray(occupied.transpose(2, 1, 0))
    if order_fault(occupied) is not None:
        other = "zyx" if flat_order == "xyz" else "xyz"
        remedy = f"Say --set data.flat_order={other} if the file has that order, or fetch it again."
        raise InputError(
            file=path,
            field="order",
            expected=f"flat indices in the order {flat_order}",
            found=wrong.found,
            remedy=remedy,
        )


def _vote(index: np.ndarray, labels: UInt8[np.ndarray, "n"]) -> UInt8[np.ndarray, "x y z"]:
    """A dense volume in which a voxel takes its most frequent label, the smaller id on a tie; 0 where there is none."""
    shape = OPENOCCUPANCY_NUSCENES.grid.shape
    return majority(np.ravel_multi_index(tuple(index.T), shape), labels, shape, OPENOCCUPANCY_NUSCENES.free)[0]


def _one_array(path: Path) -> np.ndarray:
    remedy = "Fetch it again; files lie at scene_<scene token>/occupancy/<LiDAR token>.npy."
    return read_member(path, None, remedy) if path.suffix == ".npz" else read_array(path, remedy)


def _bad(path: Path, field: str, expected: object, found: object) -> InputError:
    remedy = "The file is damaged or of another grid or benchmark; fetch it again."
    return InputError(file=path, field=field, expected=expected, found=found, remedy=remedy)
