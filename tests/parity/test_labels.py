"""Downscaled targets against the published preprocessing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import Reference
from voxway.truth.downscale import downscale


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_downscaling_equals_the_published_rule(reference: Reference, factor: int) -> None:
    np.testing.assert_array_equal(
        downscale(reference["loss/ssc_target"], factor, free=0), reference[f"labels/down_{factor}"]
    )
