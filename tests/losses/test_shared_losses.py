"""Losses that several methods share, by hand and by their gradients: cross-entropy, affinities, distillation."""

from __future__ import annotations

import math

import pytest
import torch

from voxway.losses.cross_entropy import cross_entropy, semantic_2d
from voxway.losses.distillation import feature_distillation
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.valid import valid_log_probs

PROBS = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
TARGET = torch.tensor([0, 1, 1])


def scores(rows=6, classes=3, seed=0):
    return torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed)).double().requires_grad_()


def test_valid_positions_are_those_with_truth():
    logits = torch.arange(12.0).view(1, 3, 2, 2, 1)  # class c of voxel v is 4 c + v
    target = torch.tensor([[[2], [255]], [[255], [0]]], dtype=torch.uint8)[None]
    log_probs, ids = valid_log_probs(logits, target)
    assert ids.tolist() == [2, 0] and ids.dtype == torch.long
    torch.testing.assert_close(log_probs, torch.tensor([[0.0, 4, 8], [3, 7, 11]]).log_softmax(-1))
    nothing, none = valid_log_probs(logits, torch.full_like(target, 255))
    assert nothing.shape == (0, 3) and none.shape == (0,)


def test_valid_log_probs_are_float32_and_take_any_space():
    log_probs, ids = valid_log_probs(torch.zeros(2, 4, 5, dtype=torch.bfloat16), torch.ones(2, 5, dtype=torch.uint8))
    assert log_probs.dtype == torch.float32 and log_probs.shape == (10, 4) and len(ids) == 10
    torch.testing.assert_close(log_probs.exp(), torch.full((10, 4), 0.25))


def test_cross_entropy_by_hand():
    terms = [-math.log(0.5), -math.log(0.8), -math.log(0.2)]
    assert cross_entropy(PROBS.log(), TARGET).item() == pytest.approx(sum(terms) / 3)
    weights = torch.tensor([2.0, 0.5, 7.0])
    weighted = 2 * terms[0] + 0.5 * terms[1] + 0.5 * terms[2]
    assert cross_entropy(PROBS.log(), TARGET, weights).item() == pytest.approx(weighted / 3)
    assert cross_entropy(PROBS.log(), TARGET, weights, "weights").item() == pytest.approx(weighted / 3.0)
    weights = torch.tensor([2.0, 1.0, 7.0])
    found = cross_entropy(PROBS.log(), TARGET, weights, "weights")
    assert found.item() == pytest.approx((2 * terms[0] + terms[1] + terms[2]) / 4)


def test_semantics_of_pixels_by_hand():
    """Labels are taken at every second pixel of an image twice as large; unknown ones do not count."""
    logits = PROBS.log().T.view(1, 3, 1, 3)
    labels = torch.full((1, 2, 6), 9, dtype=torch.uint8)
    labels[0, 0, ::2] = torch.tensor([0, 1, 255], dtype=torch.uint8)
    expected = (-math.log(0.5) - math.log(0.8)) / 2
    assert semantic_2d([logits], [labels]).item() == pytest.approx(expected)
    other = torch.full((1, 1, 3), 255, dtype=torch.uint8)
    assert semantic_2d([logits, logits], [labels, other]).item() == pytest.approx(expected)
    assert semantic_2d([logits], [other]) == 0


def test_semantic_affinity_by_hand():
    def terms(probability, member):
        hit, rejected = sum(p * t for p, t in zip(probability, member)), 0.0
        rejected = sum((1 - p) * (1 - t) for p, t in zip(probability, member))
        members = sum(member)
        return -math.log(hit / sum(probability)) - math.log(hit / members) - math.log(rejected / (3 - members))

    first = terms([0.5, 0.1, 0.2], [1, 0, 0])
    second = terms([0.25, 0.8, 0.2], [0, 1, 1])
    assert semantic_affinity(PROBS.log(), TARGET).item() == pytest.approx((first + second) / 2, rel=1e-5)


@pytest.mark.parametrize("free", [0, 1, 2])
def test_geometric_affinity_by_hand(free):
    occupied = [float(t != free) for t in TARGET.tolist()]
    probability = [1 - float(p) for p in PROBS[:, free]]
    hit = sum(p * t for p, t in zip(probability, occupied))
    rejected = sum((1 - p) * (1 - t) for p, t in zip(probability, occupied))
    expected = -math.log(hit / sum(probability)) - math.log(hit / sum(occupied))
    if sum(occupied) < 3:  # nobody is free: no specificity
        expected -= math.log(rejected / (3 - sum(occupied)))
    assert geometric_affinity(PROBS.log(), TARGET, free).item() == pytest.approx(expected, rel=1e-5)


def test_affinities_with_an_epsilon_by_hand():
    """It is added to every denominator."""
    hit, probability, members = 0.25 + 0.0 + 0.8 + 0.2 - 0.25, 0.25 + 0.8 + 0.2, 2
    rejected = 1 - 0.25

    def minus_log(part, whole):
        return -math.log(part / (whole + 0.5))

    second = minus_log(hit, probability) + minus_log(hit, members) + minus_log(rejected, 1)
    first = minus_log(0.5, 0.8) + minus_log(0.5, 1) + minus_log(0.9 + 0.8, 2)
    assert semantic_affinity(PROBS.log(), TARGET, 0.5).item() == pytest.approx((first + second) / 2, rel=1e-5)
    occupied = minus_log(0.9 + 0.8, 0.5 + 0.9 + 0.8) + minus_log(0.9 + 0.8, 2) + minus_log(0.5, 1)
    assert geometric_affinity(PROBS.log(), TARGET, 0, 0.5).item() == pytest.approx(occupied, rel=1e-5)


def test_distillation_by_hand():
    student = torch.tensor([[1.0, 0.0], [2.0, 5.0]])[None, :, :, None]  # two channels of two places
    teacher = torch.tensor([[0.0, 9.0], [1.0, 9.0]])[None, :, :, None]
    counts = torch.tensor([[True], [False]])[None]
    squared = feature_distillation(student, teacher, counts, "squared")
    assert squared.item() == pytest.approx(1.0)  # both channels of the first place differ by 1
    published = feature_distillation(student, teacher, counts)
    assert published.item() == pytest.approx(-(1 + math.e) / 2)
    # Distributions of the first place are alike up to a shift, which a softmax does not see.
    assert feature_distillation(student, teacher, counts, "softmax").item() == pytest.approx(0, abs=1e-6)
    assert feature_distillation(student, teacher, torch.zeros_like(counts)) == 0


LOSSES = {
    "cross-entropy": lambda s: cross_entropy(s.log_softmax(-1), torch.arange(6) % 3, average="weights"),
    "weighted": lambda s: cross_entropy(s.log_softmax(-1), torch.arange(6) % 3, s.new_tensor([1, 2, 3]), "weights"),
    "semantic": lambda s: semantic_affinity(s.log_softmax(-1), torch.arange(6) % 2),
    "geometric": lambda s: geometric_affinity(s.log_softmax(-1), torch.arange(6) % 3, 1),
    **{
        form: lambda s, form=form: feature_distillation(
            s.view(1, 3, 6), torch.arange(18.0).double().view(1, 3, 6) / 9, torch.arange(6)[None] % 2 == 0, form
        )
        for form in ("published", "softmax", "squared")
    },
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name):
    assert torch.autograd.gradcheck(LOSSES[name], scores())


@pytest.mark.parametrize("name", ["cross-entropy", "semantic", "geometric"])
def test_nothing_to_look_at_is_0_and_passes_gradients_on(name):
    loss = {
        "cross-entropy": cross_entropy,
        "semantic": semantic_affinity,
        "geometric": lambda log_probs, target: geometric_affinity(log_probs, target, 0),
    }[name]
    empty = scores(0)
    found = loss(empty.log_softmax(-1), torch.zeros(0, dtype=torch.long))
    assert found == 0
    found.backward()
    assert empty.grad is not None


@pytest.mark.parametrize("name", ["cross-entropy", "semantic", "geometric"])
def test_a_perfect_prediction_is_the_minimum(name):
    target = torch.arange(6) % 3
    sure = (40 * torch.eye(3)[target]).log_softmax(-1)
    found = {
        "cross-entropy": cross_entropy(sure, target),
        "semantic": semantic_affinity(sure, target),
        "geometric": geometric_affinity(sure, target, 1),
    }[name]
    assert found.item() == pytest.approx(0, abs=1e-5)
