"""Training: one visible loop."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from voxway.core.config import to_json
from voxway.core.errors import InputError, UserError
from voxway.core.files import read_json, write_json
from voxway.core.result import Result
from voxway.core.sample import Batch, collate
from voxway.engine.checkpoint import TrainingState
from voxway.engine.distributed import Group
from voxway.engine.ema import MovingAverage
from voxway.engine.log import RunLog, progress_bar
from voxway.engine.model_files import save_model
from voxway.engine.order import Samples, Visits, micro_batches, micro_seed, visit_seeds
from voxway.engine.schedule import Schedule
from voxway.engine.teacher import Teacher

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a network is trained. Defaults are MonoOcc's optimiser.

    Raises:
        ValueError: a count is not positive, or the batch is not a whole number of micro-batches.
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


class NonFiniteLoss(UserError):
    """A loss or gradient is not a number; names the samples that led to it."""


def train(
    config: TrainConfig,
    method_config: Any,
    data: Samples,
    folder: Path,
    *,
    group: Group | None = None,
    start: Mapping[str, Tensor] | None = None,
    teacher: Teacher | None = None,
    validate: Callable[[nn.Module], Result] | None = None,
    about: dict[str, Any] | None = None,
    show: bool = True,
) -> Path:
    """Train a method on samples; continue where an earlier call with the same arguments was stopped.

    Args:
        config: how to train.
        method_config: what to train; its `build()` makes the network.
        data: training samples.
        folder: of the run: ``run.json``, ``log.jsonl``, ``checkpoints/``, ``best/`` and, at the end, ``model/``.
        group: the processes that share the work; None is this one alone, on the CPU.
        start: weights to begin with, by name; the others are drawn from the seed.
        teacher: whom to learn from besides the targets (`voxway.engine.teacher`).
        validate: scores a network on held-out samples, every `evaluate_every` steps and at the end.
        about: further facts for ``run.json`` and the network's description, e.g. the recipe's name and its data.
        show: draw a progress bar.

    Returns:
        the folder of the trained network.

    Raises:
        InputError: no samples, the folder holds another run, or the method learns from no teacher.
        NonFiniteLoss: a loss or gradient is not finite.
        OutputError: the folder cannot be written.
        KeyboardInterrupt: stopped by Ctrl-C, after a checkpoint was written.
    """
    group, about = group or Group(), about or {}
    if not len(data):
        raise InputError(
            file=folder, field="samples", expected="at least one", found="none", remedy="Check data folder and split."
        )
    if (config.batch // config.micro_batch) % group.size:
        raise InputError(
            file=folder,
            field="processes",
            expected=f"a divisor of the {config.batch // config.micro_batch} micro-batches of a step",
            found=group.size,
            remedy="Change the number of processes, the batch or the micro-batch.",
        )
    _claim(folder, {"train": to_json(config), "method": to_json(method_config), **about}, group)
    torch.manual_seed(config.seed)
    network: Any = method_config.build()
    network.load_state_dict(start or {}, strict=False)
    if teacher is not None:
        teacher.prepare(network)
    network.to(group.device)
    trained = [p for p in network.parameters() if p.requires_grad]
    for parameter in trained:
        # From the start, so that every process exchanges the same gradients, used in this step or not.
        parameter.grad = torch.zeros_like(parameter)
    optimizer = torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay)
    average = None
    if config.average_decay is not None:
        average = MovingAverage(network, config.average_decay, config.average_start)
    state = TrainingState(network, optimizer, average)
    if state.resume(folder / "checkpoints"):
        logger.info("continuing from step %d of %d", state.step, config.steps)
    log = RunLog(folder, state.step, config.tensorboard) if group.leads else None

    with (
        stoppable() as stopped,
        progress_bar("training", config.steps, state.step, show=show and group.leads) as bar,
    ):
        started = time.perf_counter()
        for step, parts in _steps(config, data, state.step, group):
            network.train()
            rate = config.learning_rate * config.schedule.factor(step, config.steps)
            for parameters in optimizer.param_groups:
                parameters["lr"] = rate
            terms = _accumulate(config, network, teacher, parts, step, group)
            group.sum_many(p.grad for p in trained if p.grad is not None)
            norm = nn.utils.clip_grad_norm_(trained, config.clip_norm)
            _require_finite({"gradient norm": norm}, [key for _, batch in parts for key in batch.keys])
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
            _average_buffers(network, group)
            if average is not None:
                average.update(network, step)
            state.step = step + 1

            bar.advance(f"loss {sum(terms.values()):.3f}")
            if log and (state.step % config.log_every == 0 or state.step == config.steps):
                seconds = (time.perf_counter() - started) / config.log_every
                started = time.perf_counter()
                log.write(state.step, loss=sum(terms.values()), rate=rate, norm=float(norm), seconds=seconds, **terms)
            last = state.step == config.steps
            if validate and config.evaluate_every and (last or state.step % config.evaluate_every == 0):
                _evaluate(state, method_config, validate, folder, group, log, about)
            if group.leads and (last or stopped.is_set() or state.step % config.checkpoint_every == 0):
                state.save(folder / "checkpoints", config.keep)
            if stopped.is_set() and not last:
                raise KeyboardInterrupt(f"stopped after step {state.step}; the same command continues")
    if log:
        log.close()
    if group.leads:
        weights = average.state if average else network.state_dict()
        save_model(folder / "model", method_config, weights, ema=average is not None, steps=config.steps, **about)
    group.wait()
    return folder / "model"


def _claim(folder: Path, run: dict[str, Any], group: Group) -> None:
    """Make the folder this run's, or make sure that it is."""
    path = folder / "run.json"
    if path.exists():
        found = read_json(path)
        differing = [name for name in {**run, **found} if run.get(name) != found.get(name)]
        if differing:
            raise InputError(
                file=path,
                field=", ".join(differing),
                expected="the configuration of this run",
                found="another",
                remedy="Choose another --out folder, or repeat the command that began this run.",
            )
    elif group.leads:
        write_json(path, run)
    group.wait()


def _steps(
    config: TrainConfig, data: Samples, first: int, group: Group
) -> Iterator[tuple[int, list[tuple[int, Batch]]]]:
    """For every step left, this process's micro-batches with their numbers."""
    plan = [
        (step, [(n, m) for n, m in enumerate(micro) if n % group.size == group.rank])
        for step in range(first, config.steps)
        for micro in [_visits(config, step, len(data))]
    ]
    reading = iter(
        DataLoader(
            Visits(data),  # ty: ignore[invalid-argument-type]  # a sequence of samples is all that it needs
            batch_sampler=[visits for _, mine in plan for _, visits in mine],
            collate_fn=collate,
            num_workers=config.workers,
            pin_memory=False,
        )
    )
    for step, mine in plan:
        yield step, [(number, next(reading).to(group.device)) for number, _ in mine]


def _visits(config: TrainConfig, step: int, count: int) -> list[list[tuple[int, int]]]:
    """The step's micro-batches: which samples, and the seed with which each is altered."""
    indices = micro_batches(step, count, config.batch, config.micro_batch, config.seed)
    seeds = visit_seeds(step, config.batch, config.micro_batch, config.seed)
    return [list(zip(*micro)) for micro in zip(indices, seeds)]


def _accumulate(
    config: TrainConfig,
    network: Any,
    teacher: Teacher | None,
    parts: list[tuple[int, Batch]],
    step: int,
    group: Group,
) -> dict[str, float]:
    """Add up the gradients of this process's micro-batches; return the whole batch's mean loss terms."""
    count = config.batch // config.micro_batch
    totals: dict[str, Tensor] = {}
    for number, batch in parts:
        torch.manual_seed(micro_seed(config.seed, step, number))
        with torch.autocast(group.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            prediction = network(batch)
            taught = teacher(batch) if teacher is not None else None
        terms: dict[str, Tensor] = network.loss(prediction, batch)
        if taught is not None:
            terms |= network.follow(prediction, taught, batch)
        _require_finite(terms, list(batch.keys))
        (torch.stack(list(terms.values())).sum() / count).backward()
        for name, term in terms.items():
            totals[name] = totals.get(name, torch.zeros_like(term)) + term.detach() / count
    if group.size == 1:
        return {name: float(total) for name, total in totals.items()}
    summed = group.sum(torch.stack([totals[name] for name in sorted(totals)]))
    return dict(zip(sorted(totals), summed.tolist()))


def _require_finite(values: dict[str, Tensor], keys: list[str]) -> None:
    broken = {name: value.item() for name, value in values.items() if not torch.isfinite(value)}
    if broken:
        raise NonFiniteLoss(
            file=f"samples {', '.join(keys)}",
            field=", ".join(broken),
            expected="finite values",
            found=", ".join(map(str, broken.values())),
            remedy="Check these samples with `voxway check-data`, lower the learning rate, or use float32.",
        )


def _average_buffers(network: nn.Module, group: Group) -> None:
    """Batch-norm statistics are each process's own; keep their mean."""
    if group.size == 1:
        return
    buffers = [b for b in network.state_dict(keep_vars=True).values() if not b.requires_grad and b.is_floating_point()]
    buffers = [b for b in buffers if not isinstance(b, nn.Parameter)]
    group.sum_many(buffers)
    for buffer in buffers:
        buffer.div_(group.size)


def _evaluate(
    state: TrainingState,
    method_config: Any,
    validate: Callable[[nn.Module], Result],
    folder: Path,
    group: Group,
    log: RunLog | None,
    about: dict[str, Any],
) -> None:
    """Score the (averaged) network; keep it if it is the best so far."""
    own = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}
    if state.average is not None:
        state.network.load_state_dict(state.average.state)
    result = validate(state.network.eval())
    if log:
        log.write(state.step, validation_miou=result.miou, validation_iou=result.iou)
    if result.miou > state.best:
        state.best = result.miou
        if group.leads:
            facts = {"ema": state.average is not None, "steps": state.step, "validation_miou": result.miou, **about}
            save_model(folder / "best", method_config, state.network.state_dict(), **facts)
    state.network.load_state_dict(own)


@contextmanager
def stoppable() -> Generator[threading.Event]:
    """Turn the first Ctrl-C into an event, so that the step in progress can end; a second one interrupts at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(_signal: int, _frame: Any) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
