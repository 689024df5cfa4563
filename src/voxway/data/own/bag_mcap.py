"""MCAP files without chunks, as rosbag2 writes them when told to be fast: they have no index of their messages.

Source: the MCAP specification. A record is a byte that says its kind, its length (8 bytes) and its contents; those of a
message begin with channel, sequence number, and times of recording and of publication.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Generator
from functools import cache
from typing import Any, BinaryIO

_RECORD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_MESSAGE_KIND, _CHUNK_KIND = 5, 6

Places = dict[int, list[tuple[int, int, int]]]
"""Of every channel, its messages' times of recording (nanoseconds), places in the file and lengths, bytes."""


def message_places(file: BinaryIO, start: int, end: int) -> Places | None:
    """Where messages lie, found without reading them; None where they lie in chunks.

    Args:
        file: opened.
        start: of its records.
        end: of them.
    """
    places: Places = {}
    place = start
    while place < end:
        file.seek(place)
        kind, length = _RECORD.unpack(file.read(_RECORD.size))
        if kind == _CHUNK_KIND:
            return None
        if kind == _MESSAGE_KIND:
            channel, _, time, _ = _MESSAGE.unpack(file.read(_MESSAGE.size))
            contents = place + _RECORD.size + _MESSAGE.size
            places.setdefault(channel, []).append((time, contents, length - _MESSAGE.size))
        place += _RECORD.size + length
    return places


@cache
def rosbag2_reader() -> Any:
    """The reader of rosbags, but for MCAP files without chunks, in which it looks for messages once, not each time."""
    from rosbags.rosbag2 import Reader
    from rosbags.rosbag2.reader import DirectoryReader
    from rosbags.rosbag2.storage_mcap import McapReader

    class McapWithPlaces(McapReader):
        """As its base."""

        _places: Places | None = None
        _looked = False

        def messages_scan(
            self, connections: Collection[Any], start: int | None = None, stop: int | None = None
        ) -> Generator[tuple[Any, int, bytes]]:
            """Messages in the order of their times of recording."""
            assert self.bio is not None
            if not self._looked:
                self._places, self._looked = message_places(self.bio, self.data_start, self.data_end), True
            if self._places is None:
                yield from super().messages_scan(connections, start, stop)
                return
            wanted = [
                (time, place, length, connection)
                for connection in connections
                for time, place, length in self._places.get(connection.id, ())
                if (start is None or time >= start) and (stop is None or time < stop)
            ]
            for time, place, length, connection in sorted(wanted, key=lambda one: one[:2]):
                self.bio.seek(place)
                yield connection, time, self.bio.read(length)

    class Folder(DirectoryReader):
        """As its base."""

        STORAGE_PLUGINS = {**DirectoryReader.STORAGE_PLUGINS, "mcap": McapWithPlaces}  # noqa: RUF012

    class WithPlaces(Reader):
        """As its base."""

        STORAGE_PLUGINS = {**Reader.STORAGE_PLUGINS, "dir": Folder, ".mcap": McapWithPlaces}  # noqa: RUF012

    return WithPlaces
