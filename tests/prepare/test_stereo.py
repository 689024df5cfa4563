"""Depth from a textured pair whose disparity is known."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from voxway.core.errors import MissingExtra
from voxway.prepare.stereo import stereo_depth

FOCAL_BASELINE = 707.0 * 0.54
NEAR_PX, FAR_PX = 40, 12


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left and right picture of two textured planes, and the disparity of the left one's pixels."""
    rng = np.random.default_rng(0)
    # Grain of 2 px, so that a block of 5 px is unmistakable.
    wall = rng.integers(0, 255, (60, 160, 3)).astype(np.uint8).repeat(2, 0).repeat(2, 1)
    disparity = np.full((120, 320), FAR_PX)
    disparity[60:] = NEAR_PX
    columns = np.arange(320)[None] - disparity
    right = rng.integers(0, 255, wall.shape).astype(np.uint8)
    rows, shown = np.nonzero(columns >= 0)
    right[rows, columns[rows, shown]] = wall[rows, shown]
    return wall, right, disparity


def test_depth_is_right(pair: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    pytest.importorskip("cv2")
    left, right, disparity = pair
    depth = stereo_depth(left, right, FOCAL_BASELINE)
    expected = FOCAL_BASELINE / disparity
    seen = np.arange(320)[None] >= disparity  # what the right camera sees too
    good = np.abs(depth / expected - 1) < 0.02
    assert good[seen].mean() > 0.95
    for rows, px in ((slice(0, 50), FAR_PX), (slice(70, 120), NEAR_PX)):
        assert np.median(depth[rows, 150:]) == pytest.approx(FOCAL_BASELINE / px, rel=0.01)


def test_depth_is_zero_where_nothing_matches(pair: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    pytest.importorskip("cv2")
    left, right, _ = pair
    right = right.copy()
    # Something with a grain of its own hides the wall from the right camera.
    right[10:55, 100:220] = np.random.default_rng(2).integers(0, 255, (45, 120, 3))
    depth = stereo_depth(left, right, FOCAL_BASELINE)
    hidden = np.zeros_like(depth, bool)
    hidden[20:45, 130:210] = True
    assert (depth[hidden] == 0).mean() > 0.9
    assert np.isfinite(depth).all() and (depth >= 0).all()


def test_nothing_to_match_gives_nothing() -> None:
    pytest.importorskip("cv2")
    grey = np.full((64, 256, 3), 90, np.uint8)
    noise = np.random.default_rng(1).integers(0, 255, grey.shape).astype(np.uint8)
    assert (stereo_depth(noise, grey, FOCAL_BASELINE) == 0).mean() > 0.95


def test_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    grey = np.zeros((8, 16, 3), np.uint8)
    with pytest.raises(MissingExtra, match=r"pip install 'voxway\[stereo\]'"):
        stereo_depth(grey, grey, FOCAL_BASELINE)
