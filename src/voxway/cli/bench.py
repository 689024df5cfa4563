"""Measure a method on this machine: parameters, seconds and peak memory of a forward pass, and of a training step.

Random weights and a random image of the benchmark's size; about 17 000 proposals. The first passes warm up.

examples:
  voxway bench monoocc-s
  voxway bench monoocc-s --training --runs 1
"""

from __future__ import annotations

from dataclasses import dataclass

import tyro

from voxway.cli.options import Device


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure a method."""

    recipe: tyro.conf.Positional[str] = "monoocc-s"
    """Recipe whose method is measured."""
    runs: int = 3
    """Passes measured; the median is printed."""
    warmup: int = 1
    """Passes before."""
    training: bool = False
    """Measure a training step: forward, loss, backward."""
    threads: int | None = None
    """CPU threads. Default: PyTorch's choice."""
    device: Device = "cpu"


def run(options: Options) -> None:
    """Measure and print."""
    import statistics
    from dataclasses import replace
    from pathlib import Path

    import torch

    from voxway.core.errors import InputError
    from voxway.engine.distributed import process_group
    from voxway.engine.measure import describe_machine, measure, street_batch
    from voxway.recipes import recipe

    if options.runs < 1 or options.warmup < 0 or (options.threads is not None and options.threads < 1):
        raise InputError(
            file="bench",
            field="--runs, --warmup, --threads",
            expected="at least 1, 0 and 1",
            found=f"{options.runs}, {options.warmup}, {options.threads}",
            remedy="Measure at least one pass.",
        )
    if options.threads:
        torch.set_num_threads(options.threads)
    config = recipe(options.recipe, Path(".")).method
    if hasattr(config, "pretrained"):
        config = replace(config, pretrained=False)
    with process_group(options.device) as group:
        network = config.build().to(group.device)
        batch = street_batch(config.grid, size_px=(370, 1226)).to(group.device)
        parameters = sum(p.numel() for p in network.parameters())
        print(describe_machine(str(group.device)))
        print(f"{options.recipe}: {parameters:,} parameters, float32, batch 1, image 370 x 1226")
        passes = measure(network, batch, options.runs, options.warmup, options.training)
    kind = "training step" if options.training else "forward"
    print(
        f"{kind}: {statistics.median(p.wall_s for p in passes):.2f} s wall, "
        f"{statistics.median(p.cpu_s for p in passes):.2f} s CPU (median of {options.runs} after {options.warmup}), "
        f"peak memory {passes[-1].peak_gb:.2f} GB"
    )
