"""Running a recipe: prepare what is missing, train."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from voxway.core.config import to_json
from voxway.core.errors import InputError
from voxway.core.result import Result
from voxway.data import DataConfig, dataset_name
from voxway.data.semantickitti.reader import SemanticKITTIConfig
from voxway.engine.distributed import Group
from voxway.engine.evaluate import network_predictor
from voxway.engine.teaching.network import NetworkTeacher
from voxway.engine.teaching.teacher import Teacher
from voxway.engine.teaching.together import each
from voxway.engine.train import train
from voxway.methods.qpn import QPNConfig
from voxway.prepare.depth import StereoDepth
from voxway.prepare.depth_scale import CheckedDepth
from voxway.prepare.proposals import Source, prepare_proposals
from voxway.prepare.pseudo import prepare_pseudo
from voxway.recipes.recipe import Recipe
from voxway.recipes.score import score_predictor
from voxway.recipes.start import start_weights

logger = logging.getLogger(__name__)


def run_recipe(
    chosen: Recipe,
    folder: Path,
    name: str,
    *,
    cache: Path | None = None,
    group: Group | None = None,
    show: bool = True,
) -> Path:
    """Prepare what is missing, train, and return the folder of the trained network.

    Args:
        chosen: what to run.
        folder: of the run.
        name: the recipe's name, for the records.
        cache: where proposals and pseudo points are kept; None keeps them beside the data.
        group: the processes that share the work.
        show: draw progress bars.

    Raises:
        InputError: a proposal network is to be scored like one that predicts classes, or a student has no teacher.
    """
    group = group or Group()
    _check(chosen, name)
    teacher = chosen.teacher.build(group.device) if chosen.teacher else None
    data = ready(_seen_by(chosen.data, teacher), chosen.proposals, cache, group, show)
    about: dict[str, Any] = {
        "recipe": name,
        "dataset": dataset_name(chosen.data),
        "data": to_json(chosen.data),
        "proposals": chosen.proposals,
    }
    start = None
    if chosen.start is not None:
        start, report = start_weights(chosen.method, chosen.start)
        about["start"] = {"source": str(chosen.start), "tensors": len(start)}
        logger.info("starting from %s: %s", chosen.start, report)
    validate = None
    if chosen.train.evaluate_every:
        held_out = replace(chosen.data, split="val")
        held_out = ready(held_out, chosen.proposals, cache, group, show)

        def score(network: nn.Module) -> Result:
            return score_predictor(network_predictor(network), held_out, chosen.proposals, group=group, show=show)[0]

        validate = score
    return train(
        chosen.train,
        chosen.method,
        data.build(),
        folder,
        group=group,
        start=start,
        teacher=teacher,
        validate=validate,
        about=about,
        show=show,
    )


def _seen_by(data: DataConfig, teacher: Teacher | None) -> DataConfig:
    """The data with what a teacher looks at besides: further fields, and earlier frames."""
    if teacher is None:
        return data
    data = replace(data, needs=data.needs | teacher.inputs)
    networks = [one for one in each(teacher) if isinstance(one, NetworkTeacher)]
    if isinstance(data, SemanticKITTIConfig) and networks:
        looks = [tuple(one.trained_on.get("earlier", ())) for one in networks]
        return replace(data, earlier=max(looks, key=len) or data.earlier)
    return data


def _check(chosen: Recipe, name: str) -> None:
    if chosen.train.evaluate_every and isinstance(chosen.method, QPNConfig):
        raise InputError(
            file=f"recipe {name}",
            field="train.evaluate_every",
            expected="0, as proposals are not scored by the benchmark",
            found=chosen.train.evaluate_every,
            remedy="Score the network that reads the proposals.",
        )
    if chosen.taught and chosen.teacher is None:
        raise InputError(
            file=f"recipe {name}",
            field="teacher",
            expected="the folder of a trained network",
            found="none",
            remedy="Train the teacher first, then pass --teacher RUN/model.",
        )


def ready(
    data: DataConfig,
    source: Source | None,
    cache: Path | None = None,
    group: Group | None = None,
    show: bool = True,
) -> DataConfig:
    """The data's configuration with proposals or pseudo points in place, where it is SemanticKITTI's and needs them.

    Those that are not stored are made, pseudo points from stereo, and kept in `cache`.

    Raises:
        InputError: what they are made from is missing or damaged.
    """
    if not isinstance(data, SemanticKITTIConfig):
        return data
    group, place = group or Group(), cache or Path(data.root)
    if "pseudo" in data.needs and data.pseudo is None:
        folder = place / "pseudo" / "stereo"
        depth = CheckedDepth(StereoDepth(data.root, place / "depth" / "stereo"), data.root)
        prepare_pseudo(data, folder, depth, shard=(group.rank, group.size), show=show and group.leads)
        group.wait()
        data = replace(data, pseudo=folder)
    if "proposals" not in data.needs or data.proposals is not None:
        return data
    if source is None:
        raise InputError(
            file=data.root,
            field="proposals",
            expected="a folder of proposals, or where to make them from",
            found="neither",
            remedy="Pass --proposals lidar, --proposals stereo, or --proposals FOLDER.",
        )
    folder = place / "proposals" / source
    prepare_proposals(data, folder, source, shard=(group.rank, group.size), show=show and group.leads)
    group.wait()
    return replace(data, proposals=folder)
