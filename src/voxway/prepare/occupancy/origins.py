"""Whether each LiDAR's scans were seen from where it is: a cloud merged from several cannot be used, as nobody knows
where its rays began."""

from __future__ import annotations

import numpy as np

from voxway.data.recordings import Drive
from voxway.truth.one_origin import origin_fault

_SCANS = 5
"""Of each LiDAR that are looked at; most must be at fault."""


def check_origins(drive: Drive) -> None:
    """Refuse clouds that were not seen from one place.

    Args:
        drive: the recording.

    Raises:
        InputError: they cannot have been, or a scan is damaged.
    """
    for sensor in dict.fromkeys(scan.sensor for scan in drive.scans):
        scans = [scan for scan in drive.scans if scan.sensor == sensor]
        looked = [scans[number] for number in np.unique(np.linspace(0, len(scans) - 1, _SCANS).astype(int))]
        faults = [(scan, origin_fault(drive.read(scan).points.astype(np.float64))) for scan in looked]
        wrong = [(scan, fault) for scan, fault in faults if fault is not None]
        if 2 * len(wrong) > len(looked):
            scan, fault = wrong[0]
            raise fault.error(drive.files(scan)[0], "points", "")
