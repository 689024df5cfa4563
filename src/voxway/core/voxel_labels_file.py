"""Voxel labels as files: one compressed `.npz` each, which says itself what its numbers mean.

::

    label state hits passes confirmed    uint8 (x, y, z)
    lidar camera moving [camera_NAME]    bool (x, y, z)
    [own]                                bool (x, y, z)
    [flow]                               float16 (x, y, z, 3)
    meta                                 JSON, as UTF-8 bytes (uint8)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from voxway.core.arrays import read_archive, read_member
from voxway.core.config import from_json, to_json
from voxway.core.errors import InputError
from voxway.core.files import Json, atomic_path, reading
from voxway.core.recorded import Recorded
from voxway.core.stamps import digest_of
from voxway.core.task import Task
from voxway.core.voxel_labels import STATES, VoxelLabels

FORMAT = 1
"""Of the files; another number is another meaning."""
_REMEDY = "Name a file that `voxway prepare occupancy` made, or make it again."
_OPTIONAL = ("flow", "own")
_KINDS = {"label": "u1", "state": "u1", "hits": "u1", "passes": "u1", "confirmed": "u1", "flow": "f2"}


def write_voxel_labels(path: Path | str, labels: VoxelLabels) -> None:
    """Write labels, atomically; the same labels make the same bytes."""
    meta = np.frombuffer(json.dumps(_meta(labels), indent=1).encode(), np.uint8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **labels.volumes(), meta=meta)


def read_voxel_labels(path: Path | str) -> VoxelLabels:
    """Read labels.

    Raises:
        InputError: absent, damaged, no such file, of another version of the format, or its arrays contradict each
            other; the error names the file and the array.
    """
    with reading(path, _REMEDY):
        arrays = read_archive(Path(path).read_bytes(), path, [], _REMEDY)
    meta = _read_meta(arrays.pop("meta", None), path)
    known = ("label", "state", "lidar", "camera", "moving", "hits", "passes", "confirmed", *_OPTIONAL)
    for name, array in arrays.items():
        if name not in known and not name.startswith("camera_"):
            raise _wrong(path, name, f"arrays {', '.join(known)}", name)
        if array.dtype != np.dtype(_KINDS.get(name, "?")):
            raise _wrong(path, name, np.dtype(_KINDS.get(name, "?")), array.dtype)
        if array.ndim != (4 if name == "flow" else 3):
            raise _wrong(path, name, "a volume (x, y, z)", f"shape {array.shape}")
    absent = [name for name in known if name not in {*arrays, *_OPTIONAL}]
    if absent:
        raise _wrong(path, absent[0], "an array of that name", sorted(arrays))
    cameras = {name.removeprefix("camera_"): arrays.pop(name) for name in [*arrays] if name.startswith("camera_")}
    try:
        task = from_json(Task, meta["task"], path)
        return VoxelLabels(
            key=str(meta["key"]),
            task=task,
            frame=str(meta["frame"]),
            T_world_frame=np.array(meta["T_world_frame"], np.float64).reshape(4, 4),
            time_s=float(meta["time_s"]),
            cameras=cameras,
            scans=tuple(meta["scans"]),
            lacking_s=(float(meta["lacking_s"][0]), float(meta["lacking_s"][1])),
            parameters=dict(meta["parameters"]),
            version=str(meta["version"]),
            until_next_s=float(meta.get("until_next_s", 0.0)),
            recorded=_recorded(meta, path),
            **arrays,
        )
    except InputError as error:
        raise _wrong(path, error.field, error.expected, error.found) from error
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _wrong(path, "meta", "what it says of the frame", error) from error


def read_recorded(path: Path | str) -> Recorded:
    """What a recording calls the frame of a label file, without reading its volumes.

    Raises:
        InputError: absent, damaged, or no such file.
    """
    return _recorded(_read_meta(read_member(path, "meta", _REMEDY), path), path)


def parameters_hash(parameters: Mapping[str, Json]) -> str:
    """A short name for all parameters, for what is made with them."""
    return digest_of(json.dumps(parameters, sort_keys=True).encode())[:16]


def _recorded(meta: Mapping[str, Json], path: Path | str) -> Recorded:
    return from_json(Recorded, meta.get("recorded", {}), path)


def _meta(labels: VoxelLabels) -> dict[str, Json]:
    grid, task = labels.task.grid, labels.task
    return {
        "format": FORMAT,
        "key": labels.key,
        "axes": ["x", "y", "z"],
        "lower_m": list(grid.lower),
        "cell_m": list(grid.cell),
        "shape": list(grid.shape),
        "frame": labels.frame,
        "T_world_frame": labels.T_world_frame.tolist(),
        "time_s": labels.time_s,
        "states": dict(enumerate(STATES)),
        "classes": dict(enumerate(task.classes)),
        "free": task.free,
        "task": to_json(task),
        "scans": list(labels.scans),
        "lacking_s": list(labels.lacking_s),
        "parameters": dict(labels.parameters),
        "parameters_hash": parameters_hash(labels.parameters),
        "version": labels.version,
        "until_next_s": labels.until_next_s,
        "recorded": to_json(labels.recorded),
    }


def _read_meta(stored: np.ndarray | None, path: Path | str) -> dict[str, Json]:
    if stored is None or stored.dtype != np.uint8:
        raise _wrong(path, "meta", "JSON about the arrays", "none")
    try:
        meta = json.loads(stored.tobytes().decode())
    except ValueError as error:
        raise _wrong(path, "meta", "JSON", error) from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        found = meta.get("format") if isinstance(meta, dict) else type(meta).__name__
        raise _wrong(path, "meta: format", FORMAT, found)
    return meta


def _wrong(path: Path | str, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)
