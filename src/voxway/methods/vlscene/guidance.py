"""Vision-language guidance, in training alone: what a network of pixels and words says pulls the lifted features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.methods.vlscene.depth import ResidualBlock

FEATURES, SCORES = "language_features", "language_scores"
"""What a teacher says of the left image: features (b, f, h, w), and scores (b, n, h, w) of its n words."""


@dataclass(frozen=True, kw_only=True)
class GuidanceConfig:
    """How the student follows a vision-language teacher."""

    words: int = 21
    """Words that the teacher tells apart (LSeg with the published list)."""
    features: int = 512
    """Channels of its features."""
    hidden: int = 256
    """Channels while they are joined with the student's."""
    feature_ratio: float = 1.0
    """Weight of the distance between features."""
    score_ratio: float = 1.0
    """Weight of the cross-entropy against the teacher's likeliest word."""


class SemanticFusion(nn.Module):
    """``S gate(S) + G gate(G)`` with S and G from the semantic features and the student's, gates from their means."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.semantic, self.own = (nn.Conv2d(width, width, 1) for _ in range(2))
        self.semantic_gate, self.own_gate = (nn.Conv2d(width, width, 1) for _ in range(2))

    def forward(self, own: Float[Tensor, "b c h w"], semantic: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Joined features."""
        parts = ((self.semantic(semantic), self.semantic_gate), (self.own(own), self.own_gate))
        first, second = (x * gate(x.mean((2, 3), keepdim=True)).sigmoid() for x, gate in parts)
        return first + second


class Guidance(nn.Module):
    """The student's part of the distillation. As published, the joined features are pulled towards its own, too."""

    def __init__(self, config: GuidanceConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.enrich = nn.Sequential(
            nn.Conv2d(width + config.features + config.words, config.hidden, 1),
            nn.ReLU(),
            nn.Conv2d(config.hidden, width, 1),
        )
        self.fuse = SemanticFusion(width)
        self.words = nn.Sequential(ResidualBlock(width), ResidualBlock(width), nn.Conv2d(width, config.words, 1))

    def joined(
        self, context: Float[Tensor, "b c h w"], features: Float[Tensor, "b f h w"], scores: Float[Tensor, "b n h w"]
    ) -> Float[Tensor, "b c h w"]:
        """The student's features joined with the teacher's features and its words' probabilities."""
        return self.fuse(context, self.enrich(torch.cat([context, features, scores.softmax(1)], 1)))

    def terms(
        self, context: Float[Tensor, "b c h w"], features: Float[Tensor, "b f h w"], scores: Float[Tensor, "b n h w"]
    ) -> dict[str, Tensor]:
        """Distance between the lifted features and the joined ones, and cross-entropy against the teacher's words."""
        distance = (context - self.joined(context, features, scores)).abs().mean()
        words = F.cross_entropy(self.words(context).float(), scores.argmax(1))
        return {
            "language_features": self.config.feature_ratio * distance,
            "language_words": self.config.score_ratio * words,
        }
