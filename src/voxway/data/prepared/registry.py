"""Which kinds of prepared files there are, by the need that they serve. Users may register theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError, nearest
from voxway.core.registry import add
from voxway.core.task import Task
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.prepared.evidence import Evidence
from voxway.data.prepared.flags import Proposals, PseudoPoints
from voxway.data.prepared.lies_on import LiesOn
from voxway.data.prepared.maps import DepthMaps, SemanticMaps


@runtime_checkable
class PreparedFormat(Protocol):
    """One kind of prepared file, one file per frame."""

    @property
    def need(self) -> str:
        """Field of a sample, or name among its extras, that it fills."""
        ...

    @property
    def lies_on(self) -> LiesOn:
        """What its contents move with when training changes a sample."""
        ...

    def path(self, folder: Path, key: str) -> Path:
        """Where the file of a frame lies."""
        ...

    def read(self, path: Path, task: Task, cameras: Cameras | None) -> Tensor:
        """What the file holds.

        Args:
            path: the file.
            task: whose grid volumes lie on.
            cameras: as recorded, whose size pictures have.

        Raises:
            InputError: missing or damaged file, or one for another grid or size.
        """
        ...

    def write(self, path: Path, value: np.ndarray) -> None:
        """Write a file, atomically."""
        ...


FORMATS: dict[str, PreparedFormat] = {
    kind.need: kind for kind in (Proposals(), PseudoPoints(), Evidence(), PseudoLabels(), DepthMaps(), SemanticMaps())
}
"""By need."""


def register(kind: PreparedFormat) -> None:
    """Make a kind of prepared file of one's own known to this process.

    Raises:
        InputError: its need is served by another, or it lacks a part of `PreparedFormat`.
    """
    if not isinstance(kind, PreparedFormat):
        raise InputError(
            file=type(kind).__qualname__,
            field="parts",
            expected="need, lies_on, path, read and write",
            found=", ".join(name for name in ("need", "lies_on", "path", "read", "write") if hasattr(kind, name)),
            remedy="Give it the parts of voxway.data.prepared.registry.PreparedFormat that it lacks.",
        )
    add(FORMATS, kind.need, kind, "kind of prepared file")


def prepared_format(need: str) -> PreparedFormat:
    """The kind of file that serves a need.

    Raises:
        InputError: none does.
    """
    if need not in FORMATS:
        raise nearest(need, list(FORMATS), "need with prepared files")
    return FORMATS[need]
