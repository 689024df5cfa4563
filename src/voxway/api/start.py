"""Weights to start from: another network's, as far as they fit. Says what was taken, and what starts afresh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from voxway.core.errors import InputError
from voxway.engine.model_files import CONFIG, WEIGHTS, load_tensors, read_config, require_finite
from voxway.engine.published_files import read_published
from voxway.engine.shipped import model_folder
from voxway.methods import registry
from voxway.methods.contract import ChoosesStart, MethodConfig


def start_weights(method: MethodConfig, source: Path) -> tuple[dict[str, Tensor], str]:
    """Weights for a network of configuration `method`, and a line per part that says how much of it they fill.

    Args:
        method: configuration of the network.
        source: folder of a network of ours, such as the one before a round of selection, or the name of one that the
            package brings along; or a checkpoint with published names, such as a detector's with the same image branch.

    Raises:
        InputError: the source is absent, damaged or not finite, nothing in it fits, the method refuses to start from
            it, or it is a file and nothing is published of the method.
    """
    source = model_folder(source)
    with torch.device("meta"):
        ours = registry.from_nothing(method).build().state_dict()
    if source.is_dir():
        _require_fit(method, source)
        found = load_tensors(source / WEIGHTS)
        taken = {name: tensor for name, tensor in found.items() if name in ours and tensor.shape == ours[name].shape}
    else:
        names, _ = registry.published(registry.config_name(method))
        found = read_published(source)
        taken = names.name_map(method).fitting(found, ours)
    if not taken:
        raise InputError(
            file=source,
            field="parameters",
            expected=f"some that fit {type(method).__name__}",
            found=f"{len(found)}, none of which does",
            remedy="Check that the file belongs to this method, or to one with the same branch.",
        )
    require_finite(taken, source)
    return taken, _report(ours, taken, len(found))


def _require_fit(method: MethodConfig, source: Path) -> None:
    if not isinstance(method, ChoosesStart):
        return
    reason = method.unfit(read_config(source))
    if reason is not None:
        raise InputError(
            file=source / CONFIG,
            field="start",
            expected=f"a network that {type(method).__name__} may start from",
            found=reason,
            remedy="Name the network of the stage before, or leave that stage out of the recipe if you mean it.",
        )


def _report(ours: Mapping[str, Tensor], taken: Mapping[str, Tensor], found: int) -> str:
    """What each part of the network takes over."""

    def part(name: str) -> str:
        return ".".join(name.split(".")[:2])

    whole, filled = Counter(map(part, ours)), Counter(map(part, taken))
    lines = [f"{len(taken)} of {found} tensors fit:"]
    lines += [f"  {name}: {filled[name]} of {count}" for name, count in whole.items()]
    return "\n".join(lines)
