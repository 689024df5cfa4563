"""Cores that a process may use: what its affinity and the quotas of its control groups leave."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from voxway.core import cores
from voxway.core.cores import _quotas, available_cores

GROUPS = {
    "none": ("0::/\n", {}, []),
    "v2": ("0::/\n", {"cpu.max": "150000 100000"}, [1.5]),
    "v2, unlimited": ("0::/\n", {"cpu.max": "max 100000"}, []),
    "v2, outer and inner": (
        "0::/job/step\n",
        {"job/cpu.max": "200000 100000", "job/step/cpu.max": "400000 100000"},
        [4, 2],
    ),
    "v1": (
        "5:memory:/a\n4:cpu,cpuacct:/docker\n",
        {
            "cpu,cpuacct/docker/cpu.cfs_quota_us": "50000",
            "cpu,cpuacct/docker/cpu.cfs_period_us": "100000",
            "cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
        [0.5],
    ),
    "damaged": ("0::/\n", {"cpu.max": "a lot"}, []),
}


@pytest.mark.parametrize("case", GROUPS)
def test_quotas(tmp_path: Path, case: str) -> None:
    membership, files, expected = GROUPS[case]
    (tmp_path / "membership").write_text(membership)
    for name, content in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(content)
    assert list(_quotas(tmp_path / "membership", tmp_path / "groups")) == expected


def test_without_control_groups(tmp_path: Path) -> None:
    assert list(_quotas(tmp_path / "none", tmp_path)) == []


@pytest.mark.parametrize(("quotas", "found"), [((), 8), ((2.9,), 2), ((0.5,), 1), ((64.0,), 8), ((4.0, 2.0), 2)])
def test_the_least_counts(monkeypatch: pytest.MonkeyPatch, quotas: tuple[float, ...], found: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "_quotas", lambda membership, groups: iter(quotas))
    assert available_cores() == found
