"""What the VLScene parity tests share: the case's pair of cameras, and the comparison of a stored tensor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from tests.conftest import Reference
from tests.parity.conftest import Close
from voxway.core.camera import Cameras
from voxway.methods.vlscene.rig import StereoRig

SIZE_PX = (384, 1280)


def rig(reference: Reference, device: torch.device) -> StereoRig:
    """The case's pair."""
    sides = ("left", "right")
    P = torch.stack([_matrix(reference, f"in.{side}.intrins")[:3] for side in sides])
    T_ego_rect = torch.eye(4, dtype=torch.float64)
    T_ego_rect[:3, :3], T_ego_rect[:3, 3] = (_matrix(reference, f"in.left.{name}") for name in ("rots", "trans"))
    T_image = torch.stack([_matrix(reference, f"in.{side}.post_rots") for side in sides])
    T_image[:, :2, 2] = torch.stack([_matrix(reference, f"in.{side}.post_trans")[:2] for side in sides])
    T_rect_ego = torch.linalg.inv(T_ego_rect)
    cameras = Cameras.from_projection(P, T_rect_ego.expand(2, 4, 4), torch.tensor([SIZE_PX] * 2))
    cameras = Cameras.stack([replace(cameras, T_image=T_image)]).to(device)
    return StereoRig.of(cameras, T_rect_ego[None].to(device), ("case",))


def _matrix(reference: Reference, key: str) -> torch.Tensor:
    return torch.from_numpy(reference[key])[0, 0].double()


def compare(reference: Reference, key: str, found: torch.Tensor, close: Close, share: float = 1e-4) -> None:
    """Check the stored samples of `key`: differences of at most so much of its own largest value."""
    (stored,) = [name for name in reference.keys(key) if name.split("@")[0] == key]
    expected = reference[stored]
    steps = [int(step) for step in stored.partition("@")[2].split("x") if step]
    sampled = found.detach().cpu()[tuple(slice(None, None, step) for step in steps)]
    close.equal(key, sampled, expected, share * float(np.abs(expected).max()))


def compare_rows(reference: Reference, key: str, found: torch.Tensor, index: torch.Tensor, close: Close) -> None:
    """Check every so-manieth active site, in ascending order of (sample, x, y, z)."""
    (stored,) = reference.keys(f"{key}.features@rows")
    step = int(stored.partition("@rows")[2])
    assert (index[::step].cpu().numpy() == reference[stored.replace("features", "indices")]).all(), key
    expected = reference[stored]
    close.equal(key, found[::step], expected, 1e-4 * float(np.abs(expected).max()))
