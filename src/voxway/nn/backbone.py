"""Image backbones, cut at one feature level or several: any timm network, or an InternImage."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.internimage import VARIANTS, InternImage

Norm = Literal["frozen-batch", "batch", "group"]


class ImageBackbone(nn.Module):
    """A timm network up to the one feature map of the given reduction; deeper stages are not built.

    Args:
        name: a timm model that supports `features_only`.
        reduction: how many image pixels one feature pixel spans.
        norm: ``"frozen-batch"`` keeps batch statistics and their scales fixed, as published networks that start from
            ImageNet do; ``"batch"`` trains them; ``"group"`` replaces them, which is safe for batches of one.
        frozen_stages: freeze the stem (0) and this many stages after it; -1 freezes nothing.
        pretrained: start from timm's ImageNet weights, downloaded unless cached.

    Raises:
        ValueError: the network has no feature map of that reduction.
    """

    def __init__(
        self, name: str, reduction: int, norm: Norm = "frozen-batch", frozen_stages: int = -1, pretrained: bool = False
    ) -> None:
        super().__init__()
        create = partial(timm.create_model, name, features_only=True)
        if norm == "group":
            create = partial(create, norm_layer=timm.layers.GroupNorm)
        reductions = _features(create(pretrained=False)).reduction()
        if reduction not in reductions:
            raise ValueError(f"{name} has feature maps of reduction {reductions}, not {reduction}")
        self.network = create(out_indices=(reductions.index(reduction),), pretrained=pretrained)
        self.channels: int = _features(self.network).channels()[0]
        self.frozen_norms = norm == "frozen-batch"
        if self.frozen_norms:
            for module in self._batch_norms():
                module.requires_grad_(False)
        if frozen_stages >= 0:
            stages = ("conv1", "bn1", *(f"layer{i + 1}" for i in range(frozen_stages)))
            for stage in stages:
                self.network.get_submodule(stage).requires_grad_(False)
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

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h2 w2"]:
        """Feature map of normalised images; sizes are rounded up at every halving."""
        # Channels-last is twice as fast in CPU convolutions and as fast as any layout on a GPU.
        return self.network(images.contiguous(memory_format=torch.channels_last))[0]


class ImagePyramid(nn.Module):
    """A timm network up to the coarsest of several feature maps; deeper stages are not built, everything is trained.

    Args:
        name: a timm model that supports `features_only`.
        reductions: image pixels per feature pixel of each map, ascending.
        norm: as in `ImageBackbone`, but no frozen kind.
        pretrained: start from timm's ImageNet weights, downloaded unless cached.

    Raises:
        ValueError: the network has no feature map of such a reduction.
    """

    def __init__(
        self,
        name: str,
        reductions: tuple[int, ...],
        norm: Literal["batch", "group"] = "batch",
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        create = partial(timm.create_model, name, features_only=True)
        if norm == "group":
            create = partial(create, norm_layer=timm.layers.GroupNorm)
        with torch.device("meta"):
            known = _features(create(pretrained=False)).reduction()
        if not set(reductions) <= set(known):
            raise ValueError(f"{name} has feature maps of reductions {known}, not {reductions}")
        indices = tuple(known.index(reduction) for reduction in reductions)
        # Weights laid out as the maps are need no copy at every call.
        network: nn.Module = create(out_indices=indices, pretrained=pretrained)
        self.network = network.to(memory_format=torch.channels_last)
        self.channels: list[int] = _features(self.network).channels()

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _c _h _w"]]:
        """Feature maps of normalised images, the finest first; sizes are rounded up at every halving."""
        return self.network(images.contiguous(memory_format=torch.channels_last))


def _features(network: nn.Module) -> Any:
    """timm's table of feature levels: channels and reductions."""
    return network.feature_info


def build_backbone(
    name: str, reduction: int, norm: Norm, frozen_stages: int, pretrained: bool
) -> ImageBackbone | InternImage:
    """An InternImage by its name, or else a timm network; arguments as in `ImageBackbone`.

    Raises:
        ValueError: ImageNet weights were asked for, and there are none to download for an InternImage.
    """
    if name not in VARIANTS:
        return ImageBackbone(name, reduction, norm, frozen_stages, pretrained)
    if pretrained:
        raise ValueError(f"{name} has no weights to download; load a published checkpoint with `voxway convert`")
    return InternImage(VARIANTS[name], reduction, frozen_stages)
