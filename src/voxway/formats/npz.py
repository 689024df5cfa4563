"""npz: what `Occupancy.save` writes and `Occupancy.load` reads, pose included, whatever the frame of coordinates."""

from __future__ import annotations

from pathlib import Path

from voxway.core.occupancy import Occupancy
from voxway.formats.moment import Moment
from voxway.formats.options import WriteOptions


def write_npz(path: Path, moment: Moment, options: WriteOptions) -> None:
    """Write it atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    del options  # ego classes and the pose are there in any case
    Occupancy.save(moment.occupancy, path)
