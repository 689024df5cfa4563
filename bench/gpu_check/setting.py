"""What all parts are told, and what they give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Row = dict[str, str]
"""Text by heading. The heading ``state`` is one of the words below, with a reason behind a colon."""

OK, ROUNDING, SKIPPED, FAILED = "ok", "rounding", "skipped", "failed"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One call of the check."""

    device: str
    """Where networks compute, such as ``"cuda"``."""
    small: bool
    """Whether every step is done with small networks and few numbers."""
    reference: Path
    """Folder of reference tensors, one folder per method in it."""
    root: Path
    """Of the repository."""

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.startswith("cuda")


class Part(Protocol):
    """A module that checks or measures one thing."""

    TITLE: str
    """Heading of its table."""
    ABOUT: str
    """What the columns are; under the heading."""
    BUDGET_S: float
    """Seconds after which it is given up."""

    def items(self, setting: Setting) -> Sequence[str]:
        """What it goes through; one that fails does not stop the others."""
        ...

    def rows(self, item: str, setting: Setting) -> Iterator[Row]:
        """The rows of one item."""
        ...
