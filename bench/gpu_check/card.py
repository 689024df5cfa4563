"""The card: how fast it moves bytes and multiplies matrices, which is what everything else is held against."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch

from gpu_check.setting import OK, Row, Setting
from gpu_check.timing import PRECISIONS, precision, seconds

TITLE = "The card's rates"
ABOUT = """Copies of tensors far larger than its cache, bytes read and bytes written; square matrix products of random
numbers. Measured in this run; floors below are counted from them."""
BUDGET_S = 60.0


def items(setting: Setting) -> tuple[str, ...]:
    """See `Part`."""
    return ("rates",)


def rows(item: str, setting: Setting) -> Iterator[Row]:
    """See `Part`."""
    yield {"what": "memory", "rate": f"{bandwidth(setting) / 1e9:.0f} GB/s", "state": OK}
    for name in PRECISIONS:
        yield {"what": f"{name} products", "rate": f"{product_rate(name, setting) / 1e12:.1f} TFLOP/s", "state": OK}


@cache
def bandwidth(setting: Setting) -> float:
    """Bytes per second of a copy, those read and those written."""
    count = 2**22 if setting.small else 2**29
    source = torch.rand(count, device=setting.device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / seconds(lambda: target.copy_(source), setting.device, runs=5 if setting.small else 20)


@cache
def product_rate(name: str, setting: Setting) -> float:
    """Floating-point operations per second of a large matrix product."""
    size = 256 if setting.small else 8192
    kind = torch.bfloat16 if name == "bfloat16" else torch.float32
    a, b = (torch.randn(size, size, device=setting.device).to(kind) for _ in range(2))
    with precision("float32" if name == "bfloat16" else name, setting.device):
        return 2 * size**3 / seconds(lambda: a @ b, setting.device, runs=5 if setting.small else 10)
