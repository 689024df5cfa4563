"""Classes of pixels by a network of universal segmentation: MaskFormer, Mask2Former or OneFormer of `transformers`.

Such a network says for each of its queries how probable each class is, and how probable it is that a pixel belongs to
the query. Summed over queries that scores every class at every pixel; what adds up to more than 1 is scaled to 1, so
that a pixel that no query claims stays improbable in every class. The library's own step stops at the largest class.
"""

from __future__ import annotations

from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from voxway.prepare.foundation import Foundation, Loaded

KINDS = ("maskformer", "mask2former", "oneformer")
_EXPECTED = "a network of universal segmentation"


class PixelClasses:
    """A network that gives pixels one of its classes. Its weights are read when it is first asked.

    Args:
        model: where it lies, and where it runs.

    Raises:
        InputError: a network of another kind.
    """

    def __init__(self, model: Foundation) -> None:
        model.require(KINDS, _EXPECTED)
        self.model = model

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its classes, by id."""
        by_id = {int(i): str(name) for i, name in self.model.config.id2label.items()}
        return tuple(by_id.get(i, f"LABEL_{i}") for i in range(max(by_id) + 1))

    def __call__(self, images: UInt8[Tensor, "n 3 h w"]) -> tuple[Int64[Tensor, "n h w"], Float[Tensor, "n h w"]]:
        """The network's class of every pixel and how probable it is, 0..1, on the CPU."""
        size = (images.shape[-2], images.shape[-1])
        inputs = self._processor(images=list(images), **self._asked(len(images)), return_tensors="pt")
        inputs = inputs.to(self.model.device)
        with self.model.inference():
            said = self._network(**{**inputs, **self._task(len(images))})
        self.model.require_numbers(said.class_queries_logits, said.masks_queries_logits)
        scores = class_scores(said.class_queries_logits.float(), said.masks_queries_logits.float())
        real = inputs["pixel_mask"][0].bool() if "pixel_mask" in inputs else None
        if real is not None:  # what the processor has put below and right of the pictures is cut off again
            shares = (real.any(1).float().mean().item(), real.any(0).float().mean().item())
        else:
            shares = (1.0, 1.0)
        padded = [round(side / share) for side, share in zip(size, shares)]
        ids, probability = [], []
        for one in scores:  # a picture at a time: its classes at its size take the most memory
            full = F.interpolate(one[None], padded, mode="bilinear", align_corners=False)[0, :, : size[0], : size[1]]
            best, which = full.max(0)
            ids.append(which.cpu())
            probability.append((best / full.sum(0).clamp(min=1)).cpu())
        return torch.stack(ids), torch.stack(probability)

    @property
    def _asks(self) -> bool:
        """Whether it must be told that classes of pixels are wanted, not things."""
        return self.model.config.model_type == "oneformer"

    def _asked(self, count: int) -> dict[str, object]:
        return {"task_inputs": ["semantic"] * count} if self._asks else {}

    def _task(self, count: int) -> dict[str, Tensor]:
        if not self._asks:
            return {}
        length = self.model.config.task_seq_len
        said = self._tokenizer(
            ["the task is semantic"], padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
        return {"task_inputs": (said["input_ids"] * said["attention_mask"]).expand(count, -1).to(self.model.device)}

    @cached_property
    def _processor(self) -> Loaded:
        # OneFormer's would fetch names of classes from the hub; the configuration has them.
        settings = {"class_info_file": None} if self._asks else {}
        return self.model.load(self.model.library.AutoImageProcessor, _EXPECTED, **settings)

    @cached_property
    def _tokenizer(self) -> Loaded:
        return self.model.load(self.model.library.AutoTokenizer, "the tokenizer of its task")

    @cached_property
    def _network(self) -> Loaded:
        return self.model.network(self.model.library.AutoModelForUniversalSegmentation, _EXPECTED)


def class_scores(classes: Float[Tensor, "n q k1"], masks: Float[Tensor, "n q h w"]) -> Float[Tensor, "n k h w"]:
    """Scores of classes from what queries say: ``sum_q softmax(classes)_qk sigmoid(masks)_q``, without "no object".

    Args:
        classes: logits; the last one is "no object".
        masks: logits.
    """
    return torch.einsum("nqk,nqhw->nkhw", classes.softmax(-1)[..., :-1], masks.sigmoid())
