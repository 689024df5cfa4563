"""Poses of one frame in another over time, and at any time between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from voxway.core.faults import Fault
from voxway.core.quaternion import quaternion, quaternion_rotation, slerp

GAP_S = 0.5
"""Poses farther apart than this leave a gap, in which none is known."""
_UNIT_TOLERANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class Track:
    """Poses of a frame in another, by time.

    Attributes:
        outer: name of the frame that the poses are given in.
        inner: name of the frame whose poses they are; empty where nobody says.
        times_s: seconds, ascending.
        places: origins of the inner frame in the outer one, metres.
        turns: rotations from the inner frame into the outer one, unit quaternions (w, x, y, z).
    """

    outer: str
    inner: str
    times_s: Float64[np.ndarray, "n"]
    places: Float64[np.ndarray, "n 3"]
    turns: Float64[np.ndarray, "n 4"]

    @classmethod
    def of(cls, outer: str, inner: str, times_s: Float64[np.ndarray, "n"], T: Float64[np.ndarray, "n 4 4"]) -> Track:
        """A track of poses that are matrices.

        Args:
            outer: name of the frame that the poses are given in.
            inner: name of the frame whose poses they are.
            times_s: seconds, ascending.
            T: inner to outer frame, metres.
        """
        turns = np.stack([quaternion(pose[:3, :3]) for pose in T])
        return cls(outer=outer, inner=inner, times_s=times_s, places=T[:, :3, 3], turns=turns)

    def known(self, times_s: Float64[np.ndarray, "m"], gap_s: float = GAP_S) -> Bool[np.ndarray, "m"]:
        """Whether a pose is known at times: at one of the track's own, or between two that are no farther apart than
        a gap.

        Args:
            times_s: seconds.
            gap_s: seconds.
        """
        before, after, _ = self._neighbours(times_s)
        inside = (times_s >= self.times_s[0]) & (times_s <= self.times_s[-1])
        at_one = (times_s == self.times_s[before]) | (times_s == self.times_s[after])
        return inside & (at_one | (self.times_s[after] - self.times_s[before] <= gap_s))

    def at(self, times_s: Float64[np.ndarray, "m"]) -> Float64[np.ndarray, "m 4 4"]:
        """Poses at times, from inner to outer frame: moving straight and turning evenly between the track's own. Before
        the first and after the last one it stands still; `known` says where that is.

        Args:
            times_s: seconds.
        """
        before, after, share = self._neighbours(times_s)
        poses = np.tile(np.eye(4), (len(times_s), 1, 1))
        for pose, turn in zip(poses, slerp(self.turns[before], self.turns[after], share)):
            pose[:3, :3] = quaternion_rotation(turn)
        poses[:, :3, 3] = (1 - share)[:, None] * self.places[before] + share[:, None] * self.places[after]
        return poses

    def _neighbours(self, times_s: Float64[np.ndarray, "m"]) -> tuple[np.ndarray, np.ndarray, Float64[np.ndarray, "m"]]:
        """Numbers of the poses before and after times, and the shares of the way between them, 0 to 1."""
        after = np.searchsorted(self.times_s, times_s).clip(0, len(self.times_s) - 1)
        before = np.where(self.times_s[after] > times_s, (after - 1).clip(0), after)
        length = self.times_s[after] - self.times_s[before]
        share = np.divide(times_s - self.times_s[before], length, out=np.zeros(len(times_s)), where=length > 0)
        return before, after, share


def pose_fault(place: Float64[np.ndarray, "3"], turn: Float64[np.ndarray, "4"]) -> Fault | None:
    """Whether numbers are no pose.

    Args:
        place: metres.
        turn: quaternion (w, x, y, z).
    """
    if not np.isfinite(place).all():
        return Fault("a position of finite numbers", f"{place.tolist()}")
    norm = float(np.linalg.norm(turn))
    if not abs(norm - 1) <= _UNIT_TOLERANCE:
        return Fault("a unit quaternion", f"{turn.tolist()} (w, x, y, z), of length {norm:.3g}")
    return None
