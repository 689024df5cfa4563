"""Where the rays of a split start: the glue between readers, which know poses, and the metric, which knows rays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from voxway.core.errors import InputError
from voxway.data.reader import LidarPoses, TruthBeside
from voxway.data.samples import Samples
from voxway.metrics.rays.beside import Kind, RaysBeside
from voxway.metrics.rays.metric import RayMetric, ray_rules
from voxway.metrics.rays.origins import drive_origins


def ray_metric(samples: Samples) -> RayMetric:
    """The empty metric of RayIoU for these frames, with origins from all key frames of their scenes, scored or not; of
    RayIoU* where nobody has defined it for the benchmark.

    Raises:
        InputError: a benchmark without a score along rays, a pose that is missing or damaged, or fewer frames than the
            split has, which would give other origins and another score; a copy that is called `partial` may lack some.
    """
    rules, reader = ray_rules(samples.benchmark), samples.reader
    if not isinstance(reader, LidarPoses):
        raise InputError(
            file=type(reader).__name__,
            field="lidar_pose",
            expected="a reader that knows where the LiDAR stood, for the rays' origins",
            found="none",
            remedy="Give the reader `lidar_pose` (voxway.data.reader.LidarPoses), or score voxels.",
        )
    _require_whole_scenes(samples)
    scenes: dict[str, list[str]] = {}
    for key in reader.split_keys:
        scenes.setdefault(reader.drive(key), []).append(key)
    wanted, places, lenders = frozenset(samples.keys), {}, []
    for scene in dict.fromkeys(reader.drive(key) for key in samples.keys):
        keys = scenes[scene]
        T_world_ego, T_ego_lidar = (np.stack(poses) for poses in zip(*map(reader.lidar_pose, keys), strict=True))
        found = zip(keys, drive_origins(T_world_ego, T_ego_lidar, rules, samples.task.grid), strict=True)
        places |= {key: origins for key, origins in found if key in wanted}
        lenders += keys
    return RayMetric(samples.benchmark, places, lenders)


def rays_beside(samples: Samples, kind: Kind[Any]) -> RaysBeside:
    """The same with what voxels carry besides: numbers of instances, or speeds.

    Raises:
        InputError: see `ray_metric`; or the reader knows nothing but classes.
    """
    rays = ray_metric(samples)
    _require_beside(samples, kind.array)
    return RaysBeside(RayMetric(rays.benchmark, rays.places, rays.poses, short=kind.short), kind)


def beside_truth(samples: Samples, key: str, name: str) -> np.ndarray:
    """What a frame's true voxels carry beside their class; see `voxway.data.reader.TruthBeside`."""
    return _require_beside(samples, name).beside(key, name)


def _require_beside(samples: Samples, name: str) -> TruthBeside:
    reader = samples.reader
    if not isinstance(reader, TruthBeside):
        raise InputError(
            file=samples.benchmark.name,
            field="metric",
            expected=f"a dataset whose labels hold `{name}` beside classes",
            found="classes alone",
            remedy="Score classes along rays: --metric ray.",
        )
    return reader


def _require_whole_scenes(samples: Samples) -> None:
    config, count = samples.config, len(samples.reader.split_keys)
    split = samples.benchmark.splits.get(config.split)
    whole = None if split is None else split.frames
    made = (Path(config.folder) / "world.json").exists()
    if not (made or config.partial) and whole is not None and count != whole:
        raise InputError(
            file=config.root,
            field="frames that lend poses",
            expected=f"all {whole} of split {config.split}: rays start where the LiDAR stood in whole scenes",
            found=count,
            remedy="Name an info file of the whole split, also where only some of its frames are scored; "
            "with --partial the score is that of other origins.",
        )
