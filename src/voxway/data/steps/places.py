"""Room for as many cameras in every sample, so that frames of unlike rigs fit into one batch."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.sample import Sample
from voxway.core.task import IGNORE


def with_places(sample: Sample, places: int) -> Sample:
    """The sample with cameras of no pixels (``size_px`` 0) beyond its own, whose pictures and maps hold nothing.

    Raises:
        InputError: it has more cameras than places.
    """
    cameras = sample.cameras
    if cameras is None:
        return sample
    more = places - cameras.count
    if more < 0:
        raise InputError(
            file=f"sample {sample.key}",
            field="cameras",
            expected=f"at most {places}, as many as there are places",
            found=cameras.count,
            remedy="Set data.camera_places to the most that a drive has, or name cameras.",
        )
    none = Cameras.pinhole(
        torch.eye(3).expand(more, 3, 3), torch.eye(4).expand(more, 4, 4), torch.zeros(more, 2, dtype=torch.int64)
    )
    names = Cameras.__dataclass_fields__
    joined = Cameras(**{name: torch.cat([getattr(cameras, name), getattr(none, name)]) for name in names})

    def filled(values: Tensor | None, nothing: int = 0) -> Tensor | None:
        return None if values is None else pad(values, (0, 0) * (values.dim() - 1) + (0, more), value=nothing)

    return replace(
        sample,
        cameras=joined,
        images=filled(sample.images),
        depth=filled(sample.depth),
        semantics_2d=filled(sample.semantics_2d, IGNORE),
        pseudo_labels=filled(sample.pseudo_labels, IGNORE),
        earlier=tuple(with_places(one, places) for one in sample.earlier),
    )
