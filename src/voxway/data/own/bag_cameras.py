"""Cameras of a recording: sensor_msgs/CameraInfo as lenses.

Source: sensor_msgs/CameraInfo.msg and distortion_models.hpp; "fisheye" and "kannala_brandt" are other drivers' names of
"equidistant".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from voxway.core.geometry_faults import intrinsics_fault, rotation_fault
from voxway.core.lens import KannalaBrandt, Lens, Pinhole
from voxway.core.pixels import scale_pixels
from voxway.data.own.bag_messages import Messages
from voxway.data.own.bag_poses import frame_name

CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
_PINHOLE = {"plumb_bob": 5, "rational_polynomial": 8}
_FISHEYE = ("equidistant", "fisheye", "kannala_brandt")


@dataclass(frozen=True, kw_only=True)
class RecordedCamera:
    """A camera as the recording describes it.

    Attributes:
        lens: how it draws, in the pixels of its pictures.
        size_px: (height, width) of its pictures.
        frame: name of its optical frame: x right, y down, z ahead.
        T_frame_lens: from the lens's coordinates to those of that frame, which rectified pictures are turned against.
    """

    lens: Lens
    size_px: tuple[int, int]
    frame: str
    T_frame_lens: Float64[np.ndarray, "4 4"]


def read_camera(messages: Messages, rectified: bool) -> RecordedCamera:
    """The camera that the first message of a topic describes. Where its pictures are cut out or binned, so are the
    intrinsics.

    Args:
        messages: of CameraInfo.
        rectified: whether its pictures are rectified; then they have the intrinsics P, no distortion, and are turned
            by R.

    Raises:
        InputError: not calibrated, or a model of distortion that is not known.
    """
    info = messages.read(0)
    K, T_frame_lens = np.asarray(info.k, np.float64).reshape(3, 3), np.eye(4)
    if rectified:
        K = np.asarray(info.p, np.float64).reshape(3, 4)[:, :3]
        T_frame_lens[:3, :3] = np.asarray(info.r, np.float64).reshape(3, 3).T
        if (fault := rotation_fault(T_frame_lens[:3, :3])) is not None:
            raise messages.wrong(0, fault.expected, fault.found, "Give the camera's lens and pose yourself.")
    fault = intrinsics_fault(K)
    if fault is not None:
        raise messages.wrong(0, fault.expected, fault.found, "Calibrate the camera, or give its intrinsics yourself.")
    bins = max(info.binning_y, 1), max(info.binning_x, 1)
    corner = np.eye(3)
    corner[:2, 2] = -info.roi.x_offset, -info.roi.y_offset
    K = scale_pixels(1 / bins[1], 1 / bins[0]).numpy() @ corner @ K
    height, width = info.roi.height or info.height, info.roi.width or info.width
    if not (height and width):
        remedy = "Record the camera_info of a driver that knows its pictures."
        raise messages.wrong(0, "the size of the pictures", f"{width} x {height} px", remedy)
    lens = Pinhole(K=K) if rectified else _lens(messages, info.distortion_model, K, np.asarray(info.d, np.float64))
    return RecordedCamera(
        lens=lens,
        size_px=(height // bins[0], width // bins[1]),
        frame=frame_name(info.header.frame_id),
        T_frame_lens=T_frame_lens,
    )


def _lens(messages: Messages, model: str, K: Float64[np.ndarray, "3 3"], numbers: Float64[np.ndarray, "d"]) -> Lens:
    if not numbers.any() and model not in _FISHEYE:
        return Pinhole(K=K)
    count = 4 if model in _FISHEYE else _PINHOLE.get(model, 0)
    if count and len(numbers) >= min(count, 4) and not numbers[count:].any():
        first = tuple(numbers[:count].tolist())
        return KannalaBrandt(K=K, distortion=first) if model in _FISHEYE else Pinhole(K=K, distortion=first)
    expected = "plumb_bob (5 numbers), rational_polynomial (8) or equidistant (4)"
    remedy = "Give the camera's lens yourself, or record rectified pictures."
    raise messages.wrong(0, expected, f"{model!r} with {len(numbers)} numbers", remedy)
