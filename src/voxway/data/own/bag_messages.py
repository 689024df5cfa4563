"""Messages of one topic of a recording by time: found once, then read one at a time."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from voxway.core.errors import InputError
from voxway.data.own.bag_file import BagFile, Message, Topic, definitions
from voxway.data.own.bag_heads import HEAD

Clock = Literal["header", "recorded"]
"""Which times count: those of the messages' headers, when a sensor measured; or when they were written down."""

_AGAIN = "Record it again: the message was damaged when it was written."
_LATEST_NS = 2**63

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Messages:
    """Messages of one topic whose type begins with a header, in the order of their times.

    Attributes:
        bag: the recording.
        topic: whose they are.
        clock: whose times `stamps_ns` are; "recorded" where the headers have none.
        stamps_ns: nanoseconds, ascending.
        recorded_ns: when each was written down, nanoseconds since 1970, ascending.
        repeats: how many were written down before it in the same nanosecond.
    """

    bag: BagFile
    topic: Topic
    clock: Clock
    stamps_ns: Int64[np.ndarray, "n"]
    recorded_ns: Int64[np.ndarray, "n"]
    repeats: Int64[np.ndarray, "n"]

    @classmethod
    def of(cls, bag: BagFile, topic: Topic, clock: Clock = "header") -> Messages:
        """Find the messages, which reads through the topic once; of databases the headers alone.

        Args:
            bag: the recording.
            topic: whose messages.
            clock: which times count. Where all stamps of the headers are 0, as of drivers that do not set them, the
                times of recording count, and a warning says so.

        Raises:
            InputError: no message, a damaged one, or stamps that run backwards.
        """
        recorded, stamps = [], []
        for time, data in bag.heads(topic):
            if time >= _LATEST_NS:
                raise bag.wrong(_place(topic, len(stamps)), "a time of recording since 1970", f"{time} ns", _AGAIN)
            if len(data) < HEAD:
                raise bag.wrong(_place(topic, len(stamps)), "a message with a header", f"{len(data)} bytes", _AGAIN)
            recorded.append(time)
            stamps.append(_stamp_ns(data))
        if not stamps:
            raise empty(bag, topic)
        recorded_ns = np.array(recorded, np.int64)
        order = recorded_ns.argsort(kind="stable")  # files of one recording may overlap
        recorded_ns, stamps_ns = recorded_ns[order], np.array(stamps, np.int64)[order]
        if clock == "header" and not stamps_ns.any():
            logger.warning(
                "%s: topic %s: no stamps in the headers; the times of recording stand for them", bag.path, topic.name
            )
            clock = "recorded"
        if clock == "recorded":
            stamps_ns = recorded_ns
        _require_order(bag, topic, stamps_ns)
        repeats = np.arange(len(recorded_ns)) - np.searchsorted(recorded_ns, recorded_ns)
        times = {"stamps_ns": stamps_ns, "recorded_ns": recorded_ns, "repeats": repeats}
        return cls(bag=bag, topic=topic, clock=clock, **times)

    @property
    def times_s(self) -> Float64[np.ndarray, "n"]:
        """Seconds, ascending: since 1970 where the sensor's clock is set."""
        return self.stamps_ns / 1e9

    def read(self, index: int) -> Message:
        """One of them.

        Raises:
            InputError: damaged, or of another definition than the type's in ROS 2.
        """
        time = int(self.recorded_ns[index])
        several = self.bag.messages(self.topic, time, time + 1)
        data = next((data for number, (_, data) in enumerate(several) if number == self.repeats[index]), None)
        if data is None:
            found = "none there: the recording has changed since it was opened"
            raise self.wrong(index, "the message", found, "Open it again.")
        return deserialized(self.bag, self.topic, index, data)

    def each(self) -> Iterator[Message]:
        """All of them in their order, read once.

        Raises:
            InputError: as `read`.
        """
        for index, (_, data) in enumerate(sorted(self.bag.messages(self.topic), key=lambda said: said[0])):
            yield deserialized(self.bag, self.topic, index, data)

    def wrong(self, index: int, expected: object, found: object, remedy: str) -> InputError:
        """The error that names the recording, the topic and the message."""
        place = f"{_place(self.topic, index)} at {_seconds(self.stamps_ns[index])}"
        return self.bag.wrong(place, expected, found, remedy)


def empty(bag: BagFile, topic: Topic) -> InputError:
    """The error about a topic without messages."""
    remedy = "Name a topic that was published while it was recorded."
    return bag.wrong(f"topic {topic.name}", "messages", "none", remedy)


def deserialized(bag: BagFile, topic: Topic, index: int, data: bytes | memoryview) -> Message:
    """A message from its bytes.

    Raises:
        InputError: they are not those of a message of the topic's type.
    """
    try:
        return definitions().deserialize_cdr(memoryview(data), topic.kind)
    except Exception as error:  # whatever damaged bytes make of lengths and offsets
        remedy = "Record it again: the message is cut off, or its type is not the one of that name in ROS 2."
        raise bag.wrong(_place(topic, index), f"a {topic.kind}", error or type(error).__name__, remedy) from error


def _place(topic: Topic, index: int) -> str:
    return f"topic {topic.name}, message {index}"


def _seconds(time_ns: np.int64) -> str:
    """All of a time's digits."""
    return f"{time_ns // 10**9}.{time_ns % 10**9:09d} s"


def _stamp_ns(data: bytes | memoryview) -> int:
    """The stamp of a header at a message's beginning, in CDR: behind four bytes that tell the order of bytes."""
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return seconds * 1_000_000_000 + nanoseconds


def _require_order(bag: BagFile, topic: Topic, stamps_ns: Int64[np.ndarray, "n"]) -> None:
    back = np.flatnonzero(np.diff(stamps_ns) < 0)
    if len(back):
        first = int(back[0]) + 1
        found = f"{_seconds(stamps_ns[first])} after {_seconds(stamps_ns[first - 1])}"
        found += f", and so {len(back)} times" if len(back) > 1 else ""
        remedy = "Set the sensor's clock and record again, or take the times of recording: clock 'recorded'."
        raise bag.wrong(_place(topic, first), "stamps that do not run backwards", found, remedy)
