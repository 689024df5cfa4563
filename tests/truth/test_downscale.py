"""Targets at coarser scales: by hand, and against the rule block by block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import downscale as oracle
from voxway.truth.downscale import downscale


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ([0] * 8, 0),
        ([0] * 5 + [255] * 3, 0),
        ([0] * 4 + [255] * 4, 255),
        ([255] * 8, 255),
        ([0] * 7 + [13], 13),
        ([0] * 4 + [9, 9, 4, 4], 4),
        ([255] * 5 + [9, 9, 4], 9),
    ],
)
def test_blocks_of_eight_by_hand(block: list[int], expected: int) -> None:
    assert downscale(np.array(block, np.uint8).reshape(2, 2, 2), 2, free=0).item() == expected


def test_free_space_may_have_any_id() -> None:
    block = np.array([17] * 5 + [0, 0, 255], np.uint8).reshape(2, 2, 2)
    assert downscale(block, 2, free=17).item() == 0
    assert downscale(np.full((2, 2, 2), 17, np.uint8), 2, free=17).item() == 17


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 4, 8]), st.floats(0, 1), st.sampled_from([0, 17]))
def test_equals_the_rule_block_by_block(seed: int, factor: int, empty: float, free: int) -> None:
    rng = np.random.default_rng(seed)
    target = rng.choice(
        np.array([free, 255, 1, 9, 19], np.uint8), (16, 8, 8), p=[0.7 * empty, 0.3 * empty, *[(1 - empty) / 3] * 3]
    )
    np.testing.assert_array_equal(downscale(target, factor, free), oracle.downscale(target, factor, free))


def test_a_size_that_is_no_multiple_is_refused() -> None:
    with pytest.raises(ValueError, match="not multiples"):
        downscale(np.zeros((6, 8, 8), np.uint8), 4, free=0)
