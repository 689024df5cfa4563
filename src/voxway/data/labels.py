"""Labels: which frames, and which voxels of them, may supervise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from voxway.core.grid import VoxelGrid
from voxway.core.label_list import LabelRule
from voxway.data.config import DataConfig
from voxway.data.files.frame_list import read_frame_list
from voxway.data.reader import Reader
from voxway.data.steps.few_labels import drawn, spread
from voxway.data.steps.selection import Selection

ALL = LabelRule()
"""Every frame may supervise."""


@dataclass(frozen=True)
class Labels:
    """Which frames, and which voxels of them, may supervise.

    Attributes:
        reader: knows the drives of frames.
        rule: how it was decided.
        drives: names of the drives that may supervise; None: all.
        frames: keys of the frames that may; None: all.
        selection: frames and voxels that an annotator was asked for; None: all.
    """

    reader: Reader
    rule: LabelRule = ALL
    drives: frozenset[str] | None = None
    frames: frozenset[str] | None = None
    selection: Selection | None = None

    @classmethod
    def of(cls, config: DataConfig, reader: Reader) -> Labels:
        """Of split train, as the configuration says; all frames of other splits.

        Raises:
            InputError: more labels than there are drives or frames, a list that names unknown ones, or no selection in
                its folder.
        """
        if config.split != "train":
            return cls(reader)
        selection = None if config.selection is None else Selection.load(config.selection)
        if config.labelled_list is not None or config.labelled_by == "frames":
            found = cls._by_frames(config, reader)
        else:
            found = cls._by_drives(config, reader)
        if selection is None:
            return found
        chosen = sum(key in selection.keys and found.supervises(key) for key in reader.split_keys)
        return replace(found, rule=_counted("selected", chosen, len(reader.split_keys)), selection=selection)

    @classmethod
    def _by_frames(cls, config: DataConfig, reader: Reader) -> Labels:
        names, seed = reader.split_keys, config.labelled_seed
        if config.labelled_list is not None:
            frames = read_frame_list(config.labelled_list, frozenset(names))
            return cls(reader, _counted("listed", len(frames), len(names)), frames=frames)
        if config.share is not None:
            rule = LabelRule(how="evenly spread", share=str(config.share))
            return cls(reader, rule, frames=spread(names, config.share))
        if config.labelled is None:
            return cls(reader)
        rule = replace(_counted("drawn", config.labelled, len(names)), seed=seed)
        return cls(reader, rule, frames=drawn(names, config.labelled, seed))

    @classmethod
    def _by_drives(cls, config: DataConfig, reader: Reader) -> Labels:
        count, share, seed = config.labelled, config.share, config.labelled_seed
        if count is None and share is None:
            return cls(reader)
        known = {reader.drive(key) for key in reader.split_keys}
        count = int(len(known) * share) if share is not None else count or 0
        text = str(share) if share is not None else f"{count}/{len(known)}"
        rule = LabelRule(how="drawn", share=text, unit="drives", seed=seed)
        return cls(reader, rule, drives=drawn(known, count, seed))

    def supervises(self, key: str) -> bool:
        """Whether a frame may supervise."""
        return (
            (self.drives is None or self.reader.drive(key) in self.drives)
            and (self.frames is None or key in self.frames)
            and (self.selection is None or key in self.selection.keys)
        )

    def files(self, key: str) -> list[Path]:
        """The files that say which voxels of a frame may supervise."""
        return [] if self.selection is None else self.selection.files(key)

    def voxels(self, key: str, grid: VoxelGrid) -> Bool[Tensor, "x y z"] | None:
        """Voxels of a frame that may; None: all of them.

        Raises:
            InputError: a file of the selection has another size.
        """
        chosen: np.ndarray | None = None if self.selection is None else self.selection.voxels(key, grid)
        return None if chosen is None else torch.from_numpy(chosen)


def _counted(how: Literal["drawn", "listed", "selected"], count: int, of: int) -> LabelRule:
    return LabelRule(how=how, share=f"{count}/{of}")
