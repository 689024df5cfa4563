"""Exact traversal: by hand on a small volume, against its slow twin, and errors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracles import traverse as oracle
from voxway.ops import traverse
from voxway.ops.traverse import crossed

TINY = (2, 2, 2)
SHAPE = (16, 12, 8)


def lines(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Inside, into, out of, past and through the volume; some along an axis."""
    rng = np.random.default_rng(seed)
    origin, end = (rng.uniform((-6, -5, -4), (22, 17, 12), (count, 3)) for _ in range(2))
    end[:10, 1:], end[10:20, 2] = origin[:10, 1:], origin[10:20, 2]
    return origin, end


def voxels(seen: np.ndarray) -> list[list[int]]:
    return np.argwhere(seen).tolist()


def test_by_hand() -> None:
    along = crossed(np.array([[-1.0, 0.5, 1.5]]), np.array([[3.0, 0.5, 1.5]]), TINY)
    assert voxels(along) == [[0, 0, 1], [1, 0, 1]]
    bent = crossed(np.array([[0.2, 0.5, 0.5]]), np.array([[1.5, 1.6, 0.5]]), TINY)
    assert voxels(bent) == [[0, 0, 0], [0, 1, 0], [1, 1, 0]], "y = 1 at x = 0.79, before x = 1"
    short = crossed(np.array([[0.2, 0.5, 0.5]]), np.array([[0.9, 0.5, 0.5]]), TINY)
    assert voxels(short) == [[0, 0, 0]]
    assert not crossed(np.array([[-1.0, 0.5, 0.5]]), np.array([[-0.1, 0.5, 0.5]]), TINY).any()


def test_what_blocks_is_crossed_and_ends_the_line() -> None:
    blocks = np.zeros(TINY, bool)
    blocks[0] = True
    seen = crossed(np.array([[-1.0, 0.5, 0.5]]), np.array([[3.0, 0.5, 0.5]]), TINY, blocks)
    assert voxels(seen) == [[0, 0, 0]]
    assert blocks.sum() == 4, "not changed"


@pytest.mark.parametrize("density", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_twin(seed: int, density: float) -> None:
    origin, end = lines(seed)
    blocks = np.random.default_rng(seed).random(SHAPE) < density if density else None
    seen = crossed(origin, end, SHAPE, blocks)
    assert seen.any()
    np.testing.assert_array_equal(seen, oracle.crossed(origin, end, SHAPE, blocks))


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    origin, end = lines(7)
    whole = crossed(origin, end, SHAPE)
    monkeypatch.setattr(traverse, "_BATCH", 7)
    np.testing.assert_array_equal(crossed(origin, end, SHAPE), whole)


def test_no_lines_and_lines_without_length_cross_nothing() -> None:
    assert not crossed(np.zeros((0, 3)), np.zeros((0, 3)), SHAPE).any()
    assert crossed(np.full((1, 3), 1.5), np.full((1, 3), 1.5), SHAPE).sum() == 1, "but the voxel they stand in"


def test_errors_say_what_came() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2, 2\), got \(2, 2, 3\)"):
        crossed(np.zeros((1, 3)), np.ones((1, 3)), TINY, np.zeros((2, 2, 3), bool))
    with pytest.raises(ValueError, match="must be finite"):
        crossed(np.zeros((1, 3)), np.full((1, 3), np.nan), TINY)
