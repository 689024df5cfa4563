"""The comparison with reference tensors, on any device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.conftest import record

FACTOR_ELSEWHERE = 10.0
"""Tolerances are for two computations on a CPU. A GPU takes sums in another order, for which they are multiplied; by
how much a tensor needs that is recorded."""


class Close:
    """Fails where a tensor differs by more than allowed, and records by how much it does."""

    def __init__(self, request: pytest.FixtureRequest, device: torch.device) -> None:
        self.factor = 1.0 if device.type == "cpu" else FACTOR_ELSEWHERE
        self._request = request

    def __call__(
        self, name: str, difference: torch.Tensor | np.ndarray, largest: float, mean: float | None = None
    ) -> None:
        """Check absolute differences: the largest, and the mean if that is bounded too."""
        found, average = float(difference.max()), float(difference.mean())
        record(
            self._request.config,
            test=self._request.node.nodeid,
            tensor=name,
            largest=found,
            allowed=largest,
            mean=None if mean is None else average,
            allowed_mean=mean,
            factor=self.factor,
        )
        assert found <= self.factor * largest, name
        assert mean is None or average <= self.factor * mean, name

    def equal(self, name: str, found: torch.Tensor, expected: torch.Tensor | np.ndarray, largest: float) -> None:
        """Check a tensor of any device against one on the CPU."""
        expected = torch.as_tensor(expected)
        assert found.shape == expected.shape, name
        self(name, (found.detach().cpu() - expected).abs(), largest)

    def statistics(self, full: torch.Tensor, expected: np.ndarray, largest: float = 1e-4) -> None:
        """Check mean, deviation, mean and largest magnitude of a whole tensor."""
        full = full.double()
        found = [full.mean(), full.std(correction=0), full.abs().mean(), full.abs().max()]
        np.testing.assert_allclose([float(v) for v in found], expected, atol=self.factor * largest)


@pytest.fixture
def close(request: pytest.FixtureRequest, device: torch.device) -> Close:
    """Compares tensors with the tolerance that the device needs."""
    return Close(request, device)
