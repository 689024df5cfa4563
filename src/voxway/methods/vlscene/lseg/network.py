"""LSeg as VLScene's teacher: features and word scores of the left picture, where the student's features lie.

The published pipeline has two quirks, which are switches here. It gives LSeg pictures normalised for ImageNet, though
that was trained on values from -1 to 1. And it cuts as many rows off the map of vectors as off the map of scores,
though the first has half the size: the features are compressed by two, and their lower half is padding.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from voxway.core.sample import Batch
from voxway.methods.shared.batches import Alike, by_image_size, in_order
from voxway.methods.vlscene.guidance import FEATURES, SCORES
from voxway.methods.vlscene.lseg.image import ImageTower
from voxway.methods.vlscene.lseg.text import TextTower

Form = Literal["released", "intended"]
_SIDE_PX = 480
"""Width of the picture that LSeg sees, and height after padding."""
_SHARPNESS = 1 / 0.07
_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_PLAIN = ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
_PADDING = -1.0


class LSeg(nn.Module):
    """Both towers, with the vectors of the words that pixels are compared with.

    Args:
        image: tower of pictures.
        text: tower of words.
        words: token numbers of the words, in the order of the scores' channels.
        reduction: pixels of the student's pictures per feature pixel.
        crop: how features are cut: as released, or where the picture is.
        colours: how pictures are normalised: as released, or as LSeg was trained.
    """

    image_mean: Tensor
    image_std: Tensor
    words: Tensor

    def __init__(
        self,
        image: ImageTower,
        text: TextTower,
        words: Int[Tensor, "n t"],
        reduction: int = 8,
        crop: Form = "released",
        colours: Form = "released",
    ) -> None:
        super().__init__()
        self.image, self.text = image, text
        self.reduction, self.crop = reduction, crop
        mean, std = (torch.tensor(v)[:, None, None] for v in (_IMAGENET if colours == "released" else _PLAIN))
        self.register_buffer("image_mean", mean, persistent=False)
        self.register_buffer("image_std", std, persistent=False)
        self.register_buffer("words", words, persistent=False)
        self._vectors: Tensor | None = None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """What is said of a batch of pairs, of which the left picture is looked at.

        Returns:
            features (b, f, h, w) and scores (b, n, h, w) under the names that the student knows.

        Raises:
            InputError: the batch has no images.
        """
        images = batch.need("images")
        groups = by_image_size(batch.need("cameras"))
        said = [list(zip(*self.look(self._left(group, images)))) for group in groups]
        features, scores = zip(*in_order(groups, said))
        return {FEATURES: torch.stack(features), SCORES: torch.stack(scores)}

    def _left(self, group: Alike, images: UInt8[Tensor, "b n 3 h w"]) -> Float[Tensor, "m 3 h w"]:
        return (group.cut(images)[:, 0] - self.image_mean) / self.image_std

    def look(self, pictures: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b f h2 w2"], Float[Tensor, "b n h2 w2"]]:
        """Features and scores of normalised pictures at the student's resolution."""
        height, width = pictures.shape[-2:]
        size = (height // self.reduction, width // self.reduction)
        rows = round(height * _SIDE_PX / width)
        small = F.interpolate(pictures, (rows, _SIDE_PX), mode="bilinear", align_corners=False)
        vectors = self.image(F.pad(small, (0, 0, 0, _SIDE_PX - rows), value=_PADDING))
        scores = torch.einsum("bfhw,nf->bnhw", F.normalize(vectors, dim=1), self.vectors())
        scores = F.interpolate(_SHARPNESS * scores, scale_factor=2, mode="bilinear", align_corners=True)
        kept = rows if self.crop == "released" else rows // 2
        parts = (vectors[:, :, :kept], scores[:, :, :rows])
        features, scores = (F.interpolate(part, size, mode="bilinear", align_corners=False) for part in parts)
        return features, scores

    def vectors(self) -> Float[Tensor, "n f"]:
        """Unit vectors of the words; computed once."""
        if self._vectors is None or self._vectors.device != self.words.device:
            self._vectors = F.normalize(self.text(self.words), dim=1)
        return self._vectors
