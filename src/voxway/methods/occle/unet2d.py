"""The 2D U-Net that reads images: an ImageNet network, and a decoder with skips (AdaBins, CVPR 2021; MonoScene, 2022).

That OccLE's image branch is a 2D U-Net, the paper's reviews say; which one, is our reading of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.backbone import ImageBackbone, Norm
from voxway.nn.conv_norm import conv3x3
from voxway.nn.imagenet import WeightSource, imagenet_weights

_COARSEST = 32
_SLOPE = 0.01
"""Of the decoder's ReLU below 0."""


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """Encoder and decoder of images. All of it is our reading of the paper.

    Raises:
        ValueError: a finest map that no decoder makes, or a base that cannot be halved down to it.
    """

    backbone: str = "resnet50"
    """A timm network with feature maps of reductions 2 to 32."""
    head: int = 0
    """Channels of the 1 x 1 convolution that ends an EfficientNet, taken in on the coarsest map; 0: there is none."""
    base: int = 512
    """Channels at which the decoder begins; each step halves them."""
    width: int = 64
    """Channels of the map that is put out."""
    finest: int = 4
    """Image pixels per pixel of that map: 1, 2, 4, 8 or 16."""
    norm: Norm = "batch"
    """Normalisation of the encoder."""
    weights: WeightSource = "timm"
    """Where ImageNet weights come from, if any are asked for."""
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    """Of red, green and blue, 0..255, that is taken off them."""
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    """By which they are divided then."""

    def __post_init__(self) -> None:
        if self.finest not in (1, 2, 4, 8, 16):
            raise ValueError(f"the finest map has 1, 2, 4, 8 or 16 image pixels per pixel, got {self.finest}")
        if self.base % (_COARSEST // self.finest):
            raise ValueError(f"a base of {self.base} channels cannot be halved down to 1/{self.finest} of the image")


class SkipStep(nn.Module):
    """A coarse map at the size of a finer one, joined with it: ``conv(conv(cat(up(x), skip)))``, corners aligned."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.first = conv3x3(channels, width, bias=True, slope=_SLOPE)
        self.second = conv3x3(width, width, bias=True, slope=_SLOPE)

    def forward(self, x: Float[Tensor, "b c h w"], skip: Float[Tensor, "b d h2 w2"]) -> Float[Tensor, "b e h2 w2"]:
        """Features of the finer map's size."""
        x = F.interpolate(x, skip.shape[-2:], mode="bilinear", align_corners=True)
        return self.second(self.first(torch.cat([x, skip], 1)))


class UNet2D(nn.Module):
    """Images to maps of one width.

    Args:
        config: of which parts.
        reductions: image pixels per pixel of the maps that are put out; None: the configuration's finest alone.
        pretrained: start the encoder from ImageNet weights.

    Raises:
        MissingExtra: these are to come from a package that is not installed.
    """

    def __init__(self, config: ImageConfig, reductions: Sequence[int] | None = None, pretrained: bool = False) -> None:
        super().__init__()
        self.reductions = tuple(reductions or (config.finest,))
        finest = min(self.reductions)
        taps = tuple(r for r in (2, 4, 8, 16, 32) if r >= finest)
        self.backbone = ImageBackbone(config.backbone, taps, config.norm, pretrained=pretrained, weights=config.weights)
        skips = [*([3] if finest == 1 else []), *self.backbone.channels[:-1]]
        deepest = self.backbone.channels[-1]
        self.head = nn.Conv2d(deepest, config.head, 1, bias=False) if config.head else None
        # Padded, so that the coarsest map grows by a ring of what the bias says: MonoScene's decoder does so.
        self.enter = nn.Conv2d(config.head or deepest, config.base, 1, padding=1)
        widths = [config.base // 2**i for i in range(1, len(skips) + 1)]
        self.steps = nn.ModuleList(
            SkipStep(channels + skip, width)
            for channels, skip, width in zip([config.base, *widths], reversed(skips), widths)
        )
        made = dict(zip((16, 8, 4, 2, 1), widths))
        self.leave = nn.ModuleList(nn.Conv2d(made[reduction], config.width, 1) for reduction in self.reductions)
        if pretrained and self.head is not None:
            whole = imagenet_weights(config.backbone, config.weights)
            self.head.load_state_dict({"weight": whole["conv_head.weight"]})

    def encode(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _c _h _w"]]:
        """Features of the images, fine to coarse."""
        *fine, coarsest = self.backbone(images)
        return [*fine, coarsest if self.head is None else self.head(coarsest)]

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b c _h _w"]]:
        """A map for each of the reductions, from normalised images."""
        *fine, coarsest = self.encode(images)
        skips = [*([images] if min(self.reductions) == 1 else []), *fine]
        x, made = self.enter(coarsest), {}
        for step, skip, reduction in zip(self.steps, reversed(skips), (16, 8, 4, 2, 1)):
            made[reduction] = x = step(x, skip)
        return [leave(made[reduction]) for leave, reduction in zip(self.leave, self.reductions)]
