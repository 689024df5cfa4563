"""Masks of single classes painted over a map of classes: how two networks' views of one picture become one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, UInt8


def paint(
    primary: UInt8[np.ndarray, "h w"],
    masks: Bool[np.ndarray, "m h w"],
    classes: Sequence[int],
    scores: Sequence[float],
    over: Mapping[int, Collection[int]],
    doubtful: Bool[np.ndarray, "h w"] | None = None,
    unknown: int = 255,
) -> UInt8[np.ndarray, "h w"]:
    """The map after every mask has painted its class where the map may be painted over.

    Masks are painted from the lowest score to the highest, so that the surest stands on top; of equal scores the later
    one does. Whether a pixel may be painted, the primary map says, not what is painted already.

    Args:
        primary: a class per pixel.
        masks: where each detection is.
        classes: of the detections.
        scores: how sure each detection is.
        over: for each class that is painted, the primary classes that it may paint over.
        doubtful: where the primary map is not to be trusted: unknown afterwards, unless a mask has painted there.
        unknown: the class that stands for none.

    Raises:
        ValueError: not as many classes and scores as masks, other sizes than the map's, or a class that paints nothing.
    """
    if not len(masks) == len(classes) == len(scores) or masks.shape[1:] != primary.shape:
        raise ValueError(
            f"{len(classes)} classes and {len(scores)} scores need as many masks of the map's size {primary.shape}, "
            f"got {masks.shape}"
        )
    strange = sorted(set(classes) - over.keys())
    if strange:
        raise ValueError(f"no primary classes are known that the classes {strange} may paint over")
    painted, touched = primary.copy(), np.zeros(primary.shape, bool)
    for i in np.argsort(np.asarray(scores), kind="stable"):
        there = masks[i] & np.isin(primary, list(over[classes[i]]))
        painted[there] = classes[i]
        touched |= there
    if doubtful is not None:
        painted[doubtful & ~touched] = unknown
    return painted
