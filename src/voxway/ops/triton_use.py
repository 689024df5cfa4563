"""Whether Triton's kernels take the place of PyTorch's forms."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor


class Kernel(Protocol):
    """A kernel of Triton, which is launched by ``kernel[grid](...)``."""

    def __getitem__(self, grid: tuple[int, ...], /) -> Callable[..., object]:
        """What launches it on so many programs along each axis."""
        ...


def use_triton(tensor: Tensor) -> bool:
    """Whether kernels that compute with `tensor` should be Triton's.

    So it is on a GPU of compute capability 8 or more where Triton can be imported and finds what it builds launchers
    with, a C compiler and Python's headers. It is not while PyTorch traces for a compiler or an export, which know its
    own operators only, and not where deterministic algorithms are demanded.
    """
    return (
        tensor.is_cuda
        and not torch.compiler.is_compiling()
        and not torch.are_deterministic_algorithms_enabled()
        and _installed()
        and torch.cuda.get_device_capability(tensor.device) >= (8, 0)
    )


@cache
def _installed() -> bool:
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return find_spec("triton") is not None and bool(compiler) and header.exists()
