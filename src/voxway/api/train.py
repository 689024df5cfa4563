"""Training recipes: prepare what is missing, train, stage after stage."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from voxway.api.score import score_predictor, voxel_metric
from voxway.api.start import start_weights
from voxway.core.config import to_json
from voxway.core.errors import InputError
from voxway.core.files import present
from voxway.core.result import Result
from voxway.core.task import Task
from voxway.data.config import DataConfig
from voxway.data.prepared.made import check_named
from voxway.data.prepared.registry import prepared_format
from voxway.data.registry import benchmark, config_name
from voxway.data.samples import Samples
from voxway.engine.distributed import Group
from voxway.engine.evaluate import network_predictor
from voxway.engine.model_files import WEIGHTS, file_fingerprint
from voxway.engine.shipped import model_folder
from voxway.engine.stages import Stage, train_stages
from voxway.engine.teaching.network import NetworkTeacher
from voxway.engine.teaching.recorded import RecordedTeacher
from voxway.engine.teaching.stored import StoredTeacher
from voxway.engine.teaching.teacher import Teacher
from voxway.engine.teaching.together import each
from voxway.engine.train import train as train_network
from voxway.engine.visits import few_labels
from voxway.methods.contract import CountsClasses, Method, MethodConfig
from voxway.methods.registry import from_nothing
from voxway.prepare.class_counts import class_counts
from voxway.prepare.ready import ready
from voxway.recipes.recipe import Recipe, StagedRecipe

logger = logging.getLogger(__name__)


def train(
    recipe: Recipe | StagedRecipe,
    folder: Path | str,
    name: str = "own",
    *,
    cache: Path | None = None,
    group: Group | None = None,
    show: bool = True,
) -> Path:
    """Train a recipe; continue where an earlier call with the same arguments was stopped.

    Args:
        recipe: what to run.
        folder: of the run.
        name: the recipe's name, for the records.
        cache: where prepared files are kept that have to be made; None keeps them beside the data.
        group: the processes that share the work.
        show: say how far it is.

    Returns:
        the folder of the trained network.

    Raises:
        InputError: a network is to be scored that predicts something else than its data's classes, a student has no
            teacher, or what the data, the makers and the engine refuse.
    """
    group, folder = group or Group(), Path(folder)
    if isinstance(recipe, Recipe):
        run = _opened(recipe, name, cache, group, show)
        return train_network(
            recipe.train,
            run.method,
            run.samples,
            folder,
            group=group,
            start=run.start,
            teacher=run.teacher,
            validate=run.validate,
            about=run.about,
            show=show,
        )
    stages = []
    for stage, chosen in recipe.stages.items():
        run = _opened(chosen, f"{name}, stage {stage}", cache, group, show)
        stages.append(
            Stage(
                name=stage,
                method=run.method,
                data=run.samples,
                train=chosen.train,
                teacher=chosen.teacher,
                start=run.start,
                validate=run.validate,
                about=run.about,
            )
        )
    return train_stages(stages, folder, group=group, show=show)


@dataclass(frozen=True)
class _Run:
    """A recipe with its data at hand."""

    method: MethodConfig
    samples: Samples
    teacher: Teacher | None
    start: Mapping[str, Tensor] | None
    validate: Callable[[nn.Module], Result] | None
    about: dict[str, object]


def _opened(chosen: Recipe, name: str, cache: Path | None, group: Group, show: bool) -> _Run:
    _check(chosen, name)
    teacher = chosen.teacher.build(group.device) if chosen.teacher else None
    samples = ready(_seen_by(chosen.data, teacher), chosen.sources, cache, group, show).build()
    _check_kept(teacher, samples)
    method, counted = _weighed(chosen, samples, cache, group, show)
    about: dict[str, object] = {
        "recipe": name,
        "dataset": config_name(chosen.data),
        "data": to_json(replace(chosen.data, focal_px=samples.focal_px)),
        "sources": dict(chosen.sources),
        "cameras": samples.cameras,
        **_prepared(chosen.data, samples.keys[0]),
        **counted,
    }
    start = None
    if chosen.start is not None:
        start, report = start_weights(chosen.method, chosen.start)
        source = model_folder(chosen.start)
        whole = source / WEIGHTS if source.is_dir() else source
        about["start"] = {
            "source": str(chosen.start),
            "fingerprint": file_fingerprint(whole),
            "tensors": len(start),
        }
        logger.info("starting from %s: %s", chosen.start, report)
    return _Run(method, samples, teacher, start, _validation(chosen, samples, cache, group, show), about)


def _check_kept(teacher: Teacher | None, samples: Samples) -> None:
    """Refuse what a teacher left on disk where it is about other frames than those that the student sees."""
    data = samples.config
    for one in each(teacher):
        if not isinstance(one, StoredTeacher | RecordedTeacher):
            continue
        check_named(one.folder, "teacher", lambda: (samples.keys, None), data.folder)
        if data.augment is not None and (isinstance(one, RecordedTeacher) or data.augment.mirrors):
            raise InputError(
                file=one.folder,
                field="data.augment",
                expected="frames as the teacher saw them",
                found="frames that training changes at random",
                remedy="Switch the changes off (--set data.augment=null), or let the teacher itself look at them.",
            )


def _prepared(data: DataConfig, key: str) -> dict[str, object]:
    """By what files that were prepared elsewhere are known again, wherever they lie: the fingerprint of one of them."""
    paths = {need: prepared_format(need).path(folder, key) for need, folder in data.prepared.items()}
    found = {need: file_fingerprint(path) for need, path in paths.items() if present(path)}
    return {"prepared": found} if found else {}


def _validation(
    chosen: Recipe, training: Samples, cache: Path | None, group: Group, show: bool
) -> Callable[[nn.Module], Result] | None:
    if not chosen.train.evaluate_every:
        return None
    held_out = ready(replace(chosen.data, split="val"), chosen.sources, cache, group, show)

    def score(network: nn.Module) -> Result:
        few, predict = few_labels(training), network_predictor(network)
        labels = None if few is None else few.facts()
        results = score_predictor(
            predict, held_out, chosen.sources, metric=voxel_metric, labels=labels, group=group, show=show
        )
        return results[0]

    return score


def _seen_by(data: DataConfig, teacher: Teacher | None) -> DataConfig:
    """The data with what a teacher looks at besides: further fields, and earlier frames."""
    if teacher is None:
        return data
    looks = [one.trained_on.get("earlier", ()) for one in each(teacher) if isinstance(one, NetworkTeacher)]
    longest = max((tuple(look) for look in looks), key=len, default=())
    return replace(data, needs=data.needs | teacher.inputs, earlier=longest or data.earlier)


def _weighed(
    chosen: Recipe, samples: Samples, cache: Path | None, group: Group, show: bool
) -> tuple[MethodConfig, dict[str, object]]:
    """The method with class weights as the recipe wants them, and what was counted for that."""
    if chosen.class_counts == "comparable":
        return chosen.method, {}
    assert isinstance(chosen.method, CountsClasses)
    counts = class_counts(samples, _without_weights(chosen.method).training_masks, cache, group, show)
    counted = {"class_counts": {"frames": len(samples.label_list.keys), "voxels": list(counts)}}
    return chosen.method.with_class_counts(counts), counted


def predicted_task(method: MethodConfig) -> Task:
    """What a network of this configuration predicts, without its weights."""
    return _without_weights(method).task


def _without_weights(method: MethodConfig) -> Method:
    with torch.device("meta"):
        network = from_nothing(method).build()
    assert isinstance(network, Method)
    return network


def _check(chosen: Recipe, name: str) -> None:
    if chosen.taught and chosen.teacher is None:
        raise InputError(
            file=f"recipe {name}",
            field="teacher",
            expected="the folder of a trained network",
            found="none",
            remedy="Train the teacher first, then pass --teacher RUN/model.",
        )
    if chosen.class_counts == "labelled" and not isinstance(chosen.method, CountsClasses):
        raise InputError(
            file=f"recipe {name}",
            field="class_counts",
            expected=f"comparable, as {type(chosen.method).__name__} takes its class weights as they are",
            found=chosen.class_counts,
            remedy="Set class_counts=comparable, or give the configuration `with_class_counts`.",
        )
    if not chosen.train.evaluate_every:
        return
    task, predicted = benchmark(config_name(chosen.data)).task, predicted_task(chosen.method)
    if (predicted.grid, predicted.classes) != (task.grid, task.classes):
        raise InputError(
            file=f"recipe {name}",
            field="train.evaluate_every",
            expected=f"0, as the method predicts {predicted.name} and the benchmark scores {task.name}",
            found=chosen.train.evaluate_every,
            remedy="Score the network that reads what this one predicts.",
        )
