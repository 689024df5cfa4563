"""Losses and their gradients against the released code's tensors."""

import pytest
import torch

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.losses.cross_entropy import cross_entropy, semantic_2d
from voxway.losses.distillation import feature_distillation
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.valid import valid_log_probs
from voxway.recipes.networks.monoocc import CLASS_WEIGHTS


def check(reference, key, loss, prediction):
    assert loss.item() == pytest.approx(float(reference[key]), rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, prediction)
    (sliced,) = reference.keys(f"{key}.grad|")
    where = eval(f"lambda g: g[{sliced.split('|')[1]}]")
    expected = torch.from_numpy(reference[sliced])
    mean, std, mean_abs, max_abs = reference[f"stat/{key}.grad"]
    torch.testing.assert_close(where(gradient), expected, atol=1e-4 * max_abs, rtol=0)
    full = gradient.double()
    found = torch.stack([full.mean(), full.std(correction=0), full.abs().mean(), full.abs().max()])
    torch.testing.assert_close(found, torch.tensor([mean, std, mean_abs, max_abs]), atol=1e-4 * max_abs, rtol=1e-4)


@pytest.fixture
def volume(reference):
    prediction = (2 * reference.image((1, 20, 32, 32, 8), ".ssc_pred")).requires_grad_()
    return prediction, torch.from_numpy(reference["loss/ssc_target"])[None]


def test_cross_entropy(reference, volume):
    prediction, target = volume
    loss = 2 * cross_entropy(*valid_log_probs(prediction, target), torch.tensor(CLASS_WEIGHTS))
    check(reference, "loss/loss_ssc(ratio=2)", loss, prediction)


def test_semantic_affinity(reference, volume):
    prediction, target = volume
    loss = semantic_affinity(*valid_log_probs(prediction, target))
    check(reference, "loss/loss_sem_scal(ratio=1)", loss, prediction)


def test_geometric_affinity(reference, volume):
    prediction, target = volume
    loss = 0.5 * geometric_affinity(*valid_log_probs(prediction, target), free=SEMANTIC_KITTI.free)
    check(reference, "loss/loss_geo_scal(ratio=0.5)", loss, prediction)


def test_semantic_2d(reference):
    prediction = (2 * reference.image((1, 1, 20, 24, 76), ".sem_pred")).requires_grad_()
    loss = 4 * semantic_2d([prediction[:, 0]], [torch.from_numpy(reference["loss/sem_target"])])
    check(reference, "loss/loss_2d_ce(ratio=4)", loss, prediction)


def test_distillation(reference):
    student = reference.image((1, 128, 16, 16, 16), ".bev_s").requires_grad_()
    label = torch.from_numpy(reference["loss/distill_target"])[None]
    counts = (label != 0) & (label != 255)
    loss = 3 * feature_distillation(student, reference.image((1, 128, 16, 16, 16), ".bev_t"), counts)
    check(reference, "loss/distill_loss(ratio=3)", loss, student)


def test_proposal_cross_entropy(reference):
    prediction = (2 * reference.image((1, 2, 32, 32, 8), ".qpn_pred")).requires_grad_()
    target = torch.from_numpy(reference["loss/ssc_target"])[None]
    target = torch.where(target == 255, target, target.clamp(max=1))
    loss = cross_entropy(*valid_log_probs(prediction, target), torch.tensor([0.46, 0.54]))
    check(reference, "loss/qpn_bce(alpha=0.54)", loss, prediction)
