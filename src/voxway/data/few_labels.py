"""Few labels: which scenes may supervise, drawn as the published label-efficient runs drew them."""

from __future__ import annotations

import random
from collections.abc import Iterable

from voxway.core.errors import InputError

_SEED = 42


def labelled_scenes(scenes: Iterable[str], count: int) -> frozenset[str]:
    """Scenes that keep their labels: tokens sorted, then `count` of them from Python's own generator with seed 42.

    Published runs with 5, 10, 20, 40, 60, 80 and 100 % of the labels have 35, 70, 140, 280, 420, 560 and 700 of
    nuScenes' 700 training scenes.

    Raises:
        InputError: `count` is not between 1 and the number of scenes.
    """
    tokens = sorted(set(scenes))
    if not 1 <= count <= len(tokens):
        raise InputError(
            file="reader",
            field="labelled",
            expected=f"1 to {len(tokens)}, as many as there are scenes",
            found=count,
            remedy="Choose fewer scenes, or complete the copy.",
        )
    return frozenset(random.Random(_SEED).sample(tokens, count))
