"""Which files this process opens, by whatever call."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_LISTENERS: list[Counter[Path]] = []


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _LISTENERS and event == "open" and isinstance(arguments[0], str | os.PathLike):
        for counts in _LISTENERS:
            counts[Path(arguments[0])] += 1


sys.addaudithook(_hear)  # for the life of the process, as Python has it


@contextmanager
def opened() -> Generator[Counter[Path]]:
    """How often each file is opened inside the block."""
    counts: Counter[Path] = Counter()
    _LISTENERS.append(counts)
    try:
        yield counts
    finally:
        _LISTENERS.remove(counts)
