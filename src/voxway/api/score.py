"""Scoring networks and baselines by a benchmark's protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from voxway.api.beside import KINDS, BesideMetric, carrying
from voxway.api.model import Model
from voxway.api.rays import ray_metric
from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.core.ray_result import RayResult
from voxway.core.result import Protocol, Result
from voxway.core.sample import Batch
from voxway.core.stamps import fingerprint_of
from voxway.data.config import DataConfig
from voxway.data.samples import Samples
from voxway.engine.distributed import Group
from voxway.engine.evaluate import Metric, evaluate, network_predictor
from voxway.metrics.occupancy import OccupancyMetric

P = TypeVar("P")
R = TypeVar("R")
_INPUTS = frozenset({"images", "points", "proposals"})


def protocol_of(
    samples: Samples,
    inputs: tuple[str, ...],
    *,
    ema: bool = False,
    training_masks: tuple[str, ...] = (),
    checkpoint: str = "",
    labels: Mapping[str, Json] | None = None,
) -> Protocol:
    """What is fixed about a score of these frames before they are counted; see `score_predictor`."""
    return Protocol(
        benchmark=samples.benchmark.name,
        split=_split_name(samples.config),
        samples=0,
        masks=samples.benchmark.masks,
        inputs=inputs,
        frames=1 + len(samples.config.earlier),
        training_masks=training_masks,
        ema=ema,
        checkpoint=checkpoint,
        labels=str((labels or {}).get("rule", "all")),
        label_names=str((labels or {}).get("sha256", "")),
        frame_names=fingerprint_of(sorted(samples.keys)),
    )


def voxel_metric(samples: Samples) -> OccupancyMetric:
    """The empty metric of a benchmark's voxels."""
    return OccupancyMetric(samples.benchmark)


def score_predictor(
    predict: Callable[[Batch], P],
    data: DataConfig,
    sources: Mapping[str, str],
    *,
    metric: Callable[[Samples], Metric[P, R]],
    name: str = "",
    ema: bool = False,
    training_masks: tuple[str, ...] = (),
    checkpoint: str = "",
    labels: Mapping[str, Json] | None = None,
    group: Group | None = None,
    show: bool = True,
) -> list[R]:
    """Score a predictor by its benchmark's protocol; of several results the benchmark's main one comes first.

    Args:
        predict: says what the metric counts: of most a class for every voxel.
        data: frames with all that it reads.
        sources: what prepared files were made from, by need.
        metric: makes an empty one for the frames: of voxels, or of rays (`voxway.api.rays.ray_metric`).
        name: whose result it is.
        ema: whether its weights are averaged.
        training_masks: masks outside which it was taught nothing.
        checkpoint: SHA-256 of its weights.
        labels: facts of the labels that it learnt from (`voxway.core.label_list`); None: all.
        group: the processes that share the work.
        show: say how far it is.
    """
    samples = replace(data, needs=data.needs | {"target"}).build()
    protocol = protocol_of(
        samples,
        _inputs(data, sources),
        ema=ema,
        training_masks=training_masks,
        checkpoint=checkpoint,
        labels=labels,
    )
    return evaluate(predict, samples, metric(samples), protocol, name=name, group=group, show=show)


def score(
    model: Model, data: DataConfig, *, name: str = "", group: Group | None = None, show: bool = True
) -> list[Result]:
    """Score a model's voxels on data of its task's benchmark.

    Raises:
        InputError: it predicts other classes or voxels than the data's truth has.
    """
    return _score(model, data, voxel_metric, network_predictor(model.network), name, group, show)


def score_rays(
    model: Model, data: DataConfig, *, name: str = "", group: Group | None = None, show: bool = True
) -> RayResult:
    """Score a model along rays of a LiDAR (RayIoU) on data of its task's benchmark.

    Raises:
        InputError: it predicts other classes or voxels than the data's truth has, or see `voxway.api.rays.ray_metric`.
    """
    (result,) = _score(model, data, ray_metric, network_predictor(model.network), name, group, show)
    return result


def score_beside(
    model: Model, data: DataConfig, metric: str, *, name: str = "", group: Group | None = None, show: bool = True
) -> RayResult:
    """Score a model along rays with what its voxels carry besides (`voxway.api.beside`).

    Args:
        model: the network.
        data: frames whose labels say it, too.
        metric: one of `KINDS`: "panoptic", "flow" or "flow-package".
        name: whose result it is.
        group: the processes that share the work.
        show: say how far it is.

    Raises:
        InputError: see `score_rays`; or the labels say nothing but classes.
    """
    kind = KINDS[metric]
    of, predict = partial(BesideMetric, kind=kind), carrying(model.network, kind)
    (result,) = _score(model, data, of, predict, name, group, show)
    return result


def _score(
    model: Model,
    data: DataConfig,
    metric: Callable[[Samples], Metric[P, R]],
    predict: Callable[[Batch], P],
    name: str,
    group: Group | None,
    show: bool,
) -> list[R]:
    task = data.reader().benchmark.task
    if (model.task.grid, model.task.classes) != (task.grid, task.classes):
        raise InputError(
            file=model.name,
            field="task",
            expected=f"{task.name}: {len(task.classes)} classes, {task.grid}",
            found=f"{model.task.name}: {len(model.task.classes)} classes, {model.task.grid}",
            remedy="Score the network that reads what this one predicts, or another benchmark's data.",
        )
    return score_predictor(
        predict,
        data,
        model.sources,
        metric=metric,
        name=name or model.name,
        ema=model.ema,
        training_masks=model.method.training_masks,
        checkpoint=model.checkpoint,
        labels=model.labels,
        group=group,
        show=show,
    )


def _inputs(data: DataConfig, sources: Mapping[str, str]) -> tuple[str, ...]:
    """What a method saw, with where prepared files came from."""

    def origin(need: str) -> str:
        if need in sources:
            return f"{need}:{sources[need]}"
        return f"{need}:{data.prepared[need].name}" if need in data.prepared else need

    return tuple(origin(need) for need in sorted(data.needs & _INPUTS))


def _split_name(data: DataConfig) -> str:
    """The split, and what else says which frames and whose truth were scored."""
    parts = [",".join(data.keys) or ",".join(data.drives) or data.split, *data.truth_name()]
    if (Path(data.root) / "world.json").exists():
        parts.append("world")
    return " ".join(parts)
