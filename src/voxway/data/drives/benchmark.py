"""What holds of drives of one's own where nobody says otherwise: the street's grid and classes."""

from __future__ import annotations

from voxway.core.benchmark import Benchmark
from voxway.data.street import STREET

OWN = Benchmark(task=STREET, absent="left out", masks=("lidar",))
"""Scored where a LiDAR has seen whether there is anything; classes that never occur are left out of the mean."""
