"""Beginnings of messages in databases of rosbag2, read without the messages: a header's stamp stands there, and behind
it may come a picture of many megabytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

HEAD = 12
"""Bytes up to the end of a header's stamp, in CDR."""
_MESSAGES = (
    "SELECT messages.id, messages.timestamp FROM messages JOIN topics ON messages.topic_id = topics.id "
    "WHERE topics.name = ? ORDER BY messages.timestamp, messages.id"
)


def database_heads(paths: Sequence[Path], topic: str) -> Iterator[tuple[int, bytes]]:
    """Times of recording (nanoseconds since 1970) and the first bytes of a topic's messages, in each file's order.

    Args:
        paths: of the databases, whose messages are not compressed.
        topic: its name.
    """
    for path in paths:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True)) as database:
            for row, time in database.execute(_MESSAGES, (topic,)).fetchall():
                with database.blobopen("messages", "data", row, readonly=True) as message:
                    yield time, message.read(HEAD)
