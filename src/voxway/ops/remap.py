"""Pictures of any lens as a pinhole camera would have taken them, which is what networks expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, Float64, UInt8
from torch import Tensor

from voxway.core.lens import Lens


@dataclass(frozen=True)
class Remap:
    """Where every pixel of a pinhole view is found in a lens's picture. Made once per camera.

    Attributes:
        places: position in the picture, -1 to 1 from the first pixel's centre to the last one's, along u and v.
        seen: which pixels of the view the lens has drawn inside its picture.
    """

    places: Float32[Tensor, "h w 2"]
    seen: Bool[Tensor, "h w"]

    @classmethod
    def of(
        cls,
        lens: Lens,
        picture_px: tuple[int, int],
        K: Float64[np.ndarray, "3 3"],
        view_px: tuple[int, int],
        R_lens_view: Float64[np.ndarray, "3 3"] | None = None,
    ) -> Remap:
        """The map onto a view.

        Args:
            lens: of the camera.
            picture_px: (height, width) of its pictures.
            K: intrinsics of the view, pixels.
            view_px: (height, width) of the view.
            R_lens_view: turns directions of the view's frame into the lens's; None: both look the same way.
        """
        v, u = np.indices(view_px, np.float64)
        rays = np.stack([u, v, np.ones(view_px)], -1) @ np.linalg.inv(K).T
        pixels, drawn = lens.project(rays if R_lens_view is None else rays @ R_lens_view.T)
        last = np.array(picture_px[::-1], np.float64) - 1
        inside = ((pixels >= -0.5) & (pixels <= last + 0.5)).all(-1)
        places = np.where(drawn[..., None], pixels / last * 2 - 1, -2)
        return cls(torch.from_numpy(places.astype(np.float32)), torch.from_numpy(drawn & inside))

    def ids(self, picture: UInt8[Tensor, "_h _w"], unseen: int) -> UInt8[Tensor, "h w"]:
        """A picture of ids as the view shows it, each pixel that of the nearest one.

        Args:
            picture: of ids.
            unseen: id of what is not seen.
        """
        found = F.grid_sample(
            picture[None, None].float(), self.places[None], mode="nearest", padding_mode="border", align_corners=True
        )
        return torch.where(self.seen, found[0, 0], unseen).to(torch.uint8)

    def view(self, picture: UInt8[Tensor, "3 _h _w"]) -> UInt8[Tensor, "3 h w"]:
        """The picture as the view shows it, interpolated between pixels; black where it is not seen."""
        found = F.grid_sample(
            picture[None].float(), self.places[None], mode="bilinear", padding_mode="border", align_corners=True
        )
        return (found[0].round() * self.seen).to(torch.uint8)
