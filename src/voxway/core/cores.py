"""How many processor cores this process really has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Cores that this process may use, at least 1: of the machine's, as many as its affinity and the quota of its
    container or batch job (cgroup v1 and v2) leave it."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [int(quota) for quota in _quotas(Path("/proc/self/cgroup"), _GROUPS)]
    return max(1, min([allowed, *quotas]))


def _quotas(membership: Path, groups: Path) -> Iterator[float]:
    """Processor time per time that each of the process's control groups allows, from the innermost outwards.

    Args:
        membership: lines such as ``0::/user.slice`` (v2) and ``4:cpu,cpuacct:/docker/1a2b`` (v1).
        groups: where the groups' files are.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, read = groups, _quota
        elif "cpu" in controllers.split(","):
            top, read = groups / controllers, _quota_v1
        else:
            continue
        inside = top / path.lstrip("/")
        for folder in (inside, *inside.parents):
            quota = read(folder)
            if quota is not None:
                yield quota
            if folder == top:
                break


def _quota(folder: Path) -> float | None:
    """``cpu.max`` holds microseconds per period, or ``max``."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_v1(folder: Path) -> float | None:
    """Two files; -1 is no quota."""
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return quota / int((folder / "cpu.cfs_period_us").read_text()) if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
