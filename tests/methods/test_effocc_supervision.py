"""What counts as truth for EFFOcc: masks, frames without labels, and what is said when a mask is absent."""

from __future__ import annotations

import pytest
import torch

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Prediction
from voxway.methods.effocc.distillation import Distillation, follow, known_classes
from voxway.methods.effocc.supervision import Supervision, known_target, supervise

GRID = VoxelGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (4, 6, 2))


def batch(labelled=(True, True)):
    generator = torch.Generator().manual_seed(0)
    shape = (2, *GRID.shape)
    return Batch(
        keys=("a", "b"),
        grid=GRID,
        target=torch.randint(0, 18, shape, generator=generator, dtype=torch.uint8),
        masks={"camera": torch.rand(shape, generator=generator) < 0.5},
        labelled=torch.tensor(labelled),
    )


def prediction(seed=0, bev=(4, 6, 4)):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 18, *GRID.shape, generator=generator).requires_grad_()
    return Prediction(logits=logits, intermediates={"bev": torch.randn(2, *bev, generator=generator)})


def test_only_labelled_voxels_inside_the_masks_are_known():
    frames = batch((True, False))
    target = known_target(Supervision(), frames)
    assert torch.equal(target[0] != 255, frames.masks["camera"][0]) and (target[1] == 255).all()


def test_no_labels_no_loss_but_a_gradient():
    student = prediction()
    for terms in ("cross-entropy", "hard-examples", "four"):
        loss = torch.stack(list(supervise(Supervision(terms=terms), student, batch((False, False))).values())).sum()
        assert loss == 0
        loss.backward()
        assert student.logits.grad is not None and not student.logits.grad.any()


def test_a_missing_mask_is_named():
    with pytest.raises(InputError, match="masks: expected one called 'lidar', found camera"):
        supervise(Supervision(masks=("lidar",)), prediction(), batch())


def test_the_teacher_speaks_where_labels_are_silent():
    frames, teacher = batch((True, False)), prediction(1)
    classes = known_classes(teacher, frames)
    assert torch.equal(classes[0], frames.target[0]) and torch.equal(classes[1], teacher.classes[1])


def test_corrected_columns_lie_where_the_features_are():
    # A foreground object in one column (x 1, y 4): only there may a corrected mask see a difference of features.
    frames = batch()
    frames.target[:] = 17
    frames.target[:, 1, 4] = 4
    student, teacher = prediction(0), prediction(0)
    teacher.intermediates["bev"][:, :, 4, 1] += 1.0
    terms = follow(Distillation(columns="corrected"), student, teacher, frames)
    assert terms["distil_bev_foreground"] == pytest.approx(1.0)
    assert terms["distil_bev_background"] == 0 and terms["distil_bev_empty"] == 0


def test_no_gradient_reaches_the_teacher_and_unlike_features_are_refused():
    student, teacher = prediction(0), prediction(1)
    torch.stack(list(follow(Distillation(), student, teacher, batch()).values())).sum().backward()
    assert student.logits.grad is not None and teacher.logits.grad is None
    with pytest.raises(ValueError, match=r"must be shaped as the teacher's, \(2, 8, 6, 4\)"):
        follow(Distillation(), student, prediction(1, (8, 6, 4)), batch())
