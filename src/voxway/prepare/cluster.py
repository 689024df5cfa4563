"""The same preparation by many workers, on as many machines as Ray has: an actor for each GPU, or for so many CPUs.

Every worker opens the job itself, once, and makes the files of the keys that Ray Data hands it as the runner does. Ray
starts a worker that has died again, and hands out again what that one was given; what had been made by then is there,
and is left alone. All machines must see the same data and the same folder, and have this package.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from types import ModuleType
from typing import Any, TypeAlias, TypedDict

import torch

from voxway.core.errors import InputError, MissingExtra, UserError
from voxway.core.progress import progress_bar
from voxway.data.job import Job
from voxway.prepare.runner import make, to_make

Build: TypeAlias = Callable[[], Job]
"""Opens the job; Ray must be able to send it, so it is a function of a module, or `functools.partial` of one."""
_PARCELS = 2000
"""Into how many pieces keys are divided at most, which workers are handed one by one."""


_TRIES = 3
"""How often keys are handed out again whose worker has died; else one that kills every worker would never end."""


class _Told(TypedDict):
    """What a worker says of a key."""

    key: str
    error: bytes
    worker: int
    remark: str


class Worker:
    """What runs on a machine of the cluster; `build` and `remake` as for `run_on_ray`, working in `folder`."""

    def __init__(self, build: Build, remake: bool, folder: str) -> None:
        os.chdir(folder)
        self.job, self.remake = build(), remake

    def __call__(self, batch: Any) -> dict[str, list[object]]:
        """Make the file of a key, if it is not there yet."""
        (key,) = batch["item"]
        return {name: [value] for name, value in self._made(str(key)).items()}

    def _made(self, key: str) -> _Told:
        error = b""
        try:
            make(self.job, key, self.remake)  # unless another has been here before it died
        except UserError as fault:
            error = pickle.dumps(fault)
        return _Told(key=key, error=error, worker=os.getpid(), remark=self.job.remark())


def run_on_ray(
    build: Build,
    *,
    workers: int,
    cpus: int = 1,
    gpu: bool = False,
    shard: tuple[int, int] = (0, 1),
    show: bool = True,
    remake: bool = False,
) -> tuple[int, str]:
    """Make what `voxway.prepare.runner.run` would make, by workers of Ray: on the cluster that is joined already or
    that ``RAY_ADDRESS`` names, else on this machine.

    Args:
        build: opens the job, here and in each worker.
        workers: how many there are at most; they wait for one another's CPUs and GPUs.
        cpus: of each.
        gpu: whether each has a GPU of its own, which it sees as ``cuda``.
        shard: as for the runner; so are `show` and `remake`.

    Returns:
        how many files were made, and what the workers have to say at the end.

    Raises:
        InputError: fewer than one worker, not even one fits the cluster, or some keys kill every worker; else whatever
            a worker says of a key, as the runner would.
        MissingExtra: Ray is not installed.
    """
    job = build()
    mine, left = to_make(job, shard, remake)
    remarks: dict[int, str] = {}
    said = closing(_told(build, left, remake, workers, cpus, gpu))
    with said as all_told, progress_bar(job.what, len(mine), len(mine) - len(left), show) as bar:
        for told in all_told:
            if told["error"]:
                raise pickle.loads(told["error"])
            if not remarks and job.origin is not None:
                job.origin.claim()
            remarks[told["worker"]] = told["remark"]
            bar.advance(told["key"])
    return len(left), "\n".join(filter(None, remarks.values()))


def wants_gpu(device: str) -> bool:
    """Whether workers are to have GPUs, where ``"auto"`` goes by this machine.

    Raises:
        InputError: no kind of device that voxway runs on.
    """
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        remedy = "Workers choose among their own GPUs: say no more than the kind."
        raise InputError(
            file="--device", field="value", expected="auto, cpu or cuda", found=repr(device), remedy=remedy
        )
    return kind == "cuda"


def _told(build: Build, keys: list[str], remake: bool, workers: int, cpus: int, gpu: bool) -> Generator[_Told]:
    """What workers say of keys, as they say it."""
    if workers < 1 or cpus < 1:
        found, remedy = f"{workers} of {cpus} CPUs", "Give positive numbers."
        raise InputError(file="prepare", field="--ray", expected="workers with CPUs", found=found, remedy=remedy)
    if not keys:
        return
    with _joined() as ray:
        needs = {"CPU": cpus, **({"GPU": 1} if gpu else {})}
        fitting = int(min(ray.cluster_resources().get(name, 0) // count for name, count in needs.items()))
        if fitting < 1:
            expected = " and ".join(f"{count} {name}" for name, count in needs.items())
            has = {name: int(ray.cluster_resources().get(name, 0)) for name in needs}
            remedy = "Ask for fewer CPUs (--ray-cpus), or start Ray on a machine that has them."
            raise InputError(file="Ray", field="resources", expected=expected, found=has, remedy=remedy)
        data = ray.data.from_items(keys, override_num_blocks=min(len(keys), _PARCELS)).map_batches(
            Worker,
            fn_constructor_args=(build, remake, os.getcwd()),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=min(workers, fitting, len(keys)), max_size=workers),
            num_cpus=cpus,
            num_gpus=1 if gpu else None,
            ray_remote_args_fn=lambda: {"max_task_retries": _TRIES},
        )
        try:
            yield from data.iter_rows()
        except ray.exceptions.RayActorError as error:
            raise InputError(
                file="Ray",
                field="workers",
                expected="workers that live",
                found=f"the same frames have killed {_TRIES + 1} of them",
                remedy="Memory may run out: take fewer workers; or see without --ray what is wrong.",
            ) from error


@contextmanager
def _joined() -> Generator[ModuleType]:
    """Ray, with its own reports of progress left out; what is started here is stopped again."""
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtra("ray", "cluster", "files made by many machines") from None
    own = not ray.is_initialized()
    if own:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
        ray.init(include_dashboard=False, logging_level=logging.ERROR)
    context, log = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    bars, level = context.enable_progress_bars, log.level
    context.enable_progress_bars = False
    log.setLevel(logging.ERROR)
    try:
        yield ray
    finally:
        context.enable_progress_bars = bars
        log.setLevel(level)
        if own:
            ray.shutdown()
