"""SemanticKITTI's protocol: whole grid and near ranges."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from voxway.core.result import Protocol
from voxway.core.task import IGNORE
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.metrics.confusion import confusion
from voxway.metrics.occupancy import OccupancyMetric, near_range

GRID = SEMANTIC_KITTI.grid
PROTOCOL = Protocol(benchmark="", split="val", samples=0, masks=(), inputs=("images",))


def frame(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.choice(np.array([0, 1, 9, 15, IGNORE], np.uint8), GRID.shape)
    return target, rng.choice(np.array([0, 1, 9, 15], np.uint8), GRID.shape)


@pytest.mark.parametrize("range_m", [25.6, 12.8])
def test_near_ranges_equal_the_published_mask(range_m: float) -> None:
    """Published: voxels with x >= R or |y| > R / 2 become 255."""
    target, prediction = frame(0)
    x, y, _ = GRID.centres(dtype=torch.float64).unbind(-1)
    masked = target.copy()
    masked[((x >= range_m) | (y.abs() > range_m / 2)).numpy()] = IGNORE
    part = near_range(GRID, range_m)
    np.testing.assert_array_equal(confusion(target[part], prediction[part], 20), confusion(masked, prediction, 20))


def test_results_carry_their_protocol() -> None:
    metric = OccupancyMetric(SEMANTIC_KITTI)
    targets, predictions = (torch.from_numpy(np.stack(v)) for v in zip(frame(0), frame(1)))
    metric.update(targets, predictions, {"camera": targets > 3})  # a protocol without masks looks at none
    metric.reduce()
    results = metric.results(PROTOCOL, "ours")
    assert [r.protocol.range_m for r in results] == [None, 25.6, 12.8]
    for result in results:
        assert result.name == "ours"
        assert result.protocol.benchmark == "semantickitti"
        assert result.protocol.samples == 2
        assert result.protocol.inputs == ("images",)
    np.testing.assert_array_equal(results[0].confusion, confusion(targets, predictions, 20))
    assert results[0].confusion.sum() > results[1].confusion.sum() > results[2].confusion.sum()


def test_a_perfect_prediction_scores_one_where_classes_occur() -> None:
    target, _ = frame(0)
    metric = OccupancyMetric(SEMANTIC_KITTI)
    metric.update(target, np.where(target == IGNORE, 0, target).astype(np.uint8))
    result = metric.results(PROTOCOL)[0]
    assert (result.iou, result.precision, result.recall) == (1, 1, 1)
    assert result.class_iou[[1, 9, 15]].tolist() == [1, 1, 1]
    assert result.miou == pytest.approx(3 / 19), "absent classes count as 0, as published"


def test_kitti360_shares_the_protocol() -> None:
    metric = OccupancyMetric(SSCBENCH_KITTI360)
    metric.update(*frame(0))
    assert metric.results(PROTOCOL)[0].confusion.shape == (19, 19)


def test_errors_say_what_was_wrong() -> None:
    with pytest.raises(ValueError, match="volumes must end in"):
        OccupancyMetric(SEMANTIC_KITTI).update(np.zeros((8, 8, 8), np.uint8), np.zeros((8, 8, 8), np.uint8))
    for range_m in (0.0, 80.0):
        with pytest.raises(ValueError, match="does not lie in a grid"):
            near_range(GRID, range_m)
