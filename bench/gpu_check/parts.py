"""All parts, in order."""

from __future__ import annotations

from gpu_check import card, kernels, networks, parity, tests, training
from gpu_check.setting import Part

PARTS: dict[str, Part] = {
    "card": card,
    "kernels": kernels,
    "parity": parity,
    "tests": tests,
    "networks": networks,
    "training": training,
}
