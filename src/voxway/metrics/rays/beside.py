"""RayIoU with what else the voxels carry in which rays end: numbers of instances (RayPQ), or speeds (AVE)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Int64, Shaped, UInt8

from voxway.core.ray_result import RayResult
from voxway.core.result import Protocol as ResultProtocol
from voxway.core.task import Task
from voxway.metrics.rays.flow import FlowCounts, FlowRule, count_flow, flow_score
from voxway.metrics.rays.metric import RayMetric
from voxway.metrics.rays.panoptic import PanopticCounts, count_panoptic
from voxway.metrics.rays.walk import Hits

C = TypeVar("C", PanopticCounts, FlowCounts)


@runtime_checkable
class Kind(Protocol[C]):
    """What voxels carry, how it is counted, and which scores follow."""

    array: str
    """Name of its array in files of truth and prediction."""
    short: bool
    """See `RayMetric`."""

    def none(self, classes: int, thresholds: int) -> C:
        """Counts of no frame."""
        ...

    def count(self, hits: Hits, arrays: Sequence[np.ndarray], metric: RayMetric) -> C:
        """Counts of one frame; `arrays` are those of truth and prediction."""
        ...

    def added(self, result: RayResult, counts: C) -> RayResult:
        """A result of rays with these scores."""
        ...


class Instances:
    """Number of each voxel's instance, (x, y, z), 0 where it has none: RayPQ."""

    array = "instances"
    short = False

    def none(self, classes: int, thresholds: int) -> PanopticCounts:
        """See `Kind`."""
        return PanopticCounts.none(classes, thresholds)

    def count(self, hits: Hits, arrays: Sequence[np.ndarray], metric: RayMetric) -> PanopticCounts:
        """See `Kind`."""
        rules = metric.rules
        return count_panoptic(hits, arrays, metric.benchmark.task, rules.things, rules.thresholds_m)

    def added(self, result: RayResult, counts: PanopticCounts) -> RayResult:
        """See `Kind`."""
        task, limits = result.task, result.protocol.thresholds_m
        at = {f"RayPQ@{metres:g} m": value for metres, value in zip(limits, counts.raypq_at(task).tolist())}
        protocol = replace(result.protocol, beside="instances: RayPQ")
        return replace(result, protocol=protocol, beside={"RayPQ": counts.raypq(task), **at})


class Speeds:
    """Speed of each voxel along x and y, (x, y, z, 2), m/s: mean error of velocity (AVE), and the challenge's score.

    Args:
        rule: which of the two published counts.
    """

    array = "flow"

    def __init__(self, rule: FlowRule) -> None:
        self.rule: FlowRule = rule
        self.short = rule == "package"

    def none(self, classes: int, thresholds: int) -> FlowCounts:
        """See `Kind`."""
        return FlowCounts.none(classes)

    def count(self, hits: Hits, arrays: Sequence[np.ndarray], metric: RayMetric) -> FlowCounts:
        """See `Kind`."""
        kind, task = np.float16 if self.short else np.float64, metric.benchmark.task
        ends = zip(arrays, hits.voxel, strict=True)
        flows = [array.reshape(-1, 2)[voxel].astype(kind) for array, voxel in ends]
        return count_flow(hits, flows, task.free, len(task.classes), metric.rules.things, self.rule)

    def added(self, result: RayResult, counts: FlowCounts) -> RayResult:
        """See `Kind`."""
        known = _named(result.task, counts.class_ave)
        notes = {"mAVE_in_m/s": counts.mave, **{f"AVE_of_{name}": value for name, value in known.items()}}
        protocol = replace(result.protocol, flow=self.rule)
        scores = {"score with speeds": flow_score(result.rayiou, counts.mave)}
        return replace(result, protocol=protocol, beside=scores, notes={**result.notes, **notes})


class RaysBeside:
    """Counts a split's frames and turns them into a result; beside volumes, it wants what their voxels carry.

    Args:
        rays: the empty metric of the rays, with their origins.
        kind: what voxels carry.
    """

    def __init__(self, rays: RayMetric, kind: Kind[Any]) -> None:
        self.rays, self.kind = rays, kind
        self.counts = kind.none(len(rays.benchmark.classes), len(rays.rules.thresholds_m))

    def update(
        self,
        key: str,
        volumes: Sequence[UInt8[np.ndarray, "x y z"]],
        arrays: Sequence[Shaped[np.ndarray, "x y z *s"]],
    ) -> None:
        """Count one frame.

        Args:
            key: names it.
            volumes: class ids of truth and prediction.
            arrays: what their voxels carry, likewise.

        Raises:
            InputError: no origins are known of the frame.
        """
        truth, guess = volumes
        self.counts += self.kind.count(self.rays.count(key, truth, guess), arrays, self.rays)

    def fresh(self) -> RaysBeside:
        """An empty one of the same frames."""
        return RaysBeside(self.rays.fresh(), self.kind)

    def packed(self) -> Int64[np.ndarray, "n"]:
        """All that was counted, in a row of whole numbers: of sums that are not whole, their bits."""
        rows = [np.ravel(getattr(self.counts, field.name)).view(np.int64) for field in fields(self.counts)]
        return np.concatenate([*rows, self.rays.packed()])

    def add(self, packed: Int64[np.ndarray, "n"]) -> None:
        """Add what another one of the same benchmark counted."""
        values, start = {}, 0
        for field in fields(self.counts):
            like = getattr(self.counts, field.name)
            part = np.ascontiguousarray(packed[start : start + like.size])
            values[field.name] = part.view(like.dtype).reshape(like.shape)
            start += like.size
        self.counts += type(self.counts)(**values)
        self.rays.add(packed[start:])

    def results(self, protocol: ResultProtocol, name: str = "") -> list[RayResult]:
        """The result of everything counted; see `RayMetric.results`."""
        return [self.kind.added(result, self.counts) for result in self.rays.results(protocol, name)]


def _named(task: Task, values: np.ndarray) -> dict[str, float]:
    """Values by class name, where there are some."""
    return {task.classes[i]: float(value) for i, value in enumerate(values) if np.isfinite(value)}
