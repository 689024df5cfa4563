"""Image backbones, cut at one feature level or several: any timm network, or an InternImage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Literal, Protocol, cast, runtime_checkable

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.imagenet import WeightSource, packaged_weights
from voxway.nn.internimage import VARIANTS, InternImage

Norm = Literal["frozen-batch", "frozen-statistics", "batch", "group"]


class ImageBackbone(nn.Module):
    """A timm network up to the coarsest of one feature map or several; deeper stages are not built.

    Args:
        name: a timm model that supports `features_only`.
        reductions: image pixels per feature pixel of each map, ascending.
        norm: ``"frozen-batch"`` keeps batch statistics and their scales fixed, as published networks that start from
            ImageNet do; ``"frozen-statistics"`` trains the scales alone; ``"batch"`` trains both; ``"group"`` replaces
            them by group norms with the same scales, which is safe for batches of one.
        frozen_stages: freeze the stem (0) and this many stages after it; -1 freezes nothing.
        pretrained: start from ImageNet weights.
        weights: where these come from.

    Raises:
        ValueError: the network has no feature map of such a reduction, or fewer stages than are to be frozen.
        InputError: no package carries this network's weights.
        MissingExtra: the package that does is not installed.
    """

    def __init__(
        self,
        name: str,
        reductions: tuple[int, ...],
        norm: Norm = "batch",
        frozen_stages: int = -1,
        pretrained: bool = False,
        weights: WeightSource = "timm",
    ) -> None:
        super().__init__()
        with torch.device("meta"):
            levels = _levels(timm.create_model(name, features_only=True))
        known = [level.reduction for level in levels]
        if not set(reductions) <= set(known):
            raise ValueError(f"{name} has feature maps of reductions {known}, not {reductions}")
        indices = tuple(known.index(reduction) for reduction in reductions)
        network: nn.Module = timm.create_model(
            name, features_only=True, out_indices=indices, pretrained=pretrained and weights == "timm"
        )
        if pretrained and weights == "package":
            stored = packaged_weights(name)
            network.load_state_dict({n: t for n, t in stored.items() if n in network.state_dict()}, strict=False)
        if norm == "group":
            _replace_batch_norms(network)
        # Weights laid out as the maps are (channels last) need no copy at every call.
        self.network = network.to(memory_format=torch.channels_last)
        self.channels = [levels[i].channels for i in indices]
        self.frozen_norms = norm in ("frozen-batch", "frozen-statistics")
        if norm == "frozen-batch":
            for module in self._batch_norms():
                module.requires_grad_(False)
        for part in _first_stages(name, self.network, levels, frozen_stages):
            part.requires_grad_(False)
        self.train()

    def _batch_norms(self) -> list[nn.Module]:
        return [module for module in self.network.modules() if isinstance(module, nn.BatchNorm2d)]

    def train(self, mode: bool = True) -> ImageBackbone:
        """Switch mode; frozen batch norms keep using their stored statistics."""
        super().train(mode)
        if self.frozen_norms:
            for module in self._batch_norms():
                module.eval()
        return self

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _c _h _w"]]:
        """Feature maps of normalised images, the finest first; sizes are rounded up at every halving."""
        # Channels-last is twice as fast in CPU convolutions and as fast as any layout on a GPU.
        return self.network(images.contiguous(memory_format=torch.channels_last))


_MOST_GROUPS = 32


def _replace_batch_norms(network: nn.Module) -> None:
    """Put a group norm with the same scales, and the same activation behind it, in the place of every batch norm."""
    for parent in list(network.modules()):
        for name, norm in list(parent.named_children()):
            if isinstance(norm, nn.BatchNorm2d):
                groups = gcd(norm.num_features, _MOST_GROUPS)
                other = timm.layers.GroupNormAct(norm.num_features, groups, eps=norm.eps, apply_act=False)
                other.load_state_dict({"weight": norm.weight, "bias": norm.bias})
                if isinstance(norm, timm.layers.BatchNormAct2d):
                    other.drop, other.act = norm.drop, norm.act
                setattr(parent, name, other)


@dataclass(frozen=True)
class _Level:
    """A feature map of a timm network.

    Attributes:
        module: name of the part that puts it out.
        reduction: image pixels per feature pixel.
        channels: of the map.
    """

    module: str
    reduction: int
    channels: int


@runtime_checkable
class _FeatureInfo(Protocol):
    """timm's table of feature maps."""

    def module_name(self) -> list[str]: ...

    def reduction(self) -> list[int]: ...

    def channels(self) -> list[int]: ...


def _levels(network: nn.Module) -> list[_Level]:
    info = cast(_FeatureInfo, network.feature_info)
    return [_Level(*row) for row in zip(info.module_name(), info.reduction(), info.channels(), strict=True)]


def _first_stages(name: str, network: nn.Module, levels: Sequence[_Level], count: int) -> list[nn.Parameter]:
    """Parameters of a timm network's stem and so many stages; nothing if `count` is negative.

    A stage ends with a part that holds layers and puts out a feature map; the stem is what comes before the first.
    timm registers parts in the order in which they are run.

    Raises:
        ValueError: the network is not a sequence of such stages, or has fewer.
    """
    if count < 0:
        return []
    names = [parameter for parameter, _ in network.named_parameters()]
    stages: list[list[int]] = []
    for level in levels:
        ends = (f"{level.module}.", f"{level.module.replace('.', '_')}.")
        own = [i for i, parameter in enumerate(names) if parameter.startswith(ends)]
        if any(names[i].removeprefix(ends[0]).removeprefix(ends[1]).count(".") for i in own):
            stages.append(own)
    if not stages or count > len(stages):
        raise ValueError(
            f"{name} has {len(stages)} stages up to its last feature map, {count} cannot be frozen; "
            "pass fewer frozen_stages, or -1 to train all"
        )
    until = stages[count - 1][-1] + 1 if count else stages[0][0]
    return list(network.parameters())[:until]


def build_backbone(
    name: str, reduction: int, norm: Norm, frozen_stages: int, pretrained: bool, weights: WeightSource = "timm"
) -> ImageBackbone | InternImage:
    """A backbone of one feature map: an InternImage by its name, or else a timm network.

    Arguments are those of `ImageBackbone`.

    Raises:
        ValueError: ImageNet weights were asked for, and there are none to download for an InternImage.
    """
    if name not in VARIANTS:
        # Drawn and dropped: a seed gives the random start that it has always given.
        timm.create_model(name, features_only=True)
        return ImageBackbone(name, (reduction,), norm, frozen_stages, pretrained, weights)
    if pretrained:
        raise ValueError(f"{name} has no weights to download; load a published checkpoint with `voxway convert`")
    return InternImage(VARIANTS[name], reduction, frozen_stages)
