"""Masks of what boxes hold, by SAM 2 of `transformers`: one mask for each box."""

from __future__ import annotations

from functools import cached_property

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from voxway.prepare.foundation import Foundation, Loaded

KINDS = ("sam2", "sam2_video")
"""Published folders say the second; the network for single pictures reads them too."""
_EXPECTED = "a network that cuts out what boxes hold"
_AT_ONCE = 16
"""Boxes whose masks are made together."""


class BoxMasks:
    """A network that cuts out what boxes hold. Its weights are read when it is first asked.

    Args:
        model: where it lies, and where it runs.

    Raises:
        InputError: a network of another kind.
    """

    def __init__(self, model: Foundation) -> None:
        model.require(KINDS, _EXPECTED)
        self.model = model

    def __call__(self, image: UInt8[Tensor, "3 h w"], corners: Float[Tensor, "m 4"]) -> Bool[Tensor, "m h w"]:
        """The mask of what each box of a picture holds, on the CPU.

        Args:
            image: RGB.
            corners: of the boxes: left, top, right, bottom, pixels.
        """
        size = image.shape[-2:]
        if not len(corners):
            return torch.zeros((0, *size), dtype=torch.bool)
        inputs = self._processor(images=image, return_tensors="pt").to(self.model.device)
        masks = []
        with self.model.inference():
            embeddings = self._network.get_image_embeddings(inputs["pixel_values"])
            for some in corners.split(_AT_ONCE):
                boxes = self._processor(
                    input_boxes=[some.tolist()], original_sizes=[list(size)], return_tensors="pt"
                ).to(self.model.device)["input_boxes"]
                said = self._network(image_embeddings=embeddings, input_boxes=boxes, multimask_output=False)
                self.model.require_numbers(said.pred_masks)
                logits = said.pred_masks.float()
                (found,) = self._processor.post_process_masks(logits, [list(size)], binarize=True)
                masks.append(found[:, 0].cpu())
        return torch.cat(masks)

    @cached_property
    def _processor(self) -> Loaded:
        return self.model.load(self.model.library.Sam2Processor, _EXPECTED)

    @cached_property
    def _network(self) -> Loaded:
        return self.model.network(self.model.library.Sam2Model, _EXPECTED)
