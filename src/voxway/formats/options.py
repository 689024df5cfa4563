"""What formats can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voxway.formats.moment import Coordinates


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """The same for all formats; each heeds what concerns it."""

    frame: Coordinates = "ego"
    """In which coordinates; ``world`` needs poses."""
    costs: Path | None = None
    """A table of costs (`CostTable`) for cost maps; None: the package's own."""
