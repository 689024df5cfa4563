"""Every network of published size: forward pass in three precisions, memory, agreement, distance from the floor."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from gpu_check.card import bandwidth, product_rate
from gpu_check.setting import FAILED, OK, Row, Setting
from gpu_check.timing import PRECISIONS, precision
from voxway.core.sample import Batch
from voxway.measure.passes import measure, network_and_batch
from voxway.measure.work import forward_work
from voxway.recipes import FULL_SIZE, measured_recipe

TITLE = "Networks, forward"
ABOUT = """Random weights, one made-up frame, batch 1, median on the clock; GB: largest memory of tensors. Floor: all
convolutions and products at this card's rate in that precision, or weights, inputs and logits moved once, whichever is
longer. Unfused: about what it takes if every operator reads its inputs from memory and writes its outputs to it, at
float32's size. Neither counts what Triton's kernels do. Same class: voxels with the class that float32 finds; far:
mean difference of logits over float32's standard deviation."""
BUDGET_S = 170.0

SMALL = ("effocc-fusion-world",)


def items(setting: Setting) -> tuple[str, ...]:
    """See `Part`."""
    return SMALL if setting.small else FULL_SIZE


def rows(item: str, setting: Setting) -> Iterator[Row]:
    """See `Part`."""
    network, batch = prepared(item, setting)
    with precision("float32", setting.device):
        work = forward_work(network, batch)
    exact = None
    for name in PRECISIONS:
        with precision(name, setting.device), torch.no_grad():
            runs, warmup = (1, 0) if setting.small else (10, 3)
            passes = measure(network, batch, runs, warmup, training=False)
            logits = network(batch).logits.float()
        took = statistics.median(p.wall_s for p in passes)
        exact = logits if exact is None else exact
        rate, moving = product_rate(name, setting), bandwidth(setting)
        floor, unfused = work.floor_s(rate, moving), work.unfused_s(rate, moving)
        yield {
            "what": item,
            "precision": name,
            "ms": f"{1e3 * took:.1f}",
            "GB": f"{passes[-1].peak_gb:.2f}",
            "GFLOP": f"{work.flops / 1e9:.0f}",
            "GB moved unfused": f"{work.moved_bytes / 1e9:.1f}",
            "floor ms": f"{1e3 * floor:.2f}",
            "times floor": f"{took / floor:.1f}",
            "unfused ms": f"{1e3 * unfused:.1f}",
            "times unfused": f"{took / unfused:.2f}",
            **agreement(exact, logits),
        }


def prepared(name: str, setting: Setting) -> tuple[nn.Module, Batch]:
    """A recipe's network and a made-up frame, on the device."""
    chosen = measured_recipe(name, Path("."))
    frame = chosen.data.frame_shape()
    if setting.small:
        frame = replace(frame, image_px=(64, 176), sweeps=1, proposals=500)
    network, batch = network_and_batch(chosen.method, frame, setting.device)
    settle(network)
    return network, batch


def settle(network: nn.Module) -> None:
    """Statistics and weights of norms under which signals of random weights neither vanish nor explode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.8, 1.2)


def agreement(exact: Tensor, logits: Tensor) -> Row:
    """How alike logits (b, k, x, y, z) are to those of float32."""
    same = (exact.argmax(1) == logits.argmax(1)).float().mean()
    far = (exact - logits).abs().mean() / exact.std()
    finite = bool(logits.isfinite().all())
    return {
        "same class": f"{100 * same:.2f} %",
        "far": f"{far:.1e}",
        "state": OK if finite else f"{FAILED}: logits are not finite",
    }
