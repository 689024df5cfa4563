"""Loading models: from a folder of ours, or from a checkpoint that a method's authors published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from voxway.api.doubt import UsualSureness
from voxway.api.model import Model
from voxway.core.config import from_json
from voxway.core.errors import InputError, nearest
from voxway.core.registry import loaded
from voxway.data import registry as datasets
from voxway.data.config import DataConfig
from voxway.engine.model_files import CONFIG, fingerprint, load_model, read_description, require_finite
from voxway.engine.published_files import read_published
from voxway.engine.shipped import FOLDER, model_folder
from voxway.methods import registry as methods
from voxway.methods.contract import Method


def load(source: Path | str, device: torch.device | str = "cpu", *, method: str | None = None) -> Model:
    """A model, ready to predict.

    Args:
        source: folder that `voxway train` or `voxway convert` wrote, a published checkpoint (.pth, .safetensors), or
            ``"box"``, the network that the package brings along (docs: Box).
        device: where it computes.
        method: whose checkpoint it is; None finds out.

    Raises:
        InputError: nothing there, damaged, not finite, or of no method that is known.
    """
    path = model_folder(source)
    return _published(path, device, method) if path.is_file() else _own(path, device)


def _own(folder: Path, device: torch.device | str) -> Model:
    facts = read_description(folder)["facts"]
    network = load_model(folder, device)
    if "data" in facts:
        kind = datasets.config_type(facts["dataset"])
        # Room for further cameras is a matter of training.
        data = replace(from_json(kind, facts["data"], folder / CONFIG), camera_places=None)
    else:
        data = usual_data(network, folder)
    return Model(
        network=network,
        data=data,
        sources=facts.get("sources", {}),
        name=folder.name if folder.is_relative_to(FOLDER) else str(folder),
        ema=bool(facts.get("ema")),
        checkpoint=fingerprint(folder),
        labels=facts.get("labels") or ({"rule": "few, not recorded"} if data.few_labels else None),
        cameras=facts["cameras"] if "cameras" in facts else _usual_cameras(data),
        usual={kind: UsualSureness(**known) for kind, known in facts.get("sureness", {}).items()},
    )


def _published(path: Path, device: torch.device | str, method: str | None) -> Model:
    tensors = read_published(path)
    names = [method] if method is not None else [name for name in methods.names() if methods.entry(name).names]
    for name in names:
        entry = methods.entry(name)
        if entry.names is None:
            raise nearest(name, [n for n in methods.names() if methods.entry(n).names], "method with checkpoints")
        try:
            config, state = loaded(entry.names).from_published(tensors, path, loaded(entry.variants))
        except InputError as error:
            if method is not None or not error.field.startswith("names"):
                raise
            continue
        require_finite(state, path)
        network = config.build()
        network.load_state_dict(state)
        network = network.to(device).eval()
        data = usual_data(network, path)
        return Model(network=network, data=data, name=str(path), cameras=_usual_cameras(data))
    raise InputError(
        file=path,
        field="names",
        expected=f"a checkpoint of {', '.join(names)}",
        found=f"{len(tensors)} names such as {', '.join(list(tensors)[:3])}",
        remedy="Check that the file is one of these methods' published checkpoints.",
    )


def _usual_cameras(data: DataConfig) -> int:
    return datasets.benchmark(datasets.config_name(data)).cameras


def usual_data(network: nn.Module, source: object) -> DataConfig:
    """The data of the benchmark whose task a converted network has, as it usually is read.

    Raises:
        InputError: no benchmark has that task.
    """
    assert isinstance(network, Method)
    task = network.task
    for name in datasets.names():
        known = datasets.benchmark(name).task
        if datasets.dataset(name).config is not None and (known.grid, known.classes) == (task.grid, task.classes):
            return datasets.config_type(name)(root=Path(), split="val", needs=network.inputs | {"target"})
    raise InputError(
        file=source,
        field="task",
        expected=f"that of a benchmark: {', '.join(datasets.names())}",
        found=f"{task.name}: {len(task.classes)} classes, {task.grid}",
        remedy="Train it with `voxway train`, which records its data.",
    )
