"""Training steps in three precisions: seconds, memory, and whether the loss falls."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

import torch
from torch import nn

from gpu_check.networks import SMALL, prepared
from gpu_check.setting import FAILED, OK, Row, Setting
from gpu_check.timing import PRECISIONS, precision
from voxway.core.sample import Batch
from voxway.measure.passes import measure

TITLE = "Training steps"
ABOUT = """Forward, loss and backward of one made-up frame, median on the clock, random weights; then steps of AdamW on
that frame, after which the loss must be finite and smaller."""
BUDGET_S = 100.0

FULL = ("monoocc-s", "vlscene-alone", "occle", "flashocc-r50", "effocc-student-r50", "effocc-fusion-r18")


def items(setting: Setting) -> tuple[str, ...]:
    """See `Part`."""
    return SMALL if setting.small else FULL


def rows(item: str, setting: Setting) -> Iterator[Row]:
    """See `Part`."""
    for name in PRECISIONS[::2] if setting.small else PRECISIONS:
        network, batch = prepared(item, setting)
        with precision(name, setting.device):
            runs, warmup = (1, 0) if setting.small else (5, 2)
            passes = measure(network, batch, runs, warmup, training=True)
            losses = descend(network, batch, steps=3 if setting.small else 10)
        fell = all(map(math.isfinite, losses)) and losses[-1] < losses[0]
        yield {
            "what": item,
            "precision": name,
            "ms": f"{1e3 * statistics.median(p.wall_s for p in passes):.1f}",
            "GB": f"{passes[-1].peak_gb:.2f}",
            "loss": f"{losses[0]:.3f} to {losses[-1]:.3f} in {len(losses) - 1} steps",
            "state": OK if fell else f"{FAILED}: the loss did not fall",
        }


def descend(network: nn.Module, batch: Batch, steps: int) -> list[float]:
    """Losses before and after each step."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-4)
    losses = []
    for step in range(steps + 1):
        prediction = network(batch)
        with torch.autocast(prediction.logits.device.type, enabled=False):  # as training does
            loss = torch.stack(list(network.loss(prediction, batch).values())).sum()
        losses.append(loss.item())
        if step < steps:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return losses
