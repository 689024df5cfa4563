"""A view shows what lies in the direction of each of its pixels, whatever lens took the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from voxway.core.lens import KannalaBrandt, Lens, Mei, Pinhole
from voxway.ops.remap import Remap

SIZE_PX = (240, 320)
K = np.array([[110.0, 0, 158], [0, 112, 121], [0, 0, 1]])
VIEW_K = np.array([[90.0, 0, 79.5], [0, 90, 59.5], [0, 0, 1]])
VIEW_PX = (120, 160)
LENSES: dict[str, Lens] = {
    "plumb bob": Pinhole(K=K, distortion=(-0.2, 0.03, 0.001, -0.002, 0.0)),
    "fisheye": KannalaBrandt(K=K, distortion=(0.02, -0.005, 0.0, 0.0)),
    "mei": Mei(K=np.array([[260.0, 0, 158], [0, 262, 121], [0, 0, 1]]), xi=1.6, distortion=(0.01, 0.1, 0.0, 0.0)),
}


def turned(degrees: float) -> np.ndarray:
    """Directions of a view that looks to the right, in the lens's frame."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def scene(directions: np.ndarray) -> np.ndarray:
    """Colour that only depends on the direction, smooth."""
    x, y, z = np.moveaxis(directions / np.linalg.norm(directions, axis=-1, keepdims=True), -1, 0)
    return np.stack([128 + 90 * np.sin(4 * x), 128 + 90 * np.sin(4 * y), 128 + 90 * np.cos(3 * z)])


def taken(lens: Lens) -> torch.Tensor:
    """The lens's picture of the scene: each pixel's direction is looked for among many."""
    angle, turn = np.meshgrid(np.linspace(0, 1.45, 700), np.linspace(0, 2 * np.pi, 1500), indexing="ij")
    directions = np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle)], -1)
    pixels, seen = lens.project(directions)
    u, v = np.round(pixels).astype(int)[seen].T
    inside = (u >= 0) & (u < SIZE_PX[1]) & (v >= 0) & (v < SIZE_PX[0])
    picture = np.zeros((3, *SIZE_PX))
    picture[:, v[inside], u[inside]] = scene(directions)[:, seen][:, inside]
    return torch.from_numpy(picture.round().astype(np.uint8))


@pytest.mark.parametrize("degrees", [0, 25])
@pytest.mark.parametrize("name", LENSES)
def test_view_shows_the_scene(name: str, degrees: float) -> None:
    lens, turn = LENSES[name], turned(degrees)
    remap = Remap.of(lens, SIZE_PX, VIEW_K, VIEW_PX, turn if degrees else None)
    v, u = np.indices(VIEW_PX)
    rays = np.stack([u, v, np.ones(VIEW_PX)], -1) @ np.linalg.inv(VIEW_K).T @ turn.T
    expected = scene(rays)
    found = remap.view(taken(lens)).numpy()
    seen = remap.seen.numpy()
    assert seen.mean() > 0.8
    assert np.abs(found - expected)[:, seen].mean() < 3
    assert not found[:, ~seen].any()


def test_what_the_lens_does_not_see_is_told() -> None:
    """A view turned to 60 degrees looks past a pinhole's picture on its right; seen is where pixels fall inside."""
    lens = LENSES["plumb bob"]
    remap = Remap.of(lens, SIZE_PX, VIEW_K, VIEW_PX, turned(60))
    assert remap.seen[:, 0].float().mean() > 0.3 and not remap.seen[:, -1].any()


def test_the_same_camera_changes_nothing() -> None:
    picture = torch.randint(0, 256, (3, *SIZE_PX), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    remap = Remap.of(Pinhole(K=K), SIZE_PX, K, SIZE_PX)
    assert remap.seen.all()
    assert torch.equal(remap.view(picture), picture)
