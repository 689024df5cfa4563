"""Recipe of the synthetic world that the demo and the tests train on."""

from __future__ import annotations

from voxway.core.errors import InputError
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.world import WorldConfig

HELD_OUT = "08"


def world_config(train: int, val: int, sequences: int = 4, seed: int = 0, full_size: bool = False) -> WorldConfig:
    """A world with `train` key frames spread over some training drives, and `val` on held-out streets.

    Raises:
        InputError: a count is not positive.
    """
    if min(train, val, sequences) < 1 or seed < 0:
        raise InputError(
            file="world",
            field="--train, --val, --sequences, --seed",
            expected="counts of at least 1 and a seed of at least 0",
            found=f"{train}, {val}, {sequences}, {seed}",
            remedy="Ask for at least one frame of each split.",
        )
    names = SEMANTIC_KITTI.splits["train"].sequences[: min(sequences, train)]
    share = {name: train // len(names) + (i < train % len(names)) for i, name in enumerate(names)}
    if full_size:
        return WorldConfig(seed=seed, sequences={**share, HELD_OUT: val})
    # Half of everything that costs time. A shorter drive after the last key frame thins only the last frames' voxels.
    return WorldConfig(
        seed=seed,
        sequences={**share, HELD_OUT: val},
        size_px=(185, 613),
        columns=1024,
        truth_stride=2,
        tail=40,
    )
