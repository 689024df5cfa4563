"""Poses of a recording: of odometry and localisation (one topic), and frames that are tied to each other (tf).

Source: nav_msgs/Odometry.msg, geometry_msgs/PoseStamped.msg, PoseWithCovarianceStamped.msg, tf2_msgs/TFMessage.msg.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Float64

from voxway.data.own.bag_file import BagFile, Message, Topic
from voxway.data.own.bag_messages import Messages, deserialized, empty
from voxway.data.track import Track, pose_fault

ODOMETRY = "nav_msgs/msg/Odometry"
POSES = (ODOMETRY, "geometry_msgs/msg/PoseStamped", "geometry_msgs/msg/PoseWithCovarianceStamped")
FRAMES = "tf2_msgs/msg/TFMessage"
_STATIC = "tf_static"


def read_track(messages: Messages) -> Track:
    """Poses of a topic of one of the types `POSES`.

    Raises:
        InputError: damaged messages, or numbers that are no poses.
    """
    places, turns = [], []
    outer = inner = ""
    for index, message in enumerate(messages.each()):
        pose = message.pose if messages.topic.kind == POSES[1] else message.pose.pose
        place, turn = _numbers(pose.position, pose.orientation)
        fault = pose_fault(place, turn)
        if fault is not None:
            raise messages.wrong(index, fault.expected, fault.found, "Use a topic whose poses are set.")
        outer = frame_name(message.header.frame_id)
        inner = frame_name(message.child_frame_id) if messages.topic.kind == ODOMETRY else ""
        places.append(place)
        turns.append(turn / np.linalg.norm(turn))
    return Track(
        outer=outer, inner=inner, times_s=messages.times_s, places=np.stack(places), turns=np.stack(turns)
    )  # fmt: skip


@dataclass(frozen=True)
class Frames:
    """Frames of a recording and how they lie to each other, from all topics of tf. What is wrong with a frame is told
    when it is asked for.

    Attributes:
        bag: the recording.
        said: by name, what is said of where a frame is; of one that does not move, the last counts.
        moving: names of those that move.
    """

    bag: BagFile
    said: Mapping[str, Sequence[_Tie]]
    moving: frozenset[str]

    @classmethod
    def of(cls, bag: BagFile) -> Frames:
        """Read all transforms.

        Raises:
            InputError: damaged messages.
        """
        said: dict[str, list[_Tie]] = {}
        moving: set[str] = set()
        for topic in bag.topics.values():
            if topic.kind != FRAMES:
                continue
            for index, (_, data) in enumerate(bag.messages(topic)):
                for one in deserialized(bag, topic, index, data).transforms:
                    tie = _tie(topic, one)
                    said.setdefault(tie.inner, []).append(tie)
                    if not topic.name.endswith(_STATIC):
                        moving.add(tie.inner)
        return cls(bag, said, frozenset(moving))

    def between(
        self, outer: str, inner: str, times_s: Float64[np.ndarray, "m"], may_move: bool = True
    ) -> Float64[np.ndarray, "m 4 4"]:
        """`T_outer_inner` at times: where a frame is in another one.

        Args:
            outer: name of a frame.
            inner: likewise.
            times_s: seconds.
            may_move: whether frames between the two may move.

        Raises:
            InputError: unknown frames, ones that are not tied to each other, numbers that are no pose, a frame that
                moves and may not, or a time at which its pose is not known.
        """
        here = np.tile(np.eye(4), (len(times_s), 1, 1))
        T_shared_inner, T_shared_outer = (
            reduce(lambda T, name: self._at(name, times_s, may_move) @ T, way, here) for way in self._ways(outer, inner)
        )
        return np.linalg.inv(T_shared_outer) @ T_shared_inner

    def track(self, outer: str, inner: str) -> Track:
        """Poses of a frame in another one, at all times at which one between them is said to have moved.

        Raises:
            InputError: unknown frames, ones that are not tied to each other, or ones that do not move.
        """
        tracks = [self._track(name) for way in self._ways(outer, inner) for name in way if name in self.moving]
        if not tracks:
            found = f"{inner!r} that is fixed in {outer!r}"
            raise self.bag.wrong("tf", "a frame that moves in another one", found, "Name a frame of the world.")
        times_s = np.unique(np.concatenate([track.times_s for track in tracks]))
        times_s = times_s[np.logical_and.reduce([track.known(times_s) for track in tracks])]
        if not len(times_s):
            raise self.bag.wrong(f"tf, from {inner} to {outer}", "poses of one time", "none", _RECORD)
        return Track.of(frame_name(outer), frame_name(inner), times_s, self.between(outer, inner, times_s))

    def _ways(self, outer: str, inner: str) -> tuple[list[str], list[str]]:
        """Frames from the inner one, and from the outer one, up to the first that both hang from, which is left out."""
        outer, inner = frame_name(outer), frame_name(inner)
        above_outer, above_inner = self._above(outer), self._above(inner)
        shared = next((name for name in above_inner if name in above_outer), None)
        if shared is None:
            expected = f"frames that are tied to each other, from {inner!r} to {outer!r}"
            found = f"{inner!r} hangs from {above_inner[-1]!r}, {outer!r} from {above_outer[-1]!r}"
            raise self.bag.wrong("tf", expected, found, "Record /tf and /tf_static with all frames in between.")
        return above_inner[: above_inner.index(shared)], above_outer[: above_outer.index(shared)]

    def rigid(self, outer: str, inner: str) -> Float64[np.ndarray, "4 4"]:
        """`T_outer_inner` of two frames that do not move to each other, such as a sensor on its car.

        Raises:
            InputError: unknown frames, ones that are not tied to each other, or one that moves.
        """
        return self.between(outer, inner, np.zeros(1), may_move=False)[0]

    @property
    def names(self) -> list[str]:
        """All frames."""
        return sorted(self.said.keys() | {tie.outer for ties in self.said.values() for tie in ties})

    def _above(self, name: str) -> list[str]:
        """A frame, the one that it hangs from, and so on up."""
        if name not in self.names:
            remedy = "Name frames as the recording does, and record /tf and /tf_static."
            raise self.bag.wrong("frame", f"one of {', '.join(self.names) or 'none'}", repr(name), remedy)
        names = [name]
        while names[-1] in self.said:
            outer = {tie.outer for tie in self.said[names[-1]]}
            if len(outer) > 1:
                found = f"it hangs from {' and '.join(sorted(outer))}"
                raise self.bag.wrong(f"tf, frame {names[-1]}", "one frame that it hangs from", found, _RECORD)
            names.append(outer.pop())
            if names[-1] in names[:-1]:
                found = " from ".join(map(repr, names))
                raise self.bag.wrong("tf", "frames that hang from each other as a tree", found, _RECORD)
        return names

    def _at(self, name: str, times_s: Float64[np.ndarray, "m"], may_move: bool) -> Float64[np.ndarray, "m 4 4"]:
        """Poses of a frame in the one that it hangs from."""
        track = self._track(name)
        if name not in self.moving:
            return track.at(times_s)
        if not may_move:
            expected, found = f"{name!r} fixed to {track.outer!r}, by /tf_static", "one that moves, by /tf"
            raise self.bag.wrong("tf", expected, found, "Name a frame of the car itself, such as base_link.")
        unknown = np.flatnonzero(~track.known(times_s))
        if len(unknown):
            first, last = track.times_s[[0, -1]]
            found = f"none at {times_s[unknown[0]]:.3f} s; they go from {first:.3f} to {last:.3f} s"
            raise self.bag.wrong(f"tf, frame {name}", "a pose at every time", found, _RECORD)
        return track.at(times_s)

    def _track(self, name: str) -> Track:
        """A frame's poses in order of their times, one for each."""
        ties = self.said[name] if name in self.moving else self.said[name][-1:]
        for tie in ties:
            if (fault := pose_fault(tie.place, tie.turn)) is not None:
                field = f"topic {tie.topic}, frame {name}"
                raise self.bag.wrong(field, fault.expected, fault.found, "Correct what publishes it, and record again.")
        ordered = {tie.time_ns: tie for tie in sorted(ties, key=lambda tie: tie.time_ns)}
        turns = np.stack([tie.turn for tie in ordered.values()])
        return Track(
            outer=ties[0].outer,
            inner=name,
            times_s=np.array(list(ordered), np.int64) / 1e9,
            places=np.stack([tie.place for tie in ordered.values()]),
            turns=turns / np.linalg.norm(turns, axis=1, keepdims=True),
        )


_RECORD = "Record it again, with /tf from beginning to end."


@dataclass(frozen=True)
class _Tie:
    """What a message says of where a frame is in another one."""

    topic: str
    outer: str
    inner: str
    time_ns: int
    place: Float64[np.ndarray, "3"]
    turn: Float64[np.ndarray, "4"]


def _tie(topic: Topic, said: Message) -> _Tie:
    place, turn = _numbers(said.transform.translation, said.transform.rotation)
    stamp = said.header.stamp
    time_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
    return _Tie(topic.name, frame_name(said.header.frame_id), frame_name(said.child_frame_id), time_ns, place, turn)


def first_frame(bag: BagFile, topic: Topic) -> str:
    """Name of the frame that a topic's first message is in.

    Raises:
        InputError: there is no message, or a damaged one.
    """
    for _, data in bag.messages(topic):
        return frame_name(deserialized(bag, topic, 0, data).header.frame_id)
    raise empty(bag, topic)


def frame_name(said: str) -> str:
    """A frame's name; ROS 1 has some with a leading slash."""
    return said.removeprefix("/")


def _numbers(place: Message, turn: Message) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "4"]]:
    """Position, metres, and quaternion (w, x, y, z)."""
    xyz = np.array([place.x, place.y, place.z], np.float64)
    return xyz, np.array([turn.w, turn.x, turn.y, turn.z], np.float64)
