"""A stand-in for a vision-language network on synthetic streets. It is none: it has no weights and sees no picture.

It takes pseudo-labels, which have a network's errors (`voxway.world.segmenter`), and gives their classes vectors of
length one, as text towers give words. So the code paths of language guidance can be
trained and measured where no such network is at hand. What is gained by it says nothing of the gain by a real one.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.core.sample import Batch
from voxway.core.task import IGNORE, SKY
from voxway.engine.teaching.foundation import FoundationTeacher
from voxway.methods.vlscene.guidance import FEATURES, SCORES

logger = logging.getLogger(__name__)
WARNING = "a stand-in teaches, no vision-language network: pseudo-labels with vectors for words"


@dataclass(frozen=True, kw_only=True)
class StandInConfig:
    """No vision-language network, but pseudo-labels that speak like one."""

    words: tuple[str, ...]
    """One for every class of the task, by id."""
    sky: int = 0
    """Id of the word that stands for the sky: that of free space."""
    features: int = 64
    """Channels of the features."""
    reduction: int = 8
    """Image pixels per feature pixel."""
    temperature: float = 1 / 0.07
    """What cosines are multiplied with for scores (CLIP's)."""

    def build(self, device: torch.device | str = "cpu") -> FoundationTeacher:
        """The teacher; it says in the log what it is."""
        logger.warning(WARNING)
        facts: Mapping[str, object] = {"network": WARNING, "words": list(self.words), "features": self.features}
        return FoundationTeacher(StandIn(self), inputs=frozenset({"pseudo_labels"}), facts=facts, device=device)


class StandIn(nn.Module):
    """Vectors of classes, averaged over the pixels of a cell."""

    vectors: Tensor

    def __init__(self, config: StandInConfig) -> None:
        super().__init__()
        self.config = config
        unknown = torch.zeros(1, config.features)
        self.register_buffer("vectors", torch.cat([word_vectors(config.words, config.features), unknown]))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Features and scores of the first camera's pictures, as `voxway.methods.vlscene.guidance` names them."""
        classes = batch.need("pseudo_labels")[:, 0].long()
        nothing = len(self.vectors) - 1
        ids = classes.masked_fill(classes == SKY, self.config.sky).masked_fill(classes == IGNORE, nothing)
        pixels = self.vectors[ids].permute(0, 3, 1, 2)
        features = F.avg_pool2d(pixels, self.config.reduction)
        cosines = torch.einsum("bfhw,nf->bnhw", F.normalize(features, dim=1), self.vectors[:-1])
        return {FEATURES: features, SCORES: self.config.temperature * cosines}


def word_vectors(words: Sequence[str], features: int) -> Float[Tensor, "n f"]:
    """A vector of length 1 for each word, always the same one."""
    drawn = [torch.randn(features, generator=torch.Generator().manual_seed(zlib.crc32(w.encode()))) for w in words]
    return F.normalize(torch.stack(drawn), dim=1)
