"""Generates a synthetic world: in parallel, resumable, with the same bytes however it was run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from voxway.core.errors import InputError, MissingExtra
from voxway.core.files import read_json, write_json
from voxway.world.config import WorldConfig
from voxway.world.config_nuscenes import NuScenesWorldConfig
from voxway.world.config_waymo import WaymoWorldConfig
from voxway.world.nuscenes import SceneWriter
from voxway.world.nuscenes_tables import has_tables, scene_rows, write_tables
from voxway.world.semantickitti import SequenceWriter
from voxway.world.waymo import WaymoWriter, write_cameras

_CHUNK = 5
"""Frames per job: enough to be worth a message, few enough that the bar moves and Ctrl-C is obeyed soon."""
_LONG_CHUNK = 10
"""Key frames per job where each needs scans from a while before and after, which neighbours share."""


AnyConfig = WorldConfig | NuScenesWorldConfig | WaymoWorldConfig
_FOLDERS = {
    "semantickitti": ("sequences",),
    "nuscenes": ("samples", "sweeps", "gts", "nuScenes-Occupancy-v0.1", "v1.0-trainval"),
    "waymo": ("training", "validation", "kitti_format"),
}
"""Folders of each layout."""

Part = Literal["sensors", "truth", "keys", "tables"]


@dataclass(frozen=True)
class _Job:
    """Some frames of one sequence, and which of their files are wanted: for SemanticKITTI the sensors' or the voxels,
    for the others all that belong to key frames, or the rows that nuScenes' tables hold about the scene.
    """

    root: Path
    config: AnyConfig
    name: str
    part: Part
    frames: tuple[int, ...]


def generate(
    root: Path | str, config: AnyConfig | None = None, *, processes: int | None = None, progress: bool = True
) -> Path:
    """Write a synthetic world under `root`, in the layout that the configuration is for.

    Files that are there already are kept, so a run that was stopped goes on where it was. `world.json` beside them
    records the configuration.

    Args:
        root: folder to write to; made if missing.
        config: what to write; SemanticKITTI's layout by default.
        processes: how many to work with, each on one thread; all cores by default. The bytes do not depend on it.
        progress: whether to draw a progress bar.

    Returns:
        root.

    Raises:
        InputError: `root` holds a world of another configuration.
        MissingExtra: embreex is not installed.
        OutputError: `root` cannot be written to.
    """
    root, config = Path(root), config or WorldConfig()
    _need_embree()
    _claim(root, config)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not progress) as bar, _Workers(processes or os.cpu_count() or 1) as workers:
        answers: dict[str, Any] = {}
        for what, jobs in _stages(root, config):
            task = bar.add_task(what, total=sum(len(job.frames) for job in jobs))
            for job, answer in workers.finish(jobs):
                if job.part == "tables":
                    answers[job.name] = answer
                bar.advance(task, len(job.frames))
    if isinstance(config, NuScenesWorldConfig) and not has_tables(root, config):
        write_tables(root, config, [answers[name] for name in config.names])
    if isinstance(config, WaymoWorldConfig):
        write_cameras(root, config)
    return root


def _stages(root: Path, config: AnyConfig) -> list[tuple[str, list[_Job]]]:
    """What there is to do: name and jobs of each stage; a stage begins when the one before is done."""
    if isinstance(config, WorldConfig):
        drive = {name: range(config.frames(name)) for name in config.sequences}
        keys = {name: config.keys(name) for name in config.sequences}
        return [
            ("driving", _jobs(root, config, drive, "sensors", _CHUNK)),
            ("voxels", _jobs(root, config, keys, "truth", _CHUNK)),
        ]
    tables = isinstance(config, NuScenesWorldConfig) and not has_tables(root, config)
    jobs = []
    for name in config.names:
        jobs += _jobs(root, config, {name: config.keys(name)}, "keys", _LONG_CHUNK)
        if tables:
            # Right after the scene's files, by a process that has its street at hand.
            jobs.append(_Job(root, config, name, "tables", ()))
    return [("driving", jobs)]


def _need_embree() -> None:
    """Fail now rather than in a worker."""
    try:
        import embreex  # noqa: F401
    except ImportError:
        raise MissingExtra("embreex", "world", "ray casting the synthetic world") from None


def _claim(root: Path, config: AnyConfig) -> None:
    """Record the configuration in `world.json`, or check it against the one that is there."""
    path, wanted = root / "world.json", config.to_json()
    if path.exists():
        found = read_json(path, remedy="Delete the folder and generate the world again.")
        if found != wanted:
            raise InputError(
                file=path,
                field=", ".join(_differences(found, wanted)),
                expected="the configuration asked for",
                found="a world of another one",
                remedy="Choose another folder, or delete this one first.",
            )
    else:
        write_json(path, wanted)
    for place in (".*.part", *(f"{folder}/**/.*.part" for folder in _FOLDERS[wanted["layout"]])):
        for leftover in root.glob(place):
            leftover.unlink(missing_ok=True)


def _differences(found: object, wanted: dict) -> list[str]:
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        return ["contents"]
    names = [name for name in ("layout", "version") if found.get(name) != wanted[name]]
    names += [name for name, value in wanted["config"].items() if found["config"].get(name) != value]
    return names or ["config"]


def _jobs(root: Path, config: AnyConfig, frames: Mapping[str, range], part: Part, chunk: int) -> list[_Job]:
    return [
        _Job(root, config, name, part, tuple(several[start : start + chunk]))
        for name, several in frames.items()
        for start in range(0, len(several), chunk)
    ]


class _Workers:
    """Processes of one thread each; a single one is this process itself."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        pools = count if count > 1 else 0
        self._pools = [ProcessPoolExecutor(1, mp_context=context, initializer=_begin) for _ in range(pools)]

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)

    def finish(self, jobs: Sequence[_Job]) -> Iterator[tuple[_Job, Any]]:
        """Do the jobs; yields each and what it answers when it is done, in any order."""
        if not self._pools:
            for job in jobs:
                yield job, _do(job)
            return
        # Each process gets a run of neighbouring jobs, so that it builds few streets and shares few scans.
        share = len(jobs) / len(self._pools)
        futures = {self._pools[int(i / share)].submit(_do, job): job for i, job in enumerate(jobs)}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _begin() -> None:
    """Prepare a worker: one thread, Ctrl-C left to the parent, and an end when the parent ends."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _do(job: _Job) -> Any:
    config = job.config
    if isinstance(config, NuScenesWorldConfig):
        if job.part == "tables":
            return scene_rows(config, job.name)
        SceneWriter(job.root, config, job.name).write_keys(job.frames)
        return None
    if isinstance(config, WaymoWorldConfig):
        WaymoWriter(job.root, config, job.name).write_keys(job.frames)
        return None
    writer = SequenceWriter(job.root, config, job.name)
    if job.part == "truth":
        for _ in writer.write_truth(job.frames):
            pass
        return None
    if 0 in job.frames:
        writer.write_drive()
    for frame in job.frames:
        writer.write_frame(frame)
    return None
