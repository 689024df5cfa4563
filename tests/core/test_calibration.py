"""What is known of one frame's cameras, taken from a batch and put on another."""

from __future__ import annotations

import pytest
import torch

from tests.methods.tiny import sample, sample_for
from voxway.core.calibration import RECTIFIED, Calibration
from voxway.core.errors import InputError
from voxway.core.sample import Batch, collate


def test_from_one_frame_onto_another():
    one, other = collate([sample_for("vlscene", 0)]), collate([sample_for("vlscene", 1)])
    moved = Calibration(cameras=other.cameras.move_ego(torch.eye(4) * 1.0), T_rect_ego=2 * one.extras[RECTIFIED])
    seen = moved.put_on(other)
    assert seen.cameras is moved.cameras and seen.images is other.images
    assert torch.equal(seen.extras[RECTIFIED], 2 * one.extras[RECTIFIED])
    assert torch.equal(other.extras[RECTIFIED], one.extras[RECTIFIED])


def test_a_single_camera_has_no_rectified_frame():
    batch = collate([sample()])
    known = Calibration.of(batch)
    assert known.T_rect_ego is None and RECTIFIED not in known.put_on(batch).extras


def test_a_batch_without_cameras_says_so():
    with pytest.raises(InputError, match="cameras: expected present, found absent"):
        Calibration.of(Batch(keys=("a",), grid=sample().grid))
