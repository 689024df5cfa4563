"""One optimiser step: gradients of micro-batches, their sum over processes, new weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from voxway.core.errors import UserError
from voxway.engine.distributed import Group
from voxway.engine.teaching.teacher import Teacher
from voxway.engine.train_config import TrainConfig
from voxway.engine.visit_order import micro_seed
from voxway.engine.visits import MicroBatch
from voxway.methods.contract import Follower, Learner


class NonFiniteLoss(UserError):
    """A loss or gradient is not a number; names the samples that led to it."""


def accumulate(
    config: TrainConfig,
    network: Learner,
    teacher: Teacher | None,
    parts: Sequence[MicroBatch],
    step: int,
    group: Group,
) -> dict[str, float]:
    """Add up the gradients of this process's micro-batches; return the whole batch's mean loss terms.

    Raises:
        NonFiniteLoss: a term is not finite.
    """
    count = config.batch // config.micro_batch
    totals: dict[str, Tensor] = {}
    for part in parts:
        torch.manual_seed(micro_seed(config.seed, step, part.number))
        with torch.autocast(group.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            prediction = network(part.batch)
            said = teacher.says(part.shown) if teacher is not None else None
        terms = network.loss(prediction, part.batch)
        if said is not None and isinstance(network, Follower):
            terms |= network.follow(prediction, said, part.batch)
        _require_finite(terms, step, part.batch.keys)
        (torch.stack(list(terms.values())).sum() / count).backward()
        for name, term in terms.items():
            totals[name] = totals.get(name, torch.zeros_like(term)) + term.detach() / count
    if group.size == 1:
        return {name: float(total) for name, total in totals.items()}
    summed = group.sum(torch.stack([totals[name] for name in sorted(totals)]))
    return dict(zip(sorted(totals), summed.tolist()))


def update(
    config: TrainConfig, optimizer: torch.optim.Optimizer, parts: Sequence[MicroBatch], step: int, group: Group
) -> float:
    """Change the weights by the gradients of all processes; return the norm that those had.

    Raises:
        NonFiniteLoss: the norm is not finite.
    """
    learning = [p for parameters in optimizer.param_groups for p in parameters["params"]]
    group.sum_many(p.grad for p in learning if p.grad is not None)
    norm = nn.utils.clip_grad_norm_(learning, config.clip_norm)
    _require_finite({"gradient norm": norm}, step, [key for part in parts for key in part.batch.keys])
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    return float(norm)


def _require_finite(values: Mapping[str, Tensor], step: int, keys: Sequence[str]) -> None:
    broken = {name: value.item() for name, value in values.items() if not torch.isfinite(value)}
    if broken:
        raise NonFiniteLoss(
            file=f"step {step + 1}, samples {', '.join(keys)}",
            field=", ".join(broken),
            expected="finite values",
            found=", ".join(map(str, broken.values())),
            remedy="Check these samples with `voxway check-data`, lower the learning rate, or use float32. "
            "The last checkpoint is kept.",
        )


def average_buffers(network: nn.Module, group: Group) -> None:
    """Batch-norm statistics are each process's own; keep their mean."""
    if group.size == 1:
        return
    buffers = [b for b in network.state_dict(keep_vars=True).values() if not b.requires_grad and b.is_floating_point()]
    buffers = [b for b in buffers if not isinstance(b, nn.Parameter)]
    group.sum_many(buffers)
    for buffer in buffers:
        buffer.div_(group.size)
