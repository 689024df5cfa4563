"""Entry of a dataset: where its parts live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from voxway.core.benchmark import Benchmark
from voxway.core.occupancy import Occupancy
from voxway.data.checks.report import Report
from voxway.data.config import DataConfig

if TYPE_CHECKING:
    from voxway.data.recordings import PosesFrom
    from voxway.data.street import StreetNames

Drives = Callable[[Path, Sequence[str], "PosesFrom | None", "Path | None", "Path | None"], Sequence[Any]]
"""``(root, names, poses, class_maps, boxes)``: drives of those names, or all, each a `voxway.data.recordings.Drive`;
`poses` makes their poses instead of those that were recorded, one folder holds classes of the pixels of their pictures,
another one boxes around things."""
Check = Callable[[DataConfig, int, Callable[[int, int, str], None] | None], Report]
"""``(config, contents, advance)``: opens so many frames, tells how far it is, and reports."""


@runtime_checkable
class Server(Protocol):
    """Writes, reads, checks and packs predictions as a benchmark's server takes them."""

    def name(self, key: str) -> str:
        """Path of a frame's prediction within a submission."""
        ...

    def write(self, folder: Path | str, occupancy: Occupancy) -> Path:
        """Write one frame's prediction, atomically."""
        ...

    def read(self, folder: Path | str, key: str) -> Occupancy:
        """Read one frame's prediction."""
        ...

    def check(self, path: Path | str, keys: Sequence[str]) -> None:
        """Check a submission, folder or zip: all frames and no others, every one of them whole."""
        ...

    def pack(self, folder: Path | str, path: Path | str, keys: Sequence[str]) -> None:
        """Check a submission's folder and pack it into a zip, atomically."""
        ...


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Where a benchmark's constants, reader, check and server files live. Parts are imported when they are asked for:
    each is ``"module:name"``, or the thing itself.
    """

    benchmark: str | Benchmark
    """Its constants."""
    config: str | type[DataConfig] | None = None
    """Class of the configuration whose `reader()` reads its files."""
    check: str | Check | None = None
    """Says what is missing from a copy, or wrong with it."""
    server: str | Server | None = None
    """Its server files."""
    class_table: str | Path | None = None
    """What segmentation networks say as its classes, where pseudo-labels are made with them: the file, or
    ``"package:file.json"``; see `voxway.data.prepared.class_table`."""
    street: str | StreetNames | None = None
    """What its classes are among those of the street task (`voxway.data.street`)."""
    jobs: Mapping[str, str] = field(default_factory=dict)
    """Further files that `voxway prepare` makes in this dataset's own layout: name -> ``"module:function"``."""
    drives: str | Drives | None = None
    """Opens recordings in this dataset's layout as drives, for labels made from scans and poses."""
