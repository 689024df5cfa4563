"""Frame: what there is to look at in one key frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer, Shaped


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One key frame of a page. At least one of `prediction` and `truth` is there."""

    key: str
    """Names the frame within its benchmark, e.g. ``"08/000005"``."""
    image: Shaped[np.ndarray, "h w c"] | None = None
    """RGB, uint8; several cameras are best tiled into one picture."""
    prediction: Integer[np.ndarray, "x y z"] | None = None
    """Training ids."""
    truth: Integer[np.ndarray, "x y z"] | None = None
    """Training ids; 255 where unknown."""
    note: str = ""
    """A sentence shown with the frame."""
