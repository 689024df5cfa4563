"""Where pixels go when an image is resized: the one rule for intrinsics, and the published one beside it.

Pixel centres lie at whole numbers: the first pixel spans -0.5 to 0.5, an image of w columns -0.5 to w - 0.5.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float64
from torch import Tensor

ResizeRule = Literal["centres", "published"]
"""How an image's pixels move when it is resized by s.

* centres: the picture's edges stay its edges, ``u' = (u + 0.5) s - 0.5``; what image libraries do to the picture.
* published: ``u' = s u``, as if the first pixel's centre were the picture's corner. BEVDet, EFFOcc and others scale
  intrinsics so, half a pixel of the difference off, and released weights have learnt with it.
"""


def scale_pixels(u: float, v: float, rule: ResizeRule = "centres") -> Float64[Tensor, "3 3"]:
    """Pixel transform of an image that becomes `u` times as wide and `v` times as high.

    Args:
        u: scale of columns.
        v: scale of rows.
        rule: "centres" unless numbers of published code must come out.

    Raises:
        ValueError: a scale that is not positive, or an unknown rule.
    """
    if not (u > 0 and v > 0):
        raise ValueError(f"an image is scaled by positive numbers, got {u} along columns and {v} along rows")
    if rule not in ("centres", "published"):
        raise ValueError(f"the rule of a resize is 'centres' or 'published', got {rule!r}")
    scale = torch.tensor([u, v, 1.0], dtype=torch.float64)
    transform = torch.diag(scale)
    if rule == "centres":
        transform[:2, 2] = (scale[:2] - 1) / 2
    return transform
