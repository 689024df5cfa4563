"""What the teacher is asked about: words, and the numbers by which CLIP's text tower knows them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import torch
from jaxtyping import Int
from torch import Tensor

from voxway.core.errors import InputError, MissingExtra

START, END, LENGTH = 49406, 49407, 77
"""Marks around a text, and the tokens that CLIP reads; the rest is 0."""

OUTDOOR: Mapping[str, tuple[int, ...]] = MappingProxyType({
    "ground": (2461,),
    "road": (1759,),
    "person": (2533,),
    "rider": (9707,),
    "car": (1615,),
    "truck": (4629,),
    "bus": (2840,),
    "train": (3231,),
    "bicycle": (11652,),
    "sidewalk": (23278,),
    "parking": (5984,),
    "railtrack": (4573, 2700),
    "building": (2307,),
    "wall": (2569,),
    "fence": (12679,),
    "bridge": (2465,),
    "pole": (8170,),
    "trafficlight": (12080, 1395),
    "trafficsign": (12080, 2292),
    "vegetation": (33947,),
    "others": (3326,),
})  # fmt: skip
"""The published word list in the order of its channels, each with its byte-pair tokens."""


def tokens(words: Sequence[str], vocabulary: Path | None = None) -> Int[Tensor, "n t"]:
    """Token numbers of words.

    Args:
        words: in the order of the channels.
        vocabulary: folder of a CLIP tokenizer (``vocab.json`` and ``merges.txt``), which words beyond the published
            list need.

    Raises:
        InputError: a word that is not in the published list, and no vocabulary.
        MissingExtra: a vocabulary without transformers.
    """
    known = {word: OUTDOOR[word] for word in words if word in OUTDOOR}
    others = [word for word in words if word not in OUTDOOR]
    if others:
        known |= _tokenized(others, vocabulary)
    found = torch.zeros(len(words), LENGTH, dtype=torch.long)
    for row, word in zip(found, words):
        marked = (START, *known[word][: LENGTH - 2], END)
        row[: len(marked)] = torch.tensor(marked)
    return found


def _tokenized(words: Sequence[str], vocabulary: Path | None) -> dict[str, tuple[int, ...]]:
    if vocabulary is None:
        raise InputError(
            file="LSeg",
            field="words",
            expected=f"words of the published list ({', '.join(OUTDOOR)}), or a vocabulary",
            found=", ".join(words),
            remedy="Name the folder of CLIP ViT-B/32's tokenizer (vocab.json, merges.txt) as `vocabulary`.",
        )
    try:
        transformers = importlib.import_module("transformers")
    except ImportError as error:
        raise MissingExtra("transformers", "depth", "words beyond the published list") from error
    tokenizer = transformers.CLIPTokenizer.from_pretrained(str(vocabulary), local_files_only=True)
    return {word: tuple(tokenizer(word, add_special_tokens=False)["input_ids"]) for word in words}
