"""Boxes that people or detectors drew around things, one thing after the other through a recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError
from voxway.data.track import Track

_GAP_S = 1.1
"""Boxes of a thing farther apart in time than this, one left out at two a second, leave a gap."""
_TRAVELS_M = 1.0
"""A thing whose boxes all lie within this stands; people do not draw boxes to the centimetre."""
_MOVES_M_S = 0.5
"""What travels moves while it is faster than this, and stands while it is not."""
_SPEED_S = 0.25
"""Speeds are taken over so long before and after a time."""


@dataclass(frozen=True)
class Box:
    """Where a thing was once.

    Attributes:
        place: of it in a file, for errors.
        thing: by which things are told apart.
        class_name: what it is.
        time_s: by the recording's clock.
        T_world_box: box (x along its length, y to its left, z up, from its middle) to world, metres.
        size_m: length, width, height.
    """

    place: str
    thing: str
    class_name: str
    time_s: float
    T_world_box: Float64[np.ndarray, "4 4"]
    size_m: Float64[np.ndarray, "3"]


@dataclass(frozen=True, kw_only=True)
class TrackedBox:
    """A thing by its boxes.

    Attributes:
        thing: by which things are told apart.
        class_name: what it is.
        size_m: length, width, height: the median of its boxes.
        track: box to world, metres, by time; straight and even between boxes.
    """

    thing: str
    class_name: str
    size_m: Float64[np.ndarray, "3"]
    track: Track

    @cached_property
    def travels(self) -> bool:
        """Whether it is ever anywhere else."""
        return bool(np.linalg.norm(self.track.places - self.track.places[0], axis=1).max() > _TRAVELS_M)

    def known(self, time_s: float) -> bool:
        """Whether its box is known at a time: within its boxes, and in no gap."""
        first, last = self.track.times_s[[0, -1]]
        return bool(first <= time_s <= last) and bool(self.track.known(np.array([time_s]), _GAP_S)[0])

    def at(self, time_s: float) -> Float64[np.ndarray, "4 4"]:
        """Box to world at a time at which it is known, metres."""
        return self.track.at(np.array([time_s]))[0]

    def velocity(self, time_s: float) -> Float64[np.ndarray, "3"]:
        """Of its middle in the world, metres a second."""
        times = np.array([time_s - _SPEED_S, time_s + _SPEED_S]).clip(*self.track.times_s[[0, -1]])
        (before, after), took = self.track.at(times)[:, :3, 3], np.ptp(times)
        return (after - before) / took if took else np.zeros(3)

    def moves(self, time_s: float) -> bool:
        """Whether it moves at a time."""
        return self.travels and bool(np.linalg.norm(self.velocity(time_s)) > _MOVES_M_S)


def tracked(boxes: Iterable[Box], file: object, remedy: str) -> tuple[TrackedBox, ...]:
    """Things by their boxes, in the order in which they first come.

    Args:
        boxes: in any order.
        file: that they are from, for errors.
        remedy: what to do about boxes that contradict each other.

    Raises:
        InputError: two boxes of one thing at one time, or a thing of two classes.
    """
    things: dict[str, list[Box]] = {}
    for box in boxes:
        things.setdefault(box.thing, []).append(box)
    return tuple(_tracked(sorted(own, key=lambda box: box.time_s), file, remedy) for own in things.values())


def class_names(boxes: Sequence[TrackedBox]) -> tuple[str, ...]:
    """Classes of things, in the order in which they first come."""
    return tuple(dict.fromkeys(box.class_name for box in boxes))


def _tracked(own: Sequence[Box], file: object, remedy: str) -> TrackedBox:
    for one, other in pairwise(own):
        if one.time_s == other.time_s:
            expected, found = f"one box of {one.thing} at a time", f"another at {one.time_s:.3f} s, {one.place}"
            raise InputError(file=file, field=other.place, expected=expected, found=found, remedy=remedy)
        if one.class_name != other.class_name:
            expected, found = f"{one.class_name}, as {one.thing} is in {one.place}", other.class_name
            raise InputError(file=file, field=other.place, expected=expected, found=found, remedy=remedy)
    times, T = np.array([box.time_s for box in own]), np.stack([box.T_world_box for box in own])
    size_m = np.median([box.size_m for box in own], axis=0)
    track = Track.of("world", own[0].thing, times, T)
    return TrackedBox(thing=own[0].thing, class_name=own[0].class_name, size_m=size_m, track=track)
