"""Occ3D's and OpenOccupancy's protocols: which voxels count, which classes enter the mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from voxway.core.benchmark import Benchmark
from voxway.core.result import Protocol
from voxway.core.sample import Batch, Sample
from voxway.core.task import IGNORE
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.registry import benchmarks
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.engine.evaluate import evaluate
from voxway.metrics.confusion import confusion
from voxway.metrics.occupancy import OccupancyMetric

PROTOCOL = Protocol(benchmark="", split="val", samples=0, masks=(), inputs=("images",))


def volumes(benchmark: Benchmark, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(seed)
    classes = np.array([benchmark.free, 1, 4, IGNORE], np.uint8)
    target = random.choice(classes, benchmark.grid.shape)
    return torch.from_numpy(target), torch.from_numpy(random.choice(classes[:3], benchmark.grid.shape))


def mask(benchmark: Benchmark, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(benchmark.grid.shape) < 0.5)


def test_every_benchmark_has_its_metric() -> None:
    for name, benchmark in benchmarks().items():
        metric = OccupancyMetric(benchmark)
        assert metric.benchmark is benchmark
        assert metric.results(PROTOCOL)[0].protocol.benchmark == name


def test_nuscenes_counts_within_the_camera_mask_alone() -> None:
    target, prediction = volumes(OCC3D_NUSCENES)
    camera, lidar = mask(OCC3D_NUSCENES, 1), mask(OCC3D_NUSCENES, 2)
    metric = OccupancyMetric(OCC3D_NUSCENES)
    metric.update(target, prediction, {"camera": camera, "lidar": lidar})
    (result,) = metric.results(PROTOCOL, "ours")
    np.testing.assert_array_equal(result.confusion, confusion(target[camera], prediction[camera], 18))
    assert (result.name, result.protocol.masks, result.protocol.samples) == ("ours", ("camera",), 1)


def test_waymo_counts_where_both_masks_hold() -> None:
    target, prediction = volumes(OCC3D_WAYMO)
    camera, view = mask(OCC3D_WAYMO, 1), mask(OCC3D_WAYMO, 2)
    metric = OccupancyMetric(OCC3D_WAYMO)
    metric.update(target, prediction, {"camera": camera, "field_of_view": view})
    both = camera & view
    np.testing.assert_array_equal(metric.results(PROTOCOL)[0].confusion, confusion(target[both], prediction[both], 16))


def test_openoccupancy_counts_all_that_is_known() -> None:
    target, prediction = volumes(OPENOCCUPANCY_NUSCENES)
    metric = OccupancyMetric(OPENOCCUPANCY_NUSCENES)
    metric.update(target, prediction, {})
    metric.reduce()
    (result,) = metric.results(PROTOCOL)
    np.testing.assert_array_equal(result.confusion, confusion(target, prediction, 17))
    assert result.confusion.sum() == (target != IGNORE).sum()


def test_a_batch_counts_as_its_frames() -> None:
    frames = [volumes(OCC3D_NUSCENES, seed) for seed in (0, 1)]
    masks = [mask(OCC3D_NUSCENES, seed) for seed in (2, 3)]
    one, two = OccupancyMetric(OCC3D_NUSCENES), OccupancyMetric(OCC3D_NUSCENES)
    for (target, prediction), camera in zip(frames, masks):
        one.update(target, prediction, {"camera": camera})
    targets, predictions = (torch.stack(volume) for volume in zip(*frames))
    two.update(targets, predictions, {"camera": torch.stack(masks)})
    first, second = one.results(PROTOCOL)[0], two.results(PROTOCOL)[0]
    np.testing.assert_array_equal(first.confusion, second.confusion)
    assert first.protocol == second.protocol


@pytest.mark.parametrize(("benchmark", "mean"), [(OCC3D_NUSCENES, 1.0), (OPENOCCUPANCY_NUSCENES, 2 / 16)])
def test_absent_classes_enter_the_mean_as_published(benchmark: Benchmark, mean: float) -> None:
    """Occ3D leaves classes out that occur nowhere; OpenOccupancy's plain mean cannot, so they score 0."""
    target, _ = volumes(benchmark)
    prediction = torch.where(target == IGNORE, benchmark.free, target)
    metric = OccupancyMetric(benchmark)
    metric.update(target, prediction, {"camera": torch.ones_like(target, dtype=torch.bool)})
    assert metric.results(PROTOCOL)[0].miou == pytest.approx(mean)


class Frames:
    """Two frames of truth; whatever is predicted outside the camera mask must not count."""

    keys = ("a", "b")

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Sample:
        target, _ = volumes(OCC3D_NUSCENES, index)
        masks = {"camera": mask(OCC3D_NUSCENES, index), "lidar": mask(OCC3D_NUSCENES, 9)}
        return Sample(key=self.keys[index], grid=OCC3D_NUSCENES.grid, target=target, masks=masks)


def test_evaluation_hands_the_masks_on() -> None:
    def predict(batch: Batch) -> torch.Tensor:
        right = torch.where(batch.need("target") == IGNORE, OCC3D_NUSCENES.free, batch.need("target"))
        return torch.where(batch.masks["camera"], right, 13).to(torch.uint8)

    (result,) = evaluate(predict, Frames(), OccupancyMetric(OCC3D_NUSCENES), PROTOCOL, show=False)
    assert (result.miou, result.iou, result.protocol.samples) == (1, 1, 2)


def test_errors_say_what_was_wrong() -> None:
    target, prediction = volumes(OCC3D_NUSCENES)
    with pytest.raises(ValueError, match=r"occ3d-nuscenes scores within masks \('camera',\), got \('lidar',\)"):
        OccupancyMetric(OCC3D_NUSCENES).update(target, prediction, {"lidar": target < 3})
    with pytest.raises(ValueError, match="volumes must end in"):
        OccupancyMetric(OPENOCCUPANCY_NUSCENES).update(target, prediction, {})


def test_a_published_division_has_a_name_of_its_own():
    """18 classes of which one is half right, the rest absent: 0.5 / 18 and, under its name, 0.5 / 19."""
    metric = OccupancyMetric(SSCBENCH_KITTI360)
    target = np.zeros(SSCBENCH_KITTI360.grid.shape, np.uint8)
    target[:2, 0, 0] = 1
    guess = target.copy()
    guess[1, 0, 0] = 0
    metric.update(target, guess)
    (whole, *_) = metric.results(PROTOCOL)
    assert whole.miou == pytest.approx(0.5 / 18)
    assert whole.notes == {"miou_over_19": pytest.approx(0.5 / 19)}
    others = OccupancyMetric(SEMANTIC_KITTI)
    empty = np.zeros(SEMANTIC_KITTI.grid.shape, np.uint8)
    others.update(empty, empty)
    assert others.results(PROTOCOL)[0].notes == {}
