"""Calibration: known values, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from voxway.metrics.calibration import Calibration


def test_known_values() -> None:
    """Two bins: three voxels said with 0.3, 0.4 and 0.5 (the border goes up), of which one of two, and the one, are
    right."""
    counted = Calibration(bins=2)
    counted.update(torch.tensor([[0.3, 0.4, 0.5]]), torch.tensor([[True, False, True]]))
    assert counted.curve == [
        {"from": 0.0, "to": 0.5, "voxels": 2, "said": pytest.approx(0.35), "right": 0.5},
        {"from": 0.5, "to": 1.0, "voxels": 1, "said": pytest.approx(0.5), "right": 1.0},
    ]
    assert counted.error == pytest.approx((2 * 0.15 + 1 * 0.5) / 3)


def test_who_says_what_is_so_makes_no_error() -> None:
    random, counted = np.random.default_rng(0), Calibration()
    for _ in range(4):
        sure = random.uniform(0, 1, 50_000)
        counted.update(torch.from_numpy(sure), torch.from_numpy(random.random(50_000) < sure))
    assert counted.error < 0.01 and len(counted.curve) == 15
    boastful = Calibration()
    boastful.update(torch.ones(100), torch.arange(100) < 40)
    assert boastful.error == pytest.approx(0.6)


def test_parts_add_up_and_what_is_refused() -> None:
    sure, right = torch.rand(90), torch.rand(90) < 0.5
    whole, parts = Calibration(), Calibration()
    whole.update(sure, right)
    for part in range(3):
        parts.update(sure[part::3], right[part::3])
    assert parts.error == pytest.approx(whole.error) and np.isnan(Calibration().error)
    with pytest.raises(ValueError, match="at least one bin"):
        Calibration(bins=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        whole.update(sure + 1, right)
