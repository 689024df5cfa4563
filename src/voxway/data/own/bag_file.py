"""A recording of ROS as a file or folder: its topics, and their messages as bytes.

Kinds: rosbag2 folders (sqlite3 or MCAP, compressed or not), a bare ``.mcap`` or ``.db3``, and ROS 1 ``.bag`` files,
whose messages are handed over in the encoding of ROS 2 (CDR). Files are read by `rosbags`, which needs no ROS.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from voxway.core.contents import contents, head_of
from voxway.core.errors import InputError, MissingExtra, UserError
from voxway.core.files import listed, reading
from voxway.data.own.bag_heads import database_heads
from voxway.data.own.bag_mcap import rosbag2_reader

Message: TypeAlias = Any
"""A message of ROS, with its fields as attributes."""
_KINDS = "a folder of rosbag2 (with its metadata.yaml), or a file .mcap, .db3 or .bag"
_LIST, _FILES = "metadata.yaml", (".mcap", ".db3", ".zstd")
"""What a folder of rosbag2 holds."""
_REPAIR = {
    ".mcap": "Repair it with `mcap recover FILE -o FIXED`, or copy it again.",
    ".db3": "Repair it with `sqlite3 FILE .recover | sqlite3 FIXED`, or copy it again.",
    ".bag": "Repair it with `rosbag reindex FILE`, or copy it again.",
}


@dataclass(frozen=True)
class Topic:
    """A topic of a recording.

    Attributes:
        name: with its leading slash.
        kind: the type of its messages, such as "sensor_msgs/msg/Image".
        count: of messages.
    """

    name: str
    kind: str
    count: int


class BagFile:
    """An opened recording. Opening reads its index, not its messages.

    It may be handed to other processes, forked or not: each opens the files itself.

    Args:
        path: of the folder or file.

    Raises:
        InputError: absent, damaged, or no recording.
        MissingExtra: rosbags is not installed.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._readers: dict[int, Message] = {}
        reader = self._reader
        with self._whole("topics"):
            self.topics = _topics(reader.connections)
            """By name."""

    @property
    def source(self) -> Path:
        """The file that changes when the recording does: of a folder its only one, or else the one that lists them."""
        if not self.path.is_dir():
            return self.path
        files = [path for path in listed(self.path) if path.suffix in _FILES]
        return files[0] if len(files) == 1 else self.path / _LIST

    def messages(
        self, topic: Topic, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[tuple[int, bytes | memoryview]]:
        """Times of recording (nanoseconds since 1970) and messages (CDR), in the order of these times.

        Args:
            topic: whose.
            start_ns: none from before are read.
            stop_ns: nor from here on.

        Raises:
            InputError: damaged.
        """
        reader = self._reader
        wanted = [connection for connection in reader.connections if connection.topic == topic.name]
        with self._whole(f"topic {topic.name}"):
            for connection, time, data in reader.messages(wanted, start_ns, stop_ns):
                yield time, definitions().ros1_to_cdr(data, connection.msgtype) if self._is_ros1 else data

    def heads(self, topic: Topic) -> Iterator[tuple[int, bytes | memoryview]]:
        """As `messages`, of each at least the first bytes up to the stamp of its header, alone where files let them be.

        Raises:
            InputError: damaged.
        """
        databases = self._databases()
        if not databases:
            yield from self.messages(topic)
            return
        with self._whole(f"topic {topic.name}"):
            yield from database_heads(databases, topic.name)

    def _databases(self) -> list[Path]:
        """The files where they are databases whose messages are not compressed."""
        if self._is_ros1 or self._reader.compression_mode == "message":
            return []
        storage = self._reader.storage
        return [Path(one.path) for one in getattr(storage, "storages", [storage]) if hasattr(one, "dbconn")]

    @property
    def _is_ros1(self) -> bool:
        return self.path.suffix == ".bag"

    @property
    def _reader(self) -> Message:
        """This process's. Those of others stay: closing them would end what their owners still use."""
        if os.getpid() not in self._readers:
            self._readers[os.getpid()] = self._open()
        return self._readers[os.getpid()]

    def _open(self) -> Message:
        with reading(self.path, "Name the recording: " + _KINDS + "."):
            os.stat(self.path)
        if self.path.is_dir():
            self._require_metadata()
        elif self.path.suffix not in _REPAIR:
            kind = contents(head_of(self.path))
            found = kind.name if kind else f"a file {self.path.suffix or 'without an ending'}"
            raise self.wrong("kind", _KINDS, found, "Name the recording itself.")
        try:
            from rosbags.rosbag1 import Reader as Reader1

            Reader2 = rosbag2_reader()
        except ImportError:
            raise MissingExtra("rosbags", "bags", "reading recordings of ROS") from None
        with self._whole("recording"):
            reader = Reader1(self.path) if self._is_ros1 else Reader2(self.path)
            reader.open()
        return reader

    def _require_metadata(self) -> None:
        if (self.path / _LIST).exists():
            return
        held = [path.name for path in listed(self.path) if path.suffix in _REPAIR]
        remedy = f"Run `ros2 bag reindex {self.path}`" + (f", or name its file {held[0]} itself." if held else ".")
        raise self.wrong(_LIST, "present, as rosbag2 writes it when a recording ends", "absent", remedy)

    @contextmanager
    def _whole(self, field: str) -> Generator[None]:
        """Errors of rosbags, which for damaged bytes are of any kind, as ours."""
        try:
            yield
        except (UserError, GeneratorExit):
            raise
        except Exception as error:
            kind = None if self._is_ros1 else contents(head_of(self.path))
            found, remedy = (kind.name, kind.remedy) if kind else self._said(error)
            raise self.wrong(field, "a whole recording of ROS", found, remedy) from error

    def _said(self, error: Exception) -> tuple[str, str]:
        """What rosbags found, and what to do."""
        words = f"{error or type(error).__name__}".rstrip(".")
        if "Profile is not" in words:
            remedy = "Record with rosbag2; MCAP files of other programs hold messages that are not those of ROS."
            return "an MCAP file that was not recorded from ROS 2", remedy
        held = [self.path, *listed(self.path)]
        ending = next((path.suffix for path in held if path.suffix in _REPAIR), ".mcap")
        return words, _REPAIR[ending]

    def wrong(self, field: str, expected: object, found: object, remedy: str) -> InputError:
        """The error that names the recording."""
        return InputError(file=self.path, field=field, expected=expected, found=found, remedy=remedy)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_readers": {}}


def _topics(connections: Message) -> dict[str, Topic]:
    """Of all connections, of which a topic may have several."""
    kinds: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for connection in connections:
        kinds.setdefault(connection.topic, set()).add(connection.msgtype)
        counts[connection.topic] = counts.get(connection.topic, 0) + connection.msgcount
    return {name: Topic(name, " and ".join(sorted(kinds[name])), counts[name]) for name in sorted(kinds)}


@cache
def definitions() -> Message:
    """What messages of ROS are made of, and how they become bytes."""
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS2_JAZZY)
