"""Memory of a process that computes on the CPU."""

from __future__ import annotations

import ctypes
import os
import platform

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4  # malloc.h of the GNU C library
_NEVER = 2**31 - 1
_LARGE = 2**25
"""Bytes, from which on blocks may have memory of their own: the most that the library can be told."""


def use_huge_pages() -> None:
    """Let PyTorch ask Linux for pages of 2 MB for its large tensors: fewer of them are to be filled and found.

    It sets ``THP_MEM_ALLOC_ENABLE``, which PyTorch reads before its first tensor; what the environment says already
    stays. It is for programs, not for libraries, since it concerns the whole process and those that it starts. The
    command line does it by itself.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def keep_freed_memory() -> bool:
    """Let this process keep freed memory for its next allocations instead of returning it to the system.

    PyTorch caches freed memory on GPUs but not on CPUs: every volume of 100 MB is mapped afresh, page by page, which
    takes longer than filling it. A training step of the small network takes a third less processor time with this.
    It is for programs, not for libraries, since it concerns the whole process.

    Returns:
        whether the C library could be told; only the GNU one knows how.
    """
    return _told({_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: _NEVER})


def spare_memory() -> bool:
    """Let this process keep small blocks, but return large ones to the system as soon as they are freed.

    A process that keeps all (`keep_freed_memory`) holds what volumes of many sizes leave between them, for VLScene at
    full size half as much again. This one holds no more than is in use, and takes some percent longer, less with
    `use_huge_pages`. It is for programs, not for libraries.

    Returns:
        whether the C library could be told; only the GNU one knows how.
    """
    return _told({_M_MMAP_THRESHOLD: _LARGE, _M_TRIM_THRESHOLD: _NEVER})


def _told(settings: dict[int, int]) -> bool:
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return all(libc.mallopt(name, value) for name, value in settings.items())
