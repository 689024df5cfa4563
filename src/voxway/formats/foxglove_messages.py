"""Foxglove's messages, filled in. Their published classes are an extra, and are imported when they are needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float64, UInt8

from voxway.core.errors import MissingExtra
from voxway.core.quaternion import quaternion

_KINDS = {"u1": "UINT8", "f4": "FLOAT32"}
Message: TypeAlias = Any
"""A protobuf message."""


@cache
def message_type(name: str) -> Callable[..., Message]:
    """One of Foxglove's published message classes.

    Raises:
        MissingExtra: they are not installed.
    """
    try:
        return getattr(importlib.import_module(f"foxglove_schemas_protobuf.{name}_pb2"), name)
    except ImportError:
        raise MissingExtra("foxglove-schemas-protobuf", "formats", "files that Foxglove plays") from None


def voxel_grid(
    time_ns: int,
    frame: str,
    T_frame_corner: Float64[np.ndarray, "4 4"],
    cell_m: tuple[float, float, float],
    cells: UInt8[np.ndarray, "z y x bytes"],
    record: np.dtype,
) -> Message:
    """A grid of records; its low corner stands at a pose of a frame."""
    cell = record.itemsize
    return message_type("VoxelGrid")(
        timestamp=_time(time_ns),
        frame_id=frame,
        pose=_pose(T_frame_corner),
        row_count=cells.shape[1],
        column_count=cells.shape[2],
        cell_size=_vector(cell_m),
        slice_stride=cell * cells.shape[1] * cells.shape[2],
        row_stride=cell * cells.shape[2],
        cell_stride=cell,
        fields=_fields(record),
        data=cells.tobytes(),
    )


def point_cloud(time_ns: int, frame: str, points: np.ndarray) -> Message:
    """Points as records that begin with x, y and z."""
    return message_type("PointCloud")(
        timestamp=_time(time_ns),
        frame_id=frame,
        pose=_pose(np.eye(4)),
        point_stride=points.dtype.itemsize,
        fields=_fields(points.dtype),
        data=points.tobytes(),
    )


def image(time_ns: int, frame: str, data: bytes) -> Message:
    """A JPEG of a camera."""
    return message_type("CompressedImage")(timestamp=_time(time_ns), frame_id=frame, data=data, format="jpeg")


def calibration(time_ns: int, frame: str, K: Float64[np.ndarray, "3 3"], size_px: tuple[int, int]) -> Message:
    """A pinhole camera without distortion; its image is (height, width)."""
    return message_type("CameraCalibration")(
        timestamp=_time(time_ns),
        frame_id=frame,
        width=size_px[1],
        height=size_px[0],
        K=K.ravel(),
        R=np.eye(3).ravel(),
        P=np.hstack([K, np.zeros((3, 1))]).ravel(),
    )


def transform(time_ns: int, parent: str, child: str, T_parent_child: Float64[np.ndarray, "4 4"]) -> Message:
    """Where a frame stands in another."""
    pose = _pose(T_parent_child)
    return message_type("FrameTransform")(
        timestamp=_time(time_ns),
        parent_frame_id=parent,
        child_frame_id=child,
        translation=pose.position,
        rotation=pose.orientation,
    )


def _time(time_ns: int) -> dict[str, int]:
    return {"seconds": time_ns // 10**9, "nanos": time_ns % 10**9}


def _vector(xyz: Float64[np.ndarray, "3"] | tuple[float, float, float]) -> Message:
    return message_type("Vector3")(**dict(zip("xyz", map(float, xyz))))


def _pose(T: Float64[np.ndarray, "4 4"]) -> Message:
    w, x, y, z = quaternion(T[:3, :3])
    return message_type("Pose")(position=_vector(T[:3, 3]), orientation=message_type("Quaternion")(x=x, y=y, z=z, w=w))


def _fields(kind: np.dtype) -> list[Message]:
    field = message_type("PackedElementField")
    fields: Any = kind.fields  # NumPy says that it may be None, which it is not for records
    return [field(name=name, offset=at[1], type=getattr(field, _KINDS[at[0].str[1:]])) for name, at in fields.items()]
