"""What programs do with freed memory, each in a process of its own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library can be told")
LOOK = """
import sys
from pathlib import Path
from voxway.engine import memory

memory.use_huge_pages()
assert getattr(memory, sys.argv[1])()
import torch


def held() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


torch.zeros(64 * 2**18)
before = held()
tensor = torch.zeros(256 * 2**18)
tensor += 1
during = held()
del tensor
print(during - before, held() - before)
"""


def grown(what: str, **environment: str) -> tuple[float, float]:
    """Megabytes that a tensor of 256 takes, and that stay when it is gone."""
    rest = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    command = [sys.executable, "-c", LOOK, what]
    said = subprocess.run(command, env=rest | environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    taken, left = map(float, said.split())
    return taken, left


@pytest.mark.parametrize("user", [{}, {"THP_MEM_ALLOC_ENABLE": "0"}])
def test_large_blocks_are_returned_or_kept(user: dict[str, str]) -> None:
    taken, left = grown("spare_memory", **user)
    assert 240 < taken < 272 and left < 16
    taken, left = grown("keep_freed_memory", **user)
    assert 180 < taken < 272 and left > 180


def test_the_users_own_setting_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from voxway.engine.memory import use_huge_pages

    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", "0")
    use_huge_pages()
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == "0"
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE")
    use_huge_pages()
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == "1"
