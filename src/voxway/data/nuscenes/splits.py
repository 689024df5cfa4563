"""nuScenes' official splits, by the numbers in scene names (nuScenes' public split list, v1.0).

The 850 scenes of `v1.0-trainval` that are not named here are the 700 of training. `v1.0-mini` has a split of its own,
which takes two validation scenes into training.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

SplitName = Literal["train", "val", "test"]

_VALIDATION_RANGES = (
    (3, 3), (12, 18), (35, 36), (38, 39), (92, 110), (221, 221), (268, 278), (329, 332), (344, 346), (519, 524),
    (552, 565), (625, 627), (629, 630), (632, 638), (770, 771), (775, 775), (777, 778), (780, 784), (794, 800),
    (802, 802), (904, 917), (919, 931), (962, 963), (966, 969), (971, 972), (1059, 1073),
)  # fmt: skip

VALIDATION = frozenset(f"scene-{n:04d}" for first, last in _VALIDATION_RANGES for n in range(first, last + 1))
"""Names of the 150 validation scenes."""

MINI_VALIDATION = frozenset({"scene-0103", "scene-0916"})
"""Names of the validation scenes of `v1.0-mini`; its other eight are for training."""

TABLES: dict[SplitName, tuple[str, ...]] = {
    "train": ("v1.0-trainval", "v1.0-mini"),
    "val": ("v1.0-trainval", "v1.0-mini"),
    "test": ("v1.0-test",),
}
"""Folders of tables that hold a split, the first one found is read."""


def scenes_of(split: SplitName, names: Iterable[str], version: str) -> list[str]:
    """Those scenes among `names` (all of one version's tables) that belong to the split."""
    if split == "test":
        return sorted(names)
    validation = MINI_VALIDATION if version == "v1.0-mini" else VALIDATION
    return sorted(name for name in names if (name in validation) == (split == "val"))
