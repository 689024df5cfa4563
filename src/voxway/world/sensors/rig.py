"""How any rig is put together. The vehicle frame stands on the ground: x forward, y left, z up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from voxway.core.camera import Cameras
from voxway.world.sensors.camera import Camera


def image_scale(full_px: tuple[int, int], size_px: tuple[int, int]) -> Float[np.ndarray, "3 3"]:
    """Pixel transform from images of (height, width) `full_px` to ones of `size_px`."""
    scale = np.diag([size_px[1] / full_px[1], size_px[0] / full_px[0], 1.0])
    # `Camera.rays` puts pixel centres at whole numbers, so the image's corner is at -0.5 before and after scaling.
    # `core.camera.Cameras.resize` has the corner at 0, as published networks do: theirs is another rule, half a pixel
    # times (1 - scale) away, and calibrations written by it would not fit these pictures.
    scale[:2, 2] = (np.diag(scale)[:2] - 1) / 2
    return scale


def scaled_intrinsics(
    pinhole: tuple[float, float, float, float], full_px: tuple[int, int], size_px: tuple[int, int]
) -> Float[np.ndarray, "3 3"]:
    """Intrinsics for images of `size_px`, from fx, fy, cx, cy (pixels) of images of `full_px`."""
    fx, fy, cx, cy = pinhole
    return image_scale(full_px, size_px) @ np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def mounted(yaw_deg: float, pitch_deg: float, position: tuple[float, float, float]) -> Float[np.ndarray, "4 4"]:
    """Pose of a camera in the vehicle frame (`T_vehicle_cam`), its image upright.

    Args:
        yaw_deg: direction of the optical axis, counter-clockwise from straight ahead.
        pitch_deg: its angle above the horizontal.
        position: metres.
    """
    yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
    ahead = np.array([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(ahead, right), ahead], 1)
    pose[:3, 3] = position
    return pose


def recorded_cameras(cameras: Sequence[Camera], T_ego_vehicle: Sequence[Float[np.ndarray, "4 4"]]) -> Cameras:
    """The rig's cameras as readers know them.

    Args:
        cameras: n of them.
        T_ego_vehicle: where the vehicle was when each took its picture, in the ego frame wanted, metres.
    """
    poses = [np.linalg.inv(T @ camera.T_vehicle_cam) for camera, T in zip(cameras, T_ego_vehicle)]
    return Cameras.pinhole(
        torch.from_numpy(np.stack([camera.K for camera in cameras])),
        torch.from_numpy(np.stack(poses)),
        torch.tensor([camera.size_px for camera in cameras]),
    )
