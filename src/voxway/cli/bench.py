"""Measure networks on this machine: parameters, operations, seconds and peak memory of a forward pass or training step.

Random weights and a made-up frame of the benchmark's size: one image and about 17 000 proposals, or a ring of cameras
and ten LiDAR scans. The first passes warm up. Every network of ``all`` is measured in a process of its own.

examples:
  voxway bench monoocc-s
  voxway bench effocc-fusion-r18 --training --runs 1
  voxway bench all --out bench.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from voxway.cli.options import Device
from voxway.core.files import Json

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure networks."""

    recipe: tyro.conf.Positional[str] = "all"
    """Recipe whose network is measured; all measures those of published size."""
    runs: int = 3
    """Passes measured; the median is printed."""
    warmup: int = 1
    """Passes before."""
    training: bool = False
    """Measure a training step: forward, loss, backward."""
    threads: int | None = None
    """CPU threads. Default: PyTorch's choice."""
    device: Device = "cpu"
    out: Path | None = None
    """Write the figures to this JSON file."""


def run(options: Options) -> None:
    """Measure and print."""
    from voxway.cli.screen import show
    from voxway.core.errors import InputError
    from voxway.core.files import write_json

    if options.runs < 1 or options.warmup < 0 or (options.threads is not None and options.threads < 1):
        raise InputError(
            file="bench",
            field="--runs, --warmup, --threads",
            expected="at least 1, 0 and 1",
            found=f"{options.runs}, {options.warmup}, {options.threads}",
            remedy="Measure at least one pass.",
        )
    rows = _each_alone(options) if options.recipe == "all" else [_measured(options)]
    print(rows[0]["machine"])
    show(_table(rows, "training step" if options.training else "forward"))
    if options.out is not None:
        write_json(options.out, rows)


def _measured(options: Options) -> dict[str, Json]:
    """Figures of one network, measured in this process."""
    import statistics

    import torch

    from voxway.engine.distributed import process_group
    from voxway.engine.memory import keep_freed_memory
    from voxway.measure.passes import count_flops, describe_machine, measure, network_and_batch
    from voxway.recipes import measured_recipe

    keep_freed_memory()
    if options.threads:
        torch.set_num_threads(options.threads)
    chosen = measured_recipe(options.recipe, Path("."))
    with process_group(options.device) as group:
        network, batch = network_and_batch(chosen.method, chosen.data.frame_shape(), group.device)
        passes = measure(network, batch, options.runs, options.warmup, options.training)
        return {
            "network": options.recipe,
            "machine": describe_machine(str(group.device)),
            "parameters": sum(p.numel() for p in network.parameters()),
            "wall_s": statistics.median(p.wall_s for p in passes),
            "cpu_s": statistics.median(p.cpu_s for p in passes),
            "peak_gb": passes[-1].peak_gb,
            "gflop": count_flops(network, batch) / 1e9,
        }


def _each_alone(options: Options) -> list[dict[str, Json]]:
    """Figures of all networks, each measured in a process of its own, so that peak memory is its own."""
    import json
    import subprocess
    import sys
    import tempfile

    from voxway.core.progress import tracked
    from voxway.recipes import FULL_SIZE

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        flags = ["--training"] if options.training else []
        flags += ["--threads", str(options.threads)] if options.threads else []
        flags += ["--runs", str(options.runs), "--warmup", str(options.warmup), "--device", options.device]
        for name in tracked(FULL_SIZE, "measuring", len(FULL_SIZE)):
            command = [sys.executable, "-m", "voxway", "bench", name, *flags, "--out", str(path)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            rows += json.loads(path.read_text())
    return rows


def _table(rows: list[dict[str, Json]], what: str) -> Table:
    from rich.table import Table

    table = Table(title=f"{what}, float32, batch 1")
    for heading in ("network", "parameters", "GFLOP forward", "wall s", "CPU s", "peak GB"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for row in rows:
        figures = (f"{row['gflop']:.0f}", *(f"{row[name]:.2f}" for name in ("wall_s", "cpu_s", "peak_gb")))
        table.add_row(row["network"], f"{row['parameters']:,}", *figures)
    return table
