"""One process or many: ranks, sums over ranks, and nothing else.

Start several processes with ``torchrun --nproc-per-node N -m voxway ...``; without torchrun there is one rank.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from voxway.core.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """The processes of a run.

    Attributes:
        rank: which of them this is; rank 0 writes files and draws progress.
        size: how many there are.
        device: where this one computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum of the tensor over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def sum_many(self, tensors: Iterable[Tensor]) -> None:
        """Sum each tensor over all processes, in place, in one exchange per type."""
        if self.size == 1:
            return
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault(tensor.dtype, []).append(tensor)
        for same in kinds.values():
            flat = self.sum(torch.cat([tensor.flatten() for tensor in same]))
            for tensor, part in zip(same, flat.split([tensor.numel() for tensor in same])):
                tensor.copy_(part.view_as(tensor))

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()


def gathered(value: T) -> list[T]:
    """The values of all processes of the default group, by rank; the own one alone where there is no group."""
    if not (dist.is_available() and dist.is_initialized()):
        return [value]
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, value)
    return found


def _check_device(device: str) -> None:
    present = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    present += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if device not in present:
        raise InputError(
            file="--device",
            field="value",
            expected=f"one of auto, {', '.join(present)}",
            found=repr(device),
            remedy="Choose a device of this machine; `voxway doctor` lists them.",
        )


@contextmanager
def process_group(device: str = "auto") -> Generator[Group]:
    """Join the processes that torchrun started, if it did; leave the group at the end.

    Args:
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``"auto"`` for a GPU where there is one.

    Raises:
        InputError: there is no such device.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    _check_device(device)
    if "RANK" not in os.environ:
        yield Group(device=torch.device(device))
        return
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Group(rank, size, torch.device(device))
    finally:
        dist.destroy_process_group()
