"""Generates a synthetic world: in parallel, resumable, with the same bytes however it was run."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from voxway.core.cores import available_cores
from voxway.core.errors import InputError, MissingExtra
from voxway.core.files import read_json, write_json
from voxway.core.lock import locked
from voxway.core.processes import answered, begin_worker
from voxway.core.progress import progress_bar
from voxway.world.layouts.layout import Answer, Job, Layout, Record


def generate(root: Path | str, config: Layout[Answer], *, processes: int | None = None, progress: bool = True) -> Path:
    """Write a synthetic world under `root`, in a benchmark's own files.

    Files that are there already are kept, so a run that was stopped goes on where it was. `world.json` beside them
    records the configuration.

    Args:
        root: folder to write to; made if missing.
        config: what to write, in the layout that it is a configuration of.
        processes: how many to work with, each on one thread; by default one per core. The bytes do not depend on it.
        progress: whether to say how far it is.

    Returns:
        root.

    Raises:
        InputError: `root` holds a world of another configuration, or another process writes one there.
        MissingExtra: embreex is not installed.
        OutputError: `root` cannot be written to.
    """
    root = Path(root)
    _need_embree()
    answers: dict[Job, Answer] = {}
    with locked(root), _Workers(processes or available_cores()) as workers:
        _claim(root, config)
        for stage in config.stages(root):
            with progress_bar(stage.what, sum(len(job.frames) for job in stage.jobs), show=progress) as bar:
                for job, answer in workers.finish(stage.jobs, config.do):
                    answers[job] = answer
                    bar.advance(count=len(job.frames))
        config.finish(root, answers)
    return root


def _need_embree() -> None:
    """Fail now rather than in a worker."""
    try:
        import embreex  # noqa: F401
    except ImportError:
        raise MissingExtra("embreex", "world", "ray casting the synthetic world") from None


def _claim(root: Path, config: Layout[Answer]) -> None:
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
    for pattern in (".*.part", *(f"{folder}/**/.*.part" for folder in config.folders)):
        for leftover in root.glob(pattern):
            leftover.unlink(missing_ok=True)


def _differences(found: object, wanted: Record) -> list[str]:
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        return ["contents"]
    names = [name for name in ("layout", "version") if found.get(name) != wanted[name]]
    names += [name for name, value in wanted["config"].items() if found["config"].get(name) != value]
    return names or ["config"]


class _Workers:
    """Processes of one thread each; a single one is this process itself."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        pools = count if count > 1 else 0
        self._pools = [ProcessPoolExecutor(1, mp_context=context, initializer=begin_worker) for _ in range(pools)]

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)

    def finish(self, jobs: Sequence[Job], do: Callable[[Job], Answer]) -> Iterator[tuple[Job, Answer]]:
        """Do the jobs; yields each and what it answers when it is done, in any order."""
        if not self._pools:
            for job in jobs:
                yield job, do(job)
            return
        # Each process gets a run of neighbouring jobs, so that it builds few streets and shares few scans.
        share = len(jobs) / len(self._pools)
        yield from answered({self._pools[int(i / share)].submit(do, job): job for i, job in enumerate(jobs)})
