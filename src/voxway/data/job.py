"""Job: files that are made one by one from keys, so that any number of machines may share them and a stop costs one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from voxway.data.prepared.made import Origin

Precision: TypeAlias = Literal["float32", "bfloat16", "float16"]
"""Of matrix products and convolutions of networks that make files."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What there is to make. A key whose file exists is done."""

    what: str
    """What is made, for the progress line."""
    keys: Sequence[str]
    """In an order that all shards share."""
    target: Callable[[str], Path]
    """The file that belongs to a key; of several, the one that is written last."""
    make: Callable[[str, Path], None]
    """Writes it, atomically."""
    remark: Callable[[], str] = str
    """What is to be said at the end of the files made so far; empty for nothing."""
    origin: Origin | None = None
    """What files are made from; a key whose file was made from something else is not done. None: nobody looks."""


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """Settings of jobs; each looks at its own."""

    source: str | None = None
    """What files are made from, where there is a choice; None takes the usual."""
    sweeps: int | None = None
    """Frames put together; None takes the usual number."""
    scans: int = 70
    """Scans after the key scan that voxel truth is built from."""
    depth: Path | None = None
    """Folder of depth maps: read if stored, else where they are kept."""
    depth_model: str | None = None
    """Folder or name of a depth network."""
    depth_scale: float = 1.0
    """What depths are multiplied with."""
    model: Path | None = None
    """Folder of a trained network."""
    segmenter: str | None = None
    """Folder or name of a network that segments pictures."""
    detector: str | None = None
    """Folder or name of a network that finds what phrases say."""
    mask_model: str | None = None
    """Folder or name of a network that cuts out what boxes hold."""
    table: Path | None = None
    """What such networks say as classes; None takes the dataset's own table."""
    device: str = "cpu"
    """Where networks run."""
    precision: Precision = "float32"
    """Of foundation networks' products; the shorter ones on GPUs alone."""
    kept: Path | None = None
    """Folder of the files, for what a source keeps beside them."""
