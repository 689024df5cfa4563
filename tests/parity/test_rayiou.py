"""RayIoU, RayPQ and the flow score against the published code, ray by ray."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.conftest import Reference, load_reference
from voxway.core.quaternion import quaternion_rotation
from voxway.core.ray_result import RayResult
from voxway.core.result import Protocol
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCC_NUSCENES
from voxway.metrics.rays.counts import RayCounts
from voxway.metrics.rays.directions import directions
from voxway.metrics.rays.flow import FlowCounts, FlowRule, count_flow, flow_score
from voxway.metrics.rays.metric import RayMetric
from voxway.metrics.rays.origins import drive_origins
from voxway.metrics.rays.panoptic import PanopticCounts, count_panoptic
from voxway.metrics.rays.walk import Hits, cast

FREE, GRID = OCC3D_NUSCENES.free, OCC3D_NUSCENES.grid
RULES = OCC3D_NUSCENES.rays
assert RULES is not None and OPENOCC_NUSCENES.rays is not None


@dataclass(frozen=True)
class Case:
    """Frames of the reference, and what our rays meet in them."""

    arrays: Reference
    origins: tuple[np.ndarray, ...]
    hits: tuple[Hits, ...]

    def volumes(self, frame: int) -> list[np.ndarray]:
        return [self.arrays["truth"][frame], self.arrays["prediction"][frame]]

    def joined(self, name: str) -> np.ndarray:
        """A field of all frames' hits, one after the other."""
        return np.concatenate([getattr(hits, name) for hits in self.hits], -1)


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    arrays = load_reference(request.config, "rayiou")
    count = arrays["origin_count"]
    origins = tuple(arrays["origins"][frame, : count[frame]] for frame in range(len(count)))
    volumes = zip(arrays["truth"], arrays["prediction"], strict=True)
    hits = tuple(cast(both, origins[n], directions(), GRID, FREE) for n, both in enumerate(map(list, volumes)))
    return Case(arrays, origins, hits)


@pytest.fixture(scope="module")
def extra(request: pytest.FixtureRequest, case: Case) -> Reference:
    return load_reference(request.config, "rayiou", "extra")


@pytest.fixture(scope="module")
def result(case: Case) -> RayResult:
    metric = RayMetric(OCC3D_NUSCENES, {str(n): places for n, places in enumerate(case.origins)}, ())
    for frame in range(len(case.origins)):
        truth, prediction = case.volumes(frame)
        metric.update(truth, prediction, keys=[str(frame)])
    (found,) = metric.results(Protocol(benchmark=OCC3D_NUSCENES.name, split="val", samples=0, masks=()))
    return found


def transforms(reference: Reference, name: str) -> np.ndarray:
    rotations, translations = reference[f"{name}_rotation"], reference[f"{name}_translation"]
    found = np.tile(np.eye(4), (len(rotations), 1, 1))
    found[:, :3, :3] = [quaternion_rotation(one) for one in rotations]
    found[:, :3, 3] = translations
    return found


def test_directions_are_equal(case: Case) -> None:
    assert directions().shape == (14040, 3)
    np.testing.assert_array_equal(directions(), case.arrays["directions"])


def test_origins_of_every_frame_are_equal(case: Case) -> None:
    reference = case.arrays
    assert RULES is not None
    found = drive_origins(transforms(reference, "ego2global"), transforms(reference, "lidar2ego"), RULES)
    assert [len(places) for places in found] == reference["all_origin_count"].tolist()
    for places, expected in zip(found, reference["all_origins"], strict=True):
        np.testing.assert_allclose(places, expected[: len(places)], rtol=0, atol=1e-9)
    for frame, pose in enumerate(reference["pose_frame"]):
        if pose >= 0:
            np.testing.assert_allclose(case.origins[frame], found[pose], rtol=0, atol=1e-9)


def test_every_ray_ends_in_the_same_class_voxel_and_distance(case: Case) -> None:
    reference, sample = case.arrays, case.arrays["sample"]
    classes, voxel, distance = (case.joined(name) for name in ("classes", "voxel", "distance_m"))
    for number, volume in enumerate(("truth", "prediction")):
        np.testing.assert_array_equal(classes[number], reference[f"{volume}_class"])
        index = np.stack(np.unravel_index(voxel[number][sample], GRID.shape), 1)
        np.testing.assert_array_equal(index, reference[f"{volume}_voxel"])
        assert reference[f"{volume}_depth"].dtype == np.float32
        np.testing.assert_array_equal(distance[number][sample], reference[f"{volume}_depth"])


def test_sums_of_all_distances_are_equal(case: Case) -> None:
    for frame, hits in enumerate(case.hits):
        sums = hits.distance_m.reshape(2, len(case.origins[frame]), -1).astype(np.float64).sum(-1)
        expected = case.arrays["depth_sums"][frame, : len(case.origins[frame])].T
        np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-6)


def test_counts_of_every_frame_are_equal(case: Case) -> None:
    assert RULES is not None
    for frame, hits in enumerate(case.hits):
        counts = RayCounts.of(hits, FREE, 18, RULES.thresholds_m)
        for name in ("gt", "pred", "tp"):
            np.testing.assert_array_equal(getattr(counts, name), case.arrays[name][frame])


def test_scores_are_equal(case: Case, result: RayResult) -> None:
    reference = case.arrays
    assert list(result.task.classes) == reference["class_names"].tolist()
    np.testing.assert_array_equal(result.fp, reference["fp"])
    np.testing.assert_array_equal(result.fn, reference["fn"])
    np.testing.assert_allclose(result.class_iou[:, :FREE], reference["iou"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(result.rayiou_at, reference["rayiou"], rtol=0, atol=1e-12)
    assert result.rayiou == pytest.approx(float(reference["rayiou_mean"]), abs=1e-12)


def test_panoptic_quality_is_equal(case: Case, extra: Reference) -> None:
    assert RULES is not None
    zero = np.zeros((3, 18), np.int64)
    counts = PanopticCounts(tp=zero, fp=zero, fn=zero, iou_sum=np.zeros((3, 18)))
    for frame, hits in enumerate(case.hits):
        instances = [extra["truth_instance"][frame], extra["prediction_instance"][frame]]
        counts += count_panoptic(hits, instances, OCC3D_NUSCENES.task, RULES.things, RULES.thresholds_m)
    for name in ("tp", "fp", "fn"):
        np.testing.assert_array_equal(getattr(counts, name), extra[f"pq_{name}"])
    np.testing.assert_allclose(counts.iou_sum, extra["pq_iou_sum"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(counts.raypq_at(OCC3D_NUSCENES.task), extra["raypq"], rtol=0, atol=1e-12)
    assert counts.raypq(OCC3D_NUSCENES.task) == pytest.approx(float(extra["raypq_mean"]), abs=1e-12)


@pytest.mark.parametrize(("rule", "prefix"), [("true positives at 2 m", "flow"), ("package", "package")])
def test_flow_is_equal_by_either_count(case: Case, extra: Reference, rule: FlowRule, prefix: str) -> None:
    """Sums of float16 speeds in another order: 1e-6."""
    task, rules, names = OPENOCC_NUSCENES.task, OPENOCC_NUSCENES.rays, extra["openocc_from_occ3d"]
    assert rules is not None
    assert list(task.classes) == extra["openocc_class_names"].tolist()
    short = rule == "package"
    rays, flow = RayCounts.none(17, 3), FlowCounts(error_sum=np.zeros(17), count=np.zeros(17, np.int64))
    for frame in extra["flow_frames"]:
        volumes = [names[volume] for volume in case.volumes(frame)]
        places, precision = case.origins[frame], "float32" if short else "float64"
        hits = cast(volumes, places, directions(), GRID, task.free, precision)
        flows = []
        for number, whose in enumerate(("truth", "prediction")):
            instance = extra[f"{whose}_instance"][frame].reshape(-1)[hits.voxel[number]]
            speeds = extra[f"{whose}_flow_of_instance"][instance]
            flows.append(speeds.astype(np.float16) if short else speeds)
        hits = hits.stored_short() if short else hits
        rays += RayCounts.of(hits, task.free, 17, rules.thresholds_m)
        flow += count_flow(hits, flows, task.free, 17, rules.things, rule)
    protocol = Protocol(benchmark=task.name, split="val", samples=0, masks=())
    metric = RayMetric(OPENOCC_NUSCENES, {}, ())
    metric.add(rays.packed())
    (found,) = metric.results(protocol)
    np.testing.assert_allclose(found.class_iou[:, :16], extra[f"{prefix}_iou"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(flow.class_ave[:16], extra[f"{prefix}_ave"], rtol=0, atol=1e-6)
    assert flow.mave == pytest.approx(float(extra[f"{prefix}_mave"]), abs=1e-6)
    assert flow_score(found.rayiou, flow.mave) == pytest.approx(float(extra[f"{prefix}_score"]), abs=1e-6)
