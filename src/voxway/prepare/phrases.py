"""Boxes around what phrases say, by Grounding DINO of `transformers`.

All phrases are put to the network at once, in lower case, separated by full stops. Which of them a box belongs to is
read from where its words stand in the prompt: the phrase with the surest word. So a box that answers to a part of a
phrase ("barrier" of "concrete barrier") counts for that phrase, and a word of two phrases for the one that was meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from voxway.prepare.foundation import Foundation, Loaded

KINDS = ("grounding-dino", "mm-grounding-dino")
_EXPECTED = "a network that finds what text says"


@dataclass(frozen=True)
class Boxes:
    """What was found in one picture.

    Attributes:
        corners: left, top, right, bottom, pixels.
        phrases: number of the phrase of each.
        scores: of each, 0..1.
    """

    corners: Float[Tensor, "m 4"]
    phrases: Int64[Tensor, "m"]
    scores: Float[Tensor, "m"]

    def __len__(self) -> int:
        return len(self.scores)


class Phrases:
    """A network that finds what phrases say. Its weights are read when it is first asked.

    Args:
        model: where it lies, and where it runs.
        phrases: lower case, without full stops; at least one.
        least_box: what the surest word of a box must score more than.
        least_phrase: what the surest word of its phrase must score more than.

    Raises:
        InputError: a network of another kind, or more words than it takes.
    """

    def __init__(self, model: Foundation, phrases: Sequence[str], least_box: float, least_phrase: float) -> None:
        model.require(KINDS, _EXPECTED)
        self.model, self.prompt = model, ". ".join(phrases) + "."
        self._least_box, self._least_phrase, self._count = least_box, least_phrase, len(phrases)
        most, tokens = int(model.config.max_text_len), self._processor.tokenizer(self.prompt)["input_ids"]
        if len(tokens) > most:
            raise model.error(f"a prompt of at most {most} tokens", len(tokens), "Shorten the phrases of the table.")
        self._numbers = self._numbered(tokens)

    def __call__(self, images: UInt8[Tensor, "n 3 h w"]) -> list[Boxes]:
        """What is found in each picture, on the CPU; boxes are cut at the picture's borders."""
        text = [self.prompt] * len(images)
        inputs = self._processor(images=list(images), text=text, return_tensors="pt").to(self.model.device)
        with self.model.inference():
            said = self._network(**inputs)
        self.model.require_numbers(said.logits, said.pred_boxes)
        real = inputs["pixel_mask"][0].bool()
        # Boxes are shares of the padded picture.
        padded = [side / real.any(1 - axis).float().mean().item() for axis, side in enumerate(images.shape[-2:])]
        height, width = images.shape[-2:]
        found = []
        for logits, boxes in zip(said.logits.float().cpu(), said.pred_boxes.float().cpu()):
            corners = _corners(boxes) * torch.tensor([padded[1], padded[0]] * 2)
            corners = corners.clamp(min=torch.zeros(4), max=torch.tensor([width, height] * 2, dtype=torch.float32))
            found.append(self._kept(logits.sigmoid(), corners))
        return found

    def _kept(self, probs: Float[Tensor, "q t"], corners: Float[Tensor, "q 4"]) -> Boxes:
        """Boxes above the thresholds that are not empty, with their phrases."""
        by_phrase = phrase_scores(probs, self._numbers, self._count)
        best, which = by_phrase.max(1)
        scores = probs.amax(1)
        extent = (corners[:, 2:] - corners[:, :2]).amin(1)
        kept = (scores > self._least_box) & (best > self._least_phrase) & (extent > 0)
        return Boxes(corners[kept], which[kept], scores[kept])

    def _numbered(self, tokens: Sequence[int]) -> Int64[Tensor, "t"]:
        """Phrase of every token of the prompt."""
        tokenizer = self._processor.tokenizer
        stop = tokenizer.convert_tokens_to_ids(".")
        numbers = phrase_numbers(tokens, stop, set(tokenizer.all_special_ids) - {tokenizer.unk_token_id})
        found = len(numbers[numbers >= 0].unique())
        if found != self._count:
            expected = f"a tokenizer that keeps {self._count} phrases apart by full stops"
            raise self.model.error(expected, f"{found} phrases", "Copy the folder again, whole.")
        return numbers

    @cached_property
    def _processor(self) -> Loaded:
        return self.model.load(self.model.library.AutoProcessor, _EXPECTED)

    @cached_property
    def _network(self) -> Loaded:
        return self.model.network(self.model.library.AutoModelForZeroShotObjectDetection, _EXPECTED)


def phrase_numbers(tokens: Sequence[int], stop: int, special: set[int]) -> Int64[Tensor, "t"]:
    """For every token of a prompt the number of its phrase; -1 for stops and special tokens.

    Args:
        tokens: ids.
        stop: id of the full stop, which ends a phrase.
        special: ids that are no words.
    """
    numbers, phrase = [], 0
    for token in tokens:
        word = token != stop and token not in special
        numbers.append(phrase if word else -1)
        phrase += token == stop
    return torch.tensor(numbers)


def phrase_scores(probs: Float[Tensor, "q t"], numbers: Int64[Tensor, "t2"], count: int) -> Float[Tensor, "q p"]:
    """Score of every phrase for every box: that of its surest word.

    Args:
        probs: of every token for every box, 0..1; tokens beyond those of the prompt are left out.
        numbers: phrase of each token, -1 for none.
        count: how many phrases there are.
    """
    words = probs[:, : len(numbers)]
    return torch.stack([words[:, numbers == phrase].amax(1) for phrase in range(count)], 1)


def _corners(boxes: Float[Tensor, "q 4"]) -> Float[Tensor, "q 4"]:
    """Centre and extent as corners."""
    centre, extent = boxes.split(2, -1)
    return torch.cat([centre - extent / 2, centre + extent / 2], -1)
