"""Seconds on a device, and precisions."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

PRECISIONS = ("float32", "tf32", "bfloat16")


def seconds(function: Callable[[], object], device: str, runs: int, warmup: int = 2) -> float:
    """Median of several runs, each waited for."""
    took = []
    for _ in range(warmup + runs):
        synchronise(device)
        start = time.perf_counter()
        function()
        synchronise(device)
        took.append(time.perf_counter() - start)
    return statistics.median(took[warmup:])


def synchronise(device: str) -> None:
    """Wait until a GPU has done all that it was told."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


@contextmanager
def precision(name: str, device: str) -> Iterator[None]:
    """Compute in float32, in float32 with products of 10 bits (tf32), or under autocast to bfloat16."""
    rough = name == "tf32"
    torch.set_float32_matmul_precision("high" if rough else "highest")
    torch.backends.cudnn.allow_tf32 = rough
    # Weights are cast anew in every pass, as they are where each pass enters autocast.
    kind = torch.device(device).type
    with torch.autocast(kind, torch.bfloat16, enabled=name == "bfloat16", cache_enabled=False):
        yield
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
