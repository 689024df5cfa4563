"""Training: one visible loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from voxway.core.config import to_json
from voxway.core.errors import InputError
from voxway.core.progress import progress_bar
from voxway.core.result import Result
from voxway.core.stamps import fingerprint_of
from voxway.engine.checkpoint import TrainingState
from voxway.engine.distributed import Group
from voxway.engine.ema import MovingAverage
from voxway.engine.interrupt import stoppable
from voxway.engine.loading import explained_workers
from voxway.engine.log import RunLog
from voxway.engine.model_files import save_model
from voxway.engine.optimizer import build_optimizer, set_rate
from voxway.engine.run_folder import LABELS, claim, finished, owned
from voxway.engine.step import NonFiniteLoss, accumulate, average_buffers, update
from voxway.engine.teaching.teacher import Teacher
from voxway.engine.train_config import TrainConfig
from voxway.engine.visits import Samples, few_labels, steps_left, visit_order
from voxway.methods.contract import Buildable, Follower, Learner, Paced
from voxway.methods.registry import config_name

__all__ = ["NonFiniteLoss", "TrainConfig", "train"]

logger = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    method_config: Buildable,
    data: Samples,
    folder: Path,
    *,
    group: Group | None = None,
    start: Mapping[str, Tensor] | None = None,
    teacher: Teacher | None = None,
    validate: Callable[[nn.Module], Result] | None = None,
    about: Mapping[str, object] | None = None,
    show: bool = True,
) -> Path:
    """Train a method on samples; continue where an earlier call with the same arguments was stopped.

    Args:
        config: how to train.
        method_config: what to train, of a listed or registered method; its `build()` makes the network.
        data: training samples.
        folder: of the run: ``run.json``, ``log.jsonl``, ``checkpoints/``, ``best/`` and, at the end, ``model/``; of few
            labels the list ``labels.json``.
        group: the processes that share the work; None is this one alone, on the CPU.
        start: weights to begin with, by name; the others are drawn from the seed.
        teacher: whom to learn from besides the targets (`voxway.engine.teaching`).
        validate: scores a network on held-out samples, every `evaluate_every` steps and at the end.
        about: further facts for ``run.json`` and the network's description, e.g. the recipe's name and its data.
        show: show progress.

    Returns:
        the folder of the trained network.

    Raises:
        InputError: no samples, the folder holds another run, the method is not known, or it learns from no teacher.
        NonFiniteLoss: a loss or gradient is not finite.
        OutputError: the folder cannot be written.
        KeyboardInterrupt: stopped by Ctrl-C, after a checkpoint was written.
    """
    group, about = group or Group(), dict(about or {})
    if teacher is not None:
        about.setdefault("teacher", teacher.facts())
    labels = few_labels(data)
    if labels is not None:
        about.setdefault("labels", labels.facts())
    _check(config, method_config, data, folder, group)
    seen = {"samples": {"count": len(data), "names": fingerprint_of(data.keys)}}
    run = {"train": to_json(config), "method": to_json(method_config), **about, **seen}
    done = finished(folder)  # asked before `claim` waits for all processes, so that none sees another one finish
    with nullcontext() if done else owned(folder, group):
        claim(folder, run, group)
        if labels is not None and group.leads and not done:
            labels.save(folder / LABELS)
        if not done:
            _run(config, method_config, data, folder, group, start, teacher, validate, about, show)
    return folder / "model"


def _run(
    config: TrainConfig,
    method_config: Buildable,
    data: Samples,
    folder: Path,
    group: Group,
    start: Mapping[str, Tensor] | None,
    teacher: Teacher | None,
    validate: Callable[[nn.Module], Result] | None,
    about: Mapping[str, object],
    show: bool,
) -> None:
    """Train in a folder that is this run's, from where it was; see `train`."""
    network = _network(config, method_config, start, teacher, group)
    learner = _learner(network, teacher, folder)
    optimizer = build_optimizer(network, config)
    state = TrainingState(network, optimizer, _average(config, network), teacher)
    if state.resume(folder / "checkpoints"):
        logger.info("continuing from step %d of %d", state.step, config.steps)
    log = RunLog(folder, state.step, config.tensorboard) if group.leads else None
    steps = steps_left(config, data, state.step, group, own_view=teacher is not None and teacher.own_view)

    with (
        stoppable() as stopped,
        explained_workers(),
        progress_bar("training", config.steps, state.step, show=show and group.leads) as bar,
    ):
        for step, parts in steps:
            network.train()
            if isinstance(network, Paced):
                network.progress = step / config.steps
            rate = config.learning_rate * config.schedule.factor(step, config.steps)
            set_rate(optimizer, rate)
            terms = accumulate(config, learner, teacher, parts, step, group)
            norm = update(config, optimizer, parts, step, group)
            average_buffers(network, group)
            state.after_step(step)

            bar.advance(f"loss {sum(terms.values()):.3f}")
            last = state.step == config.steps
            if log and (last or state.step % config.log_every == 0):
                seconds = log.lap() / config.log_every
                log.write(state.step, loss=sum(terms.values()), rate=rate, norm=norm, seconds=seconds, **terms)
            if validate and config.evaluate_every and (last or state.step % config.evaluate_every == 0):
                _evaluate(state, method_config, validate, folder, group, log, about)
            if group.leads and (last or stopped.is_set() or state.step % config.checkpoint_every == 0):
                state.save(folder / "checkpoints", config.keep)
            if stopped.is_set() and not last:
                raise KeyboardInterrupt(f"stopped after step {state.step}; the same command continues")
    if log:
        log.close()
        facts = {"ema": state.average is not None, "steps": config.steps, **about}
        save_model(folder / "model", method_config, state.weights(), **facts)
    group.wait()


def _check(config: TrainConfig, method_config: Buildable, data: Samples, folder: Path, group: Group) -> None:
    """Whatever would keep the run from its end is said before it begins."""
    config_name(method_config)  # by which the trained network is saved
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
    visit_order(config, data)  # says what it lacks


def _network(
    config: TrainConfig,
    method_config: Buildable,
    start: Mapping[str, Tensor] | None,
    teacher: Teacher | None,
    group: Group,
) -> nn.Module:
    """The network as training begins, with gradients of zero."""
    torch.manual_seed(config.seed)
    network = method_config.build()
    network.load_state_dict(start or {}, strict=False)
    if teacher is not None and isinstance(network, Follower):
        teacher.prepare(network)
    network.to(group.device)
    for parameter in network.parameters():
        if parameter.requires_grad:
            # From the start, so that every process exchanges the same gradients, used in this step or not.
            parameter.grad = torch.zeros_like(parameter)
    return network


def _learner(network: nn.Module, teacher: Teacher | None, folder: Path) -> Learner:
    """The network as the loop asks it."""
    expected = "a network with `inputs`, `targets` and `loss`"
    if isinstance(network, Learner):
        if teacher is None or isinstance(network, Follower):
            return network
        expected = "a method with `follow`, as there is a teacher"
    raise InputError(
        file=folder,
        field="student" if teacher else "method",
        expected=expected,
        found=type(network).__name__,
        remedy="Choose a student that fits the teacher, or train without one." if teacher else "Give the network them.",
    )


def _average(config: TrainConfig, network: nn.Module) -> MovingAverage | None:
    if config.average_decay is None:
        return None
    return MovingAverage(network, config.average_decay, config.average_start)


def _evaluate(
    state: TrainingState,
    method_config: Buildable,
    validate: Callable[[nn.Module], Result],
    folder: Path,
    group: Group,
    log: RunLog | None,
    about: Mapping[str, object],
) -> None:
    """Score the (averaged) network; keep it if it is the best so far."""
    own = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}
    state.network.load_state_dict(state.weights())
    result = validate(state.network.eval())
    if log:
        log.write(state.step, validation_miou=result.miou, validation_iou=result.iou)
    if result.miou > state.best:
        state.best = result.miou
        if group.leads:
            facts = {"ema": state.average is not None, "steps": state.step, "validation_miou": result.miou, **about}
            save_model(folder / "best", method_config, state.network.state_dict(), **facts)
    state.network.load_state_dict(own)
