"""Drives: a run of predictions written moment by moment into a folder, a file for each moment or for each drive."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from voxway.core.registry import loaded
from voxway.formats.moment import Moment
from voxway.formats.options import WriteOptions
from voxway.formats.registry import FORMATS, Record, write_moment

STEP_S = 0.5
"""Seconds between moments whose time nobody knows: the benchmarks' key frames are half a second apart."""


class Drives(AbstractContextManager["Drives"]):
    """Files of a run in one format; a context in which moments are added, in order of time.

    Files of drives are there when the block ends; if it ends in an error, they stay as they were.

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
        self._open = ExitStack()
        self._drives: dict[str, Callable[[Moment], None]] = {}
        self._moments: dict[str, int] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._open.__exit__(kind, error, trace)

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
        number = self._moments[drive] = self._moments.get(drive, -1) + 1
        if drive not in self._drives:
            self._drives[drive] = self._begun(loaded(self.format.record), drive)
        self._drives[drive](moment if moment.time_s is not None else replace(moment, time_s=STEP_S * number))

    def _begun(self, record: Record, drive: str) -> Callable[[Moment], None]:
        return self._open.enter_context(record(self._path(drive), self.options))

    def _path(self, name: str) -> Path:
        self.paths.append(self.folder / f"{name}{self.format.suffixes[0]}")
        return self.paths[-1]
