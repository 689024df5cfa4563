"""relu(norm(conv(x))), folded into one convolution in evaluation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Conv = nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d


class ConvNorm(nn.Module):
    """A convolution of maps or volumes, or a transposed one of maps, batch norm, and ReLU unless it is switched off.

    In evaluation the norm is folded into the weights at every call: that costs little, saves a pass over the map, and
    leaves the parameters as they are.

    Args:
        conv: without groups; `nn.ConvTranspose2d` without padding.
        eps: added to the variance.
        momentum: of the running statistics.
        relu: whether ReLU follows.
        slope: of that ReLU below 0.
    """

    def __init__(
        self, conv: Conv, eps: float = 1e-5, momentum: float = 0.1, relu: bool = True, slope: float = 0.0
    ) -> None:
        super().__init__()
        volumes = isinstance(conv, nn.Conv3d)
        # Weights laid out as maps are (channels last) need no copy at every call.
        self.conv = conv if volumes else conv.to(memory_format=torch.channels_last)
        self.norm = (nn.BatchNorm3d if volumes else nn.BatchNorm2d)(conv.out_channels, eps=eps, momentum=momentum)
        self.relu, self.slope = relu, slope

    def forward(self, x: Float[Tensor, "b c *space"]) -> Float[Tensor, "b d *space2"]:
        """``relu(norm(conv(x)))``."""
        return self.through(partial(self._convolve, x))

    def through(
        self, convolve: Callable[[Float[Tensor, "_o _i *k"], Float[Tensor, "d"] | None], Float[Tensor, "b d *space"]]
    ) -> Float[Tensor, "b d *space"]:
        """The layer around another way of computing its convolution.

        Args:
            convolve: the convolution's output from its weight and bias, into which the norm may be folded.
        """
        if self.norm.training:
            y = self.norm(convolve(self.conv.weight, self.conv.bias))
        else:
            weight, bias = self.folded()
            y = convolve(weight, bias)
        if not self.relu:
            return y
        return F.leaky_relu(y, self.slope, inplace=True) if self.slope else F.relu(y, inplace=True)

    def folded(self) -> tuple[Float[Tensor, "_o _i *k"], Float[Tensor, "d"]]:
        """Weight and bias of the one convolution that convolution and norm amount to."""
        scale, shift = folded_norm(self.norm)
        outputs = [1] * self.conv.weight.dim()
        outputs[1 if isinstance(self.conv, nn.ConvTranspose2d) else 0] = -1
        bias = shift if self.conv.bias is None else shift + self.conv.bias * scale
        return self.conv.weight * scale.view(outputs), bias

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        conv = self.conv
        if isinstance(conv, nn.ConvTranspose2d):
            return F.conv_transpose2d(x, weight, bias, conv.stride)
        if isinstance(conv, nn.Conv3d):
            return F.conv3d(x, weight, bias, conv.stride, conv.padding)
        return F.conv2d(x, weight, bias, conv.stride, conv.padding)


def folded_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) -> tuple[Tensor, Tensor]:
    """Scale and shift (c) that a batch norm with its running statistics amounts to.

    Raises:
        ValueError: it has none.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale, norm.bias - norm.running_mean * scale


def conv3x3(
    channels: int,
    width: int,
    stride: int = 1,
    bias: bool = False,
    eps: float = 1e-5,
    momentum: float = 0.1,
    slope: float = 0.0,
) -> ConvNorm:
    """``relu(norm(conv 3 x 3))``."""
    conv = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=bias)
    return ConvNorm(conv, eps=eps, momentum=momentum, slope=slope)


def conv3x3x3(channels: int, width: int, relu: bool = True) -> ConvNorm:
    """``relu(norm(conv 3 x 3 x 3))`` of volumes."""
    return ConvNorm(nn.Conv3d(channels, width, 3, padding=1, bias=False), relu=relu)
