"""Mirroring the scene moves what stands in it, and leaves what is seen in pictures."""

from __future__ import annotations

import torch

from tests.methods.tiny import sample
from voxway.data.steps.mirror import mirrored


def test_rays_move_with_the_voxels_and_labels_stay_with_the_pictures() -> None:
    one = sample()
    assert one.evidence is not None and one.target is not None
    both = mirrored(one, True, True)
    assert torch.equal(both.evidence, one.evidence.flip(0, 1)) and torch.equal(both.target, one.target.flip(0, 1))
    assert torch.equal(both.pseudo_labels, one.pseudo_labels) and torch.equal(both.images, one.images)
    again = mirrored(both, True, True)
    assert torch.equal(again.evidence, one.evidence) and torch.allclose(again.points, one.points)
