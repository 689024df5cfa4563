"""InternImage: a convolutional backbone of deformable convolutions (CVPR 2023, arXiv 2211.05778).

The post-norm networks with layer scale (S, B, L and XL), cut at one feature level. Maps are (b, h, w, c) throughout;
``norm`` is a layer norm over channels with eps 1e-6.

====================  ======  ==============  =======================================================================
name                  symbol  shape           meaning
====================  ======  ==============  =======================================================================
x                     x       b h w c         features of a level, at 1/4, 1/8, 1/16 or 1/32 of the image
groups                G       -               groups of channels that choose their nine taps apart; 16 channels each
mask                  m       b h w G 9       weights of the nine taps, softmax over them
offset                dp      b h w G 9 2     where each tap moves, in pixels before the offset scale
====================  ======  ==============  =======================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from voxway.core.names import NameMap, Rename
from voxway.ops.dcnv3 import dcnv3

EPS = 1e-6
TAPS = 9
REDUCTIONS = (4, 8, 16, 32)
"""Image pixels per feature pixel of each level."""


@dataclass(frozen=True, kw_only=True)
class InternImageConfig:
    """Sizes of an InternImage.

    Raises:
        ValueError: a level's channels do not split into its groups.
    """

    channels: int
    """Channels of the first level; each further level doubles them."""
    depths: tuple[int, int, int, int]
    """Blocks of each level."""
    groups: tuple[int, int, int, int]
    """Groups of each level's deformable convolutions."""
    mlp_ratio: float = 4.0
    """Hidden channels of a block's feed-forward network, in channels."""
    offset_scale: float = 2.0
    """Pixels per unit of offset; spreads the regular taps too."""
    layer_scale: float = 1.0
    """Where the scale of each channel of a residual update starts."""
    drop_path: float = 0.4
    """Share of samples whose update by the last block is dropped in training; rises linearly from 0."""

    def __post_init__(self) -> None:
        for level, groups in enumerate(self.groups):
            if (self.channels << level) % groups:
                raise ValueError(f"level {level} has {self.channels << level} channels, not a multiple of {groups}")


VARIANTS = {
    "internimage-nano": InternImageConfig(channels=32, depths=(1, 1, 2, 1), groups=(2, 4, 8, 16), drop_path=0.0),
    "internimage-s": InternImageConfig(
        channels=80, depths=(4, 4, 21, 4), groups=(5, 10, 20, 40), offset_scale=1.0, drop_path=0.3
    ),
    "internimage-b": InternImageConfig(
        channels=112, depths=(4, 4, 21, 4), groups=(7, 14, 28, 56), offset_scale=1.0, drop_path=0.4
    ),
    "internimage-l": InternImageConfig(channels=160, depths=(5, 5, 22, 5), groups=(10, 20, 40, 80)),
    "internimage-xl": InternImageConfig(channels=192, depths=(5, 5, 24, 5), groups=(12, 24, 48, 96)),
}
"""The published sizes (paper, Table 1), and one (nano) for tests and first tries."""


class DeformableConvolution(nn.Module):
    """``project(dcnv3(value(x), offset(z), softmax(mask(z))))`` with ``z = gelu(norm(depthwise 3x3(x)))``."""

    def __init__(self, channels: int, groups: int, offset_scale: float) -> None:
        super().__init__()
        self.groups, self.offset_scale = groups, offset_scale
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.offset = nn.Linear(channels, groups * TAPS * 2)
        self.mask = nn.Linear(channels, groups * TAPS)
        self.value = nn.Linear(channels, channels)
        self.output = nn.Linear(channels, channels)
        for layer in (self.offset, self.mask):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for layer in (self.value, self.output):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        z = F.gelu(self.norm(_convolve(self.depthwise, x)))
        offset = self.offset(z).unflatten(-1, (self.groups, TAPS, 2))
        mask = self.mask(z).unflatten(-1, (self.groups, TAPS)).softmax(-1)
        return self.output(dcnv3(self.value(x), offset, mask, self.offset_scale))


class Block(nn.Module):
    """``x <- x + s1 norm(dcn(x)); x <- x + s2 norm(W2 gelu(W1 x))``, a scale s for every channel."""

    def __init__(self, config: InternImageConfig, channels: int, groups: int, drop_path: float) -> None:
        super().__init__()
        hidden = int(channels * config.mlp_ratio)
        self.drop_path = drop_path
        self.dcn = DeformableConvolution(channels, groups, config.offset_scale)
        self.dcn_norm = nn.LayerNorm(channels, eps=EPS)
        self.dcn_scale = nn.Parameter(torch.full((channels,), config.layer_scale))
        self.expand = nn.Linear(channels, hidden)
        self.contract = nn.Linear(hidden, channels)
        self.mlp_norm = nn.LayerNorm(channels, eps=EPS)
        self.mlp_scale = nn.Parameter(torch.full((channels,), config.layer_scale))
        for layer in (self.expand, self.contract):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        return checkpoint(self._updated, x, use_reentrant=False) if torch.is_grad_enabled() else self._updated(x)

    def _updated(self, x: Tensor) -> Tensor:
        x = x + self._dropped(self.dcn_scale * self.dcn_norm(self.dcn(x)))
        return x + self._dropped(self.mlp_scale * self.mlp_norm(self.contract(F.gelu(self.expand(x)))))

    def _dropped(self, update: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0:
            return update
        kept = torch.rand(len(update), 1, 1, 1, device=update.device) >= self.drop_path
        return update * kept / (1 - self.drop_path)


class Downsample(nn.Module):
    """3 x 3 convolution of stride 2, sizes rounded up, then a norm."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=bias)
        self.norm = nn.LayerNorm(outputs, eps=EPS)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h2 w2 d"]:
        return self.norm(_convolve(self.convolution, x))


class InternImage(nn.Module):
    """An InternImage up to the one feature map of the given reduction; deeper levels are not built.

    In training every block is a gradient checkpoint: of a block, only its input is kept.

    Args:
        config: sizes.
        reduction: how many image pixels one feature pixel spans.
        frozen_stages: freeze the stem (0) and this many levels after it; -1 freezes nothing.

    Raises:
        ValueError: there is no feature map of that reduction.
    """

    def __init__(self, config: InternImageConfig, reduction: int, frozen_stages: int = -1) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f"InternImage has feature maps of reduction {REDUCTIONS}, not {reduction}")
        count = REDUCTIONS.index(reduction) + 1
        widths = [config.channels << level for level in range(count)]
        rates = iter(config.drop_path * i / (sum(config.depths) - 1) for i in range(sum(config.depths)))
        self.channels = widths[-1:]
        self.stem = nn.ModuleList(
            [
                Downsample(3, config.channels // 2, bias=True),
                Downsample(config.channels // 2, config.channels, bias=True),
            ]
        )
        self.levels = nn.ModuleList(
            nn.Sequential(*(Block(config, width, groups, next(rates)) for _ in range(depth)))
            for width, groups, depth in zip(widths, config.groups, config.depths)
        )
        self.downsamples = nn.ModuleList(Downsample(width, 2 * width) for width in widths[:-1])
        if frozen_stages >= 0:
            for part in (self.stem, *self.levels[:frozen_stages], *self.downsamples[:frozen_stages]):
                part.requires_grad_(False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b c h2 w2"]]:
        """The feature map of normalised images, in a list of one; sizes are rounded up at every halving."""
        x = self.stem[1](F.gelu(self.stem[0](images.permute(0, 2, 3, 1))))
        for i, level in enumerate(self.levels):
            if i:
                x = self.downsamples[i - 1](x)
            x = level(x)
        return [x.permute(0, 3, 1, 2)]


def _convolve(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    # A permuted (b, h, w, c) tensor is one in channels-last layout, so nothing is copied.
    return convolution(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


_CONVOLUTION = (
    ("dw_conv.0.{}", "depthwise.{}"),
    ("dw_conv.1.1.{}", "norm.{}"),
    ("offset.{}", "offset.{}"),
    ("mask.{}", "mask.{}"),
    ("input_proj.{}", "value.{}"),
    ("output_proj.{}", "output.{}"),
)
_BLOCK = (
    *((f"dcn.{theirs}", f"dcn.{mine}") for theirs, mine in _CONVOLUTION),
    ("norm1.0.{}", "dcn_norm.{}"),
    ("gamma1", "dcn_scale"),
    ("mlp.fc1.{}", "expand.{}"),
    ("mlp.fc2.{}", "contract.{}"),
    ("norm2.0.{}", "mlp_norm.{}"),
    ("gamma2", "mlp_scale"),
)
_NETWORK = (
    ("patch_embed.conv1.{}", "stem.0.convolution.{}"),
    ("patch_embed.norm1.1.{}", "stem.0.norm.{}"),
    ("patch_embed.conv2.{}", "stem.1.convolution.{}"),
    ("patch_embed.norm2.1.{}", "stem.1.norm.{}"),
    *((f"levels.{{}}.blocks.{{}}.{theirs}", f"levels.{{}}.{{}}.{mine}") for theirs, mine in _BLOCK),
    ("levels.{}.downsample.conv.{}", "downsamples.{}.convolution.{}"),
    ("levels.{}.downsample.norm.1.{}", "downsamples.{}.norm.{}"),
)


def renames(published: str, ours: str) -> tuple[Rename, ...]:
    """Published names of an `InternImage`; both arguments are prefixes, dots included."""
    return tuple(Rename(published=published + theirs, ours=ours + mine) for theirs, mine in _NETWORK)


def dead_names(config: InternImageConfig, reduction: int, published: str) -> dict[str, tuple[int, ...]]:
    """Published parameters (prefix `published`) beyond the level of that reduction, with their shapes."""
    with torch.device("meta"):
        whole, live = (InternImage(config, last).state_dict() for last in (REDUCTIONS[-1], reduction))
    beyond = {name: tensor for name, tensor in whole.items() if name not in live}
    back = NameMap(renames=renames(published, ""), dead={}).to_published(beyond)
    return {name: tuple(tensor.shape) for name, tensor in back.items()}
