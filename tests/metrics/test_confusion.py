"""The confusion matrix: against a plain loop, in any order, over any number of processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributed, multiprocessing

from voxway.core.task import IGNORE
from voxway.metrics.confusion import Confusion, confusion

CLASSES = 5


def slow_confusion(target: np.ndarray, prediction: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    counts = np.zeros((CLASSES, CLASSES), np.int64)
    for index in np.ndindex(target.shape):
        if target[index] != IGNORE and (mask is None or mask[index]):
            counts[target[index], prediction[index]] += 1
    return counts


def volumes(seed: int, shape: tuple[int, ...], common: float = 0.5, free: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A target with 255 and a prediction; about `common` of both is free."""
    rng = np.random.default_rng(seed)
    target = rng.choice(np.array([*range(CLASSES), IGNORE], np.uint8), shape)
    prediction = rng.integers(0, CLASSES, shape).astype(np.uint8)
    runs = np.repeat(rng.random(-(-target.size // 16)) < common, 16)[: target.size].reshape(shape)
    target[runs] = prediction[runs] = free
    return target, prediction


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 9)),
    st.floats(0, 1),
    st.sampled_from([0, 4]),
)
def test_equals_a_plain_loop(seed: int, shape: tuple[int, int, int], common: float, free: int) -> None:
    target, prediction = volumes(seed, shape, common, free)
    mask = np.random.default_rng(seed).random(shape) < 0.5
    np.testing.assert_array_equal(confusion(target, prediction, CLASSES, free=free), slow_confusion(target, prediction))
    np.testing.assert_array_equal(
        confusion(torch.from_numpy(target), torch.from_numpy(prediction), CLASSES, torch.from_numpy(mask), free),
        slow_confusion(target, prediction, mask),
    )


def test_by_hand() -> None:
    target = np.array([[[0, 1, 1, IGNORE, 4]]], np.uint8)
    prediction = np.array([[[0, 1, 0, 3, 2]]], np.uint8)
    expected = np.zeros((CLASSES, CLASSES), np.int64)
    expected[0, 0] = expected[1, 1] = expected[1, 0] = expected[4, 2] = 1
    np.testing.assert_array_equal(confusion(target, prediction, CLASSES), expected)


def test_unknown_words_and_strided_volumes() -> None:
    target, prediction = volumes(0, (16, 16, 16))
    target[:8] = IGNORE
    np.testing.assert_array_equal(confusion(target, prediction, CLASSES), slow_confusion(target, prediction))
    np.testing.assert_array_equal(
        confusion(torch.from_numpy(target).transpose(0, 2), torch.from_numpy(prediction).transpose(0, 2), CLASSES),
        slow_confusion(target, prediction),
    )


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 6))
def test_order_and_batches_do_not_matter(order: list[int], batch: int) -> None:
    targets, predictions = (np.stack(v) for v in zip(*(volumes(seed, (4, 4, 4)) for seed in range(6))))
    one, other = Confusion(CLASSES), Confusion(CLASSES)
    for i in range(6):
        one.update(targets[i], predictions[i])
    for start in range(0, 6, batch):
        chosen = order[start : start + batch]
        other.update(targets[chosen], predictions[chosen])
    np.testing.assert_array_equal(one.counts, other.counts)
    assert one.samples == other.samples == 6


def test_a_perfect_prediction_has_a_diagonal_matrix() -> None:
    target, _ = volumes(3, (8, 8, 8))
    counts = confusion(target, np.where(target == IGNORE, 0, target).astype(np.uint8), CLASSES)
    np.testing.assert_array_equal(counts, np.diag(np.diag(counts)))
    assert counts.sum() == (target != IGNORE).sum()


@pytest.mark.parametrize(
    ("target", "prediction", "mask", "message"),
    [
        (np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3), np.uint8), None, "differ in shape"),
        (np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 2), np.uint8), np.ones((2, 2), bool), "mask"),
        (np.zeros((2, 2, 2), np.int64), np.zeros((2, 2, 2), np.uint8), None, "target must be uint8"),
        (np.zeros((2, 2, 2), np.uint8), np.full((2, 2, 2), 5, np.uint8), None, r"class ids 0\.\.4, got 5"),
        (np.full((2, 2, 2), 7, np.uint8), np.zeros((2, 2, 2), np.uint8), None, r"0\.\.4 or 255, got 7"),
    ],
)
def test_errors_say_what_was_wrong(
    target: np.ndarray, prediction: np.ndarray, mask: np.ndarray | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        confusion(target, prediction, CLASSES, mask)


def _count_a_share(rank: int, processes: int, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=processes)
    counts = Confusion(CLASSES)
    for seed in range(rank, 7, processes):
        counts.update(*volumes(seed, (4, 4, 4)))
    counts.reduce()
    np.savez(f"{folder}/{rank}.npz", counts=counts.counts, samples=counts.samples)
    distributed.destroy_process_group()


def test_two_processes_count_as_one_does(tmp_path: Path) -> None:
    alone = Confusion(CLASSES)
    for seed in range(7):
        alone.update(*volumes(seed, (4, 4, 4)))
    alone.reduce()
    multiprocessing.spawn(_count_a_share, (2, str(tmp_path)), nprocs=2)
    for rank in range(2):
        shared = np.load(tmp_path / f"{rank}.npz")
        np.testing.assert_array_equal(shared["counts"], alone.counts)
        assert shared["samples"] == alone.samples == 7
