"""Calibration: all that a network is told of one frame's cameras."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.sample import Batch

RECTIFIED = "T_rect_ego"
"""Under which name a batch has the rectified frame of a stereo pair."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The cameras of one frame, and the frame in which a stereo pair was rectified, where that is known."""

    cameras: Cameras
    """(1, n)."""
    T_rect_ego: Float[Tensor, "1 4 4"] | None = None
    """Ego to the rectified frame, metres; None: not known, or of no use."""

    @classmethod
    def of(cls, batch: Batch) -> Calibration:
        """That of a batch of one.

        Raises:
            InputError: it was read without cameras.
        """
        return cls(cameras=batch.need("cameras"), T_rect_ego=batch.extras.get(RECTIFIED))

    def put_on(self, batch: Batch) -> Batch:
        """A batch of one as if these cameras had taken its pictures."""
        known = {} if self.T_rect_ego is None else {RECTIFIED: self.T_rect_ego}
        return replace(batch, cameras=self.cameras, extras={**batch.extras, **known})
