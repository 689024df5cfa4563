"""How a network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from voxway.core.share import exact_share
from voxway.engine.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a network is trained. Defaults are MonoOcc's optimiser.

    Raises:
        ValueError: a count is not positive, the batch is not a whole number of micro-batches, a factor is negative,
            or a share is none.
    """

    steps: int
    """Optimiser steps in all."""
    batch: int = 1
    """Samples per step, all processes together."""
    micro_batch: int = 1
    """Samples that pass through the network together; their gradients are accumulated to a batch. Losses reduce over a
    micro-batch, so results depend on it, but not on how many processes share the work."""
    learning_rate: float = 2e-4
    """Full learning rate of AdamW."""
    weight_decay: float = 0.01
    """Weight decay of AdamW, on all parameters."""
    rate_factors: Mapping[str, float] = field(default_factory=dict)
    """Parts of the network that learn at another rate: factor by prefix of parameter names, in whole parts of a name
    such as ``"camera.backbone"``. The longest prefix that fits counts; these go before the network's own."""
    clip_norm: float = 35.0
    """Gradients are scaled down to this norm."""
    schedule: Schedule = field(default_factory=Schedule)
    """Learning rate by step."""
    average_decay: float | None = None
    """Decay of the moving average of weights; None keeps none. With one, it is what is evaluated and saved."""
    average_start: int | None = None
    """Step from which the average's own warm-up is counted, as BEVDet and EFFOcc count it (10560); None grows the decay
    by ``(1 + step) / (10 + step)``."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Mixed precision: matrix products and convolutions in bfloat16, everything else in float32."""
    labelled_visits: str | None = None
    """With few labels, the share of visits that labelled samples get, a fraction such as "1/2", in every batch alike;
    both kinds are shuffled apart. None: every sample is visited once per epoch."""
    seed: int = 42
    """Of initial weights, order of samples and dropout."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    keep: int = 2
    """Checkpoints kept."""
    log_every: int = 10
    """Steps between log lines."""
    evaluate_every: int = 0
    """Steps between evaluations on the validation split; the best network is kept. 0 evaluates none."""
    workers: int = 0
    """Processes that read samples."""
    tensorboard: bool = False
    """Also write TensorBoard events."""

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.micro_batch, self.checkpoint_every, self.keep, self.log_every) < 1:
            raise ValueError("steps, batch, micro_batch, checkpoint_every, keep and log_every must be at least 1")
        if self.batch % self.micro_batch:
            raise ValueError(f"a batch of {self.batch} is not a whole number of micro-batches of {self.micro_batch}")
        if self.labelled_visits is not None:
            exact_share("labelled_visits", self.labelled_visits)
        if any(factor < 0 for factor in self.rate_factors.values()):
            raise ValueError(f"factors of the learning rate must be at least 0, and are {dict(self.rate_factors)}")

    @property
    def labelled_share(self) -> Fraction | None:
        """`labelled_visits` as a number."""
        return None if self.labelled_visits is None else exact_share("labelled_visits", self.labelled_visits)
