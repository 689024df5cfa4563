"""The optimiser: AdamW, with a rate factor by part of the network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from voxway.core.errors import nearest
from voxway.engine.train_config import TrainConfig
from voxway.methods.contract import Grouped


def build_optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW over all parameters that learn: one group for each factor of the learning rate, in order of parameters.

    Raises:
        InputError: a prefix in `config.rate_factors` fits no parameter.
    """
    learning = {name: p for name, p in network.named_parameters() if p.requires_grad}
    for prefix in config.rate_factors:
        if not any(_fits(prefix, name) for name in learning):
            parts = sorted({".".join(name.split(".")[: prefix.count(".") + 1]) for name in learning})
            raise nearest(prefix, parts, "setting train.rate_factors")
    factors = {**(network.rate_factors if isinstance(network, Grouped) else {}), **config.rate_factors}
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in learning.items():
        groups.setdefault(rate_factor(name, factors), []).append(parameter)
    return torch.optim.AdamW(
        [{"params": parameters, "factor": factor} for factor, parameters in groups.items()],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
    )


def rate_factor(name: str, factors: Mapping[str, float]) -> float:
    """The factor of a parameter: that of the longest prefix of its name, else 1."""
    fitting = [prefix for prefix in factors if _fits(prefix, name)]
    return factors[max(fitting, key=len)] if fitting else 1.0


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its share of the learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


def _fits(prefix: str, name: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")
