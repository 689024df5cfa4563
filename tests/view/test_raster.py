"""The rasteriser against rays cut with every face, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.view import raster
from voxway.view.raster import Rays, rasterise
from voxway.view.surface import DIRECTIONS, exposed_faces
from voxway.view.viewpoint import VIEWPOINTS, projection, slenderness

GRID = VoxelGrid((1.0, -2.0, -0.5), (0.5, 0.4, 0.25), (6, 8, 5))
SIZE_PX = (24, 30)


def _volume() -> np.ndarray:
    return np.random.default_rng(3).random(GRID.shape) < 0.3


def _depths_by_hand(solid: np.ndarray, rays: Rays) -> np.ndarray:
    """Depth of the nearest face behind each pixel, by cutting every ray with every face."""
    depths = np.full(SIZE_PX, np.inf)
    lower, cell = np.array(GRID.lower), np.array(GRID.cell)
    faces = exposed_faces(solid)
    for v in range(SIZE_PX[0]):
        for u in range(SIZE_PX[1]):
            ray = rays.directions @ (u, v, 1)
            for index, direction in zip(faces.index, faces.direction):
                normal = DIRECTIONS[direction]
                axis = direction // 2
                depth = (lower[axis] + (index[axis] + direction % 2) * cell[axis] - rays.origin[axis]) / ray[axis]
                place = (rays.origin + depth * ray - lower) / cell - index
                others = [a for a in range(3) if a != axis]
                if depth > 0 and ray @ normal < 0 and all(-1e-3 <= place[a] <= 1 + 1e-3 for a in others):
                    depths[v, u] = min(depths[v, u], depth)
    return depths


@pytest.mark.parametrize("name", list(VIEWPOINTS))
def test_depth_agrees_with_every_ray_cut_with_every_face(name: str) -> None:
    rays = Rays.of(projection(name, GRID, SIZE_PX))
    picture = rasterise(exposed_faces(_volume()), GRID, rays, SIZE_PX)
    expected = _depths_by_hand(_volume(), rays)
    same = np.isclose(picture.depth, expected, rtol=1e-4) | (np.isinf(picture.depth) & np.isinf(expected))
    assert same.mean() > 0.999  # pixels on the very edge of a face may fall either way
    assert (np.isinf(picture.depth) == (picture.face < 0)).all()


def test_memory_bound_does_not_change_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    faces, rays = exposed_faces(_volume()), Rays.of(projection("corner", GRID, SIZE_PX))
    whole = rasterise(faces, GRID, rays, SIZE_PX)
    monkeypatch.setattr(raster, "_CANDIDATES", 64)
    parts = rasterise(faces, GRID, rays, SIZE_PX)
    assert (whole.face == parts.face).all()
    assert (whole.depth == parts.depth).all()


def test_no_faces_give_an_empty_picture() -> None:
    picture = rasterise(
        exposed_faces(np.zeros(GRID.shape, bool)), GRID, Rays.of(projection("left", GRID, SIZE_PX)), SIZE_PX
    )
    assert (picture.face == -1).all()


@pytest.mark.parametrize("name", list(VIEWPOINTS))
@pytest.mark.parametrize("size_px", [(100, 300), (300, 100)])
def test_every_viewpoint_holds_the_whole_grid_and_fills_the_picture(name: str, size_px: tuple[int, int]) -> None:
    corners = np.stack(np.meshgrid(*zip(GRID.lower, GRID.upper), indexing="ij"), -1).reshape(-1, 3)
    seen = np.concatenate([corners, np.ones((8, 1))], 1) @ projection(name, GRID, size_px).T
    pixels = seen[:, :2] / seen[:, 2:]
    low, high = pixels.min(0), pixels.max(0)
    assert (low >= 0).all() and (high <= (size_px[1] - 1, size_px[0] - 1)).all()
    assert ((high - low) / (size_px[1], size_px[0])).max() > 0.9
    np.testing.assert_allclose((high[1] - low[1]) / (high[0] - low[0]), slenderness(name, GRID))


def test_above_looks_down_with_forward_at_the_top() -> None:
    matrix = projection("above", GRID, SIZE_PX)
    near, ahead, left = (matrix @ (*p, 1) for p in ((1, 0, 0), (3, 0, 0), (1, 1, 0)))
    assert (ahead / ahead[2])[1] < (near / near[2])[1]
    assert (left / left[2])[0] < (near / near[2])[0]


def test_an_unknown_viewpoint_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"behind, corner, left.*Perhaps you meant 'above'"):
        projection("abvoe", GRID, SIZE_PX)
