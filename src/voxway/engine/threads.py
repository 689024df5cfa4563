"""Threads of a process that computes on the CPU, beside other processes that do.

PyTorch's threads meet at the end of every loop that they share (OpenMP), and wait for each other by spinning. Alone
that is fastest. Beside another busy process the one that is waited for may not be running, and those that wait burn the
time that it needs.
"""

from __future__ import annotations

import os
import sys

from voxway.core.cores import available_cores

SPIN_COUNT = 1000
"""Turns that a thread waits awake before it goes to sleep; see ``bench/neighbour.py`` for others."""
_SPINNING = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
_NUMBER = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT")


def share_cores() -> bool:
    """Let threads that wait for each other go to sleep soon, and use no more threads than there are cores.

    It sets ``GOMP_SPINCOUNT``, and ``OMP_NUM_THREADS`` where a container or batch job has fewer cores than the machine.
    Whatever the environment says already about waiting, or about the number, stays. OpenMP reads these when PyTorch is
    imported: call this first. After that the number of threads is still set, and processes that this one starts follow
    all of it, but how this one waits can no longer be changed.
    It is for programs, not for libraries, since it concerns the whole process. The command line does it by itself.

    Returns:
        whether this process heeds all of it.
    """
    loaded = "torch" in sys.modules
    if not any(name in os.environ for name in _SPINNING):
        os.environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
    cores = available_cores()
    if cores < (os.cpu_count() or 1) and not any(name in os.environ for name in _NUMBER):
        os.environ["OMP_NUM_THREADS"] = str(cores)
        if loaded:
            sys.modules["torch"].set_num_threads(cores)
    return not loaded
