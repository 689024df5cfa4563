"""Where rays end, seen from above."""

from __future__ import annotations

import numpy as np

from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES as BENCHMARK
from voxway.metrics.rays.directions import directions
from voxway.metrics.rays.walk import cast
from voxway.view.legend import LINE_PX
from voxway.view.ray_view import NO_RAY, ray_view
from voxway.view.rays import _CELL_PX, _MARGIN_PX, _RIGHT, _WRONG, ray_picture, shares_by_distance

FREE, GRID = BENCHMARK.free, BENCHMARK.grid


def test_walls_that_are_met_are_green_and_others_red() -> None:
    """A wall ahead that is predicted, one behind that is not, one to the left that is predicted 2.4 m too near."""
    truth, guess = np.full((2, *GRID.shape), FREE, np.uint8)
    truth[180, 60:140], guess[180, 60:140] = 15, 15
    truth[20, 60:140] = 15
    truth[60:140, 170], guess[60:140, 164] = 15, 15
    origins = np.array([[0.1, 0.1, 1.84]])
    hits = cast([truth, guess], origins, directions()[::5], GRID, FREE)
    picture = ray_picture(hits, truth, origins, GRID, FREE, (1.0, 2.0, 4.0))

    def colour(x: int, y: int) -> tuple[int, ...]:
        row, column = (LINE_PX + (199 - x) * _CELL_PX + 1, _MARGIN_PX + (199 - y) * _CELL_PX + 1)
        return tuple(picture[row, column].tolist())

    seen = {(x, y): colour(x, y) for x, y in ((180, 100), (20, 100), (100, 170))}
    assert seen == {(180, 100): _RIGHT, (20, 100): _WRONG, (100, 170): _WRONG}
    assert colour(50, 50) == (255, 255, 255)


def test_shares_are_those_of_ranges_of_distance() -> None:
    middle, share = shares_by_distance(np.array([-0.4, 1.0, 2.0, 12.0]), np.array([True, True, False, True]))
    np.testing.assert_array_equal(middle, [2.5, 7.5, 12.5])
    np.testing.assert_array_equal(share, [0.5, np.nan, 1.0])


def test_a_page_is_told_of_every_voxel_how_many_of_its_rays_are_right() -> None:
    """A wall that is met, one that is missed, and one that is invented before nothing: it stops no ray that counts."""
    truth, guess = np.full((2, *GRID.shape), FREE, np.uint8)
    truth[180, 60:140], guess[180, 60:140] = 15, 15
    truth[20, 60:140] = 15
    guess[60:140, 30] = 15
    origins = np.array([[0.1, 0.1, 1.84]])
    hits = cast([truth, guess], origins, directions()[::5], GRID, FREE)
    view = ray_view(hits, GRID, FREE, (1.0, 2.0, 4.0))
    assert view.rays == (hits.classes[0] != FREE).sum()
    assert set(np.unique(view.truth[180])) == {100, NO_RAY} and set(np.unique(view.truth[20])) == {0, NO_RAY}
    assert set(np.unique(view.prediction[180])) == {100, NO_RAY}
    assert (view.prediction[:180] == NO_RAY).all() and (view.truth[truth == FREE] == NO_RAY).all()
    assert list(view.curves) == ["right within 1 m", "right within 2 m", "right within 4 m", "class right"]
    for share in view.curves.values():
        assert len(share) == len(view.metres) and None in share and max(one for one in share if one is not None) > 0.4


def test_rays_that_meet_the_unknown_are_not_shown() -> None:
    truth, guess = np.full((2, *GRID.shape), FREE, np.uint8)
    truth[180, 60:140] = 255
    hits = cast([truth, guess], np.array([[0.1, 0.1, 1.84]]), directions()[::5], GRID, FREE)
    view = ray_view(hits, GRID, FREE, (1.0,), known=len(BENCHMARK.classes))
    assert view.rays == 0 and (view.truth == NO_RAY).all() and not view.metres
