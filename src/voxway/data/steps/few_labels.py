"""Few labels: which of many names keep theirs, drawn as published label-efficient runs drew them, or spread evenly."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from fractions import Fraction

from voxway.core.errors import InputError

SEED = 42
"""Of the published draws."""


def drawn(names: Iterable[str], count: int, seed: int = SEED) -> frozenset[str]:
    """Names that keep their labels: sorted, then `count` of them from Python's own generator.

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
    return frozenset(random.Random(seed).sample(known, count))


def spread(names: Sequence[str], share: Fraction) -> frozenset[str]:
    """Names that keep their labels, evenly spread: number i where ``floor((i + 1) share) > floor(i share)``, exactly.

    A tenth of SemanticKITTI's 3834 annotated training frames is 383, of Occ3D-nuScenes' 28,130 it is 2813.

    Raises:
        InputError: that leaves none.
    """
    kept = frozenset(name for i, name in enumerate(names) if (i + 1) * share // 1 > i * share // 1)
    if not kept:
        raise InputError(
            file="data",
            field="labelled_share",
            expected=f"at least 1/{len(names)}, one of {len(names)} frames",
            found=share,
            remedy="Choose a larger share.",
        )
    return kept
