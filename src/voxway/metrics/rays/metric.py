"""RayIoU of a split: rays of every frame cast through truth and prediction, counted, and turned into a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.ray_result import RayProtocol, RayResult
from voxway.core.rays import RayRules
from voxway.core.result import Protocol
from voxway.core.stamps import fingerprint_of
from voxway.metrics.confusion import sum_over_processes
from voxway.metrics.rays import directions, origins
from voxway.metrics.rays.counts import RayCounts
from voxway.metrics.rays.walk import Hits, cast

_COUNTED = {
    False: "rays that meet anything in the truth",
    True: "rays that enter the grid and meet a class in the truth",
}

_PRECISION = {False: "float32 points, float64 walk", True: "float32 sums, float64 walk, float16 distances"}


def ray_rules(benchmark: Benchmark) -> RayRules:
    """What a benchmark fixes for scores along rays.

    Raises:
        InputError: it has no such score.
    """
    if benchmark.rays is None:
        raise InputError(
            file=benchmark.name,
            field="metric",
            expected="a benchmark that defines a score along rays",
            found="none of its own",
            remedy="Score its voxels (--metric miou): origins and rays of other benchmarks would make another number.",
        )
    return benchmark.rays


class RayMetric:
    """Counts a split's frames and turns them into a result.

    Args:
        benchmark: grid, classes and rules.
        places: origins of every frame that is to be scored, metres, by its key (`voxway.metrics.rays.origins`).
        poses: keys of all frames whose poses lent origins, in order.
        short: compute points in float32 and round distances to float16, as files of the challenge of 2024 hold them.

    Raises:
        InputError: the benchmark has no score along rays.
    """

    def __init__(
        self, benchmark: Benchmark, places: Mapping[str, origins.Origins], poses: Sequence[str], *, short: bool = False
    ) -> None:
        self.benchmark, self.rules, self.places, self.poses = benchmark, ray_rules(benchmark), places, tuple(poses)
        self.short = short
        self.counts = RayCounts.none(len(benchmark.classes), len(self.rules.thresholds_m))

    def update(
        self,
        target: UInt8[Tensor, "*b x y z"] | UInt8[np.ndarray, "*b x y z"],
        prediction: UInt8[Tensor, "*b x y z"] | UInt8[np.ndarray, "*b x y z"],
        masks: Mapping[str, Tensor] | None = None,
        keys: Sequence[str] = (),
    ) -> None:
        """Count one frame, or a batch of them. No mask plays a part.

        Raises:
            ValueError: volumes of another shape, a class that there is not, or another number of keys than frames.
            InputError: a frame of which no origins are known.
        """
        shape, classes = self.benchmark.grid.shape, len(self.benchmark.classes)
        volumes = [torch.as_tensor(volume).cpu().numpy() for volume in (target, prediction)]
        if any(volume.shape[-3:] != shape for volume in volumes) or volumes[0].shape != volumes[1].shape:
            raise ValueError(f"volumes must end in {shape}, got {volumes[0].shape} and {volumes[1].shape}")
        truths, guesses = (volume.reshape(-1, *shape) for volume in volumes)
        if int(guesses.max(initial=0)) >= classes:
            raise ValueError(f"predictions must be class ids 0..{classes - 1}, got {guesses.max()}")
        if len(keys) != len(truths):
            raise ValueError(f"rays of {len(truths)} frames need as many keys, got {len(keys)}")
        for key, truth, guess in zip(keys, truths, guesses, strict=True):
            self.count(key, truth, guess)

    def count(self, key: str, truth: UInt8[np.ndarray, "x y z"], guess: UInt8[np.ndarray, "x y z"]) -> Hits:
        """Count one frame's rays; returns what they meet in truth and prediction.

        Raises:
            InputError: no origins are known of it.
        """
        benchmark, rules, places = self.benchmark, self.rules, self._origins(key)
        precision = "float32" if self.short else "float64"
        hits = cast([truth, guess], places, directions.directions(), benchmark.grid, benchmark.free, precision)
        hits = hits.stored_short() if self.short else hits
        low, high = np.array(benchmark.grid.lower), np.array(benchmark.grid.upper)
        outside = int(((places < low) | (places >= high)).any(1).sum())
        classes = len(benchmark.classes)
        self.counts += RayCounts.of(hits, benchmark.free, classes, rules.thresholds_m, outside, known=rules.known)
        return hits

    def _origins(self, key: str) -> origins.Origins:
        if key not in self.places:
            remedy = "Origins come from poses of whole scenes: give those of the scene that holds the frame."
            raise InputError(file=f"frame {key}", field="pose", expected="known", found="absent", remedy=remedy)
        return self.places[key]

    def reduce(self) -> None:
        """Sum over all processes of a distributed run; see `Confusion.reduce`."""
        numbers, _ = sum_over_processes(self.packed(), 0)
        self.counts = self.counts.unpacked(numbers)

    def packed(self) -> np.ndarray:
        """All that was counted, in a row of whole numbers."""
        return self.counts.packed()

    def fresh(self) -> RayMetric:
        """An empty one of the same frames."""
        return RayMetric(self.benchmark, self.places, self.poses, short=self.short)

    def add(self, packed: np.ndarray) -> None:
        """Add what another one of the same benchmark counted."""
        self.counts += self.counts.unpacked(packed)

    def results(self, protocol: Protocol, name: str = "") -> list[RayResult]:
        """The result of everything counted.

        Args:
            protocol: split, inputs and so on; what rays add to it is filled in here.
            name: whose result it is.
        """
        counts, rules = self.counts, self.rules
        known: dict[str, Any] = asdict(protocol) | {
            "samples": counts.frames,
            "masks": (),
            "absent": "left out",
            "range_m": None,
        }
        ray_protocol = RayProtocol(
            **known,
            classes=self.benchmark.classes,
            rays=directions.SAID,
            ray_names=directions.fingerprint(),
            thresholds_m=rules.thresholds_m,
            precision=_PRECISION[self.short],
            score=rules.score,
            counted=_COUNTED[rules.known],
            origins=origins.said(rules),
            origin_count=sum(len(places) for places in self.places.values()),
            origin_names=origins.fingerprint(self.places),
            pose_names=fingerprint_of(self.poses),
        )
        notes = {
            "valid_rays": counts.valid,
            "rays_that_never_enter": counts.never_entered,
            "origins_outside_the_grid": counts.outside,
        }
        task = self.benchmark.task
        return [
            RayResult(
                task=task, protocol=ray_protocol, gt=counts.gt, pred=counts.pred, tp=counts.tp, name=name, notes=notes
            )
        ]
