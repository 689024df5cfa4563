"""How long a network takes and how much memory, with what must be said beside such numbers."""

from __future__ import annotations

import platform
import resource
import sys
import time
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from voxway.core.frame_shape import FrameShape
from voxway.core.sample import Batch
from voxway.measure.made_up import NO_EXTRAS, made_up_batch
from voxway.methods.contract import MethodConfig


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


def network_and_batch(
    config: MethodConfig, frame: FrameShape, device: torch.device | str = "cpu", seed: int = 0
) -> tuple[nn.Module, Batch]:
    """A network with random weights, and a made-up frame of all that it reads and learns from.

    Args:
        config: of any method. Weights that it would start from are not fetched.
        frame: what frames of its data are like: ``data.frame_shape()``.
        device: where both go.
        seed: of the weights and of the frame.

    Raises:
        InputError: the network needs a field whose shape nobody knows; see `made_up_batch`.
    """
    torch.manual_seed(seed)
    network = with_random_weights(config).build()
    needs = network.inputs | network.targets  # ty: ignore[unsupported-operator]  # a method has them
    extras = getattr(network, "extras", NO_EXTRAS)
    return network.to(device), made_up_batch(config.task, needs, frame, extras=extras, seed=seed).to(device)


def with_random_weights(config: MethodConfig) -> MethodConfig:
    """The same network, started from nothing where it would fetch weights."""
    if "pretrained" not in config.__dataclass_fields__:
        return config
    return replace(config, pretrained=False)


def describe_machine(device: str = "cpu") -> str:
    """Processor or GPU, threads and versions."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.processor() or "CPU"
    threads = "" if device.startswith("cuda") else f", {torch.get_num_threads()} threads"
    return f"{name} ({platform.machine()}){threads}, PyTorch {torch.__version__}, Python {platform.python_version()}"


def count_flops(network: nn.Module, batch: Batch) -> int:
    """Floating point operations of a forward pass's convolutions and matrix products; a multiply-add counts two."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(batch)
    return counter.get_total_flops()


def measure(network: nn.Module, batch: Batch, runs: int, warmup: int, training: bool) -> list[Pass]:
    """Time forward passes, or training steps without the optimiser; passes before `warmup` are dropped.

    On a GPU the largest memory is that of these passes; of a whole process on a CPU.
    """
    network.train(training)
    passes = []
    device = next(network.parameters()).device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(warmup + runs):
        _synchronise(device)
        wall, cpu = time.perf_counter(), time.process_time()
        with torch.set_grad_enabled(training):
            prediction = network(batch)
            if training:
                with torch.autocast(device.type, enabled=False):  # as training does
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
