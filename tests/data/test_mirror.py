"""Mirroring the scene moves what stands in it, and leaves what is seen in pictures."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.methods.tiny import sample
from voxway.core.sample import Sample
from voxway.core.task import IGNORE
from voxway.data.steps.mirror import mirrored


def behind_too(back_m: float) -> Sample:
    """The tiny scene on a grid that begins behind the vehicle."""
    one = sample()
    assert one.points is not None
    shift = one.points.new_tensor([back_m] + [0.0] * (one.points.shape[1] - 1))
    grid = replace(one.grid, lower=(-back_m, *one.grid.lower[1:]))
    return replace(one, grid=grid, points=one.points - shift)


def test_rays_move_with_the_voxels_and_labels_stay_with_the_pictures() -> None:
    one = behind_too(6.4)
    assert one.evidence is not None and one.target is not None
    both = mirrored(one, True, True)
    assert torch.equal(both.evidence, one.evidence.flip(0, 1)) and torch.equal(both.target, one.target.flip(0, 1))
    assert torch.equal(both.pseudo_labels, one.pseudo_labels) and torch.equal(both.images, one.images)
    again = mirrored(both, True, True)
    assert torch.equal(again.evidence, one.evidence) and torch.allclose(again.points, one.points)


@pytest.mark.parametrize("back_m", [6.4, 4.0, 2.8])
def test_points_stay_with_the_voxels_that_they_lie_in(back_m: float) -> None:
    """Whether the vehicle stands in the grid's middle or not; what the grid does not hold is unknown afterwards."""
    one = behind_too(back_m)
    assert one.points is not None and one.target is not None and one.evidence is not None
    for flip_x, flip_y in ((True, False), (False, True), (True, True)):
        changed = mirrored(one, flip_x, flip_y)
        assert changed.points is not None and changed.target is not None and changed.evidence is not None
        # Not so near to a side of a voxel that the sign decides which one it lies in.
        inner = (((one.points[:, :3] / 0.4) % 1 - 0.5).abs() < 0.49).all(1)
        before, after = (frame.grid.index(frame.points[inner, :3]) for frame in (one, changed))  # ty: ignore
        held = one.grid.holds(before) & one.grid.holds(after)
        assert held.sum() > 50
        for name in ("target", "evidence"):
            was, now = getattr(one, name)[tuple(before[held].T)], getattr(changed, name)[tuple(after[held].T)]
            assert torch.equal(was, now), (name, flip_x, flip_y)
    ahead = one.grid.centres()[..., 0] > back_m
    changed = mirrored(one, True, False)
    assert changed.target is not None and changed.evidence is not None
    assert (changed.target[ahead] == IGNORE).all() and (changed.evidence[ahead] == 0).all()
    assert all(not mask[ahead].any() for mask in changed.masks.values())
