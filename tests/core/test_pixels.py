"""The rules of resizing: known values, and what a picture's own pixels do."""

from __future__ import annotations

import pytest
import torch

from voxway.core.pixels import scale_pixels


def test_known_values() -> None:
    assert scale_pixels(2.0, 0.5).tolist() == [[2, 0, 0.5], [0, 0.5, -0.25], [0, 0, 1]]
    assert scale_pixels(2.0, 0.5, "published").tolist() == [[2, 0, 0], [0, 0.5, 0], [0, 0, 1]]


def test_edges_stay_edges() -> None:
    """Columns -0.5 and 9.5 bound ten pixels, and -0.5 and 24.5 bound the 25 that they become."""
    edges = torch.tensor([[-0.5, -0.5, 1], [9.5, 3.5, 1]]).double()
    found = edges @ scale_pixels(2.5, 0.25).T
    assert found[:, :2].tolist() == [[-0.5, -0.5], [24.5, 0.5]]


def test_a_mean_of_pixels_lies_at_the_mean_of_their_centres() -> None:
    """Shrunk to half, a picture's pixel is the mean of four: of a ramp, the ramp's value at its place."""
    ramp = torch.arange(8.0).double().expand(4, 8)
    half = torch.nn.functional.avg_pool2d(ramp[None], 2)[0, 0]
    scale = scale_pixels(0.5, 0.5)
    torch.testing.assert_close(half, (torch.arange(4) - scale[0, 2]) / scale[0, 0])


def test_errors_name_what_came() -> None:
    with pytest.raises(ValueError, match="positive numbers, got 0"):
        scale_pixels(0.0, 1.0)
    with pytest.raises(ValueError, match="got nan"):
        scale_pixels(float("nan"), 1.0)
