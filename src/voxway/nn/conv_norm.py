"""relu(norm(conv(x))), folded into one convolution in evaluation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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
        """``relu(norm(conv(x)))``."""
        return self.through(partial(self._convolve, x))

    def through(
        self, convolve: Callable[[Float[Tensor, "_o _i k1 k2"], Float[Tensor, "d"] | None], Float[Tensor, "b d h w"]]
    ) -> Float[Tensor, "b d h w"]:
        """The layer around another way of computing its convolution.

        Args:
            convolve: the convolution's output from its weight and bias, into which the norm may be folded.
        """
        if self.norm.training:
            y = self.norm(convolve(self.conv.weight, self.conv.bias))
        else:
            scale, shift = folded_norm(self.norm)
            bias = shift if self.conv.bias is None else shift + self.conv.bias * scale
            y = convolve(self.conv.weight * self._each_output(scale), bias)
        return F.relu(y, inplace=True) if self.relu else y

    def _each_output(self, scale: Float[Tensor, "d"]) -> Tensor:
        return scale[:, None, None] if isinstance(self.conv, nn.ConvTranspose2d) else scale[:, None, None, None]

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        conv = self.conv
        if isinstance(conv, nn.ConvTranspose2d):
            return F.conv_transpose2d(x, weight, bias, conv.stride)
        return F.conv2d(x, weight, bias, conv.stride, conv.padding)


def folded_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Float[Tensor, "c"], Float[Tensor, "c"]]:
    """Scale and shift that a batch norm with its running statistics amounts to.

    Raises:
        ValueError: it has none.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale, norm.bias - norm.running_mean * scale


def conv3x3(
    channels: int, width: int, stride: int = 1, bias: bool = False, eps: float = 1e-5, momentum: float = 0.1
) -> ConvNorm:
    """``relu(norm(conv 3 x 3))``."""
    return ConvNorm(nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=bias), eps=eps, momentum=momentum)
