"""LSeg, which guides VLScene (`voxway.methods.vlscene.lseg`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from voxway.engine.model_files import file_fingerprint
from voxway.engine.published_files import read_published
from voxway.engine.teaching.foundation import FoundationTeacher
from voxway.methods.vlscene.lseg.image import ImageTower
from voxway.methods.vlscene.lseg.names import from_published
from voxway.methods.vlscene.lseg.network import Form, LSeg
from voxway.methods.vlscene.lseg.text import TextTower
from voxway.methods.vlscene.lseg.words import OUTDOOR, tokens


@dataclass(frozen=True, kw_only=True)
class LSegConfig:
    """LSeg asked about every batch. Weights are those that its authors published, ``demo_e200.ckpt``."""

    weights: Path
    """The file: of LSeg, or of a VLScene checkpoint that carries its teacher along."""
    words: tuple[str, ...] = tuple(OUTDOOR)
    """What pixels are compared with, in the order of the scores' channels."""
    vocabulary: Path | None = None
    """Folder of CLIP's tokenizer, for words beyond the published list."""
    crop: Form = "released"
    """How features are cut: as the released code does, or where the picture is."""
    colours: Form = "released"
    """How pictures are normalised: as the released code does, or as LSeg was trained."""

    def build(self, device: torch.device | str = "cpu") -> FoundationTeacher:
        """The teacher.

        Raises:
            InputError: the file is absent, damaged, or not LSeg's; or a word needs a vocabulary.
            MissingExtra: a vocabulary without transformers.
        """
        words = tokens(self.words, self.vocabulary)
        network = LSeg(*empty_towers(), words, crop=self.crop, colours=self.colours)
        network.load_state_dict(
            from_published(read_published(self.weights), network.state_dict(), self.weights), assign=True
        )
        facts: Mapping[str, object] = {
            "network": "LSeg",
            "weights": self.weights.name,
            "fingerprint": file_fingerprint(self.weights),
            "words": list(self.words),
            "crop": self.crop,
            "colours": self.colours,
        }
        return FoundationTeacher(network, facts=facts, device=device)


def empty_towers() -> tuple[ImageTower, TextTower]:
    """Both towers without memory for their weights, which a checkpoint's take the place of."""
    with torch.device("meta"):
        return ImageTower(), TextTower()
