"""Boxes of a recording, in a file of one's own: what was where, told apart by names, at moments by their numbers.

::

    {
      "in": "world",
      "boxes": [
        {"number": 12, "thing": "7", "class": "car", "middle_m": [x, y, z], "size_m": [l, w, h], "yaw_rad": 0.3}
      ]
    }

`in` is the frame of the poses' world, or the vehicle's, or a LiDAR's at the time of the moment.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.data.boxes import Box, TrackedBox, tracked
from voxway.data.own.fields import Fields
from voxway.data.recordings import Drive

_WORLD = "world"
_REMEDY = "Correct the file of boxes; docs/labels-from-lidar.md shows one."


def read_boxes(path: Path, drive: Drive) -> tuple[TrackedBox, ...]:
    """Things by their boxes.

    Args:
        path: the file.
        drive: whose moments and frames it names.

    Raises:
        InputError: absent, no JSON, a frame or moment that is not the recording's, numbers that are not finite, a size
            that is not positive, two boxes of one thing at one time, or a thing of two classes.
    """
    content = read_json(path, "Write one; docs/labels-from-lidar.md shows it.")
    if not isinstance(content, dict):
        raise InputError(
            file=path, field="the file", expected="named values", found=type(content).__name__, remedy=_REMEDY
        )
    top = Fields(content, path, remedy=_REMEDY)
    top.only("in", "boxes")
    sensors = tuple(dict.fromkeys(scan.sensor for scan in drive.scans))
    frame = top.text("in", choices=(_WORLD, *dict.fromkeys((drive.frame, *sensors))))
    times = {one.number: one.time_s for one in drive.frames}
    T_ego_frame = drive.T_ego_sensor(frame) if frame in sensors else np.eye(4)
    boxes = [_box(fields, times) for fields in top.several("boxes")]
    if frame != _WORLD:
        T_world_ego = drive.track.at(np.array([box.time_s for box in boxes])) if boxes else ()
        boxes = [_moved(box, T @ T_ego_frame) for box, T in zip(boxes, T_world_ego)]
    return tracked(boxes, path, _REMEDY)


def _box(fields: Fields, times: dict[int, float]) -> Box:
    fields.only("number", "thing", "class", "middle_m", "size_m", "yaw_rad")
    number = fields.whole("number", 0)
    if number not in times:
        first, last = min(times), max(times)
        raise fields.wrong("number", f"a moment of the recording, {first} to {last}", number)
    size_m = fields.numbers("size_m", 3)
    if not (size_m > 0).all():
        raise fields.wrong("size_m", "length, width and height above 0, metres", size_m.tolist())
    T, yaw = np.eye(4), fields.number("yaw_rad", unit="radians")
    T[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    T[:3, 3] = fields.numbers("middle_m", 3)
    return Box(fields.place, fields.text("thing"), fields.text("class"), times[number], T, size_m)


def _moved(box: Box, T_world_frame: Float64[np.ndarray, "4 4"]) -> Box:
    return Box(box.place, box.thing, box.class_name, box.time_s, T_world_frame @ box.T_world_box, box.size_m)
