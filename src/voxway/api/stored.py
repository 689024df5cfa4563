"""Scoring predictions that are stored, whoever wrote them: by voxels or along rays, by any number of processes.

Frames are counted in ranges; what each range counted is whole numbers, which are summed. So any number of processes
gives the same result, bit for bit, and a stopped command continues with the ranges that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Int64, UInt8

from voxway.api.beside import KINDS
from voxway.api.rays import beside_truth, ray_metric, rays_beside
from voxway.api.score import protocol_of, voxel_metric
from voxway.core.files import read_json, write_json
from voxway.core.processes import Workers
from voxway.core.progress import progress_bar
from voxway.core.results import AnyResult
from voxway.core.stamps import fingerprint_of, stamp
from voxway.data.config import DataConfig
from voxway.data.files.stored import StoredPredictions
from voxway.data.samples import Samples
from voxway.data.whole import tell_once
from voxway.metrics.occupancy import OccupancyMetric
from voxway.metrics.rays.beside import RaysBeside
from voxway.metrics.rays.directions import directions
from voxway.metrics.rays.metric import RayMetric
from voxway.metrics.rays.walk import cast
from voxway.view.rays import ray_picture

MetricName = Literal["miou", "ray", "panoptic", "flow", "flow-package"]
AnyMetric: TypeAlias = OccupancyMetric | RayMetric | RaysBeside
METRICS: dict[str, Callable[[Samples], OccupancyMetric | RayMetric]] = {"miou": voxel_metric, "ray": ray_metric}
"""Name -> what makes the empty metric of some frames."""
_BESIDE: dict[str, Callable[[Samples], RaysBeside]] = {
    name: partial(rays_beside, kind=kind) for name, kind in KINDS.items()
}
"""The same of metrics that want more than classes."""
_RANGE = 50
"""Frames that are counted as one."""


def score_stored(
    predictions: Path | str,
    data: DataConfig,
    metric: MetricName,
    *,
    name: str = "",
    inputs: tuple[str, ...] = (),
    training_masks: tuple[str, ...] = (),
    frames_seen: int = 1,
    processes: int = 1,
    kept: Path | None = None,
    show: bool = True,
) -> list[AnyResult]:
    """Score stored predictions; of several results the benchmark's main one comes first.

    Args:
        predictions: folder; `voxway.data.files.stored` says what may lie in it.
        data: which frames. Of a partial copy, those that have truth and a prediction; of others, all need both.
        metric: of voxels within the benchmark's masks; of rays; or of rays with what voxels carry besides: instances,
            or speeds by either published count.
        name: whose result it is.
        inputs: what the network saw, in the words of results: "images", "points".
        training_masks: masks outside which it was taught nothing.
        frames_seen: how many frames it saw per prediction.
        processes: that share the work.
        kept: file in which counts are kept on the way, so that the same call continues; removed at the end.
        show: say how far it is.

    Raises:
        InputError: predictions are missing, given twice, damaged, or of another grid; see also `ray_metric`.
    """
    samples = replace(data, needs=frozenset({"target"}), earlier=()).build()
    stored = StoredPredictions.find(predictions, samples.keys, samples.benchmark, data.server())
    if not data.partial:
        stored.require(samples.keys)
    elif without := len(samples.keys) - len(stored.files):
        tell_once(f"{without} of {len(samples.keys)} frames are left out: they have no prediction")
    samples.keys = tuple(key for key in samples.keys if key in stored.files)
    empty: AnyMetric = (METRICS | _BESIDE)[metric](samples)
    protocol = protocol_of(samples, inputs, training_masks=training_masks)
    protocol = replace(protocol, frames=frames_seen)
    ranges = [samples.keys[first : first + _RANGE] for first in range(0, len(samples.keys), _RANGE)]
    # What was counted before holds for the same frames, rules and files only.
    stamps = [str(stamp(stored.files[key])) for key in samples.keys]
    rules = str([asdict(result.protocol) for result in empty.results(protocol)])
    counted = _Counted.load(kept, fingerprint_of([rules, *samples.keys, *stamps]))
    missing = [number for number in range(len(ranges)) if number not in counted.ranges]
    done = len(samples.keys) - sum(len(ranges[number]) for number in missing)
    count = partial(_count, samples, stored, empty)
    with progress_bar("scoring", len(samples.keys), done, show=show) as bar, Workers(processes, count) as workers:
        for number, packed in workers.finish({number: ranges[number] for number in missing}):
            counted.add(number, packed)
            bar.advance(count=len(ranges[number]))
    for number in range(len(ranges)):
        empty.add(counted.ranges[number])
    counted.remove()
    return list(empty.results(protocol, name or Path(predictions).name))


def draw_rays(predictions: Path | str, data: DataConfig) -> UInt8[np.ndarray, "h w 3"]:
    """The first frame that has a prediction, from above: where its rays end, and how well they are met.

    Raises:
        InputError: see `score_stored`.
    """
    samples = replace(data, needs=frozenset({"target"}), earlier=()).build()
    benchmark = samples.benchmark
    stored = StoredPredictions.find(predictions, samples.keys, benchmark, data.server())
    samples.keys = tuple(key for key in samples.keys if key in stored.files)[:1]
    metric, (key,) = ray_metric(samples), samples.keys
    truth, origins = samples.truth(key).classes.numpy(), metric.places[key]
    hits = cast([truth, stored.read(key)], origins, directions(), benchmark.grid, benchmark.free)
    known = len(benchmark.classes) if metric.rules.known else None
    return ray_picture(hits, truth, origins, benchmark.grid, benchmark.free, metric.rules.thresholds_m, known)


def _count(
    samples: Samples, stored: StoredPredictions, empty: AnyMetric, keys: Sequence[str]
) -> Int64[np.ndarray, "n"]:
    """What one range of frames counts."""
    metric = empty.fresh()
    for key in keys:
        truth, guess = samples.truth(key), torch.from_numpy(stored.read(key))
        if isinstance(metric, RaysBeside):
            carried = beside_truth(samples, key, metric.kind.array), stored.beside(key, metric.kind.array)
            metric.update(key, (truth.classes.numpy(), guess.numpy()), carried)
            continue
        metric.update(truth.classes[None], guess[None], {n: mask[None] for n, mask in truth.masks.items()}, [key])
    return metric.packed()


@dataclass(frozen=True)
class _Counted:
    """Counts by the number of their range, kept in a file if there is one."""

    path: Path | None
    of: str
    ranges: dict[int, Int64[np.ndarray, "n"]]

    @classmethod
    def load(cls, path: Path | None, of: str) -> _Counted:
        """What the file holds of the same work; nothing where there is no file, or of other work."""
        found: dict[int, np.ndarray] = {}
        if path is not None and path.exists():
            content = read_json(path, remedy="Remove it; counting starts again.")
            if isinstance(content, dict) and content.get("of") == of:
                found = {int(number): np.array(row, np.int64) for number, row in content["ranges"].items()}
        return cls(path, of, found)

    def add(self, number: int, packed: Int64[np.ndarray, "n"]) -> None:
        """Keep a range's counts."""
        self.ranges[number] = packed
        if self.path is not None:
            rows = {str(number): row.tolist() for number, row in sorted(self.ranges.items())}
            write_json(self.path, {"of": self.of, "ranges": rows})

    def remove(self) -> None:
        """Remove the file, whose work is done."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
