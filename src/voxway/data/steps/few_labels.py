"""Few labels: which of many names keep theirs, drawn as the published label-efficient runs drew them."""

from __future__ import annotations

import random
from collections.abc import Iterable

from voxway.core.errors import InputError

_SEED = 42


def drawn(names: Iterable[str], count: int) -> frozenset[str]:
    """Names that keep their labels: sorted, then `count` of them from Python's own generator with seed 42.

    Published runs with 5, 10, 20, 40, 60, 80 and 100 % of the labels have 35, 70, 140, 280, 420, 560 and 700 of
    nuScenes' 700 training scenes, by token.

    Raises:
        InputError: `count` is not between 1 and the number of names.
    """
    known = sorted(set(names))
    if not 1 <= count <= len(known):
        raise InputError(
            file="data",
            field="labelled",
            expected=f"1 to {len(known)}, as many as there are",
            found=count,
            remedy="Choose fewer, or complete the copy.",
        )
    return frozenset(random.Random(_SEED).sample(known, count))
