"""Pictures of a recording: sensor_msgs/Image and CompressedImage as RGB of 8 bits.

Source: sensor_msgs/image_encodings.hpp for the names of encodings. Depths of 16 bits and floating-point numbers are
refused, as in files: which of their values is white, only their camera knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8

from voxway.core.errors import InputError
from voxway.core.faults import Fault
from voxway.data.files.images import MOST_PX, decode_image
from voxway.data.own.bag_file import Message
from voxway.data.own.bag_messages import Messages
from voxway.data.own.colours import BAYER, YuvOrder, demosaiced, yuv_to_rgb

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_CHANNELS = {
    "rgb8": (3, (0, 1, 2)),
    "bgr8": (3, (2, 1, 0)),
    "rgba8": (4, (0, 1, 2)),
    "bgra8": (4, (2, 1, 0)),
    "mono8": (1, (0, 0, 0)),
    "8UC1": (1, (0, 0, 0)),
    "8UC3": (3, (2, 1, 0)),
    "8UC4": (4, (2, 1, 0)),
}
"""Encoding -> bytes per pixel, and which of them are red, green and blue. OpenCV's have the order of OpenCV."""
_YUV: dict[str, YuvOrder] = {"yuv422": "uyvy", "uyvy": "uyvy", "yuv422_yuy2": "yuyv", "yuyv": "yuyv"}
_BAYER = {f"bayer_{pattern}8": pattern for pattern in BAYER}
ENCODINGS = (*_CHANNELS, *_YUV, *_BAYER)


@dataclass(frozen=True)
class BagPictures:
    """Pictures of one camera in a recording: a `voxway.data.own.streams.Stream`."""

    messages: Messages

    @property
    def times_s(self) -> Float64[np.ndarray, "n"]:
        """When each was taken, seconds, ascending."""
        return self.messages.times_s

    def read(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """A picture, RGB.

        Raises:
            InputError: damaged, or of an encoding that has no 8-bit colour or grey.
        """
        message = self.messages.read(index)
        if self.messages.topic.kind == COMPRESSED:
            try:
                return decode_image(message.data.tobytes(), self.path(index))
            except InputError as error:
                raise self.messages.wrong(index, error.expected, error.found, error.remedy) from None
        fault = image_fault(message)
        if fault is not None:
            remedy = "Set the camera driver's encoding to rgb8, or republish the topic so."
            raise self.messages.wrong(index, fault.expected, fault.found, fault.remedy or remedy)
        return image_rgb(message)

    def path(self, index: int) -> Path:
        """The file of the recording; of several, the one that lists them."""
        return self.messages.bag.source


def image_fault(message: Message) -> Fault | None:
    """Whether an Image cannot be read: another encoding, or sizes that do not fit its bytes."""
    encoding, width, height, step = message.encoding, message.width, message.height, message.step
    if encoding not in ENCODINGS:
        deep = ": which of its values is white, only the camera knows" if "16" in encoding or "32" in encoding else ""
        return Fault(f"an encoding of 8 bits, one of {', '.join(ENCODINGS)}", f"{encoding!r}{deep}")
    if not (width > 0 and height > 0 and width * height <= MOST_PX):
        return Fault(f"from 1 to {MOST_PX:,} pixels", f"{width} x {height} px", "Record it again.")
    if (encoding in _YUV and width % 2) or (encoding in _BAYER and (width < 2 or height < 2)):
        return Fault(f"a size that {encoding} can have", f"{width} x {height} px", "Record it again.")
    row = width * _bytes_per_pixel(encoding)
    if step < row or len(message.data) < step * (height - 1) + row:
        found = f"{len(message.data)} bytes in rows of {step}"
        return Fault(f"{height} rows of {row} bytes or more", found, "Record it again: the picture is cut off.")
    return None


def image_rgb(message: Message) -> UInt8[np.ndarray, "h w 3"]:
    """RGB of an Image that has no fault; rows may end in bytes without meaning."""
    encoding, width, height, step = message.encoding, message.width, message.height, message.step
    row = width * _bytes_per_pixel(encoding)
    data = np.asarray(message.data, np.uint8)
    rows = np.lib.stride_tricks.as_strided(data, (height, row), (step, 1), writeable=False)
    if encoding in _YUV:
        return yuv_to_rgb(rows, _YUV[encoding])
    if encoding in _BAYER:
        return demosaiced(rows, _BAYER[encoding])
    count, order = _CHANNELS[encoding]
    return rows.reshape(height, width, count)[..., list(order)]


def _bytes_per_pixel(encoding: str) -> int:
    return 2 if encoding in _YUV else 1 if encoding in _BAYER else _CHANNELS[encoding][0]
