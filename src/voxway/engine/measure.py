"""How long a network takes and how much memory, with what must be said beside such numbers."""

from __future__ import annotations

import platform
import resource
import sys
import time
from dataclasses import dataclass

import torch
from torch import nn

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Sample, collate


@dataclass(frozen=True)
class Pass:
    """One measured pass.

    Attributes:
        wall_s: seconds on the clock.
        cpu_s: processor seconds of all threads.
        peak_gb: largest memory so far: of the whole process on a CPU, of tensors on a GPU.
    """

    wall_s: float
    cpu_s: float
    peak_gb: float


def describe_machine(device: str = "cpu") -> str:
    """Processor or GPU, threads and versions."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.processor() or "CPU"
    threads = "" if device.startswith("cuda") else f", {torch.get_num_threads()} threads"
    return f"{name} ({platform.machine()}){threads}, PyTorch {torch.__version__}, Python {platform.python_version()}"


def street_batch(grid: VoxelGrid, size_px: tuple[int, int], proposals: int = 17_000, seed: int = 0) -> Batch:
    """A random frame with KITTI's left colour camera, and random voxels as proposals and as pseudo points."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size_px
    K = torch.tensor([[0.5767 * width, 0, 0.491 * width], [0, 0.5767 * width, 0.495 * height], [0, 0, 1]])
    T_cam_ego = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, -0.08], [1, 0, 0, -0.27], [0, 0, 0, 1]])
    coarse = grid.coarsen(2)
    flags = torch.zeros(coarse.count, dtype=torch.bool)
    flags[torch.randperm(coarse.count, generator=generator)[:proposals]] = True
    return collate(
        [
            Sample(
                key="bench/000000",
                grid=grid,
                cameras=Cameras.pinhole(K[None], T_cam_ego[None], torch.tensor([size_px])),
                images=torch.randint(0, 256, (1, 3, *size_px), generator=generator).to(torch.uint8),
                proposals=flags.view(coarse.shape),
                pseudo=torch.rand(grid.shape, generator=generator) < proposals / grid.count,
                target=torch.randint(0, 20, grid.shape, generator=generator).to(torch.uint8),
                semantics_2d=torch.randint(0, 20, (1, *size_px), generator=generator).to(torch.uint8),
            )
        ]
    )


def measure(network: nn.Module, batch: Batch, runs: int, warmup: int, training: bool) -> list[Pass]:
    """Time forward passes, or training steps without the optimiser; passes before `warmup` are dropped."""
    network.train(training)
    passes = []
    device = next(network.parameters()).device
    for _ in range(warmup + runs):
        _synchronise(device)
        wall, cpu = time.perf_counter(), time.process_time()
        with torch.set_grad_enabled(training):
            prediction = network(batch)
            if training:
                terms = network.loss(prediction, batch)  # ty: ignore[not-callable]  # a method has one
                torch.stack(list(terms.values())).sum().backward()
                network.zero_grad()
        del prediction
        _synchronise(device)
        passes.append(Pass(time.perf_counter() - wall, time.process_time() - cpu, _peak_gb(device)))
    return passes[warmup:]


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_gb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
