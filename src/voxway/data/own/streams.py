"""What a sensor has recorded: moments in time, and how each is read, whatever kind of file holds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64, UInt8


@runtime_checkable
class Stream(Protocol):
    """Pictures of one camera, or scans of one LiDAR, by time."""

    @property
    def times_s(self) -> Float64[np.ndarray, "n"]:
        """When each was taken, seconds, ascending."""
        ...

    def read(self, index: int) -> UInt8[np.ndarray, "h w 3"] | Float32[np.ndarray, "p c"]:
        """A picture, RGB, or the points of a scan: x, y, z in metres in the sensor's frame, then the intensity where
        the sensor gives one, and after it each point's time in seconds where it gives that.

        Raises:
            InputError: it is missing, damaged, or not what the sensor records.
        """
        ...

    def path(self, index: int) -> Path:
        """The file that it is read from."""
        ...


@dataclass(frozen=True)
class Shifted:
    """A stream whose clock is set right; see `Stream`."""

    stream: Stream
    offset_s: float
    """What is added to its times."""

    @property
    def times_s(self) -> Float64[np.ndarray, "n"]:
        """See `Stream.times_s`."""
        return self.stream.times_s + self.offset_s

    def read(self, index: int) -> UInt8[np.ndarray, "h w 3"] | Float32[np.ndarray, "p c"]:
        """See `Stream.read`."""
        return self.stream.read(index)

    def path(self, index: int) -> Path:
        """See `Stream.path`."""
        return self.stream.path(index)
