"""Scoring trained networks on the data that they were made for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from voxway.core.config import from_json
from voxway.core.errors import InputError
from voxway.core.result import Protocol, Result
from voxway.data import DataConfig, dataset, dataset_name
from voxway.data.registry import BENCHMARKS
from voxway.data.semantickitti.reader import SemanticKITTIConfig
from voxway.engine.distributed import Group
from voxway.engine.evaluate import Predictor, evaluate, network_predictor
from voxway.engine.model_files import CONFIG, fingerprint, load_model, read_description
from voxway.methods.registry import config_type
from voxway.metrics.occupancy import OccupancyMetric
from voxway.prepare.proposals import Source

_INPUTS = frozenset({"images", "points", "proposals"})


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained network, and what its records say: all that scoring and predicting need."""

    network: Any
    data: DataConfig
    """What it was trained on, to be read from another folder; for a converted network, the plain benchmark."""
    proposals: Source | None
    """What its query proposals are made from, if they are not stored."""
    ema: bool
    """Whether its weights are averaged."""
    training_masks: tuple[str, ...]
    """Masks outside which it was taught nothing."""
    checkpoint: str
    """SHA-256 of its weights."""

    @property
    def predict(self) -> Predictor:
        """Says a class for every voxel."""
        return network_predictor(self.network)


def load_trained(folder: Path, root: Path, device: torch.device | str = "cpu") -> Trained:
    """Load a trained or converted network, to be used on the data in `root`.

    Raises:
        InputError: the folder holds no network, a damaged one, or one that predicts proposals and no classes.
    """
    description = read_description(folder)
    if description["method"] == "qpn":
        raise InputError(
            file=folder / CONFIG,
            field="method",
            expected="a network that predicts classes",
            found="qpn, which predicts proposals",
            remedy="Use it with `voxway prepare queries`, and name its queries with --proposals.",
        )
    facts = description["facts"]
    config = from_json(config_type(description["method"]), description["config"], folder / CONFIG)
    network: Any = load_model(folder, device)
    if "data" in facts:
        kind = dataset(facts.get("dataset", "semantickitti")).config_type()
        data = replace(from_json(kind, facts["data"], folder / CONFIG), root=root)
    else:
        data = _plain_data(config, network.inputs, root, folder)
    supervision = getattr(config, "supervision", None)
    return Trained(
        network=network,
        data=data,
        proposals=facts.get("proposals"),
        ema=bool(facts.get("ema")),
        training_masks=supervision.masks if supervision else (),
        checkpoint=fingerprint(folder),
    )


def _plain_data(config: Any, inputs: frozenset[str], root: Path, folder: Path) -> DataConfig:
    """The benchmark whose voxels and classes a converted network predicts."""
    for name, known in BENCHMARKS.items():
        if known.task == config.task:
            return dataset(name).config_type()(root=root, needs=inputs | {"target"})
    raise InputError(
        file=folder / CONFIG,
        field="grid and classes",
        expected=f"those of a benchmark: {', '.join(BENCHMARKS)}",
        found=f"{len(config.task.classes)} classes, {config.task.grid}",
        remedy="Train it with `voxway train`, which records its data.",
    )


def score_predictor(
    predict: Predictor,
    data: DataConfig,
    source: Source | None,
    *,
    name: str = "",
    ema: bool = False,
    training_masks: tuple[str, ...] = (),
    checkpoint: str = "",
    group: Group | None = None,
    show: bool = True,
) -> list[Result]:
    """Score a predictor by its benchmark's protocol; of several results the benchmark's main one comes first."""
    samples = replace(data, needs=data.needs | {"target"}).build()
    earlier = len(data.earlier) if isinstance(data, SemanticKITTIConfig) else 0
    protocol = Protocol(
        benchmark=samples.benchmark.name,
        split=_split_name(data),
        samples=0,
        masks=samples.benchmark.masks,
        inputs=_inputs(data, source),
        frames=1 + earlier,
        training_masks=training_masks,
        ema=ema,
        checkpoint=checkpoint,
    )
    metric = OccupancyMetric(samples.benchmark)
    return evaluate(predict, samples, metric, protocol, name=name, group=group, show=show)


def score_trained(
    trained: Trained, data: DataConfig, *, name: str = "", group: Group | None = None, show: bool = True
) -> list[Result]:
    """Score a trained network on `data`."""
    return score_predictor(
        trained.predict,
        data,
        trained.proposals,
        name=name,
        ema=trained.ema,
        training_masks=trained.training_masks,
        checkpoint=trained.checkpoint,
        group=group,
        show=show,
    )


def _inputs(data: DataConfig, source: Source | None) -> tuple[str, ...]:
    """What a method saw, with where proposals came from."""
    tag = source or (data.proposals_tag if isinstance(data, SemanticKITTIConfig) else "")
    return tuple(f"proposals:{tag}" if need == "proposals" else need for need in sorted(data.needs & _INPUTS))


def _split_name(data: DataConfig) -> str:
    """The split, and what else says which frames and whose truth were scored."""
    drives: tuple[str, ...] = getattr(data, dataset(dataset_name(data)).drives)
    parts = [",".join(data.keys) or ",".join(drives) or data.split]
    if isinstance(data, SemanticKITTIConfig) and data.targets is not None:
        parts.append(data.targets_field)
    if (Path(data.root) / "world.json").exists():
        parts.append("world")
    return " ".join(parts)
