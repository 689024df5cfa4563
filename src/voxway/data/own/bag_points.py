"""Scans of a recording: sensor_msgs/PointCloud2 of any layout of fields as rows of numbers.

Source: sensor_msgs/PointCloud2.msg and PointField.msg; names and units of fields as drivers of Velodyne, Ouster, Hesai,
RoboSense and Livox write them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from voxway.core.faults import Fault
from voxway.data.files.point_times import TIMES, point_seconds
from voxway.data.own.bag_file import Message
from voxway.data.own.bag_messages import Messages

CLOUD = "sensor_msgs/msg/PointCloud2"
INTENSITY = ("intensity", "i", "reflectivity", "reflectance", "remission")
"""Names of a column of intensity, the first that is there."""
_TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8")
"""NumPy's names of PointField's types 1 to 8."""


@dataclass(frozen=True)
class BagPoints:
    """Scans of one LiDAR in a recording: a `voxway.data.own.streams.Stream`."""

    messages: Messages

    @property
    def times_s(self) -> Float64[np.ndarray, "n"]:
        """The stamp of each, seconds, ascending."""
        return self.messages.times_s

    def read(self, index: int) -> Float32[np.ndarray, "p c"]:
        """Points: x, y, z in metres in the sensor's frame; the intensity as the sensor gives it, where it does; and
        after it each point's time in seconds after the scan's stamp, where the sensor gives that.

        Places without an echo (not finite, or exactly 0, 0, 0) are left out.

        Raises:
            InputError: damaged, or no x, y, z of floating-point numbers.
        """
        message = self.messages.read(index)
        fault = cloud_fault(message)
        if fault is not None:
            raise self.messages.wrong(index, fault.expected, fault.found, fault.remedy or "Record it again.")
        return cloud_points(message)

    def path(self, index: int) -> Path:
        """The file of the recording; of several, the one that lists them."""
        return self.messages.bag.source


def cloud_fault(message: Message) -> Fault | None:
    """Whether a PointCloud2 cannot be read: fields missing or outside, or sizes that do not fit its bytes."""
    kinds = {field.name: field for field in message.fields}
    floats = [name for name in "xyz" if name in kinds and kinds[name].datatype in (7, 8)]
    if floats != list("xyz"):
        found = ", ".join(f"{field.name} (type {field.datatype})" for field in message.fields) or "no fields"
        return Fault("fields x, y, z of float32 or float64", found, "Record a topic with points in metres.")
    for field in message.fields:
        if not 1 <= field.datatype <= len(_TYPES):
            return Fault("types of fields from 1 to 8", f"{field.name} of type {field.datatype}")
        if field.offset + np.dtype(_TYPES[field.datatype - 1]).itemsize * max(field.count, 1) > message.point_step:
            found = f"{field.name} at byte {field.offset} of points of {message.point_step} bytes"
            return Fault("fields inside the points", found)
    row, rows = message.width * message.point_step, message.height
    step = message.row_step if rows > 1 else row  # drivers of scans without rows may leave it 0
    if rows and (step < row or len(message.data) < step * (rows - 1) + row):
        found = f"{len(message.data)} bytes in rows of {step}"
        return Fault(f"{rows} rows of {row} bytes or more", found)
    return None


def cloud_points(message: Message) -> Float32[np.ndarray, "p c"]:
    """Rows of a PointCloud2 that has no fault."""
    order = ">" if message.is_bigendian else "<"
    fields = {field.name: field for field in message.fields}

    def column(name: str) -> np.ndarray:
        kind = order + _TYPES[fields[name].datatype - 1]
        shape, strides = (message.height, message.width), (message.row_step, message.point_step)
        if 0 in shape:
            return np.zeros(0, kind)
        return np.ndarray(shape, kind, message.data, fields[name].offset, strides).reshape(-1)

    xyz = np.stack([column(name) for name in "xyz"], 1).astype(np.float32)
    columns, stamp = [*xyz.T], message.header.stamp
    intensity = next((name for name in INTENSITY if name in fields), None)
    time = next((name for name in TIMES if name in fields), None)
    if intensity is not None:
        columns.append(column(intensity))
        if time is not None:
            columns.append(point_seconds(column(time), stamp.sec + stamp.nanosec * 1e-9))
    points = np.stack(columns, 1).astype(np.float32)
    return np.ascontiguousarray(points[np.isfinite(xyz).all(1) & xyz.any(1)])
