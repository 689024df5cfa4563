"""Moment: what is known of one moment of a drive when it is written for other programs, and where its voxels stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64, Int, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy

Coordinates = Literal["ego", "world"]
"""Which frame coordinates are in: the vehicle's, or that of the drive's poses."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """An occupancy, and what was seen at the time."""

    occupancy: Occupancy
    images: UInt8[Tensor, "n 3 h w"] | None = None
    """RGB, as the network saw them; smaller images stand in the top left corner."""
    cameras: Cameras | None = None
    """Of those images."""
    time_s: float | None = None
    """Seconds, of the drive's clock."""


@dataclass(frozen=True, kw_only=True)
class Voxels:
    """The occupied voxels of an occupancy as rows, in C order of the grid."""

    index: Int[np.ndarray, "p 3"]
    centres: Float[np.ndarray, "p 3"]
    """Metres, in the frame that was asked for, float32."""
    ids: UInt8[np.ndarray, "p"]
    colours: UInt8[np.ndarray, "p 3"]
    """RGB of the task's palette."""
    confidence: Float[np.ndarray, "p"] | None
    """Probability of the likeliest class; None where no probabilities are known."""


def T_frame_ego(occupancy: Occupancy, frame: Coordinates) -> Float64[np.ndarray, "4 4"]:
    """Ego coordinates to a frame's, metres.

    Raises:
        InputError: the world's frame, and no pose is known.
    """
    if frame == "ego":
        return np.eye(4)
    if occupancy.pose is None:
        raise InputError(
            file=f"occupancy {occupancy.key}".strip(),
            field="pose",
            expected="T_world_ego, as world coordinates are asked for",
            found="none",
            remedy="Write ego coordinates (frame ego), or predict frames whose poses are known.",
        )
    return occupancy.pose.double().cpu().numpy()


def occupied_voxels(occupancy: Occupancy, frame: Coordinates) -> Voxels:
    """What is neither free nor unknown.

    Raises:
        InputError: the world's frame, and no pose is known.
    """
    T_frame_ego(occupancy, frame)  # a pose that is missing is missed here, with what to do about it
    occupied = occupancy.occupied
    points, ids = occupancy.to_points(world=frame == "world")
    return Voxels(
        index=occupied.nonzero().cpu().numpy(),
        centres=points.cpu().numpy(),
        ids=ids.cpu().numpy().astype(np.uint8),
        colours=palette(occupancy)[ids.cpu().numpy()],
        confidence=occupancy.confidence[occupied].cpu().numpy() if occupancy.judged else None,
    )


def palette(occupancy: Occupancy) -> UInt8[np.ndarray, "k 3"]:
    """RGB by class id."""
    return np.array(occupancy.task.palette, np.uint8)
