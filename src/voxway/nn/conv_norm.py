"""relu(norm(conv(x))), folded into one convolution in evaluation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """A 2D convolution or transposed convolution, batch norm, and ReLU unless it is switched off.

    In evaluation the norm is folded into the weights at every call: that costs little, saves a pass over the map, and
    leaves the parameters as they are.

    Args:
        conv: `nn.Conv2d`, or `nn.ConvTranspose2d` without padding; without groups.
        eps: added to the variance.
        momentum: of the running statistics.
        relu: whether ReLU follows.
    """

    def __init__(
        self, conv: nn.Conv2d | nn.ConvTranspose2d, eps: float = 1e-5, momentum: float = 0.1, relu: bool = True
    ) -> None:
        super().__init__()
        # Weights laid out as the maps are (channels last) need no copy at every call.
        self.conv = conv.to(memory_format=torch.channels_last)
        self.norm = nn.BatchNorm2d(conv.out_channels, eps=eps, momentum=momentum)
        self.relu = relu

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        y = self.norm(self.conv(x)) if self.norm.training else self._folded(x)
        return F.relu(y, inplace=True) if self.relu else y

    def _folded(self, x: Tensor) -> Tensor:
        conv = self.conv
        scale, shift = folded_norm(self.norm)
        bias = shift if conv.bias is None else shift + conv.bias * scale
        if isinstance(conv, nn.ConvTranspose2d):
            return F.conv_transpose2d(x, conv.weight * scale[:, None, None], bias, conv.stride)
        return F.conv2d(x, conv.weight * scale[:, None, None, None], bias, conv.stride, conv.padding)


def folded_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Float[Tensor, "c"], Float[Tensor, "c"]]:
    """Scale and shift that a batch norm with its running statistics amounts to."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale, norm.bias - norm.running_mean * scale


def conv3x3(
    channels: int, width: int, stride: int = 1, bias: bool = False, eps: float = 1e-5, momentum: float = 0.1
) -> ConvNorm:
    """``relu(norm(conv 3 x 3))``."""
    return ConvNorm(nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=bias), eps=eps, momentum=momentum)
