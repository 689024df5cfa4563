"""Which of many files are there: every folder is listed once, which is much faster than to ask for each file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class Presence:
    """Answers for the files of any folders, as they were when each folder was first asked for."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def missing(self, paths: Iterable[Path]) -> list[Path]:
        """Those files that are not there; links that lead nowhere are not."""
        return [path for path in paths if path.name not in self._listed(path.parent)]

    def _listed(self, folder: Path) -> frozenset[str]:
        if folder not in self._names:
            try:
                with os.scandir(folder) as entries:
                    names = frozenset(e.name for e in entries if not e.is_symlink() or os.path.exists(e.path))
            except OSError:
                names = frozenset()
            self._names[folder] = names
        return self._names[folder]


def absence(path: Path) -> str:
    """What is where a file should be: nothing, or a link that leads nowhere."""
    return f"a link to {os.readlink(path)}, which is absent" if path.is_symlink() else "absent"
