"""VLScene's losses, its metric and its half-size labels against the released code's numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.conftest import load_reference
from voxway.losses.cross_entropy import cross_entropy
from voxway.losses.depth import depth_cross_entropy, nearest_bin
from voxway.losses.lovasz import lovasz_softmax
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.valid import valid_log_probs
from voxway.metrics.confusion import confusion
from voxway.recipes.networks.vlscene import CLASS_WEIGHTS
from voxway.truth.downscale import downscale


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "vlscene")


@pytest.fixture
def voxels(reference):
    logits = 2 * reference.normal("loss.logits", (2, 20, 32, 32, 8))
    return valid_log_probs(logits, torch.from_numpy(reference["loss.target"]))


def near(found, expected):
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_class_weights(reference):
    np.testing.assert_allclose(CLASS_WEIGHTS, reference["loss.class_weights"], rtol=1e-6)


def test_voxel_terms(reference, voxels):
    near(cross_entropy(*voxels, torch.tensor(CLASS_WEIGHTS), "weights"), reference["loss.voxel_ce"])
    near(semantic_affinity(*voxels), reference["loss.sem_scal"])
    near(geometric_affinity(*voxels, free=0), reference["loss.geo_scal"])
    near(lovasz_softmax(*voxels), reference["loss.voxel_lovasz_ignore255"])


def test_depth(reference):
    likely = reference.normal("loss.depth", (2, 112, 48, 160)).softmax(1)
    depth = torch.zeros(2, 384, 1280)
    batch, row, column = torch.from_numpy(reference["loss.depth_points_bvu"]).long().T
    depth[batch, row, column] = torch.from_numpy(reference["loss.depth_points_d"])
    bins = nearest_bin(depth, 8, 2.25, 0.5, 112)
    assert int((bins >= 0).sum()) == int(reference["loss.depth_valid_cells"])
    near(depth_cross_entropy(likely, bins), reference["loss.depth_bce"])


def test_point_terms(reference):
    target = torch.from_numpy(reference["loss.points_target"]).long()
    log_probs = (2 * reference.normal("loss.points", (500, 20))).log_softmax(-1)
    known = target > 0
    near(cross_entropy(log_probs[known], target[known]), reference["loss.point_ce"])
    near(lovasz_softmax(log_probs[known], target[known]), reference["loss.point_lovasz"])


def test_metric(reference):
    target = torch.from_numpy(reference["loss.target"])
    guess = (2 * reference.normal("loss.logits", (2, 20, 32, 32, 8))).argmax(1).to(torch.uint8)
    counts = confusion(target, guess, 20)
    hit = np.diag(counts)
    for name, expected in (("tp", hit), ("fp", counts.sum(0) - hit), ("fn", counts.sum(1) - hit)):
        np.testing.assert_array_equal(expected[1:], reference[f"metric.{name}"][1:])
    assert counts[1:, 1:].sum() == int(reference["metric.completion_tp"])
    assert counts[0, 1:].sum() == int(reference["metric.completion_fp"])
    assert counts[1:, 0].sum() == int(reference["metric.completion_fn"])


def test_half_size_labels(reference):
    for target, expected in zip(reference["loss.target"], reference["label_downsample2"], strict=True):
        np.testing.assert_array_equal(downscale(target, 2, free=0), expected)
