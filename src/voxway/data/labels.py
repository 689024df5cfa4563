"""Labels: which frames, and which voxels of them, may supervise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from voxway.core.grid import VoxelGrid
from voxway.data.config import DataConfig
from voxway.data.reader import Reader
from voxway.data.steps.few_labels import drawn, spread
from voxway.data.steps.selection import Selection


@dataclass(frozen=True)
class Labels:
    """Which frames, and which voxels of them, may supervise.

    Attributes:
        reader: knows the drives of frames.
        drives: names of the drives that may supervise; None: all.
        frames: keys of the frames that may; None: all.
        selection: frames and voxels that an annotator was asked for; None: all.
    """

    reader: Reader
    drives: frozenset[str] | None = None
    frames: frozenset[str] | None = None
    selection: Selection | None = None

    @classmethod
    def of(cls, config: DataConfig, reader: Reader) -> Labels:
        """Of split train, as the configuration says; all frames of other splits.

        Raises:
            InputError: more labels than there are drives or frames, or no selection in its folder.
        """
        if config.split != "train":
            return cls(reader)
        drives = frames = None
        count, share = config.labelled, config.share
        if config.labelled_by == "frames":
            if share is not None:
                frames = spread(reader.split_keys, share)
            elif count is not None:
                frames = drawn(reader.split_keys, count, config.labelled_seed)
        elif count is not None or share is not None:
            known = {reader.drive(key) for key in reader.split_keys}
            count = int(len(known) * share) if share is not None else count
            drives = drawn(known, count or 0, config.labelled_seed)
        selection = None if config.selection is None else Selection.load(config.selection)
        return cls(reader, drives, frames, selection)

    def supervises(self, key: str) -> bool:
        """Whether a frame may supervise."""
        return (
            (self.drives is None or self.reader.drive(key) in self.drives)
            and (self.frames is None or key in self.frames)
            and (self.selection is None or key in self.selection.keys)
        )

    def voxels(self, key: str, grid: VoxelGrid) -> Bool[Tensor, "x y z"] | None:
        """Voxels of a frame that may; None: all of them.

        Raises:
            InputError: a file of the selection has another size.
        """
        chosen: np.ndarray | None = None if self.selection is None else self.selection.voxels(key, grid)
        return None if chosen is None else torch.from_numpy(chosen)
