"""Earlier frames as further cameras: where each of their pixels looks, told in the key frame."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.sample import Batch


def views_of(batch: Batch, frames: int) -> tuple[UInt8[Tensor, "b n 3 h w"], Cameras]:
    """Images and cameras of the key frame, then of each earlier frame, the most recent first.

    A camera of an earlier frame sees the key frame's points through the motion in between:
    ``T_cam_key = T_cam_earlier @ inv(T_world_earlier) @ T_world_key``.

    Raises:
        InputError: a frame, or its images, cameras or pose, is missing.
    """
    images, cameras = [batch.need("images")], [batch.need("cameras")]
    if frames > 1:
        T_world_key = batch.need("pose")
        if len(batch.earlier) < frames - 1:
            raise InputError(
                file=f"batch {', '.join(batch.keys)}",
                field="earlier frames",
                expected=f"{frames - 1}, as the network was built for {frames} frames",
                found=len(batch.earlier),
                remedy="Ask the reader for them: earlier=(3, 6, ...), in frames before the key frame.",
            )
        for earlier in batch.earlier[: frames - 1]:
            own: Cameras = earlier.need("cameras")
            # Not `invert`: rotations are rounded in pose files, and the published code inverts them as they stand.
            T_earlier_key = torch.linalg.solve(earlier.need("pose"), T_world_key)
            images.append(earlier.need("images"))
            cameras.append(replace(own, T_cam_ego=own.T_cam_ego @ T_earlier_key.to(own.T_cam_ego)[:, None]))
    joined = {name: torch.cat([getattr(one, name) for one in cameras], 1) for name in Cameras.__dataclass_fields__}
    return torch.cat(images, 1), Cameras(**joined)
