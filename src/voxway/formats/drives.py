"""Drives: a run of predictions written moment by moment into a folder, a file for each moment or for each drive."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from voxway.core.registry import loaded
from voxway.formats.moment import Moment
from voxway.formats.options import WriteOptions
from voxway.formats.registry import FORMATS, write_moment

STEP_S = 0.5
"""Seconds between moments whose time nobody knows: the benchmarks' key frames are half a second apart."""


@dataclass
class _Open:
    """A drive's file, and what takes its moments."""

    file: AbstractContextManager[Callable[[Moment], None]]
    add: Callable[[Moment], None]
    moments: int = 0


class Drives(AbstractContextManager["Drives"]):
    """Files of a run in one format; a context in which moments are added, in order of time.

    A drive's file is there when it is finished, at the end of the block at the latest; if the block ends in an error,
    files of drives that were not finished stay as they were.

    Args:
        name: of the format.
        folder: where files go: ``<key><ending>``, or ``<drive><ending>``.
        options: what the format is told.

    Raises:
        InputError: no such format.
    """

    def __init__(self, name: str, folder: Path, options: WriteOptions) -> None:
        self.name, self.folder, self.options = name, Path(folder), options
        self.format = FORMATS.entry(name)
        self.paths: list[Path] = []
        """Files that were begun, in order."""
        self._open: dict[str, _Open] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        stack = ExitStack()
        for opened in self._open.values():
            stack.push(opened.file)
        return stack.__exit__(kind, error, trace)

    def add(self, moment: Moment, drive: str) -> None:
        """Write a moment.

        Args:
            moment: the next of its drive.
            drive: the sequence or scene that it belongs to.

        Raises:
            InputError: something that the format needs is not known.
            MissingExtra: an optional package is needed.
            OutputError: a file cannot be written.
        """
        if self.format.record is None:
            write_moment(self.name, self._path(moment.occupancy.key), moment, self.options)
            return
        if drive not in self._open:
            file = loaded(self.format.record)(self._path(drive), self.options)
            self._open[drive] = _Open(file, file.__enter__())
        opened = self._open[drive]
        opened.add(moment if moment.time_s is not None else replace(moment, time_s=STEP_S * opened.moments))
        opened.moments += 1

    def finish(self, drive: str) -> None:
        """Finish a drive's file, as nothing will be added to it.

        Raises:
            OutputError: the file cannot be written.
        """
        if drive in self._open:
            self._open.pop(drive).file.__exit__(None, None, None)

    def _path(self, name: str) -> Path:
        self.paths.append(self.folder / f"{name}{self.format.suffixes[0]}")
        return self.paths[-1]
