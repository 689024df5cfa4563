"""Hard examples, Lovász, depth and shrunk targets: small cases by hand, slow twins, gradients, nothing to average."""

from __future__ import annotations

import pytest
import torch

from voxway.losses.depth import depth_cross_entropy, nearest_bin
from voxway.losses.hard_examples import with_hard_examples
from voxway.losses.lovasz import lovasz_softmax
from voxway.losses.shrink import shrink_target


def test_hard_examples_by_hand():
    losses = torch.tensor([5.0, 1.0, 3.0])
    # Ten voxels, of which two are hard: (5 + 1 + 3) / 10 + 4 * (5 + 3) / 2.
    assert with_hard_examples(losses, 10).item() == pytest.approx(0.9 + 16)
    # More hard ones than losses: the others are masked and count as 0.
    assert with_hard_examples(losses, 40).item() == pytest.approx(9 / 40 + 4 * 9 / 8)
    assert with_hard_examples(losses[:0], 10) == 0


def jaccard_loss(wrong: set[int], members: set[int]) -> float:
    """One minus the IoU if exactly the voxels `wrong` are wrong."""
    predicted = members ^ wrong
    return 1 - len(members & predicted) / len(members | predicted)


def test_lovasz_against_its_definition():
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(12, 4, generator=generator).softmax(-1)
    target = torch.randint(0, 3, (12,), generator=generator)
    terms = []
    for c in target.unique().tolist():
        members = {i for i in range(12) if target[i] == c}
        errors = [abs((i in members) - float(probs[i, c])) for i in range(12)]
        order = sorted(range(12), key=lambda i: -errors[i])
        steps = [jaccard_loss(set(order[: n + 1]), members) - jaccard_loss(set(order[:n]), members) for n in range(12)]
        terms.append(sum(errors[i] * step for i, step in zip(order, steps)))
    assert lovasz_softmax(probs.log(), target).item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_lovasz_of_a_perfect_prediction_and_of_none():
    target = torch.tensor([0, 1, 1])
    sure = torch.eye(2)[target].clamp(min=1e-12).log()
    assert lovasz_softmax(sure, target).item() == pytest.approx(0, abs=1e-6)
    assert lovasz_softmax(sure[:0], target[:0]) == 0


def test_lovasz_gradients():
    scores = torch.randn(10, 3, generator=torch.Generator().manual_seed(1)).double().requires_grad_()
    target = torch.arange(10) % 3
    assert torch.autograd.gradcheck(lambda s: lovasz_softmax(s.log_softmax(-1), target), scores)


def test_nearest_bin_takes_the_nearest_point_of_a_cell():
    depth = torch.zeros(4, 8)
    depth[0, 0], depth[3, 3], depth[1, 5] = 7.0, 2.2, 0.6
    # Bins of half a metre from 1 m on: 2.2 m lies in the third; 0.6 m before the first.
    assert nearest_bin(depth, 4, 1.0, 0.5, 88).tolist() == [[2, -1]]
    assert nearest_bin(depth, 4, 1.0, 0.5, 2).tolist() == [[-1, -1]]


def test_depth_cross_entropy_by_hand():
    probabilities = torch.tensor([[0.5, 0.25], [0.5, 0.75]])[:, None]  # two bins, one row of two cells
    one = depth_cross_entropy(probabilities, torch.tensor([[0, -1]]))
    assert one.item() == pytest.approx(-2 * torch.tensor(0.5).log().item())
    assert depth_cross_entropy(probabilities, torch.tensor([[-1, -1]])) == 0


def shrunk_block(labels: list[int]) -> int:
    """The published rule for one block, voxel by voxel."""
    if not any(labels):
        return 0
    renamed = [label or -1 - i for i, label in enumerate(labels)]
    winner = min(set(renamed), key=lambda label: (-renamed.count(label), label))
    return 255 if winner < 0 else winner


def test_shrunk_targets_against_the_rule():
    generator = torch.Generator().manual_seed(3)
    target = torch.randint(0, 4, (2, 6, 4, 4), generator=generator, dtype=torch.uint8)
    target[torch.rand(target.shape, generator=generator) < 0.1] = 255
    target[torch.rand(target.shape, generator=generator) < 0.6] = 0
    shrunk = shrink_target(target, 2)
    assert shrunk.shape == (2, 3, 2, 2) and len(shrunk.unique()) > 3
    for b, x, y, z in torch.cartesian_prod(*map(torch.arange, shrunk.shape)).tolist():
        block = target[b, 2 * x : 2 * x + 2, 2 * y : 2 * y + 2, 2 * z : 2 * z + 2].flatten().tolist()
        assert shrunk[b, x, y, z] == shrunk_block(block)
    assert shrink_target(target, 1) is target
